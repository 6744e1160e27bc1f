/** Values as Go prints, names and judges them. */
import { functionFailure } from "./failure.ts";

/** A printed value may nest this deep; a cyclic one would never end. */
const maxDepth = 500;

/** What `{{.X}}` prints: a key that is missing is `<no value>`, an explicit null `<nil>`. */
export function printValue(value: unknown): string {
  return value === undefined ? "<no value>" : formatDefault(value);
}

/** What `%v` prints. */
export function formatDefault(value: unknown): string {
  return formatWith(value, (scalar) => {
    if (scalar === undefined || scalar === null) return "<nil>";
    if (typeof scalar === "number") return formatNumber(scalar);
    return typeof scalar === "function" ? "<func>" : String(scalar);
  });
}

/** Prints `[a b]` and `map[k:v]`, keys in order, with `scalar` for everything that is in them. */
export function formatWith(value: unknown, scalar: (value: unknown) => string, depth = 0): string {
  if (depth > maxDepth) throw functionFailure("value is nested too deep to print");
  if (Array.isArray(value)) {
    return `[${value.map((item) => formatWith(item, scalar, depth + 1)).join(" ")}]`;
  }
  if (!isRecord(value)) return scalar(value);
  const entries = sortedKeys(value).map(
    (key) => `${scalar(key)}:${formatWith(value[key], scalar, depth + 1)}`,
  );
  return `map[${entries.join(" ")}]`;
}

/**
 * A number as `%v` prints it. A whole number is an integer to us, whatever it is in Go; others are
 * floats, which go over to an exponent below 1e-4 and from 1e6.
 */
export function formatNumber(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "+Inf" : "-Inf";
  const size = Math.abs(value);
  const limit = Number.isInteger(value) ? 1e21 : 1e6;
  if (size === 0 || (size >= 1e-4 && size < limit)) return String(value);
  return goExponent(value.toExponential());
}

/** `1e+6`, JavaScript's spelling, as `1e+06`, Go's. */
export function goExponent(text: string): string {
  return text.replace(/e([+-])(\d)$/, "e$10$2");
}

/** Anything with fields: an object that is no list. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The keys in the order in which Go prints and ranges over them. */
export function sortedKeys(value: object): string[] {
  return Object.keys(value).sort();
}

/** Whether `if` takes its first branch: anything but false, 0, nothing and what is empty. */
export function isTrue(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0;
  if (isRecord(value)) return Object.keys(value).length > 0;
  return Boolean(value);
}

/** The name of the value's type in Go, for messages and `%T`. */
export function typeName(value: unknown): string {
  switch (typeof value) {
    case "string":
      return "string";
    case "boolean":
      return "bool";
    case "bigint":
      return "int";
    case "number":
      return Number.isInteger(value) ? "int" : "float64";
    case "function":
      return "func()";
    default:
      if (value === undefined || value === null) return "<nil>";
      return Array.isArray(value) ? "[]interface {}" : "map[string]interface {}";
  }
}
