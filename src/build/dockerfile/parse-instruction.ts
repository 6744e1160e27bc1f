/** One logical line of a Dockerfile → one typed instruction. */
import { nearest } from "../../nearest.ts";
import { parseDurationSeconds } from "../../option.ts";
import { type Flag, FlagSet, takeFlags } from "./flags.ts";
import { announcedBy, type Heredoc, takeHeredocs } from "./heredoc.ts";
import type {
  CopyInstruction,
  FromInstruction,
  HealthcheckInstruction,
  Instruction,
  RunInstruction,
  StageInstruction,
  Word,
} from "./instructions.ts";
import {
  type Directives,
  LineReader,
  type LogicalLine,
  type PlacedText,
  rangeOf,
  slicePlaced,
  trimPlaced,
} from "./logical-lines.ts";
import { errorAt, type Range, type Source, sourceOf } from "./source.ts";
import { args as argPairs, commandLine, jsonWords, listWords, pairs, plainWords } from "./words.ts";

/** What reading one line needs. */
interface Place {
  readonly source: Source;
  readonly directives: Directives;
  readonly line: LogicalLine;
  readonly reader: LineReader;
}

/** What every kind is made from. */
interface Parts {
  readonly source: Source;
  readonly escapeChar: string;
  readonly args: PlacedText;
  readonly flags: FlagSet;
  readonly heredocs: readonly Heredoc[];
  readonly written: {
    readonly range: Range;
    readonly typed: string;
    readonly line: string;
    readonly comments: readonly string[];
  };
}

type Parser = (parts: Parts) => Instruction;

const parsers: Readonly<Record<string, Parser>> = {
  add: (parts) => copy(parts, "add"),
  arg: ({ source, args, escapeChar, written }) => ({
    ...written,
    kind: "arg",
    pairs: argPairs(source, args, escapeChar),
    isLegacy: false,
  }),
  cmd: (parts) => ({
    ...parts.written,
    kind: "cmd",
    command: commandLine(parts.source, parts.args),
  }),
  copy: (parts) => copy(parts, "copy"),
  entrypoint: (parts) => ({
    ...parts.written,
    kind: "entrypoint",
    command: commandLine(parts.source, parts.args),
  }),
  env: ({ source, args, escapeChar, written }) => ({
    ...written,
    kind: "env",
    ...pairs(source, "ENV", args, escapeChar),
  }),
  expose: (parts) => ({ ...parts.written, kind: "expose", words: words(parts) }),
  from,
  healthcheck,
  label: ({ source, args, escapeChar, written }) => ({
    ...written,
    kind: "label",
    ...pairs(source, "LABEL", args, escapeChar),
  }),
  maintainer: (parts) => ({ ...parts.written, kind: "maintainer", word: whole(parts) }),
  onbuild,
  run,
  shell(parts) {
    const list = jsonWords(parts.source, parts.args);
    if (list === undefined || list.length === 0)
      throw wrong(parts, "SHELL requires the arguments to be in JSON form", {
        hint: 'for example: SHELL ["/bin/bash", "-c"]',
      });
    return { ...parts.written, kind: "shell", words: list };
  },
  stopsignal: (parts) => ({ ...parts.written, kind: "stopsignal", word: whole(parts) }),
  user: (parts) => ({ ...parts.written, kind: "user", word: whole(parts) }),
  volume(parts) {
    const list = listWords(parts.source, parts.args).words;
    if (list.length === 0) throw wrong(parts, "VOLUME requires at least one argument");
    if (list.some(({ text }) => text.trim() === ""))
      throw wrong(parts, "VOLUME specified can not be an empty string");
    return { ...parts.written, kind: "volume", words: list };
  },
  workdir: (parts) => ({ ...parts.written, kind: "workdir", word: whole(parts) }),
};

/** Names of all instructions, in lower case. */
export const instructionNames: readonly string[] = Object.keys(parsers);

/** Reads the line, and the heredocs that it announces off the reader. @throws CooperError that shows the place */
export function parseInstruction({ source, directives, line, reader }: Place): Instruction {
  const typed = /^\S+/.exec(line.text)?.[0] ?? "";
  const name = typed.toLowerCase();
  const parser = Object.hasOwn(parsers, name) ? parsers[name] : undefined;
  if (parser === undefined) throw unknownInstruction(source, line, typed);
  const rest = trimPlaced(slicePlaced(line, typed.length));
  const { flags, args } = flagsOf(source, name, rest, directives.escapeChar);
  const mayHaveHeredocs =
    ["add", "copy", "run"].includes(inner(name, args.text)) && !args.text.startsWith("[");
  const heredocs = mayHaveHeredocs ? takeHeredocs(source, reader, line) : [];
  if (name === "onbuild" && heredocs.length > 0) {
    throw errorAt(source, line.range, "heredocs are not kept by ONBUILD", {
      hint: "an image keeps a trigger as one line: write the commands with && instead",
    });
  }
  const last = heredocs.at(-1);
  const range = last === undefined ? line.range : { ...line.range, end: afterLine(last.range) };
  return parser({
    source,
    escapeChar: directives.escapeChar,
    args,
    flags: new FlagSet(source, name, flags),
    heredocs,
    written: { range, typed, line: line.text, comments: line.comments },
  });
}

/** The line that ends a heredoc belongs to it. */
const afterLine = ({ end }: Range) => ({ line: end.line + 1, column: 1 });

/** Whose heredocs a line may announce: ONBUILD's are those of what it keeps. */
const inner = (name: string, args: string) =>
  name === "onbuild" ? (/^\S+/.exec(args)?.[0] ?? "").toLowerCase() : name;

/** The words of an ONBUILD belong to what it keeps, flags too. */
function flagsOf(
  source: Source,
  name: string,
  rest: PlacedText,
  escapeChar: string,
): { readonly flags: readonly Flag[]; readonly args: PlacedText } {
  if (name === "onbuild") return { flags: [], args: rest };
  const { flags, rest: args } = takeFlags(source, rest, escapeChar);
  return { flags, args };
}

function unknownInstruction(source: Source, line: LogicalLine, typed: string) {
  const meant = nearest(typed.toLowerCase(), instructionNames)?.toUpperCase();
  return errorAt(
    source,
    rangeOf(line, 0, typed.length),
    `unknown instruction: ${typed}${meant === undefined ? "" : ` (did you mean ${meant}?)`}`,
  );
}

function wrong(parts: Parts, message: string, extra: { hint?: string } = {}) {
  const { args, source, written } = parts;
  const range = args.text === "" ? written.range : rangeOf(args, 0, args.text.length);
  return errorAt(source, range, message, extra);
}

function whole(parts: Parts): Word {
  const { args, written } = parts;
  if (args.text === "")
    throw wrong(parts, `${written.typed.toUpperCase()} requires exactly one argument`);
  return { text: args.text, range: rangeOf(args, 0, args.text.length) };
}

function words(parts: Parts): Word[] {
  const list = plainWords(parts.args);
  if (list.length === 0)
    throw wrong(parts, `${parts.written.typed.toUpperCase()} requires at least one argument`);
  return list;
}

function from(parts: Parts): FromInstruction {
  const { flags, written } = parts;
  const [image, as, name, ...more] = plainWords(parts.args);
  if (image === undefined || more.length > 0 || (as === undefined) !== (name === undefined))
    throw wrong(parts, "FROM requires either one or three arguments: FROM IMAGE [AS NAME]");
  if (as !== undefined && as.text.toLowerCase() !== "as")
    throw errorAt(parts.source, as.range, `expected AS, not ${as.text}: FROM IMAGE AS NAME`);
  if (name !== undefined && !/^[a-z][a-z0-9-_.]*$/i.test(name.text)) {
    throw errorAt(
      parts.source,
      name.range,
      `invalid name for build stage: ${JSON.stringify(name.text)}, name can't start with a number or contain symbols`,
    );
  }
  return {
    ...written,
    kind: "from",
    image,
    platform: flags.text("platform"),
    stageName: name?.text.toLowerCase() ?? null,
    typedName: name?.text ?? null,
    typedAs: as?.text ?? null,
  };
}

function run(parts: Parts): RunInstruction {
  const { flags, heredocs, written } = parts;
  const command = commandLine(parts.source, parts.args);
  const isEmpty = command.kind === "shell" ? command.text === "" : command.words.length === 0;
  if (isEmpty) throw wrong(parts, "RUN requires at least one argument: what is to be run");
  return {
    ...written,
    kind: "run",
    command,
    heredocs,
    mounts: flags.list("mount"),
    network: flags.text("network"),
    security: flags.text("security"),
    devices: flags.list("device"),
  };
}

function copy(parts: Parts, kind: "copy" | "add"): CopyInstruction {
  const { flags, heredocs, written, source } = parts;
  const { words: list, isJson } = listWords(source, parts.args);
  const destination = list.at(-1);
  if (destination === undefined || list.length < 2) {
    throw wrong(
      parts,
      `${kind.toUpperCase()} requires at least two arguments, but ${list.length} ${list.length === 1 ? "was" : "were"} provided. Destination could not be determined`,
    );
  }
  const isHeredoc = ({ text }: Word) => !isJson && announcedBy(text) !== undefined;
  if (isHeredoc(destination))
    throw errorAt(
      source,
      destination.range,
      `${kind.toUpperCase()} cannot accept a heredoc as a destination`,
    );
  return {
    ...written,
    kind,
    sources: list.slice(0, -1).filter((word) => !isHeredoc(word)),
    destination,
    heredocs,
    from: flags.text("from"),
    chown: flags.text("chown"),
    chmod: flags.text("chmod"),
    checksum: flags.text("checksum"),
    excludes: flags.list("exclude"),
    isLinked: flags.isOn("link") ?? false,
    keepsParents: flags.isOn("parents") ?? false,
    keepsGitDir: flags.isOn("keep-git-dir"),
    unpacks: flags.isOn("unpack"),
  };
}

function onbuild(parts: Parts): Instruction {
  const { args, source, written } = parts;
  const word = /^\S+/.exec(args.text)?.[0] ?? "";
  const name = word.toLowerCase();
  if (word === "") throw wrong(parts, "ONBUILD requires at least one argument");
  if (name === "onbuild")
    throw wrong(parts, "chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed");
  if (name === "from" || name === "maintainer")
    throw wrong(parts, `${word.toUpperCase()} isn't allowed as an ONBUILD trigger`);
  if (!instructionNames.includes(name)) throw unknownInstruction(source, placed(args), word);
  // what is wrong with it is told now, and not to whoever builds from the image
  parseTrigger(source, written.range, args.text);
  return { ...written, kind: "onbuild", trigger: args.text };
}

const placed = (args: PlacedText): LogicalLine => ({
  ...args,
  range: rangeOf(args, 0, args.text.length),
  comments: [],
  emptyContinuations: [],
});

function healthcheck(parts: Parts): HealthcheckInstruction {
  const { args, flags, source, written } = parts;
  const type = /^\S+/.exec(args.text)?.[0] ?? "";
  const rest = trimPlaced(slicePlaced(args, type.length));
  const upper = type.toUpperCase();
  if (upper !== "NONE" && upper !== "CMD")
    throw wrong(
      parts,
      `${type === "" ? "HEALTHCHECK requires an argument" : `unknown type ${JSON.stringify(type)} in HEALTHCHECK`}: HEALTHCHECK [OPTIONS] CMD COMMAND, or HEALTHCHECK NONE`,
    );
  if (upper === "NONE" && rest.text !== "")
    throw wrong(parts, "HEALTHCHECK NONE takes no arguments");
  if (upper === "CMD" && rest.text === "")
    throw wrong(parts, "missing command after HEALTHCHECK CMD");
  const duration = (name: string) => {
    const given = flags.text(name);
    return given === null ? null : nanoseconds(source, name, given);
  };
  return {
    ...written,
    kind: "healthcheck",
    command: upper === "NONE" ? null : commandLine(source, rest),
    interval: duration("interval"),
    timeout: duration("timeout"),
    startPeriod: duration("start-period"),
    startInterval: duration("start-interval"),
    retries: retries(source, flags.text("retries")),
  };
}

function nanoseconds(source: Source, name: string, { text, range }: Word): number {
  let seconds: number;
  try {
    seconds = parseDurationSeconds(text);
  } catch (cause) {
    throw errorAt(source, range, `--${name}=${text} is no duration`, {
      hint: "for example 30s or 1m30s",
      cause,
    });
  }
  if (seconds > 0 && seconds < 0.001)
    throw errorAt(source, range, `--${name} cannot be less than 1ms`);
  return Math.round(seconds * 1e9);
}

function retries(source: Source, given: Word | null): number | null {
  if (given === null) return null;
  const count = /^\d+$/.test(given.text) ? Number(given.text) : Number.NaN;
  if (!Number.isSafeInteger(count) || count < 0)
    throw errorAt(source, given.range, `--retries=${given.text} is no whole number`);
  return count;
}

/** The instruction that an image keeps for who builds from it (ONBUILD). */
export function parseTrigger(source: Source, range: Range, text: string): StageInstruction {
  const inner = sourceOf(`${source.name}: ONBUILD of the base image`, text);
  const directives: Directives = { escapeChar: "\\", syntax: null, check: null };
  const reader = new LineReader(inner, "\\");
  const line = reader.next();
  if (line === undefined) throw errorAt(source, range, "an ONBUILD trigger of the base is empty");
  const instruction = parseInstruction({ source: inner, directives, line, reader });
  if (instruction.kind === "from" || instruction.kind === "onbuild")
    throw errorAt(inner, line.range, `${instruction.typed} isn't allowed as an ONBUILD trigger`);
  return relocated(instruction, range);
}

/** What it says later is about the line that took it in: its own text is in no file of the user's. */
function relocated<T>(value: T, range: Range): T {
  if (Array.isArray(value)) return value.map((one) => relocated(one, range)) as T;
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(([key, one]) => [
    key,
    key === "range" ? range : relocated(one, range),
  ]);
  return Object.fromEntries(entries) as T;
}
