/** Go's comparison functions: eq, ne, lt, le, gt, ge. */
import { functionFailure } from "./failure.ts";

/**
 * Whether two values are equal. Nothing (null, a missing key) is equal to nothing only; where Go
 * would refuse to compare it, as in `eq .Labels.role "db"` without such a label, this says no.
 */
export function isEqual(left: unknown, right: unknown): boolean {
  const kind = kindOf(left);
  const other = kindOf(right);
  if (kind === "nothing" || other === "nothing") return kind === other;
  assertComparable(kind, other, "non-comparable type");
  // biome-ignore lint/suspicious/noDoubleEquals: a bigint may equal a number; both are numbers here
  return kind === "number" ? left == right : left === right;
}

/** Whether `left` comes before `right`. */
export function isLess(left: unknown, right: unknown): boolean {
  const kind = kindOf(left);
  assertComparable(kind, kindOf(right), "invalid type for comparison");
  if (isNumber(left) && isNumber(right)) return left < right;
  if (typeof left === "string" && typeof right === "string")
    return Buffer.compare(Buffer.from(left), Buffer.from(right)) < 0;
  throw functionFailure("invalid type for comparison");
}

function assertComparable(kind: Kind, other: Kind, message: string): void {
  if (kind === "other" || other === "other") throw functionFailure(message);
  if (kind !== other) throw functionFailure("incompatible types for comparison");
}

type Kind = "nothing" | "number" | "string" | "boolean" | "other";

function kindOf(value: unknown): Kind {
  if (value === undefined || value === null) return "nothing";
  if (isNumber(value)) return "number";
  if (typeof value === "string") return "string";
  return typeof value === "boolean" ? "boolean" : "other";
}

function isNumber(value: unknown): value is number | bigint {
  return typeof value === "number" || typeof value === "bigint";
}
