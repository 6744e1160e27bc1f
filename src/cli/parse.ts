/** From words to values, by the declarations alone: the grammar of docker and podman (pflag). */
import { type ContainerSpec, emptySpec } from "../container/spec.ts";
import { CooperError } from "../errors.ts";
import { type Option, parseValue } from "../option.ts";
import type { Command } from "./command.ts";
import { nearest } from "./suggest.ts";

/** What a command line says, before it is acted on. */
export interface ParsedOptions {
  /** By the key of the command's `options`. */
  readonly values: Readonly<Record<string, unknown>>;
  readonly spec: ContainerSpec;
  readonly given: ReadonlySet<string>;
  readonly args: readonly string[];
  readonly wantsHelp: boolean;
}

type AnyOption = Option<unknown, ContainerSpec>;

/** Where the value of an option goes: into the spec, or under a key. */
interface Known {
  readonly option: AnyOption;
  readonly key: string | null;
}

/** Reads the words behind a command. `name` is how the command was typed, for messages. */
export function parseOptions(
  command: Command,
  name: string,
  words: readonly string[],
): ParsedOptions {
  const known = knownOptions(command);
  const values: Record<string, unknown> = {};
  for (const [key, option] of Object.entries(command.options))
    if (option.type.isList) values[key] = [];
  const spec = emptySpec();
  const given = new Set<string>();
  const args: string[] = [];
  const take = (typed: string, found: Known, text: string) => {
    const { option, key } = found;
    if (option.refuse !== undefined)
      throw new CooperError("not-supported", `${typed} is not supported: ${option.refuse}`);
    const value = parseValue(option, text, typed);
    given.add(option.flag);
    if (key === null) apply(option, spec, value, typed, text);
    else if (option.type.isList) (values[key] as unknown[]).push(value);
    else values[key] = value;
  };
  let wantsHelp = false;
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? "";
    if (word === "--") {
      args.push(...words.slice(at + 1));
      break;
    }
    if (!word.startsWith("-") || word === "-") {
      if (command.stopsAtFirstWord) {
        args.push(...words.slice(at));
        break;
      }
      args.push(word);
      continue;
    }
    if (word === "--help" || (word === "-h" && !known.has("-h"))) {
      wantsHelp = true;
      continue;
    }
    at += word.startsWith("--")
      ? long(word, words[at + 1], known, name, take)
      : bundled(word, words[at + 1], known, name, take);
  }
  return { values, spec, given, args, wantsHelp };
}

function apply(
  option: AnyOption,
  spec: ContainerSpec,
  value: unknown,
  typed: string,
  text: string,
): void {
  try {
    option.apply?.(spec, value);
  } catch (cause) {
    if (cause instanceof CooperError) throw cause;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new CooperError("invalid-argument", `invalid value "${text}" for ${typed}: ${why}`, {
      cause,
    });
  }
}

/** `--flag`, `--flag=value`, `--flag value`. Returns how many further words were used. */
function long(
  word: string,
  next: string | undefined,
  known: ReadonlyMap<string, Known>,
  name: string,
  take: (typed: string, found: Known, text: string) => void,
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

/** `-it`, `-p8080:80`, `-e=FOO`, `-e FOO`. */
function bundled(
  word: string,
  next: string | undefined,
  known: ReadonlyMap<string, Known>,
  name: string,
  take: (typed: string, found: Known, text: string) => void,
): number {
  for (let at = 1; at < word.length; at++) {
    const flag = `-${word[at]}`;
    const found = known.get(flag);
    if (found === undefined) throw unknownFlag(flag, known, name, word);
    const rest = word.slice(at + 1);
    if (found.option.type.isSwitch) {
      if (rest.startsWith("=")) {
        take(flag, found, rest.slice(1));
        return 0;
      }
      take(flag, found, "true");
      continue;
    }
    if (rest !== "") {
      take(flag, found, rest.startsWith("=") ? rest.slice(1) : rest);
      return 0;
    }
    if (found.option.type.bare !== undefined) {
      take(flag, found, found.option.type.bare);
      return 0;
    }
    if (next === undefined) throw needsArgument(flag, name);
    take(flag, found, next);
    return 1;
  }
  return 0;
}

/** All spellings of the options of a command. */
export function knownOptions(
  command: Pick<Command, "options" | "specOptions">,
): Map<string, Known> {
  const known = new Map<string, Known>();
  const add = (option: AnyOption, key: string | null) => {
    for (const spelling of [option.flag, option.short, ...(option.aliases ?? [])]) {
      if (spelling !== undefined && !known.has(spelling)) known.set(spelling, { option, key });
    }
  };
  for (const [key, option] of Object.entries(command.options)) add(option, key);
  for (const option of command.specOptions ?? []) add(option, null);
  return known;
}

function unknownFlag(
  flag: string,
  known: ReadonlyMap<string, Known>,
  name: string,
  word = flag,
): CooperError {
  const guess = flag.startsWith("--")
    ? nearest(
        flag,
        [...known.keys()].filter((spelling) => spelling.startsWith("--")),
      )
    : undefined;
  const what = flag.startsWith("--")
    ? `unknown flag: ${flag}`
    : `unknown shorthand flag: '${flag.slice(1)}' in ${word}`;
  return new CooperError("invalid-argument", what, {
    hint:
      guess === undefined
        ? `see 'cooper ${name} --help'`
        : `did you mean ${guess}? See 'cooper ${name} --help'`,
  });
}

function needsArgument(flag: string, name: string): CooperError {
  const what = flag.startsWith("--")
    ? `flag needs an argument: ${flag}`
    : `flag needs an argument: '${flag.slice(1)}' in ${flag}`;
  return new CooperError("invalid-argument", what, { hint: `see 'cooper ${name} --help'` });
}
