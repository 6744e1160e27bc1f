/** What may stand at the end of a command line: from the declarations, and the names in the store. */
import type { Engine } from "../engine.ts";
import type { Option } from "../option.ts";
import type { Command } from "./command.ts";
import { globalOptions } from "./global-options.ts";
import { type KnownOptions, knownOptions } from "./parse.ts";
import { commandTree, findCommand, groups } from "./tree.ts";

type AnyOption = Option<unknown, never>;

/** A line that asks the shell for the names of files. */
const files = ":files";

/**
 * Lines of `WORD` or `WORD TAB HELP`; `:files` asks the shell for file names.
 *
 * @param words what was typed, the unfinished word last
 */
export async function completeWords(engine: Engine, words: readonly string[]): Promise<string[]> {
  const current = words.at(-1) ?? "";
  const { before, waiting } = withoutGlobal(words.slice(0, -1));
  const candidates = await candidatesFor(engine, before, waiting, current);
  return candidates.filter((line) => line === files || line.startsWith(current));
}

async function candidatesFor(
  engine: Engine,
  before: readonly string[],
  waiting: AnyOption | undefined,
  current: string,
): Promise<string[]> {
  if (waiting !== undefined) return valueWords(engine, waiting);
  const found = findCommand(before);
  if (found !== undefined) {
    const below = found.rest.length === 0 ? commandNames(before) : []; // `image trust` is one, and holds some
    const own = await inCommand(engine, await found.entry.load(), found.rest, current);
    return [...below, ...own];
  }
  if (before.length === 0 && current.startsWith("-"))
    return optionWords(globalOptions as unknown as AnyOption[]);
  return before[0] === "help" ? commandNames(before.slice(1)) : commandNames(before);
}

/** The command and what follows; or the global option whose value is being typed. */
function withoutGlobal(words: readonly string[]): {
  before: readonly string[];
  waiting?: AnyOption | undefined;
} {
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? "";
    if (!word.startsWith("-")) return { before: words.slice(at) };
    const option = globalOptions.find(({ flag, short }) => flag === word || short === word);
    if (option === undefined || option.type.isSwitch) continue;
    at++;
    if (at === words.length) return { before: [], waiting: option as unknown as AnyOption };
  }
  return { before: [] };
}

function commandNames(words: readonly string[]): string[] {
  if (words.length > 0) {
    const above = `${words.join(" ")} `;
    const below = commandTree.flatMap(({ path, aliases, summary }) =>
      [path, ...aliases]
        .filter((name) => name.startsWith(above))
        .map((name) => [name.slice(above.length).split(" ", 1)[0] ?? "", summary] as const),
    );
    // the first spelling tells for those that hold others
    return [...new Map(below.toReversed())]
      .map(([name, summary]) => `${name}\t${summary}`)
      .reverse();
  }
  const short = commandTree.flatMap(({ path, aliases, summary }) =>
    [path, ...aliases]
      .filter((name) => summary !== "" && !name.includes(" "))
      .map((name) => `${name}\t${summary}`),
  );
  return [
    ...short,
    ...Object.entries(groups).map(([name, summary]) => `${name}\t${summary}`),
  ].sort();
}

async function inCommand(
  engine: Engine,
  command: Command,
  words: readonly string[],
  current: string,
): Promise<string[]> {
  const known = knownOptions(command);
  const { hasWord, isOver, waiting } = placeIn(words, known);
  if (hasWord && command.stopsAtFirstWord) return [files];
  if (waiting !== undefined) return valueWords(engine, waiting);
  const equals = current.startsWith("--") ? current.indexOf("=") : -1;
  if (equals > 0 && !isOver) {
    const option = known.get(current.slice(0, equals))?.option;
    if (option === undefined || option.type.isSwitch) return [];
    const values = await valueWords(engine, option);
    return values.map((line) => (line === files ? line : `${current.slice(0, equals)}=${line}`));
  }
  if (current.startsWith("-") && !isOver)
    return optionWords([...known.values()].map(({ option }) => option));
  return nameWords(engine, command.completes ?? "file");
}

/** Where the unfinished word stands: behind a word, behind `--`, or behind an option that wants a value. */
function placeIn(
  words: readonly string[],
  known: KnownOptions,
): { hasWord: boolean; isOver: boolean; waiting: AnyOption | undefined } {
  let hasWord = false;
  let waiting: AnyOption | undefined;
  for (const [at, word] of words.entries()) {
    if (waiting !== undefined) waiting = undefined;
    else if (word === "--")
      return { hasWord: hasWord || at < words.length - 1, isOver: true, waiting };
    else if (!word.startsWith("-") || word === "-") hasWord = true;
    else waiting = wantsValue(word, known);
  }
  return { hasWord, isOver: false, waiting };
}

/** The option at the end of `--name` or `-itv` that takes the next word. */
function wantsValue(word: string, known: KnownOptions): AnyOption | undefined {
  const takesNext = ({ type }: AnyOption) => !type.isSwitch && type.bare === undefined;
  if (word.startsWith("--")) {
    const option = known.get(word)?.option;
    return option !== undefined && takesNext(option) ? option : undefined;
  }
  for (let at = 1; at < word.length; at++) {
    const option = known.get(`-${word[at]}`)?.option;
    if (option === undefined) return undefined;
    if (takesNext(option)) return at === word.length - 1 ? option : undefined;
  }
  return undefined;
}

function optionWords(options: readonly AnyOption[]): string[] {
  const shown = options.filter(
    ({ isHidden, refuse, ignored }) => !isHidden && refuse === undefined && ignored === undefined,
  );
  return [...new Set(shown.map((option) => `${option.flag}\t${option.help}`))].sort();
}

async function valueWords(engine: Engine, option: AnyOption): Promise<string[]> {
  if (option.type.choices !== undefined) return [...option.type.choices];
  if (option.type.completes === undefined) return [];
  return nameWords(engine, option.type.completes);
}

async function nameWords(
  engine: Engine,
  kind: NonNullable<Command["completes"]> | "directory",
): Promise<string[]> {
  if (typeof kind !== "string") return [...kind];
  switch (kind) {
    case "none":
      return [];
    case "file":
    case "directory":
      return [files];
    case "network":
      return (await engine.networks.names()).map((name) => `${name}\tnetwork`);
    case "image":
      return (await engine.images.names()).map((name) => `${name}\timage`);
    case "secret":
      return (await engine.secrets.list([])).map(({ name }) => `${name}\tsecret`);
    case "snapshot":
      return (await engine.snapshots.list([])).map(
        ({ snapshot }) => `${snapshot.containerName}:${snapshot.name}\tsnapshot`,
      );
    case "volume":
      return (await engine.volumes.list([])).map(({ volume }) => `${volume.name}\tvolume`);
    default: {
      const containers = await engine.containers.list();
      return containers
        .filter(({ isActive }) => kind === "container" || isActive)
        .map(({ name, status }) => `${name}\t${status}`);
    }
  }
}
