/** What targets reach for beyond the directory that bake is called in, which somebody has to allow. Pure. */
import { isAbsolute, relative, resolve } from "node:path";
import { applyOverrides, type Override } from "./override.ts";
import { csv } from "./print.ts";
import type { BakeTarget } from "./resolve.ts";
import { dockerfileOf, isRemote, localPath } from "./words.ts";

/** As it is allowed: `network.host`, `device=NAME`, `fs.read=/path`. */
export interface Entitlement {
  /** `fs.read`, `fs.write`, or what a build is allowed. */
  readonly kind: string;
  /** Absolute; null where it is about no path. */
  readonly path: string | null;
}

/** Where it is looked up what a path really is. */
export interface Places {
  readonly directory: string;
  /** Resolves links, as far as the path is there. */
  realPath(path: string): string;
}

/** What was asked for and `allowed` (values of --allow) does not have. */
export function missingEntitlements(
  targets: readonly BakeTarget[],
  allowed: readonly string[],
  places: Places,
): { readonly target: string; readonly needs: Entitlement }[] {
  const real = (path: string) => places.realPath(resolve(places.directory, path));
  const here = real(".");
  const granted = allowed.map((text) => {
    const [kind = "", path] = text.split(/=(.*)/s);
    return { kind, path: path === undefined || path === "*" ? path : real(path) };
  });
  const isGranted = ({ kind, path }: Entitlement) => {
    if (path === null)
      return allowed.includes(kind) || (kind.startsWith("device=") && allowed.includes("device"));
    return granted.some(
      (one) =>
        (one.kind === kind || one.kind === "fs") &&
        one.path !== undefined &&
        (one.path === "*" || isWithin(path, one.path)),
    );
  };
  return targets.flatMap((target) =>
    entitlementsOf(target)
      .map((needs) => (needs.path === null ? needs : { ...needs, path: real(needs.path) }))
      .filter((needs) => needs.path === null || !isWithin(needs.path, here))
      .filter((needs) => !isGranted(needs))
      .map((needs) => ({ target: target.name, needs })),
  );
}

const isWithin = (path: string, directory: string) => {
  const way = relative(directory, path);
  return way === "" || (!way.startsWith("../") && way !== ".." && !isAbsolute(way));
};

/** Paths as they are written. */
function entitlementsOf({ spec }: BakeTarget): Entitlement[] {
  const reads = (path: string | null | undefined): Entitlement[] =>
    path === null || path === undefined || isRemote(path)
      ? []
      : [{ kind: "fs.read", path: localPath(path) }];
  const writes = (path: string | undefined): Entitlement[] =>
    path === undefined || path === "-" ? [] : [{ kind: "fs.write", path }];
  const of = (text: string, ...keys: string[]) => {
    const fields = csv(text).map((field) => field.split(/=(.*)/s));
    return fields.find(([key = ""]) => keys.includes(key))?.[1];
  };
  const hasKeys = (text: string) => text.includes("=");
  const context = localPath(spec.context ?? ".");
  const asked = [
    ...(spec.entitlements ?? []),
    ...(spec.network === "host" ? ["network.host"] : []),
  ];
  return [
    ...[...new Set(asked)].map((kind) => ({ kind, path: null })),
    ...reads(spec.context),
    ...Object.values(spec.contexts ?? {}).flatMap(reads),
    ...reads(dockerfileOf(spec, context)),
    ...(spec.secret ?? []).flatMap((text) => reads(of(text, "src", "source"))),
    ...(spec.ssh ?? []).flatMap((text) =>
      (text.split(/=(.*)/s)[1] ?? "")
        .split(",")
        .filter((path) => path !== "")
        .flatMap(reads),
    ),
    ...(spec["cache-from"] ?? []).flatMap((text) => reads(of(text, "src"))),
    ...(spec["cache-to"] ?? []).flatMap((text) => writes(of(text, "dest"))),
    ...(spec.output ?? []).flatMap((text) => writes(hasKeys(text) ? of(text, "dest") : text)),
  ];
}

/** As it is typed to allow it. */
export const allowFlag = ({ kind, path }: Entitlement) =>
  path === null ? `--allow ${kind}` : `--allow ${kind}=${path}`;

/** What --set names is wanted by whoever typed it: as values of --allow. */
export function allowedBySet(overrides: readonly Override[]): string[] {
  const everywhere = overrides.map((one) => ({ ...one, pattern: "*" }));
  const spec = applyOverrides({}, "", everywhere);
  return entitlementsOf({ name: "", spec, isLinked: false }).map(({ kind, path }) =>
    path === null ? kind : `${kind}=${path}`,
  );
}
