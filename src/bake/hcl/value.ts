/** Values of HCL: what they are called, and how one becomes another. */
import type { Value } from "./syntax.ts";

export const isObject = (value: Value): value is ReadonlyMap<string, Value> => value instanceof Map;
export const isList = (value: Value): value is readonly Value[] => Array.isArray(value);

/** What people call it. */
export function typeName(value: Value): string {
  if (value === null) return "null";
  if (isList(value)) return "list";
  if (isObject(value)) return "object";
  return typeof value === "boolean" ? "bool" : typeof value;
}

/** @throws Error */
export function asString(value: Value): string {
  if (typeof value === "string") return value;
  if (typeof value === "boolean") return `${value}`;
  if (typeof value === "number") return numberText(value);
  throw new Error(`a string is needed, not ${article(value)}`);
}

/** Without an exponent, as Go writes big.Float by 'f'. */
function numberText(value: number): string {
  const text = `${value}`;
  if (!text.includes("e")) return text;
  if (Number.isInteger(value)) return BigInt(value).toString();
  return value
    .toFixed(Math.min(100, 20 - Math.floor(Math.log10(Math.abs(value)))))
    .replace(/0+$/, "");
}

/** @throws Error */
export function asNumber(value: Value): number {
  if (typeof value === "number") return value;
  if (typeof value === "string" && /^-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?$/.test(value))
    return Number(value);
  throw new Error(`a number is needed, not ${article(value)}`);
}

/** @throws Error */
export function asBoolean(value: Value): boolean {
  if (typeof value === "boolean") return value;
  if (value === "true" || value === "1" || value === 1) return true;
  if (value === "false" || value === "0" || value === 0) return false;
  throw new Error(`true or false is needed, not ${article(value)}`);
}

/** @throws Error */
export function asList(value: Value): readonly Value[] {
  if (isList(value)) return value;
  throw new Error(`a list is needed, not ${article(value)}`);
}

/** @throws Error */
export function asObject(value: Value): ReadonlyMap<string, Value> {
  if (isObject(value)) return value;
  throw new Error(`an object is needed, not ${article(value)}`);
}

function article(value: Value): string {
  if (value === null) return "null";
  if (typeof value === "string") return `the string ${JSON.stringify(value.slice(0, 40))}`;
  const name = typeName(value);
  return `${name === "object" ? "an" : "a"} ${name}`;
}

/** Whether both are the same, all the way down. */
export function isEqual(a: Value, b: Value): boolean {
  if (isList(a) && isList(b))
    return a.length === b.length && a.every((one, index) => isEqual(one, b[index] ?? null));
  if (isObject(a) && isObject(b))
    return (
      a.size === b.size &&
      [...a].every(([key, one]) => b.has(key) && isEqual(one, b.get(key) ?? null))
    );
  return a === b;
}

/** What `for` and splats go over: index or key, and value. Keys are in order, as in HCL. */
export function entries(value: Value): [Value, Value][] {
  if (isList(value)) return value.map((one, index) => [index, one]);
  if (isObject(value)) return [...value].sort(([a], [b]) => (a < b ? -1 : 1));
  throw new Error(`a list or an object is needed, not ${article(value)}`);
}

/** As JSON has it; keys are in order. */
export function toJson(value: Value): unknown {
  if (isList(value)) return value.map(toJson);
  if (isObject(value))
    return Object.fromEntries(entries(value).map(([key, one]) => [key, toJson(one)]));
  return value;
}

/** From what JSON.parse() made. */
export function fromJson(value: unknown): Value {
  if (Array.isArray(value)) return value.map(fromJson);
  if (typeof value === "object" && value !== null)
    return new Map(Object.entries(value).map(([key, one]) => [key, fromJson(one)]));
  return value as string | number | boolean | null;
}
