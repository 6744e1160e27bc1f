/** `--set TARGET.KEY=VALUE`: what is said on the command line goes over what files say. Pure. */
import { CooperError } from "../errors.ts";
import { nearest } from "../nearest.ts";
import { isField, type Target, type TargetSpec, targetFields } from "./target.ts";

export interface Override {
  /** Names of targets, `*` for any letters. */
  readonly pattern: string;
  readonly key: string;
  /** Of args, labels and contexts. */
  readonly name: string | null;
  /** null: of an argument that is to come from the environment, where it is not set. */
  readonly value: string | null;
  /** `+=` */
  readonly adds: boolean;
}

/** What --set calls a field. */
const fieldOf = new Map<string, keyof typeof targetFields | "push" | "load">([
  ...Object.entries(targetFields)
    .filter(([name]) => name !== "inherits" && name !== "description")
    .map(
      ([name, field]) =>
        [("set" in field && field.set) || name, name as keyof typeof targetFields] as const,
    ),
  ["secret", "secret"],
  ["platforms", "platforms"],
  ["push", "push"],
  ["load", "load"],
]);

const wrong = (message: string, hint?: string) =>
  new CooperError("invalid-argument", message, hint === undefined ? {} : { hint });

/**
 * @param env where an argument without a value has it from
 * @throws CooperError invalid-argument
 */
export function parseOverride(
  text: string,
  env: Readonly<Record<string, string | undefined>>,
): Override {
  const equals = text.indexOf("=");
  const adds = equals > 0 && text[equals - 1] === "+";
  const path = equals < 0 ? text : text.slice(0, adds ? equals - 1 : equals);
  const [, pattern = "", key = "", name = null] = /^([^.]*)\.([^.]*)(?:\.(.+))?$/s.exec(path) ?? [];
  if (pattern === "" || key === "")
    throw wrong(`invalid override ${text}`, "it is TARGET.KEY=VALUE, and * stands for any target");
  const field = fieldOf.get(key);
  if (field === undefined) {
    const meant = nearest(key, [...fieldOf.keys()]);
    throw wrong(
      `invalid override ${text}: a target has no ${key}`,
      meant && `did you mean ${meant}?`,
    );
  }
  const isMap = field !== "push" && field !== "load" && targetFields[field].kind === "map";
  if (isMap !== (name !== null))
    throw wrong(
      isMap
        ? `invalid override ${text}: ${key} requires a name, as ${pattern}.${key}.NAME=VALUE`
        : `invalid override ${text}: ${key} has no parts`,
    );
  if (equals < 0 && key !== "args") throw wrong(`invalid override ${text}: it has no value`);
  const value = equals < 0 ? (env[name ?? ""] ?? null) : text.slice(equals + 1);
  return { pattern, key: field, name, value, adds };
}

/** @throws CooperError invalid-argument for a pattern that matches nothing */
export function assertOverrides(overrides: readonly Override[], targets: readonly Target[]): void {
  for (const { pattern } of overrides)
    if (!targets.some(({ name }) => matches(pattern, name)))
      throw wrong(
        `could not find any target matching '${pattern}'`,
        `there are ${targets.map(({ name }) => name).join(", ")}`,
      );
}

function matches(pattern: string, name: string): boolean {
  if (pattern === name) return true;
  const words = pattern.split("*").map((word) => word.replaceAll(/[\\^$.+?()[\]{}|]/g, "\\$&"));
  return new RegExp(`^${words.join(".*")}$`).test(name);
}

/** Lists that are set several times take all values. */
export function applyOverrides(
  spec: TargetSpec,
  target: string,
  overrides: readonly Override[],
): TargetSpec {
  const changed: Record<string, unknown> = { ...spec };
  const begun = new Set<string>();
  for (const { pattern, key, name, value, adds } of overrides) {
    if (!matches(pattern, target)) continue;
    if (key === "push" || key === "load") {
      changed.output = withOutput((changed.output ?? []) as string[], key, isOn(key, value));
      continue;
    }
    if (!isField(key)) continue;
    const { kind } = targetFields[key];
    if (kind === "map") {
      if (value !== null) changed[key] = { ...(changed[key] as object), [name ?? ""]: value };
    } else if (kind === "switch") changed[key] = isOn(key, value);
    else if (kind === "text") changed[key] = value ?? "";
    else {
      const goesOn =
        adds || begun.has(key) || ["annotations", "attest", "entitlements"].includes(key);
      const before = goesOn ? ((changed[key] ?? []) as string[]) : [];
      changed[key] = value === "" && !goesOn ? [] : [...before, value ?? ""];
      begun.add(key);
    }
  }
  return changed;
}

function isOn(key: string, value: string | null): boolean {
  if (["true", "1", "t", "T", "TRUE", "True"].includes(value ?? "")) return true;
  if (["false", "0", "f", "F", "FALSE", "False"].includes(value ?? "")) return false;
  throw wrong(`invalid value ${value ?? ""} for boolean key ${key}`);
}

/** push: images go to their registry. load: they stay here, which they do anyway. */
function withOutput(outputs: readonly string[], key: "push" | "load", isWanted: boolean): string[] {
  if (key === "load") return [...outputs];
  const images = /^type=(?:image|registry)\b/;
  const others = outputs.filter((text) => !images.test(text));
  const own = outputs.filter((text) => images.test(text));
  if (!isWanted)
    return [
      ...others,
      ...own.map((text) => text.replace(/^type=registry/, "type=image").replace(/,push=true/, "")),
    ];
  return [...others, ...(own.length === 0 ? ["type=registry"] : own.map(pushed))];
}

const pushed = (text: string) =>
  text.startsWith("type=registry") || text.includes("push=true") ? text : `${text},push=true`;
