/** What targets reach for beyond the directory that bake is called in, which somebody has to allow. Pure. */
import { dirname, isAbsolute, join, relative, resolve } from "node:path";
import { isGitAddress, parseGitAddress } from "../build/source/git-address.ts";
import { decodePercent } from "../build/source/url-text.ts";
import { CooperError } from "../errors.ts";
import { applyOverrides, type Override } from "./override.ts";
import { csv } from "./print.ts";
import type { BakeTarget } from "./resolve.ts";
import { dockerfileOf, localPath } from "./words.ts";

/** As it is allowed: `network.host`, `device=NAME`, `fs.read=/path`. */
export interface Entitlement {
  /** `fs.read`, `fs.write`, `ssh`, or what a build is allowed. */
  readonly kind: string;
  /** Absolute; null where it is about no path. */
  readonly path: string | null;
}

/** Where it is looked up what a path really is. */
export interface Places {
  /** Absolute, and without links in it. */
  readonly directory: string;
  /** Where a symbolic link leads; null: there is none at that path. */
  readLink(path: string): string | null;
}

const maxLinks = 40;

/** What a path is for the kernel: `..` behind a link is beside what the link leads to. Links may lead to what is not there yet. */
function follow({ directory, readLink }: Places, path: string): string {
  let at = path.startsWith("/") ? "/" : directory;
  const left = path.split("/").reverse();
  for (let links = 0; left.length > 0; ) {
    const part = left.pop();
    if (part === undefined || part === "" || part === ".") continue;
    if (part === "..") {
      at = dirname(at);
      continue;
    }
    const next = join(at, part);
    const target = readLink(next);
    if (target === null) at = next;
    else {
      if (++links > maxLinks)
        throw new CooperError("invalid-argument", `the links of ${path} lead in circles`);
      if (target.startsWith("/")) at = "/";
      left.push(...target.split("/").reverse());
    }
  }
  return at;
}

/** What was asked for and `allowed` (values of --allow) does not have. */
export function missingEntitlements(
  targets: readonly BakeTarget[],
  allowed: readonly string[],
  places: Places,
): { readonly target: string; readonly needs: Entitlement }[] {
  const { directory } = places;
  // who opens a path may take its `..` away first
  const real = (path: string) => [
    ...new Set([follow(places, path), follow(places, resolve(directory, path))]),
  ];
  const granted = allowed.flatMap((text) => {
    const [kind = "", path] = text.split(/=(.*)/s);
    const paths = path === undefined || path === "*" ? [path] : real(path);
    return paths.map((one) => ({ kind, path: one }));
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
      .flatMap((needs): Entitlement[] =>
        needs.path === null ? [needs] : real(needs.path).map((path) => ({ ...needs, path })),
      )
      .filter((needs) => needs.path === null || !isWithin(needs.path, directory))
      .filter((needs) => !isGranted(needs))
      .map((needs) => ({ target: target.name, needs })),
  );
}

const isWithin = (path: string, directory: string) => {
  const way = relative(directory, path);
  return way === "" || (!way.startsWith("../") && way !== ".." && !isAbsolute(way));
};

/** Paths as they are written, read as `cooper build` reads these words: what is not known for an address is a path. */
function entitlementsOf({ spec }: BakeTarget): Entitlement[] {
  const reads = (path: string | null | undefined): Entitlement[] =>
    path === null || path === undefined ? [] : [{ kind: "fs.read", path }];
  const writes = (path: string | undefined): Entitlement[] =>
    path === undefined || path === "-" ? [] : [{ kind: "fs.write", path }];
  const context = localPath(spec.context ?? ".");
  const asked = [
    ...(spec.entitlements ?? []),
    ...(spec.network === "host" ? ["network.host"] : []),
    ...((spec.ssh ?? []).some((text) => !text.includes("=")) ? ["ssh"] : []),
  ];
  return [
    ...[...new Set(asked)].map((kind) => ({ kind, path: null })),
    ...reads(spec.context === undefined ? null : pathOfContext(spec.context)),
    ...Object.values(spec.contexts ?? {}).flatMap((text) => reads(text && pathOfNamed(text))),
    ...reads(pathOfDockerfile(dockerfileOf(spec, context))),
    ...(spec.secret ?? []).flatMap((text) => reads(pathOfSecret(text))),
    ...(spec.ssh ?? []).flatMap((text) => {
      const paths = (text.split(/=(.*)/s)[1] ?? "").split(",");
      return paths.filter((path) => path !== "").flatMap(reads);
    }),
    ...(spec["cache-from"] ?? []).flatMap((text) => reads(fields(csv(text)).src)),
    ...(spec["cache-to"] ?? []).flatMap((text) => writes(fields(csv(text)).dest)),
    ...(spec.output ?? []).flatMap((text) => writes(pathOfOutput(text))),
  ];
}

/** The last of several with one key counts. */
const fields = (texts: readonly string[]): Readonly<Record<string, string>> =>
  Object.fromEntries(
    texts.map((text) => text.split(/=(.*)/s)).map(([key, value = ""]) => [key, value]),
  );

/** null: it is elsewhere. */
function pathOfContext(text: string): string | null {
  return /^github\.com\//i.test(text) ? null : pathOfAddress(localPath(text));
}

function pathOfAddress(text: string): string | null {
  if (isGitAddress(text)) {
    const { remote } = parseGitAddress(text);
    return remote.protocol === "file" ? decodePercent(new URL(remote.url).pathname) : null;
  }
  return /^https?:\/\//i.test(text) ? null : text;
}

function pathOfNamed(text: string): string | null {
  if (/^(?:(?:docker|container)-image:\/\/|target:)./.test(text)) return null;
  const layout = /^oci-layout:\/\/(.+)$/.exec(text)?.[1];
  if (layout === undefined) return pathOfAddress(localPath(text));
  return layout.replace(/[:@][^/]*$/, "");
}

const pathOfDockerfile = (text: string | undefined) =>
  text === undefined || text === "-" || /^https?:\/\//i.test(text) ? null : text;

/** Without more words its id is the name of a variable, or of a file. */
function pathOfSecret(text: string): string | null {
  const { id, src, source = src, env } = fields(text.split(","));
  return env === undefined ? (source ?? id ?? null) : null;
}

const pathOfOutput = (text: string) =>
  text === "-" || /^"?[a-z-]+=/.test(text) ? fields(csv(text)).dest : text;

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
