/** `bake --print` and `--list`: what would be done, as buildx shows it. Pure. */
import type { BakePlan } from "./resolve.ts";
import { type Definition, type TargetSpec, targetFields } from "./target.ts";

/** JSON, with a newline at its end. */
export function printPlan({ groups, targets }: BakePlan): string {
  const byName = <T extends { readonly name: string }>(all: readonly T[]) =>
    all.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const plan = {
    ...(groups.length > 0 && {
      group: Object.fromEntries(
        byName(groups).map(({ name, targets: members }) => [name, { targets: members }]),
      ),
    }),
    target: Object.fromEntries(byName(targets).map(({ name, spec }) => [name, shown(spec)])),
  };
  return `${JSON.stringify(plan, null, 2)}\n`;
}

function shown(spec: TargetSpec): Record<string, unknown> {
  const fields: Record<string, unknown> = {};
  for (const [name, { kind }] of Object.entries(targetFields)) {
    const value = spec[name as keyof TargetSpec];
    if (value === undefined || name === "inherits") continue;
    if (kind === "map") {
      const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
      if (entries.length > 0) fields[name] = Object.fromEntries(entries);
    } else if (kind === "specs") {
      const all = (value as readonly string[]).map((text) => specObject(name, text));
      if (all.length > 0) fields[name] = all;
    } else if (!Array.isArray(value) || value.length > 0) fields[name] = value;
  }
  return fields;
}

/** What a text without keys stands for. */
const bareKeys: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "cache-from": { type: "registry", ref: "" },
  "cache-to": { type: "registry", ref: "" },
  output: { type: "local", dest: "" },
};

/** `type=local,dest=out` as an object, keys in order. */
function specObject(field: string, text: string): Record<string, string> {
  if (field === "ssh") {
    const [id = "", paths] = text.split("=");
    return paths === undefined ? { id } : { id, paths };
  }
  const pairs = csv(text).map((part) => {
    const equals = part.indexOf("=");
    return equals < 0 ? [part, ""] : [part.slice(0, equals), part.slice(equals + 1)];
  });
  const isBare = pairs.length === 1 && pairs[0]?.[1] === "";
  if (isBare && Object.hasOwn(bareKeys, field))
    return Object.fromEntries(
      Object.entries(bareKeys[field] ?? {}).map(([key, value]) => [key, value || text]),
    );
  return Object.fromEntries(pairs.sort(([a = ""], [b = ""]) => (a < b ? -1 : 1)));
}

/** Fields of a line of CSV (RFC 4180). */
export function csv(text: string): string[] {
  return [...text.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)].map(
    ([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain ?? "",
  );
}

/** What can be asked for, as rows. */
export function listTargets({ groups, targets }: Definition) {
  const members = new Map(groups.map(({ name, targets: all }) => [name, all.join(", ")]));
  return [
    ...groups.map(({ name, description }) => ({
      Name: name,
      Description: description ?? members.get(name) ?? "",
      IsGroup: true,
    })),
    ...targets
      .filter(({ name }) => !members.has(name))
      .map(({ name, spec }) => ({
        Name: name,
        Description: spec.description ?? "",
        IsGroup: false,
      })),
  ].sort((a, b) => (a.Name < b.Name ? -1 : 1));
}
