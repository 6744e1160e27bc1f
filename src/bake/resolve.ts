/** Which targets are built, and what each is once it has inherited and been overridden. Pure. */
import { CooperError } from "../errors.ts";
import { nearest } from "../nearest.ts";
import { applyOverrides, type Override } from "./override.ts";
import {
  type Definition,
  type Group,
  mergeSpecs,
  sanitized,
  type Target,
  type TargetSpec,
} from "./target.ts";

/** What is done. */
export interface BakePlan {
  readonly groups: readonly Group[];
  /** By name; those that others need are among them. */
  readonly targets: readonly BakeTarget[];
}

export interface BakeTarget extends Target {
  /** It is only there because others begin with it (`target:` in their contexts). */
  readonly isLinked: boolean;
}

/**
 * The targets of groups and names, in the order in which they are named; those that they link to come before them.
 *
 * @throws CooperError invalid-argument
 */
export function resolveTargets(
  definition: Definition,
  asked: readonly string[],
  overrides: readonly Override[],
): BakePlan {
  const names = (asked.length === 0 ? ["default"] : asked).map(sanitized);
  const found = names.map((name) => membersOf(definition, name));
  const chosen = [...new Set(found.flatMap(({ targets }) => targets))];
  const resolved = new Map<string, TargetSpec>();
  const spec = (name: string, asker: string | null) => {
    const known = resolved.get(name);
    if (known !== undefined) return known;
    const made = finished(inherited(definition, name, overrides, [], asker));
    resolved.set(name, made);
    return made;
  };
  const order: string[] = [];
  const link = (name: string, path: readonly string[], asker: string | null) => {
    if (path.includes(name))
      throw wrong(`target ${path.at(-1)} needs ${name}, which needs it: an infinite loop`);
    if (order.includes(name)) return;
    for (const needed of linksOf(spec(name, asker))) link(needed, [...path, name], name);
    order.push(name);
  };
  for (const name of chosen) link(name, [], null);
  const groups = new Map(found.flatMap(({ groups: all }) => all).map((one) => [one.name, one]));
  const others = names.filter((name) => name !== "default");
  if (others.length > 0) {
    const before = groups.get("default")?.targets ?? [];
    const targets = [...new Set([...before, ...others])].sort();
    groups.set("default", { name: "default", description: null, targets });
  } else if (!groups.has("default"))
    groups.set("default", { name: "default", description: null, targets: ["default"] });
  return {
    groups: [...groups.values()],
    targets: order.map((name) => ({
      name,
      spec: resolved.get(name) ?? {},
      isLinked: !chosen.includes(name),
    })),
  };
}

const wrong = (message: string, hint?: string) =>
  new CooperError("invalid-argument", message, hint === undefined ? {} : { hint });

/** A group goes before a target of the same name. */
function membersOf(
  { groups, targets }: Definition,
  name: string,
  path: readonly string[] = [],
): { targets: string[]; groups: Group[] } {
  const group = path.includes(name) ? undefined : groups.find((one) => one.name === name);
  if (group === undefined) {
    if (path.length > 0 || targets.some((target) => target.name === name))
      return {
        targets: path.includes(name) && !targets.some((one) => one.name === name) ? [] : [name],
        groups: [],
      };
    throw missing(
      name,
      [...groups, ...targets].map((one) => one.name),
      null,
    );
  }
  const inside = group.targets.map((one) =>
    membersOf({ groups, targets, variables: [] }, one, [...path, name]),
  );
  return {
    targets: inside.flatMap((one) => one.targets),
    groups: [group, ...inside.flatMap((one) => one.groups)],
  };
}

function missing(name: string, known: readonly string[], asker: string | null): CooperError {
  const meant = nearest(name, known);
  const needs = asker === null ? "" : `, which ${asker} needs`;
  return wrong(
    `failed to find target ${name}${needs}`,
    meant !== undefined
      ? `did you mean ${meant}?`
      : known.length === 0
        ? "the files define none"
        : `there are ${known.join(", ")}`,
  );
}

function inherited(
  definition: Definition,
  name: string,
  overrides: readonly Override[],
  path: readonly string[],
  asker: string | null,
): TargetSpec {
  const target = definition.targets.find((one) => one.name === name);
  if (target === undefined)
    throw missing(
      name,
      definition.targets.map((one) => one.name),
      asker,
    );
  if (path.includes(name)) throw wrong(`the target ${name} inherits from itself`);
  const { inherits = [], ...own } = target.spec;
  let spec: TargetSpec = {};
  for (const parent of inherits)
    spec = mergeSpecs(
      spec,
      inherited(definition, sanitized(parent), overrides, [...path, name], name),
    );
  return applyOverrides(mergeSpecs(spec, own), name, overrides);
}

/** With what is taken for granted. */
function finished(spec: TargetSpec): TargetSpec {
  const contexts = Object.entries(spec.contexts ?? {}).filter(
    ([, value]) => value !== "" && value !== null,
  );
  const { contexts: _, ...rest } = spec;
  return {
    ...rest,
    context: spec.context ?? ".",
    dockerfile: spec.dockerfile ?? "Dockerfile",
    ...(contexts.length > 0 && { contexts: Object.fromEntries(contexts) }),
    ...(spec.tags !== undefined && { tags: [...new Set(spec.tags)] }),
    ...(spec.platforms !== undefined && { platforms: [...new Set(spec.platforms)] }),
  };
}

/** Targets that it begins with or copies from. */
export function linksOf({ contexts = {} }: TargetSpec): string[] {
  return Object.values(contexts).flatMap((value) => {
    const name = /^target:(.+)$/.exec(value ?? "")?.[1];
    return name === undefined ? [] : [sanitized(name)];
  });
}
