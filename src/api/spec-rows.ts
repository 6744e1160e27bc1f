/** How the fields of a body become a ContainerSpec: each is written as the option that says the same. Pure. */
import { applyOption } from "../container/options/apply.ts";
import type { ContainerSpec } from "../container/spec.ts";
import { CooperError } from "../errors.ts";
import { Document } from "./document.ts";

/** A field, by its path in the body: the texts of its option. */
export type Row = readonly [
  path: string,
  flag: string,
  texts: (at: Document, name: string) => readonly string[],
];

/** Applies all rows to what a body says. @throws CooperError invalid-argument, not-supported */
export function applyRows(spec: ContainerSpec, rows: readonly Row[], body: Document): void {
  const documents = new Map([["", body]]);
  const documentAt = (path: string): Document => {
    const known = documents.get(path);
    if (known !== undefined) return known;
    const dot = path.lastIndexOf(".");
    const found = documentAt(dot < 0 ? "" : path.slice(0, dot)).document(path.slice(dot + 1));
    documents.set(path, found);
    return found;
  };
  for (const [path, flag, texts] of rows) {
    const dot = path.lastIndexOf(".");
    const at = documentAt(dot < 0 ? "" : path.slice(0, dot));
    for (const text of texts(at, path.slice(dot + 1))) applyOption(spec, flag, text, path);
  }
}

/** A number; 0 means that it was not asked for. */
export const nonZero = (value: number | null) =>
  value === null || value === 0 ? [] : [`${value}`];

/** Whatever is there. */
export const asked = (value: number | boolean | null) => (value === null ? [] : [`${value}`]);

/** A word; an empty one was not asked for. */
export const given = (text: string) => (text === "" ? [] : [text]);

/** A time in nanoseconds. */
export function seconds(at: Document, name: string): string[] {
  const nanoseconds = at.number(name) ?? 0;
  return nanoseconds === 0 ? [] : [`${nanoseconds / 1e9}s`];
}

/** What its JSON says: the zero values of Go mean that it was not asked for. */
export function plainTexts(value: unknown, isSwitch: boolean, path: string): string[] {
  if (value === undefined || value === null || value === "" || value === false || value === 0)
    return [];
  if (isSwitch !== (value === true)) throw notA(path, isSwitch ? "a boolean" : "what it should be");
  if (typeof value === "string" || typeof value === "number" || value === true) return [`${value}`];
  if (Array.isArray(value)) {
    if (!value.every((part) => typeof part === "string")) throw notA(path, "a list of strings");
    return value;
  }
  const pairs = new Document({ pairs: value }).pairs("pairs");
  return Object.entries(pairs).map(([key, text]) => `${key}=${text}`);
}

const notA = (path: string, what: string) =>
  new CooperError("invalid-argument", `invalid JSON: ${path} is not ${what}`);

/** None, or a list of one empty word: the image's is not wanted. */
export function entrypointTexts(words: readonly string[] | null): string[] {
  if (words === null) return [];
  return words.length === 0 || (words.length === 1 && words[0] === "")
    ? [""]
    : [JSON.stringify(words)];
}

/** As in the configuration of an image. */
export function healthTexts(test: readonly string[]): string[] {
  if (test.length === 0) return [];
  return test[0] === "CMD" || test[0] === "CMD-SHELL" || test[0] === "NONE"
    ? [JSON.stringify(test)]
    : [JSON.stringify(["CMD", ...test])];
}

/** Fields as one line of comma-separated values; quotes keep commas. */
export const csvLine = (fields: readonly string[]) =>
  fields
    .map((field) => (/[",]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field))
    .join(",");
