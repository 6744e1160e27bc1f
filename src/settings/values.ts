/** How values of containers.conf are read: each returns what it should be, or says what is wrong where. */
import { CooperError } from "../errors.ts";
import { byteSize } from "../option.ts";
import type { DefaultUlimit, Settings } from "./types.ts";

/** Where a value stands. */
export interface Place {
  readonly file: string;
  /** `containers.env`. */
  readonly key: string;
}

/** Wording of all errors about values. */
export function wrongValue(place: Place, expected: string, value: unknown): CooperError {
  const found = value === undefined ? "" : `, not ${JSON.stringify(value)}`;
  return new CooperError(
    "invalid-argument",
    `${place.file}: ${place.key} must be ${expected}${found}`,
  );
}

/** A string. */
export function asText(value: unknown, place: Place): string {
  if (typeof value !== "string") throw wrongValue(place, "a text in quotes", value);
  if (value.includes("\0")) throw wrongValue(place, "a text without NUL", value);
  return value;
}

/** A boolean. */
export function asFlag(value: unknown, place: Place): boolean {
  if (typeof value !== "boolean") throw wrongValue(place, "true or false", value);
  return value;
}

/** A whole number that a double holds exactly. */
export function asInteger(value: unknown, place: Place): number {
  if (typeof value !== "number" || !Number.isSafeInteger(value)) {
    throw wrongValue(place, "a whole number", value);
  }
  return value;
}

/** `64m`, or a number of bytes. */
export function asSize(value: unknown, place: Place): number {
  const text = typeof value === "number" ? `${value}` : asText(value, place);
  let bytes = 0;
  try {
    bytes = byteSize.parse(text);
  } catch {
    // not a size: told below, with its place
  }
  if (bytes > 0) return bytes;
  throw wrongValue(place, "a size such as 64m, above 0", value);
}

/** One of some words. */
export function asWord<const Words extends readonly string[]>(
  value: unknown,
  place: Place,
  words: Words,
): Words[number] {
  const text = asText(value, place);
  const found = words.find((word) => word === text);
  if (found !== undefined) return found;
  const choices = words.filter((word) => word !== "");
  throw wrongValue(place, `one of ${choices.join(", ")}`, value);
}

/** A table as a record. */
export function asTable(value: unknown, place: Place): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw wrongValue(place, "a table", value);
  }
  return { ...value };
}

/**
 * A list of strings. It takes the place of the one in earlier files, unless it holds the attribute
 * `{append=true}` (containers.conf(5), "Appending to String Arrays").
 */
export function asList(
  value: unknown,
  place: Place,
  previous: readonly string[],
): readonly string[] {
  if (!Array.isArray(value)) throw wrongValue(place, "a list of texts", value);
  const texts: string[] = [];
  let appends = false;
  for (const item of value as unknown[]) {
    if (typeof item === "object" && item !== null && "append" in item) {
      appends = asFlag(item.append, { ...place, key: `${place.key} {append}` });
    } else {
      texts.push(asText(item, place));
    }
  }
  return appends ? [...previous, ...texts] : texts;
}

/** A list of `key=value`. */
export function asPairs(
  value: unknown,
  place: Place,
  previous: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const before = Object.entries(previous).map(([name, text]) => `${name}=${text}`);
  const pairs = asList(value, place, before).map((text): [string, string] => {
    const at = text.indexOf("=");
    if (at < 1) throw wrongValue(place, "a list of key=value", text);
    return [text.slice(0, at).trim(), text.slice(at + 1).trim()];
  });
  return Object.fromEntries(pairs);
}

/** A list of `name=SOFT[:HARD]`. */
export function asUlimits(
  value: unknown,
  place: Place,
  previous: readonly DefaultUlimit[],
): readonly DefaultUlimit[] {
  const before = previous.map(({ name, soft, hard }) => `${name}=${soft}:${hard}`);
  return asList(value, place, before).map((text) => {
    const match = /^([a-z]+)=(-1|\d{1,15})(?::(-1|\d{1,15}))?$/.exec(text.trim().toLowerCase());
    if (match === null) throw wrongValue(place, "a list of name=SOFT:HARD", text);
    const [, name = "", soft, hard = soft] = match;
    return { name, soft: Number(soft), hard: Number(hard) };
  });
}

/** A table of lists of paths; each names a runtime. */
export function asRuntimes(
  value: unknown,
  place: Place,
  previous: Settings["runtimes"],
): Settings["runtimes"] {
  const read = Object.entries(asTable(value, place)).map(
    ([name, paths]): [string, readonly string[]] => [
      name,
      asList(paths, { ...place, key: `${place.key}.${name}` }, []),
    ],
  );
  return { ...previous, ...Object.fromEntries(read) };
}

/** A list of `{base = "10.89.0.0/16", size = 24}`. */
export function asSubnetPools(value: unknown, place: Place): Settings["defaultSubnetPools"] {
  if (!Array.isArray(value)) throw wrongValue(place, "a list of {base, size}", value);
  return (value as unknown[]).map((item) => {
    const { base, size } = asTable(item, place);
    return { base: asText(base, place), size: asInteger(size, place) };
  });
}
