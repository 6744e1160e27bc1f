/** The few lines that each shell needs; the answers come from `cooper __complete`, a line each: WORD TAB HELP. */

/** The shells that completion is offered for. */
export const shells = ["bash", "zsh", "fish"] as const;

/** The script for a shell. bash shows no descriptions in any case. */
export function completionScript(shell: (typeof shells)[number], hasDescriptions: boolean): string {
  switch (shell) {
    case "bash":
      return bash;
    case "zsh":
      return zsh(hasDescriptions ? "" : " | cut -f1");
    case "fish":
      return fish(hasDescriptions ? "" : " | cut -f1");
  }
}

// bash takes words apart at = and : as well: they are put together again by whether spaces stand
// between them, and of an answer only what follows the last of these signs is handed back
const bash = `# bash completion for cooper
_cooper() {
  local line rest=\${COMP_LINE:0:COMP_POINT} word kept i
  local -a words
  for ((i = 0; i <= COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    kept=\${rest#"\${rest%%[![:space:]]*}"}
    [ "$i" = "$COMP_CWORD" ] && word=$kept
    if [ "$i" = 0 ] || [ "$kept" != "$rest" ] || [ -z "$rest" ]; then
      words+=("$word")
    else
      words[\${#words[@]} - 1]+=$word
    fi
    rest=\${kept#"$word"}
  done
  local current=\${words[\${#words[@]} - 1]}
  local cut=\${current%"\${current##*[=:]}"}
  COMPREPLY=()
  while IFS=$'\\t' read -r line _; do
    if [ "$line" = ":files" ]; then
      compopt -o default 2>/dev/null
    else
      COMPREPLY+=("\${line#"$cut"}")
    fi
  done < <("\${words[0]}" __complete -- "\${words[@]:1}" 2>/dev/null)
}
complete -F _cooper cooper
`;

const zsh = (cut: string) => `#compdef cooper
_cooper() {
  local -a answers
  local line word files
  while IFS= read -r line; do
    if [[ $line == ":files" ]]; then files=1; continue; fi
    word=\${line%%$'\\t'*}
    if [[ $word == $line ]]; then
      answers+=("\${word//:/\\\\:}")
    else
      answers+=("\${word//:/\\\\:}:\${line#*$'\\t'}")
    fi
  done < <("\${words[1]}" __complete -- "\${(@Q)words[2,CURRENT]}" 2>/dev/null${cut})
  (( $#answers )) && _describe cooper answers
  [[ -n $files ]] && _files
}
# as a file of fpath it is the function itself
if [[ $funcstack[1] == _cooper ]]; then _cooper; else compdef _cooper cooper; fi
`;

const fish = (cut: string) => `# fish completion for cooper
function __cooper_complete
  set -l words (commandline -opc)
  set -l current (commandline -ct)
  set -l answers ($words[1] __complete -- $words[2..-1] "$current" 2>/dev/null${cut})
  if contains -- ':files' $answers
    __fish_complete_path "$current"
  end
  string match -v -- ':files' $answers
end
complete -c cooper -f -a '(__cooper_complete)'
`;
