/** What may stand at the end of a command line: from the declarations, and the names in the store. */
import type { Engine } from "../engine.ts";
import type { Option } from "../option.ts";
import type { Command } from "./command.ts";
import { globalOptions } from "./global-options.ts";
import { knownOptions } from "./parse.ts";
import { commandTree, findCommand, groups } from "./tree.ts";

type AnyOption = Option<unknown, never>;

/** Lines of `WORD` or `WORD TAB HELP`; `:files` asks the shell for file names. The last word is the unfinished one. */
export async function completeWords(engine: Engine, words: readonly string[]): Promise<string[]> {
  const current = words.at(-1) ?? "";
  const before = words.slice(0, -1);
  const start = commandStart(before);
  const found = findCommand(before.slice(start));
  const candidates =
    found === undefined
      ? commandNames(before.slice(start))
      : await inCommand(engine, await found.entry.load(), [...found.rest], current);
  const globals =
    found === undefined && before.length === start && current.startsWith("-")
      ? optionWords(globalOptions as unknown as AnyOption[])
      : [];
  return [...candidates, ...globals].filter(
    (line) => line === ":files" || line.startsWith(current),
  );
}

/** Where the command begins, behind global options and their values. */
function commandStart(words: readonly string[]): number {
  let at = 0;
  while (at < words.length) {
    const word = words[at] ?? "";
    if (!word.startsWith("-")) break;
    const option = globalOptions.find(
      (candidate) => candidate.flag === word || candidate.short === word,
    );
    at += option === undefined || option.type.isSwitch ? 1 : 2;
  }
  return at;
}

function commandNames(words: readonly string[]): string[] {
  const [noun] = words;
  if (noun === undefined) {
    const short = commandTree.flatMap(({ path, aliases, summary }) =>
      summary === ""
        ? []
        : [path, ...aliases]
            .filter((name) => !name.includes(" "))
            .map((name) => `${name}\t${summary}`),
    );
    return [
      ...short,
      ...Object.entries(groups).map(([name, summary]) => `${name}\t${summary}`),
    ].sort();
  }
  return commandTree.flatMap(({ path, aliases, summary }) =>
    [path, ...aliases]
      .filter((name) => name.startsWith(`${noun} `))
      .map((name) => `${name.slice(noun.length + 1)}\t${summary}`),
  );
}

async function inCommand(
  engine: Engine,
  command: Command,
  words: string[],
  current: string,
): Promise<string[]> {
  const known = knownOptions(command);
  const isBehindWord = command.stopsAtFirstWord === true && firstWord(words, known) !== undefined;
  if (isBehindWord) return [":files"];
  const last = words.at(-1);
  const waiting = last === undefined ? undefined : known.get(last)?.option;
  if (waiting !== undefined && !waiting.type.isSwitch && waiting.type.bare === undefined)
    return valueWords(engine, waiting as AnyOption);
  if (current.startsWith("-"))
    return optionWords([...known.values()].map(({ option }) => option as AnyOption));
  return nameWords(engine, command.completes ?? "file");
}

function firstWord(
  words: readonly string[],
  known: ReturnType<typeof knownOptions>,
): string | undefined {
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? "";
    if (!word.startsWith("-")) return word;
    const option = known.get(word)?.option;
    if (option !== undefined && !option.type.isSwitch && option.type.bare === undefined) at++;
  }
  return undefined;
}

function optionWords(options: readonly AnyOption[]): string[] {
  const shown = options.filter((option) => !option.isHidden && option.refuse === undefined);
  return [...new Set(shown.map((option) => `${option.flag}\t${option.help}`))].sort();
}

async function valueWords(engine: Engine, option: AnyOption): Promise<string[]> {
  if (option.type.choices !== undefined) return [...option.type.choices];
  return nameWords(engine, option.type.completes ?? "file");
}

async function nameWords(
  engine: Engine,
  kind: "container" | "running-container" | "image" | "file" | "directory" | "none",
): Promise<string[]> {
  if (kind === "none") return [];
  if (kind === "file" || kind === "directory") return [":files"];
  if (kind === "image") return (await engine.images.names()).map((name) => `${name}\timage`);
  const containers = await engine.containers.list();
  return containers
    .filter(({ state }) => kind === "container" || state === "running" || state === "paused")
    .map(({ record, status }) => `${record.name}\t${status}`);
}
