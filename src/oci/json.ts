/** Reading JSON that strangers wrote: bounded, and checked field by field. */
import { CooperError } from "../errors.ts";

/** Whether it is a JSON object (no array, no null). */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * Parses a JSON object out of bytes. They must be UTF-8 (RFC 8259, 8.1): the store keeps text, which
 * has to give back the very bytes that the digest names.
 */
export function parseJsonObject(
  bytes: Uint8Array,
  where: string,
): { text: string; value: Readonly<Record<string, unknown>> } {
  let value: unknown;
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    value = JSON.parse(text);
  } catch (cause) {
    throw new CooperError("corrupt", `${where} is not valid JSON`, { cause });
  }
  if (!isObject(value)) throw new CooperError("corrupt", `${where} is not a JSON object`);
  return { text, value };
}

/** A map of strings; Go's encoders write `null` for an empty one. */
export function decodeStrings(value: unknown, where: string): Readonly<Record<string, string>> {
  if (value === undefined || value === null) return {};
  if (!isObject(value) || Object.values(value).some((part) => typeof part !== "string")) {
    throw new CooperError("corrupt", `${where} is not a map of strings`);
  }
  return value as Readonly<Record<string, string>>;
}

/**
 * The first key that stands twice in one object of a valid JSON text: readers differ in which one they
 * take, so where that matters neither may be. Escapes in keys are compared as they are written.
 */
export function repeatedKey(text: string): string | undefined {
  const tokens = text.match(/"(?:[^"\\]|\\.)*"|[{}:]/g) ?? [];
  const open: Set<string>[] = [];
  for (const [at, token] of tokens.entries()) {
    if (token === "{") open.push(new Set());
    else if (token === "}") open.pop();
    else if (tokens[at + 1] === ":") {
      const keys = open.at(-1);
      if (keys?.has(token)) return token;
      keys?.add(token);
    }
  }
  return undefined;
}
