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
    /** For which names it is asked. */
    readonly pullFrom: "all" | "digest-only" | "tag-only";
  }[];
}

export interface RegistriesConf {
  /** Asked in order for short names. */
  readonly searchRegistries: readonly string[];
  /** Short name → full name without tag. */
  readonly aliases: ReadonlyMap<string, string>;
  readonly entries: readonly RegistryEntry[];
  /** What happens to a short name without alias that several registries may have. */
  readonly shortNameMode: "enforcing" | "permissive" | "disabled";
  /** Where credentials are looked for, in order; `containers-auth.json` stands for the files. */
  readonly credentialHelpers: readonly string[];
}

type Draft = {
  searchRegistries: string[] | null;
  aliases: Map<string, string>;
  entries: Map<string, RegistryEntry>;
  shortNameMode: RegistriesConf["shortNameMode"];
  credentialHelpers: string[];
};

/** Reads the files that exist. As an ordinary user one's own file stands for the system's. */
export function loadRegistriesConf(
  env: Readonly<Record<string, string | undefined>>,
  isRootless: boolean,
  systemRoot = "/",
): RegistriesConf {
  const draft: Draft = {
    searchRegistries: null,
    aliases: new Map(),
    entries: new Map(),
    shortNameMode: "permissive",
    credentialHelpers: ["containers-auth.json"],
  };
  for (const file of filesOf(env, isRootless, systemRoot)) {
    const text = read(file);
    if (text !== undefined) merge(draft, text, file);
  }
  // what was answered to the question which registry is meant counts more than any file
  const remembered = rememberedAliasesFile(env, isRootless, systemRoot);
  const text = remembered === undefined ? undefined : read(remembered);
  if (remembered !== undefined && text !== undefined) mergeAliases(draft, parse(text, remembered));
  return {
    // without any configuration a short name means Docker Hub, as for Docker
    searchRegistries: draft.searchRegistries ?? ["docker.io"],
    aliases: draft.aliases,
    entries: [...draft.entries.values()],
    shortNameMode: draft.shortNameMode,
    credentialHelpers: draft.credentialHelpers,
  };
}

/** Where aliases that were chosen at a prompt are kept; undefined where the user has no home. */
export function rememberedAliasesFile(
  env: Readonly<Record<string, string | undefined>>,
  isRootless: boolean,
  systemRoot = "/",
): string | undefined {
  if (!isRootless) return join(systemRoot, "var/cache/containers/short-name-aliases.conf");
  const cache = env.XDG_CACHE_HOME || (env.HOME ? join(env.HOME, ".cache") : "");
  return cache === "" ? undefined : join(cache, "containers/short-name-aliases.conf");
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

function parse(text: string, file: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = Bun.TOML.parse(text);
    return isObject(value) ? value : {};
  } catch (cause) {
    throw invalid(file, `not valid TOML: ${messageOf(cause)}`, cause);
  }
}

function merge(draft: Draft, text: string, file: string): void {
  const value = parse(text, file);
  const search = value["unqualified-search-registries"];
  if (Array.isArray(search))
    draft.searchRegistries = search.filter((name) => typeof name === "string");
  const helpers = value["credential-helpers"];
  if (Array.isArray(helpers))
    draft.credentialHelpers = helpers.filter((name) => typeof name === "string");
  const mode = value["short-name-mode"];
  if (mode === "enforcing" || mode === "permissive" || mode === "disabled")
    draft.shortNameMode = mode;
  else if (mode !== undefined && mode !== "")
    throw invalid(file, `unknown short-name-mode ${JSON.stringify(mode)}`);
  mergeAliases(draft, value);
  if (isObject(value.registries))
    throw invalid(file, "in the old format (version 1), which no current tool reads");
  for (const entry of Array.isArray(value.registry) ? value.registry : []) {
    const decoded = decodeEntry(entry, file);
    draft.entries.set(decoded.prefix, decoded);
  }
}

/** An empty target takes an alias of an earlier file away. */
function mergeAliases(draft: Draft, value: Readonly<Record<string, unknown>>): void {
  if (!isObject(value.aliases)) return;
  for (const [name, target] of Object.entries(value.aliases)) {
    if (target === "") draft.aliases.delete(name);
    else if (typeof target === "string") draft.aliases.set(name, target);
  }
}

function invalid(file: string, why: string, cause?: unknown): CooperError {
  return new CooperError("invalid-argument", `${file}: ${why}`, { cause });
}

function decodeEntry(entry: unknown, file: string): RegistryEntry {
  if (!isObject(entry)) throw invalid(file, "a [[registry]] is no table");
  const location = place(entry.location, file);
  const prefix = text(entry.prefix) ?? location;
  if (prefix === null) throw invalid(file, "a [[registry]] has neither prefix nor location");
  if (prefix.includes("*") && !/^\*\.[^*/]+$/.test(prefix))
    throw invalid(file, `the prefix "${prefix}" may have its * only in front, as in *.example.com`);
  const mirrors = Array.isArray(entry.mirror) ? entry.mirror.filter(isObject) : [];
  return {
    prefix,
    location,
    isInsecure: entry.insecure === true,
    isBlocked: entry.blocked === true,
    mirrors: mirrors.flatMap((mirror) => {
      const at = place(mirror.location, file);
      const pullFrom = pullFromOf(mirror, entry, file);
      return at === null ? [] : [{ location: at, isInsecure: mirror.insecure === true, pullFrom }];
    }),
  };
}

function pullFromOf(
  mirror: Readonly<Record<string, unknown>>,
  entry: Readonly<Record<string, unknown>>,
  file: string,
): RegistryEntry["mirrors"][number]["pullFrom"] {
  const said = mirror["pull-from-mirror"] || undefined;
  const isPinned = entry["mirror-by-digest-only"] === true;
  if (said === undefined) return isPinned ? "digest-only" : "all";
  if (isPinned)
    throw invalid(file, "mirror-by-digest-only and pull-from-mirror exclude each other");
  if (said === "all" || said === "digest-only" || said === "tag-only") return said;
  throw invalid(file, `unknown pull-from-mirror ${JSON.stringify(said)}`);
}

/** A host, perhaps with a path behind. */
function place(value: unknown, file: string): string | null {
  const found = text(value)?.replace(/\/+$/, "") ?? null;
  if (found !== null && (found.includes("://") || /[\s@?#]/.test(found)))
    throw invalid(file, `the location "${found}" is no host with a path behind`);
  return found;
}

const text = (value: unknown): string | null =>
  typeof value === "string" && value !== "" ? value : null;
