/** The flags of instructions: which there are, as data, and how they are read off a line. */
import { nearest } from "../../nearest.ts";
import { type PlacedText, rangeOf, slicePlaced, trimPlaced } from "./logical-lines.ts";
import { errorAt, type Range, type Source } from "./source.ts";

type FlagKind = "text" | "switch" | "list";

/** By instruction, in lower case. */
const flagsOf: Readonly<Record<string, Readonly<Record<string, FlagKind>>>> = {
  from: { platform: "text" },
  run: { mount: "list", network: "text", security: "text", device: "list" },
  copy: {
    from: "text",
    chown: "text",
    chmod: "text",
    link: "switch",
    parents: "switch",
    exclude: "list",
  },
  add: {
    chown: "text",
    chmod: "text",
    checksum: "text",
    link: "switch",
    exclude: "list",
    "keep-git-dir": "switch",
    unpack: "switch",
  },
  healthcheck: {
    interval: "text",
    timeout: "text",
    "start-period": "text",
    "start-interval": "text",
    retries: "text",
  },
};

export interface Flag {
  readonly name: string;
  /** Quotes and escapes are gone; null: `--name` alone. */
  readonly value: string | null;
  readonly range: Range;
}

/** Flags that stand before the arguments, and the rest of the line. A bare `--` ends them. */
export function takeFlags(
  source: Source,
  args: PlacedText,
  escapeChar: string,
): { readonly flags: readonly Flag[]; readonly rest: PlacedText } {
  const flags: Flag[] = [];
  let at = 0;
  const { text } = args;
  for (;;) {
    while (at < text.length && /\s/.test(text[at] ?? "")) at++;
    if (!text.startsWith("--", at)) break;
    const start = at;
    const word = readFlag(text, at, escapeChar);
    if (word === undefined)
      throw errorAt(source, rangeOf(args, start, text.length), "a quote is not closed");
    at = word.end;
    if (word.text === "--") break;
    const equals = word.text.indexOf("=");
    flags.push({
      name: word.text.slice(2, equals < 0 ? undefined : equals),
      value: equals < 0 ? null : word.text.slice(equals + 1),
      range: rangeOf(args, start, at),
    });
  }
  return { flags, rest: trimPlaced(slicePlaced(args, at)) };
}

/** Up to white space that is not in quotes. */
function readFlag(
  text: string,
  from: number,
  escapeChar: string,
): { readonly text: string; readonly end: number } | undefined {
  let word = "";
  let quote = "";
  let at = from;
  for (; at < text.length; at++) {
    const char = text[at] ?? "";
    if (char === escapeChar && at + 1 < text.length && quote !== "'") word += text[++at] ?? "";
    else if (quote !== "") {
      if (char === quote) quote = "";
      else word += char;
    } else if (char === "'" || char === '"') quote = char;
    else if (/\s/.test(char)) break;
    else word += char;
  }
  return quote === "" ? { text: word, end: at } : undefined;
}

/** The flags of one instruction by name, checked against what it has. */
export class FlagSet {
  private readonly source: Source;
  private readonly byName = new Map<string, Flag[]>();

  /** @throws CooperError at a flag that there is not, is given twice, or has no value */
  constructor(source: Source, instruction: string, flags: readonly Flag[]) {
    this.source = source;
    const known = flagsOf[instruction] ?? {};
    for (const flag of flags) {
      const kind = Object.hasOwn(known, flag.name) ? known[flag.name] : undefined;
      if (kind === undefined) throw this.unknown(instruction, flag, Object.keys(known));
      const before = this.byName.get(flag.name) ?? [];
      if (before.length > 0 && kind !== "list")
        throw errorAt(source, flag.range, `--${flag.name} is given twice`);
      if (flag.value === null && kind !== "switch")
        throw errorAt(source, flag.range, `--${flag.name} needs a value: --${flag.name}=…`);
      this.byName.set(flag.name, [...before, flag]);
    }
  }

  list(name: string): { text: string; range: Range }[] {
    return (this.byName.get(name) ?? []).map(({ value, range }) => ({ text: value ?? "", range }));
  }

  text(name: string): { text: string; range: Range } | null {
    return this.list(name)[0] ?? null;
  }

  /** null: not given. */
  isOn(name: string): boolean | null {
    const flag = this.byName.get(name)?.[0];
    if (flag === undefined) return null;
    if (flag.value === null || flag.value === "true") return true;
    if (flag.value === "false") return false;
    throw errorAt(
      this.source,
      flag.range,
      `expecting true or false for --${name}, not: ${flag.value}`,
    );
  }

  private unknown(instruction: string, flag: Flag, known: readonly string[]) {
    const upper = instruction.toUpperCase();
    const meant = nearest(flag.name, known);
    const elsewhere = Object.keys(flagsOf).find((other) => flag.name in (flagsOf[other] ?? {}));
    const hint =
      meant === undefined && elsewhere !== undefined
        ? `${elsewhere.toUpperCase()} has it, ${upper} has ${known.length === 0 ? "no flags" : known.map((name) => `--${name}`).join(", ")}`
        : undefined;
    return errorAt(
      this.source,
      flag.range,
      `unknown flag: --${flag.name}${meant === undefined ? "" : ` (did you mean --${meant}?)`}`,
      hint === undefined ? {} : { hint },
    );
  }
}
