/** Fields of an engine's documents, whatever a stranger has put there: what is of another kind is as good as nothing. Pure. */
import { isObject } from "../../oci/json.ts";

export type Json = Readonly<Record<string, unknown>>;

export const text = (value: unknown): string => (typeof value === "string" ? value : "");
export const number = (value: unknown): number =>
  typeof value === "number" && Number.isFinite(value) ? value : 0;
export const flag = (value: unknown): boolean => value === true;
export const object = (value: unknown): Json => (isObject(value) ? value : {});
export const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
export const objects = (value: unknown): Json[] => list(value).map(object);
export const texts = (value: unknown): string[] =>
  list(value).filter((one): one is string => typeof one === "string");

/** A map of strings. */
export function pairs(value: unknown): Record<string, string> {
  return Object.fromEntries(
    Object.entries(object(value)).filter((pair): pair is [string, string] => {
      return typeof pair[1] === "string";
    }),
  );
}

/** ms since 1970 of an RFC 3339 time; 0 for none, which Go writes as the year 1. */
export function moment(value: unknown): number {
  const at = Date.parse(text(value));
  return Number.isNaN(at) || at < 0 ? 0 : at;
}

/** An id without `sha256:`. */
export const hex = (value: unknown): string => text(value).replace(/^sha256:/, "");

/** What another Cooper says besides, in our own values. */
export const ownPart = (document: Json): Json | undefined =>
  isObject(document.Cooper) ? document.Cooper : undefined;
