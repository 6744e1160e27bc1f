/** What a bake file may say of a target, as data (buildx, "docs/bake-reference.md"). */

/** How a field is written, and what becomes of it where two say it. */
interface Field {
  /**
   * `specs`: texts of `key=value,…`, or objects that say the same. `map`: null takes nothing away, and
   * leaves the Dockerfile's own value.
   */
  readonly kind: "text" | "switch" | "texts" | "specs" | "map";
  /** Whether a list goes behind the one before, instead of in its place. */
  readonly adds?: boolean;
  /** What --set calls it, where that is another word. */
  readonly set?: string;
}

/** In the order in which buildx prints them. */
export const targetFields = {
  description: { kind: "text" },
  inherits: { kind: "texts", adds: true },
  annotations: { kind: "texts", adds: true },
  attest: { kind: "specs", adds: true },
  context: { kind: "text" },
  contexts: { kind: "map" },
  dockerfile: { kind: "text" },
  "dockerfile-inline": { kind: "text" },
  args: { kind: "map" },
  labels: { kind: "map" },
  tags: { kind: "texts" },
  "cache-from": { kind: "specs", adds: true },
  "cache-to": { kind: "specs" },
  target: { kind: "text" },
  secret: { kind: "specs", adds: true, set: "secrets" },
  ssh: { kind: "specs", adds: true },
  platforms: { kind: "texts", set: "platform" },
  output: { kind: "specs" },
  pull: { kind: "switch" },
  "no-cache": { kind: "switch" },
  network: { kind: "text" },
  "no-cache-filter": { kind: "texts", adds: true },
  "shm-size": { kind: "text" },
  ulimits: { kind: "texts", adds: true },
  call: { kind: "text" },
  entitlements: { kind: "texts", adds: true },
  "extra-hosts": { kind: "map" },
} as const satisfies Readonly<Record<string, Field>>;

export type FieldName = keyof typeof targetFields;

export const isField = (name: string): name is FieldName => Object.hasOwn(targetFields, name);

type ValueOf<K extends Field["kind"]> = K extends "text"
  ? string
  : K extends "switch"
    ? boolean
    : K extends "map"
      ? Readonly<Record<string, string | null>>
      : readonly string[];

/** What is said of a target. */
export type TargetSpec = {
  readonly [Name in FieldName]?: ValueOf<(typeof targetFields)[Name]["kind"]>;
};

export interface Target {
  readonly name: string;
  readonly spec: TargetSpec;
}

export interface Group {
  readonly name: string;
  readonly description: string | null;
  readonly targets: readonly string[];
}

export interface Variable {
  readonly name: string;
  readonly description: string | null;
  readonly value: string;
}

/** All that files say. Names are unique. */
export interface Definition {
  readonly groups: readonly Group[];
  readonly targets: readonly Target[];
  readonly variables: readonly Variable[];
}

/** Two that say something of one target: the second goes over the first. */
export function mergeSpecs(first: TargetSpec, second: TargetSpec): TargetSpec {
  const merged: Record<string, unknown> = { ...first };
  for (const [name, value] of Object.entries(second)) {
    if (value === undefined || !isField(name)) continue;
    const field: Field = targetFields[name];
    const before = first[name];
    if (field.kind === "map") {
      const said = Object.entries(value).filter(([, one]) => one !== null);
      merged[name] = { ...(before as object | undefined), ...Object.fromEntries(said) };
    } else if (field.adds === true && Array.isArray(before) && Array.isArray(value))
      merged[name] = [...new Set([...before, ...value])];
    else merged[name] = value;
  }
  return merged;
}

/** Equal names become one, in the order in which they came first. */
export function mergeTargets(targets: readonly Target[]): Target[] {
  const merged = new Map<string, TargetSpec>();
  for (const { name, spec } of targets) merged.set(name, mergeSpecs(merged.get(name) ?? {}, spec));
  return [...merged].map(([name, spec]) => ({ name, spec }));
}

/** As mergeTargets(): their lists are put together. */
export function mergeGroups(groups: readonly Group[]): Group[] {
  const merged = new Map<string, Group>();
  for (const group of groups) {
    const before = merged.get(group.name);
    merged.set(group.name, {
      name: group.name,
      description: group.description ?? before?.description ?? null,
      targets: [...new Set([...(before?.targets ?? []), ...group.targets])],
    });
  }
  return [...merged.values()];
}

/** Characters that a name of a target may not have become underscores, as buildx has it. */
export const sanitized = (name: string) => name.replaceAll(".", "_");

export const isTargetName = (name: string) => /^[a-zA-Z0-9_-]+$/.test(name);
