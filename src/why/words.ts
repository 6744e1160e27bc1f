/** Commands as text that can be pasted into a shell. */
import type { ContainerFacts } from "./evidence.ts";

/** Words as a shell reads them back. */
export function shellWords(words: readonly string[]): string {
  return words
    .map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`))
    .join(" ");
}

/** What is to be other than the first time. */
export interface Change {
  /** Words of options, before all others. */
  readonly options?: readonly string[];
  /** Instead of the words after the image; null: as they were. */
  readonly command?: readonly string[] | null;
  /** Options that are left out, by their long names: each with its value. */
  readonly without?: readonly string[];
  /** Options that are left out where they have this value: `--cap-drop=CHOWN`. */
  readonly withoutPairs?: readonly string[];
  /** What becomes of each word of its options. */
  readonly rewrite?: (word: string) => string;
}

/** How a container was made. */
type Made = Pick<ContainerFacts, "name" | "createCommand" | "commandWords" | "isKept">;

/**
 * The commands that make a container anew with a change, in the words in which it was made. None for a
 * container that the command line did not make.
 */
export function again(container: Made, change: Change): string[] {
  const words = [...container.createCommand];
  const verb = words.findIndex((word) => word === "run" || word === "create");
  if (verb < 0) return [];
  const end = words.length - container.commandWords;
  const rest = leaveOut(words.slice(verb + 1, end), change);
  const options = [...(change.options ?? [])];
  if (container.isKept) {
    if (!rest.some((word) => /^--name(=|$)/.test(word))) options.push("--name", container.name);
    if (!rest.includes("--replace")) options.push("--replace");
  }
  const command = change.command ?? words.slice(end);
  const changed = change.rewrite === undefined ? rest : rest.map(change.rewrite);
  const made = ["cooper", ...words.slice(0, verb + 1), ...options, ...changed, ...command];
  return [shellWords(made), ...(words[verb] === "create" ? [start(container)] : [])];
}

/** The command that starts a container, on the store that it was made in. */
export function start({
  createCommand,
  name,
}: Pick<ContainerFacts, "createCommand" | "name">): string {
  const verb = createCommand.findIndex((word) => word === "run" || word === "create");
  const before = createCommand.slice(0, Math.max(verb, 0)).filter((word) => word !== "container");
  return shellWords(["cooper", ...before, "start", name]);
}

/** Without these options, whether their value is in the same word or the next. */
function leaveOut(words: readonly string[], { without = [], withoutPairs = [] }: Change): string[] {
  const kept: string[] = [];
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? "";
    if (without.includes(word) || withoutPairs.includes(`${word}=${words[at + 1]}`)) at++;
    else if (!without.some((name) => word.startsWith(`${name}=`)) && !withoutPairs.includes(word))
      kept.push(word);
  }
  return kept;
}

/** Without passwords, which no error text may show. */
export function withoutPasswords(words: readonly string[]): string[] {
  const isLogin = words.includes("login");
  return words.map((word, at) => {
    if (/^--(creds|password)=/.test(word)) return word.replace(/=.*/s, "=…");
    const before = words[at - 1] ?? "";
    const isPassword = /^--(creds|password)$/.test(before) || (isLogin && before === "-p");
    return isPassword ? "…" : word;
  });
}

/** Nor with values of variables: what is kept must not hold them. `-e KEY=VALUE` becomes `-e KEY`. */
export function withoutValues(words: readonly string[]): string[] {
  return withoutPasswords(words).map((word, at, all) => {
    const joined = /^(--env|--env-merge|-e)=?([A-Za-z_]\w*)=/s.exec(word);
    if (joined !== null) return `${joined[1]}${word.startsWith("--") ? "=" : ""}${joined[2]}`;
    const isPair = /^(-e|--env|--env-merge)$/.test(all[at - 1] ?? "");
    return isPair ? (word.split("=", 1)[0] ?? "") : word;
  });
}

/** Bytes in the words of options: `64m`. */
export function sizeWord(bytes: number): string {
  const mebi = 1 << 20;
  return bytes >= mebi ? `${Math.ceil(bytes / mebi)}m` : `${Math.ceil(bytes / 1024)}k`;
}

/** `-rwxr-x--- 0:0`, as `ls -n` shows it. */
export function modeText(kind: string, mode: number, uid: number, gid?: number): string {
  const letters = ["r", "w", "x"];
  const bits = [...Array(9).keys()].map((at) => ((mode >> (8 - at)) & 1 ? letters[at % 3] : "-"));
  return `${kind === "directory" ? "d" : "-"}${bits.join("")} owner ${uid}${gid === undefined ? "" : `:${gid}`}`;
}
