/** Resource limits of a container's processes (getrlimit(2)). */
import { CooperError } from "../../errors.ts";
import type { Rlimit } from "../../oci/runtime-spec.ts";
import type { RuntimeInput } from "./input.ts";

/** What both peers raise open files and processes to. */
const generous = 1048576;

const names = new Set([
  "as",
  "core",
  "cpu",
  "data",
  "fsize",
  "locks",
  "memlock",
  "msgqueue",
  "nice",
  "nofile",
  "nproc",
  "rss",
  "rtprio",
  "rttime",
  "sigpending",
  "stack",
]);

/**
 * Those of the user, then of the configuration, then generous ones for files and processes. A process
 * cannot raise its hard limit without CAP_SYS_RESOURCE (setrlimit(2)), and starting would fail late and
 * without a reason, so they are clamped to our own; where the user asked for more, with a warning.
 */
export function rlimits(input: RuntimeInput, warnings: string[]): Rlimit[] {
  const { spec, settings, ownRlimits } = input;
  const limits = new Map<string, { soft: number; hard: number }>();
  for (const name of ["nofile", "nproc"])
    limits.set(name, clamp(input, name, { soft: generous, hard: generous }));
  for (const { name, soft, hard } of settings.defaultUlimits) {
    limits.set(checked(name), clamp(input, name, { soft, hard }));
  }
  for (const { name, soft, hard } of spec.resources.ulimits) {
    if (name === "host") {
      for (const [own, limit] of Object.entries(ownRlimits))
        if (names.has(own)) limits.set(own, limit);
      continue;
    }
    const clamped = clamp(input, checked(name), { soft, hard });
    if (asOrdered(clamped.hard) < asOrdered(hard)) {
      warnings.push(
        `--ulimit ${name}: ${format(hard)} is above your own hard limit; ${format(clamped.hard)} is used`,
      );
    }
    limits.set(name, clamped);
  }
  return [...limits].map(([name, { soft, hard }]) => ({
    type: `RLIMIT_${name.toUpperCase()}`,
    soft: encode(soft),
    hard: encode(hard),
  }));
}

/** Limits as they were read back from a config.json, ready to be written once more. */
export function copyRlimits(limits: readonly Rlimit[]): Rlimit[] {
  const again = (value: number) => (value > Number.MAX_SAFE_INTEGER ? encode(-1) : value);
  return limits.map(({ type, soft, hard }) => ({ type, soft: again(soft), hard: again(hard) }));
}

function checked(name: string): string {
  if (names.has(name)) return name;
  throw new CooperError("invalid-argument", `unknown ulimit "${name}"`, {
    hint: [...names].join(", "),
  });
}

function clamp(
  input: RuntimeInput,
  name: string,
  limit: { soft: number; hard: number },
): { soft: number; hard: number } {
  const own = input.ownRlimits[name];
  if (input.canRaiseRlimits || own === undefined) return limit;
  const hard = smaller(limit.hard, own.hard);
  return { soft: smaller(limit.soft, hard), hard };
}

function smaller(a: number, b: number): number {
  return asOrdered(a) < asOrdered(b) ? a : b;
}

const asOrdered = (value: number) => (value < 0 ? Number.POSITIVE_INFINITY : value);

const format = (value: number) => (value < 0 ? "unlimited" : `${value}`);

/**
 * RLIM_INFINITY is 2^64-1, which no double holds: a number that JSON.stringify() writes by its digits
 * stands for it (the proposal "JSON.parse source text access", rawJSON). Its type says number since
 * that is what a reader gets.
 */
function encode(value: number): number {
  return value < 0 ? (unlimited as unknown as number) : value;
}

const unlimited = (JSON as unknown as { rawJSON(text: string): object }).rawJSON(
  "18446744073709551615",
);
