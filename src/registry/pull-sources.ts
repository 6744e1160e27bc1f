/** Where an image is really fetched from: mirrors, rewritten prefixes, what is blocked (containers-registries.conf(5)). */
import { CooperError } from "../errors.ts";
import type { RegistriesConf, RegistryEntry } from "./registries-conf.ts";

/** The entry with the longest prefix that covers `registry/repository`, perhaps with `:tag` or `@digest`. */
export function entryFor(conf: RegistriesConf, name: string): RegistryEntry | undefined {
  return conf.entries
    .filter(({ prefix }) => covers(prefix, name))
    .sort((a, b) => b.prefix.length - a.prefix.length)[0];
}

function covers(prefix: string, name: string): boolean {
  const host = name.split("/", 1)[0] ?? "";
  if (prefix.startsWith("*.")) return host.endsWith(prefix.slice(1));
  return name === prefix || (name.startsWith(prefix) && "/:@".includes(name[prefix.length] ?? ""));
}

/** A place to fetch an image from. */
export interface PullSource {
  readonly registry: string;
  readonly repository: string;
  readonly isInsecure: boolean;
  /** What the user typed as credentials is not meant for it. */
  readonly isMirror: boolean;
}

/**
 * Where `registry/repository` is fetched from: mirrors first, then the registry itself.
 *
 * @throws CooperError registry when it is blocked
 */
export function pullSources(
  conf: RegistriesConf,
  registry: string,
  repository: string,
  isByDigest: boolean,
): PullSource[] {
  const whole = `${registry}/${repository}`;
  const entry = entryFor(conf, whole);
  if (entry === undefined) return [{ registry, repository, isInsecure: false, isMirror: false }];
  assertNotBlocked(entry, whole);
  const mirrors = entry.mirrors.filter(
    ({ pullFrom }) => pullFrom === "all" || pullFrom === (isByDigest ? "digest-only" : "tag-only"),
  );
  return [
    ...mirrors.map((mirror) => ({
      ...rewritten(entry, mirror.location, registry, repository),
      isInsecure: mirror.isInsecure,
      isMirror: true,
    })),
    itself(entry, registry, repository),
  ];
}

/** Where `registry/repository` is pushed to: never a mirror. */
export function pushTarget(conf: RegistriesConf, registry: string, repository: string): PullSource {
  const entry = entryFor(conf, `${registry}/${repository}`);
  if (entry === undefined) return { registry, repository, isInsecure: false, isMirror: false };
  assertNotBlocked(entry, `${registry}/${repository}`);
  return itself(entry, registry, repository);
}

/** Whether a registry as a whole may be spoken to plainly (log-in, search). */
export function isInsecureRegistry(conf: RegistriesConf, registry: string): boolean {
  return entryFor(conf, registry)?.isInsecure ?? false;
}

function itself(entry: RegistryEntry, registry: string, repository: string): PullSource {
  const { location, prefix, isInsecure } = entry;
  const place =
    location === null || location === prefix
      ? { registry, repository }
      : rewritten(entry, location, registry, repository);
  return { ...place, isInsecure, isMirror: false };
}

/** The location takes the prefix's place: of a wildcard, the host's; it may be a registry behind a path. */
function rewritten(
  { prefix }: RegistryEntry,
  location: string,
  registry: string,
  repository: string,
): { registry: string; repository: string } {
  const rest = prefix.startsWith("*.")
    ? `/${repository}`
    : `${registry}/${repository}`.slice(prefix.length);
  const [host = "", ...path] = `${location}${rest}`.split("/");
  // Docker Hub keeps single words under library/ (containers-registries.conf(5), "Normalization")
  const isBare = host === "docker.io" && path.length === 1;
  return { registry: host, repository: [...(isBare ? ["library"] : []), ...path].join("/") };
}

function assertNotBlocked(entry: RegistryEntry, name: string): void {
  if (entry.isBlocked)
    throw new CooperError(
      "registry",
      `registries.conf blocks ${entry.prefix}, to which ${name} belongs`,
    );
}
