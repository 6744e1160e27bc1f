/** Finding, keeping and forgetting credentials: over all files and helpers that apply. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { CooperError } from "../errors.ts";
import { isObject } from "../oci/json.ts";
import {
  type AuthDocument,
  changeAuthFile,
  deleteEntries,
  dockerKey,
  entryFor,
  helperFor,
  keysFor,
  normalizeKey,
  readAuthFile,
  setEntry,
} from "./auth-file.ts";
import {
  eraseFromHelper,
  getFromHelper,
  listOfHelper,
  storeInHelper,
} from "./credential-helper.ts";
import type { Credentials } from "./credentials.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** Where credentials may be. */
export interface CredentialPlaces {
  /** Read in order; the first is written. */
  readonly files: readonly string[];
  /** Of Docker's kind: keys are servers, never with a path. */
  readonly isDockers: boolean;
  /** registries.conf, `credential-helpers`; `containers-auth.json` stands for the files. */
  readonly helpers: readonly string[];
}

const filesThemselves = "containers-auth.json";

/** The places that hold for a user (containers-auth.json(5), docker-login(1)). */
export function credentialPlaces(
  env: Environment,
  uid: number,
  chosen: {
    readonly authFile?: string | undefined;
    readonly compatAuthFile?: string | undefined;
    readonly helpers?: readonly string[];
  } = {},
): CredentialPlaces {
  const { authFile, compatAuthFile, helpers = [filesThemselves] } = chosen;
  if (authFile !== undefined && compatAuthFile !== undefined)
    throw new CooperError(
      "invalid-argument",
      "--authfile and --compat-auth-file exclude each other",
    );
  const only = authFile ?? compatAuthFile ?? (env.REGISTRY_AUTH_FILE || undefined);
  if (only !== undefined)
    return {
      files: [only],
      isDockers: authFile === undefined && compatAuthFile !== undefined,
      helpers: [filesThemselves],
    };
  const runtime = env.XDG_RUNTIME_DIR
    ? join(env.XDG_RUNTIME_DIR, "containers/auth.json")
    : `/run/containers/${uid}/auth.json`;
  const home = env.HOME ?? "";
  const config = env.XDG_CONFIG_HOME || (home === "" ? "" : join(home, ".config"));
  const docker = env.DOCKER_CONFIG || (home === "" ? "" : join(home, ".docker"));
  return {
    files: [
      runtime,
      ...(config === "" ? [] : [join(config, "containers/auth.json")]),
      ...(docker === "" ? [] : [join(docker, "config.json")]),
    ],
    isDockers: false,
    helpers,
  };
}

/** The credentials for a registry, or for one repository of it; undefined when there are none. */
export async function findCredentials(
  places: CredentialPlaces,
  registry: string,
  repository = "",
): Promise<Credentials | undefined> {
  const keys = keysFor(registry, repository);
  for (const helper of places.helpers) {
    const found =
      helper === filesThemselves
        ? await findInFiles(places.files, keys)
        : await getFromHelper(helper, registry);
    if (found !== undefined) return found;
  }
  return undefined;
}

async function findInFiles(
  files: readonly string[],
  keys: readonly string[],
): Promise<Credentials | undefined> {
  for (const file of files) {
    const document = readAuthFile(file);
    if (document === undefined) continue;
    const found = entryFor(document, keys) ?? (await askHelper(document, keys));
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Docker's tools keep Docker Hub under its old address, Podman's under its name. */
async function askHelper(
  document: AuthDocument,
  keys: readonly string[],
): Promise<Credentials | undefined> {
  const helper = helperFor(document, keys);
  if (helper === undefined) return undefined;
  const registry = keys.at(-1) ?? "";
  for (const server of new Set([...keys, dockerKey(registry)])) {
    const found = await getFromHelper(helper, server);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Keeps credentials: with the helper that is configured for them, else in the file. Returns where. */
export async function storeCredentials(
  places: CredentialPlaces,
  key: string,
  credentials: Credentials,
): Promise<string> {
  const outer = places.helpers.find((helper) => helper !== filesThemselves);
  if (outer !== undefined && places.helpers[0] === outer) {
    await storeInHelper(outer, key, credentials);
    return `docker-credential-${outer}`;
  }
  const file = firstFile(places);
  const registry = key.split("/", 1)[0] ?? key;
  const name = places.isDockers ? dockerKey(registry) : key;
  const helper = helperFor(readAuthFile(file) ?? {}, [key, registry]);
  if (helper === undefined) {
    await changeAuthFile(file, (document) => setEntry(document, name, credentials));
    return file;
  }
  await storeInHelper(helper, name, credentials);
  // an empty entry tells that the helper has one, as Docker writes it; a secret that stood there goes
  await changeAuthFile(file, (document) => {
    const auths = isObject(document.auths) ? document.auths : {};
    document.auths = { ...auths, [name]: {} };
  });
  return `docker-credential-${helper}`;
}

/** What became of a log-out. */
export type Erased = "erased" | "kept-elsewhere" | "unknown";

/** Forgets the credentials of one key; those in files that are not ours to write are reported. */
export async function eraseCredentials(places: CredentialPlaces, key: string): Promise<Erased> {
  let erased = false;
  for (const helper of places.helpers) {
    if (helper !== filesThemselves) erased = (await eraseFromHelper(helper, key)) || erased;
  }
  const [file = "", ...others] = places.files;
  const registry = key.split("/", 1)[0] ?? key;
  const document = readAuthFile(file);
  if (document !== undefined) {
    const helper = helperFor(document, [key, registry]);
    for (const server of helper === undefined ? [] : new Set([key, dockerKey(key)]))
      erased = (await eraseFromHelper(helper ?? "", server)) || erased;
    if (hasEntry(document, key)) {
      await changeAuthFile(file, (current) => void deleteEntries(current, key));
      erased = true;
    }
  }
  if (erased) return "erased";
  return (await findInFiles(others, [key])) === undefined ? "unknown" : "kept-elsewhere";
}

/** Forgets all; the helpers that a file names are asked to forget what they list. */
export async function eraseAllCredentials(places: CredentialPlaces): Promise<void> {
  const file = firstFile(places);
  const document = existsSync(file) ? (readAuthFile(file) ?? {}) : {};
  const { credHelpers, credsStore } = document;
  const perServer = isObject(credHelpers) ? Object.entries(credHelpers) : [];
  for (const [server, helper] of perServer)
    if (typeof helper === "string") await eraseFromHelper(helper, server);
  const whole = [
    ...(typeof credsStore === "string" && credsStore !== "" ? [credsStore] : []),
    ...places.helpers.filter((helper) => helper !== filesThemselves),
  ];
  for (const helper of whole)
    for (const server of (await listOfHelper(helper)).keys()) await eraseFromHelper(helper, server);
  if (existsSync(file))
    await changeAuthFile(file, (current) => {
      current.auths = {};
    });
}

function hasEntry(document: AuthDocument, key: string): boolean {
  const auths = isObject(document.auths) ? Object.keys(document.auths) : [];
  return auths.some((name) => name === key || (!key.includes("/") && normalizeKey(name) === key));
}

const firstFile = (places: CredentialPlaces): string => places.files[0] ?? "";
