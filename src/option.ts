/**
 * What an option is: declared once, as data. Parsing, `--help`, shell completion, the manual and the
 * docs are derived from the declaration.
 */
import { CooperError } from "./errors.ts";

/** How the text behind a flag becomes a value. */
export interface ValueType<T> {
  /** The placeholder in help (`SIZE`, `KEY=VALUE`); empty for a switch. */
  readonly placeholder: string;
  /** A switch takes no value of its own; `--flag=false` turns it off again. */
  readonly isSwitch?: boolean;
  /** Repeatable: each occurrence is handed to `apply` in order. */
  readonly isList?: boolean;
  /** What a bare `--flag` without `=value` means, where the value may be left out. */
  readonly bare?: string;
  /** The words that completion offers. */
  readonly choices?: readonly string[];
  /** What kind of thing completion should look for. */
  readonly completes?: "file" | "directory" | "container" | "image" | "network";
  /** Throws an Error whose message says what is wrong with `text`; the parser adds the flag's name. */
  parse(text: string): T;
}

/** An option that writes itself into `Target` (a ContainerSpec, or a command's own record of values). */
export interface Option<T = unknown, Target = unknown> {
  readonly flag: `--${string}`;
  readonly short?: `-${string}`;
  readonly aliases?: readonly `--${string}`[];
  readonly type: ValueType<T>;
  readonly help: string;
  /** Shown in help; the value that holds when the option is not given. */
  readonly defaultText?: string;
  /** Accepted, but not listed in help or offered by completion. */
  readonly isHidden?: boolean;
  /** Known, and refused in words: why, for the user. */
  readonly refuse?: string;
  /** Known, allowed and without meaning here (say why in words; shown in help). */
  readonly ignored?: string;
  /** The same knob through the other doors. */
  readonly api?: string;
  readonly compose?: string;
  readonly quadlet?: string;
  apply?(target: Target, value: T): void;
}

/** A list option hands each occurrence to `apply`; a command's own list option collects an array. */
export function listOf<T>(type: ValueType<T>): ValueType<T> & { readonly isList: true } {
  return { ...type, isList: true };
}

export const flagSwitch: ValueType<boolean> = {
  placeholder: "",
  isSwitch: true,
  parse(text) {
    // strconv.ParseBool, which both peers use
    if (["1", "t", "T", "true", "TRUE", "True"].includes(text)) return true;
    if (["0", "f", "F", "false", "FALSE", "False"].includes(text)) return false;
    throw new Error("not a boolean (true or false)");
  },
};

export const string: ValueType<string> = { placeholder: "STRING", parse: (text) => text };

export const path: ValueType<string> = {
  placeholder: "PATH",
  completes: "file",
  parse: (text) => text,
};

export const integer: ValueType<number> = {
  placeholder: "INT",
  parse(text) {
    if (!/^[+-]?(0x[0-9a-fA-F]+|\d+)$/.test(text)) throw new Error("not a whole number");
    const value = Number(text);
    if (!Number.isSafeInteger(value)) throw new Error("out of range");
    return value;
  },
};

export const decimal: ValueType<number> = {
  placeholder: "DECIMAL",
  parse(text) {
    const value = Number(text);
    if (text.trim() === "" || !Number.isFinite(value)) throw new Error("not a number");
    return value;
  },
};

const sizeUnits: Record<string, number> = {
  "": 1,
  b: 1,
  k: 2 ** 10,
  m: 2 ** 20,
  g: 2 ** 30,
  t: 2 ** 40,
  p: 2 ** 50,
};

/** `512m`, `2g`, `1.5GiB`: binary multiples, as go-units RAMInBytes reads them. Result in bytes. */
export const byteSize: ValueType<number> = {
  placeholder: "SIZE",
  parse(text) {
    const match = /^(\d+(?:\.\d+)?) ?([bkmgtp]?)(?:i?b)?$/i.exec(text.trim());
    const unit = sizeUnits[(match?.[2] ?? "?").toLowerCase()];
    if (match === null || unit === undefined) throw new Error("not a size such as 512m or 2g");
    const bytes = Math.floor(Number(match[1]) * unit);
    if (!Number.isSafeInteger(bytes)) throw new Error("out of range");
    return bytes;
  },
};

/** A choice among words. */
export function oneOf<const Words extends readonly string[]>(
  ...words: Words
): ValueType<Words[number]> {
  return {
    placeholder: words.join("|"),
    choices: words,
    parse(text) {
      const found = words.find((word) => word === text);
      if (found === undefined) throw new Error(`must be one of ${words.join(", ")}`);
      return found;
    },
  };
}

const durationUnits: Record<string, number> = {
  ns: 1e-9,
  us: 1e-6,
  µs: 1e-6,
  ms: 1e-3,
  s: 1,
  m: 60,
  h: 3600,
};

/** Go's time.ParseDuration (`1h30m`, `250ms`). Result in seconds; throws an Error on other text. */
export function parseDurationSeconds(text: string): number {
  const match = /^([+-]?)((?:\d+(?:\.\d*)?(?:ns|us|µs|ms|s|m|h))+|0)$/.exec(text);
  if (match === null) throw new Error("not a duration such as 30s or 1m30s");
  let seconds = 0;
  for (const [, amount, unit] of (match[2] ?? "").matchAll(/(\d+(?:\.\d*)?)(ns|us|µs|ms|s|m|h)/g)) {
    seconds += Number(amount) * (durationUnits[unit ?? ""] ?? 0);
  }
  return match[1] === "-" ? -seconds : seconds;
}

/** Names the flag in front of what its value type complained about. */
export function parseValue<T>(option: Option<T, never>, text: string, typed: string): T {
  try {
    return option.type.parse(text);
  } catch (cause) {
    if (cause instanceof CooperError) throw cause;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new CooperError("invalid-argument", `invalid value "${text}" for ${typed}: ${why}`, {
      cause,
    });
  }
}
