/** registries.conf(5): what short names mean, and where registries really are. The same files as Podman reads. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { CooperError, errnoName, messageOf } from "../errors.ts";
import { isObject } from "../oci/json.ts";

/** Where images of a registry, or of one part of it, are fetched from. */
export interface RegistryEntry {
  /** `quay.io`, `quay.io/team`, `*.example.com`. */
  readonly prefix: string;
  /** What takes the prefix's place; null: itself. */
  readonly location: string | null;
  readonly isInsecure: boolean;
  readonly isBlocked: boolean;
  /** Asked first, in order. */
  readonly mirrors: readonly {
    readonly location: string;
    readonly isInsecure: boolean;
    readonly byDigestOnly: boolean;
  }[];
}

export interface RegistriesConf {
  /** Asked in order for short names. */
  readonly searchRegistries: readonly string[];
  /** Short name → full name without tag. */
  readonly aliases: ReadonlyMap<string, string>;
  readonly entries: readonly RegistryEntry[];
}

type Draft = {
  searchRegistries: string[] | null;
  aliases: Map<string, string>;
  entries: Map<string, RegistryEntry>;
};

/** Reads the files that exist. As an ordinary user one's own file stands for the system's. */
export function loadRegistriesConf(
  env: Readonly<Record<string, string | undefined>>,
  isRootless: boolean,
  systemRoot = "/",
): RegistriesConf {
  const draft: Draft = { searchRegistries: null, aliases: new Map(), entries: new Map() };
  for (const file of filesOf(env, isRootless, systemRoot)) {
    const text = read(file);
    if (text !== undefined) merge(draft, text, file);
  }
  return {
    // without any configuration a short name means Docker Hub, as for Docker
    searchRegistries: draft.searchRegistries ?? ["docker.io"],
    aliases: draft.aliases,
    entries: [...draft.entries.values()],
  };
}

function filesOf(
  env: Readonly<Record<string, string | undefined>>,
  isRootless: boolean,
  systemRoot: string,
): string[] {
  if (env.CONTAINERS_REGISTRIES_CONF) return [env.CONTAINERS_REGISTRIES_CONF];
  const system = join(systemRoot, "etc/containers/registries.conf");
  const home = env.XDG_CONFIG_HOME || (env.HOME ? join(env.HOME, ".config") : "");
  const own = isRootless && home !== "" ? join(home, "containers/registries.conf") : "";
  const main = own !== "" && read(own) !== undefined ? own : system;
  return [main, ...dropIns(`${system}.d`), ...(own === "" ? [] : dropIns(`${own}.d`))];
}

function dropIns(directory: string): string[] {
  try {
    return readdirSync(directory)
      .filter((name) => name.endsWith(".conf"))
      .sort()
      .map((name) => join(directory, name));
  } catch (error) {
    if (["ENOENT", "ENOTDIR", "EACCES"].includes(errnoName(error) ?? "")) return [];
    throw error;
  }
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if (["ENOENT", "ENOTDIR", "EACCES"].includes(errnoName(error) ?? "")) return undefined;
    throw error;
  }
}

function merge(draft: Draft, text: string, file: string): void {
  let value: unknown;
  try {
    value = Bun.TOML.parse(text);
  } catch (cause) {
    throw new CooperError("invalid-argument", `${file} is not valid TOML: ${messageOf(cause)}`, {
      cause,
    });
  }
  if (!isObject(value)) return;
  const search = value["unqualified-search-registries"];
  if (Array.isArray(search))
    draft.searchRegistries = search.filter((name) => typeof name === "string");
  if (isObject(value.aliases)) {
    for (const [name, target] of Object.entries(value.aliases)) {
      if (typeof target === "string" && target !== "") draft.aliases.set(name, target);
    }
  }
  for (const entry of Array.isArray(value.registry) ? value.registry : []) {
    const decoded = decodeEntry(entry, file);
    draft.entries.set(decoded.prefix, decoded);
  }
}

function decodeEntry(entry: unknown, file: string): RegistryEntry {
  if (!isObject(entry))
    throw new CooperError("invalid-argument", `${file}: a [[registry]] is no table`);
  const location = text(entry.location);
  const prefix = text(entry.prefix) ?? location;
  if (prefix === null)
    throw new CooperError(
      "invalid-argument",
      `${file}: a [[registry]] has neither prefix nor location`,
    );
  const mirrors = Array.isArray(entry.mirror) ? entry.mirror.filter(isObject) : [];
  return {
    prefix,
    location,
    isInsecure: entry.insecure === true,
    isBlocked: entry.blocked === true,
    mirrors: mirrors.flatMap((mirror) => {
      const at = text(mirror.location);
      const byDigestOnly =
        mirror["pull-from-mirror"] === "digest-only" || entry["mirror-by-digest-only"] === true;
      return at === null
        ? []
        : [{ location: at, isInsecure: mirror.insecure === true, byDigestOnly }];
    }),
  };
}

const text = (value: unknown): string | null =>
  typeof value === "string" && value !== "" ? value : null;

/** The entry with the longest prefix that covers `registry/repository`. */
export function entryFor(conf: RegistriesConf, repository: string): RegistryEntry | undefined {
  return conf.entries
    .filter(({ prefix }) => covers(prefix, repository))
    .sort((a, b) => b.prefix.length - a.prefix.length)[0];
}

function covers(prefix: string, repository: string): boolean {
  if (prefix.startsWith("*.")) return (repository.split("/", 1)[0] ?? "").endsWith(prefix.slice(1));
  return repository === prefix || repository.startsWith(`${prefix}/`);
}

/** A place to fetch an image from. */
export interface PullSource {
  readonly registry: string;
  readonly repository: string;
  readonly isInsecure: boolean;
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
  if (entry === undefined) return [{ registry, repository, isInsecure: false }];
  if (entry.isBlocked)
    throw new CooperError(
      "registry",
      `registries.conf blocks ${entry.prefix}, to which ${whole} belongs`,
    );
  const rewritten = (location: string, isInsecure: boolean): PullSource => {
    const rest = entry.prefix.startsWith("*.")
      ? `/${repository}`
      : whole.slice(entry.prefix.length);
    const [host = "", ...path] = `${location}${rest}`.split("/");
    return { registry: host, repository: path.join("/"), isInsecure };
  };
  const mirrors = entry.mirrors.filter((mirror) => isByDigest || !mirror.byDigestOnly);
  return [
    ...mirrors.map((mirror) => rewritten(mirror.location, mirror.isInsecure)),
    entry.location === null || entry.location === entry.prefix
      ? { registry, repository, isInsecure: entry.isInsecure }
      : rewritten(entry.location, entry.isInsecure),
  ];
}
