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

/** An id without `sha256:`; what is no id is as good as nothing. */
export function hex(value: unknown): string {
  const id = text(value).replace(/^sha256:/, "");
  return /^[0-9a-f]{1,64}$/i.test(id) ? id : "";
}

/** A name, which is printed as it is: nothing in it commands a terminal or makes up lines. */
export const name = (value: unknown): string =>
  text(value).replace(/[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]/g, "\ufffd");

/** Names in a list. */
export const names = (value: unknown): string[] => texts(value).map(name);

/** What another Cooper says besides, in our own values. */
export const ownPart = (document: Json): Json | undefined =>
  isObject(document.Cooper) ? document.Cooper : undefined;
