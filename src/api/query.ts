/** Reading the query of a request, as Docker does. Pure. */
import { CooperError } from "../errors.ts";
import { parseMoment } from "../moment.ts";
import { isObject } from "../oci/json.ts";

/** Docker's truth: anything but these. */
export function isTrue(query: URLSearchParams, name: string, otherwise = false): boolean {
  const text = query.get(name);
  if (text === null) return otherwise;
  return !["", "0", "no", "false", "none"].includes(text.trim().toLowerCase());
}

/** A whole number, or null where it is not given. */
export function wholeNumber(query: URLSearchParams, name: string): number | null {
  const text = query.get(name);
  if (text === null || text === "") return null;
  if (!/^-?\d{1,15}$/.test(text))
    throw new CooperError("invalid-argument", `${name}: "${text}" is not a whole number`);
  return Number(text);
}

/** Seconds since 1970 with a fraction, or a time, in ms; null: none, as are 0 and the time that Go calls zero. */
export function momentOf(text: string | null): number | null {
  if (text === null || ["", "0", "0001-01-01T00:00:00Z"].includes(text)) return null;
  return /^\d+(\.\d+)?$/.test(text) ? Number(text) * 1000 : parseMoment(text);
}

/**
 * `filters`: JSON of `{"key": ["value"]}`, or as the oldest clients sent it `{"key": {"value": true}}`.
 * As the engine takes them: `key=value`.
 */
export function filtersOf(query: URLSearchParams): string[] {
  const text = query.get("filters");
  if (text === null || text === "") return [];
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new CooperError("invalid-argument", "invalid filters: no JSON", { cause });
  }
  if (!isObject(value)) throw new CooperError("invalid-argument", "invalid filters: no object");
  return Object.entries(value).flatMap(([key, values]) => {
    const list = Array.isArray(values)
      ? values
      : isObject(values)
        ? Object.keys(values).filter((name) => values[name] === true)
        : undefined;
    if (list === undefined || !list.every((one) => typeof one === "string"))
      throw new CooperError("invalid-argument", `invalid filter '${key}'`);
    return list.map((one) => `${key}=${one}`);
  });
}
