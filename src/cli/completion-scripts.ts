/** The few lines that each shell needs; the answers come from `cooper __complete`, a line each: WORD TAB HELP. */

/** The script for a shell. */
export function completionScript(shell: "bash" | "zsh" | "fish", hasDescriptions: boolean): string {
  const cut = hasDescriptions ? "" : " | cut -f1";
  switch (shell) {
    case "bash":
      return `# bash completion for cooper
_cooper() {
  local line current=\${COMP_WORDS[COMP_CWORD]}
  COMPREPLY=()
  while IFS=$'\\t' read -r line _; do
    if [ "$line" = ":files" ]; then
      compopt -o default 2>/dev/null
      continue
    fi
    COMPREPLY+=("$line")
  done < <("\${COMP_WORDS[0]}" __complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -F _cooper cooper
`;
    case "zsh":
      return `#compdef cooper
_cooper() {
  local -a answers
  local line
  while IFS= read -r line; do
    if [[ $line == ":files" ]]; then _files; continue; fi
    answers+=("\${line%%$'\\t'*}:\${line#*$'\\t'}")
  done < <(\${words[1]} __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null${cut})
  _describe cooper answers
}
compdef _cooper cooper
`;
    case "fish":
      return `# fish completion for cooper
function __cooper_complete
  set -l words (commandline -opc) (commandline -ct)
  $words[1] __complete -- $words[2..-1] 2>/dev/null | string match -v ':files'${cut}
end
complete -c cooper -a '(__cooper_complete)'
`;
  }
}
