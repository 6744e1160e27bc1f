/** From words to values, by the declarations alone: the grammar of docker and podman (pflag). */
import { type ContainerSpec, emptySpec } from "../container/spec.ts";
import { CooperError } from "../errors.ts";
import { nearest } from "../nearest.ts";
import { type Option, parseValue } from "../option.ts";
import type { Command, GlobalOptions } from "./command.ts";
import { globalOptions } from "./global-options.ts";

/** What a command line says, before it is acted on. */
export interface ParsedOptions extends Words {
  /** By the key of the command's `options`. */
  readonly values: Readonly<Record<string, unknown>>;
  readonly spec: ContainerSpec;
}

/** Words without the options among them. */
interface Words {
  /** Which options were typed, by flag. */
  readonly given: ReadonlySet<string>;
  readonly args: readonly string[];
  readonly wantsHelp: boolean;
}

/** An option, and where its value goes. */
export interface Known {
  readonly option: Option<unknown, never>;
  put(value: unknown): void;
}

/** By all spellings. */
export type KnownOptions = ReadonlyMap<string, Known>;

/** Takes the value of an option that was spelled `typed`. */
type Take = (typed: string, found: Known, text: string) => void;

/**
 * Reads the words behind a command. `name` is how the command was typed, for messages. Long global
 * options are understood here too, unless the command has one of that name (podman's persistent flags).
 */
export function parseOptions(
  command: Command,
  name: string,
  words: readonly string[],
  global?: GlobalOptions,
): ParsedOptions {
  const values: Record<string, unknown> = {};
  for (const [key, option] of Object.entries(command.options))
    if (option.type.isList) values[key] = [];
  const spec = emptySpec();
  const known = knownOptions(command, values, spec);
  if (global !== undefined) addPersistent(known, global);
  return { values, spec, ...readWords(words, known, name, command.stopsAtFirstWord ?? false) };
}

/** Reads the words before a command; what is left in `args` begins with the command. */
export function parseGlobalOptions(words: readonly string[], global: GlobalOptions): Words {
  const known = new Map<string, Known>();
  for (const option of globalOptions) addKnown(known, globalKnown(option, global));
  return readWords(words, known, "", true);
}

/** All spellings of the options of a command, and where their values go. */
export function knownOptions(
  command: Pick<Command, "options" | "specOptions">,
  values: Record<string, unknown> = {},
  spec: ContainerSpec = emptySpec(),
): Map<string, Known> {
  const known = new Map<string, Known>();
  for (const [key, option] of Object.entries(command.options)) {
    addKnown(known, {
      option,
      put(value) {
        if (option.type.isList) (values[key] as unknown[]).push(value);
        else values[key] = value;
      },
    });
  }
  for (const option of command.specOptions ?? [])
    addKnown(known, { option, put: (value) => option.apply?.(spec, value) });
  return known;
}

function addKnown(known: Map<string, Known>, one: Known): void {
  const { flag, short, aliases = [] } = one.option;
  for (const spelling of [flag, short, ...aliases])
    if (spelling !== undefined && !known.has(spelling)) known.set(spelling, one);
}

const globalKnown = (option: Option<unknown, GlobalOptions>, global: GlobalOptions): Known => ({
  option,
  put: (value) => option.apply?.(global, value),
});

function addPersistent(known: Map<string, Known>, global: GlobalOptions): void {
  for (const option of globalOptions) {
    if (option.flag === "--version" || known.has(option.flag)) continue;
    known.set(option.flag, globalKnown(option, global));
  }
}

function readWords(
  words: readonly string[],
  known: KnownOptions,
  name: string,
  stopsAtFirstWord: boolean,
): Words {
  const given = new Set<string>();
  const args: string[] = [];
  const take: Take = (typed, found, text) => {
    takeValue(typed, found, text);
    given.add(found.option.flag);
  };
  let wantsHelp = false;
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? "";
    if (word === "--") {
      args.push(...words.slice(at + 1));
      break;
    }
    if (!word.startsWith("-") || word === "-") {
      if (stopsAtFirstWord) {
        args.push(...words.slice(at));
        break;
      }
      args.push(word);
      continue;
    }
    if (word === "--help") {
      wantsHelp = true;
      continue;
    }
    const read = word.startsWith("--") ? long : bundled;
    const used = read(word, words[at + 1], known, name, take);
    if (used === "help") wantsHelp = true;
    else at += used;
  }
  return { given, args, wantsHelp };
}

function takeValue(typed: string, { option, put }: Known, text: string): void {
  if (option.refuse !== undefined) {
    if (asksForNothing(option, text)) return;
    throw new CooperError("not-supported", `${typed} is not supported: ${option.refuse}`);
  }
  const value = parseValue(option, text, typed);
  try {
    put(value);
  } catch (cause) {
    if (cause instanceof CooperError) throw cause;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new CooperError("invalid-argument", `invalid value "${text}" for ${typed}: ${why}`, {
      cause,
    });
  }
}

/** `--remote=false`: what is refused is turned off, and it says of itself that it is off anyway. */
function asksForNothing(option: Option<unknown, never>, text: string): boolean {
  return option.defaultText === "false" && parseValue(option, text, option.flag) === false;
}

/** `--flag`, `--flag=value`, `--flag value`. Returns how many further words were used. */
function long(
  word: string,
  next: string | undefined,
  known: KnownOptions,
  name: string,
  take: Take,
): number {
  const equals = word.indexOf("=");
  const flag = equals < 0 ? word : word.slice(0, equals);
  const found = known.get(flag);
  if (found === undefined) throw unknownFlag(flag, known, name);
  const { type } = found.option;
  if (equals >= 0) take(flag, found, word.slice(equals + 1));
  else if (type.isSwitch) take(flag, found, "true");
  else if (type.bare !== undefined) take(flag, found, type.bare);
  else if (next === undefined) throw needsArgument(flag, name);
  else {
    take(flag, found, next);
    return 1;
  }
  return 0;
}

/** `-it`, `-p8080:80`, `-e=FOO`, `-e FOO`; `-h` is help unless an option has it. */
function bundled(
  word: string,
  next: string | undefined,
  known: KnownOptions,
  name: string,
  take: Take,
): number | "help" {
  for (let at = 1; at < word.length; at++) {
    const flag = `-${word[at]}`;
    const found = known.get(flag);
    if (found === undefined && flag === "-h") return "help";
    if (found === undefined) throw unknownFlag(flag, known, name, word);
    const { type } = found.option;
    const rest = word.slice(at + 1);
    if (rest.startsWith("=")) {
      take(flag, found, rest.slice(1));
      return 0;
    }
    const alone = type.isSwitch ? "true" : type.bare;
    if (alone !== undefined) {
      take(flag, found, alone);
    } else if (rest !== "") {
      take(flag, found, rest);
      return 0;
    } else if (next === undefined) {
      throw needsArgument(flag, name, word);
    } else {
      take(flag, found, next);
      return 1;
    }
  }
  return 0;
}

/** `run --help`, or `--help` alone where no command was typed. */
function helpOf(name: string): string {
  return `'cooper ${name === "" ? "" : `${name} `}--help'`;
}

function unknownFlag(flag: string, known: KnownOptions, name: string, word = flag): CooperError {
  const isLong = flag.startsWith("--");
  const guess = isLong
    ? nearest(
        flag,
        [...known.keys()].filter((spelling) => spelling.startsWith("--")),
      )
    : undefined;
  const what = isLong
    ? `unknown flag: ${flag}`
    : `unknown shorthand flag: '${flag.slice(1)}' in ${word}`;
  return new CooperError("invalid-argument", what, {
    hint:
      guess === undefined ? `see ${helpOf(name)}` : `did you mean ${guess}? See ${helpOf(name)}`,
  });
}

function needsArgument(flag: string, name: string, word = flag): CooperError {
  const what = flag.startsWith("--")
    ? `flag needs an argument: ${flag}`
    : `flag needs an argument: '${flag.slice(1)}' in ${word}`;
  return new CooperError("invalid-argument", what, { hint: `see ${helpOf(name)}` });
}
