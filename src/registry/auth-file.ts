/** Files of credentials: Podman's auth.json (containers-auth.json(5)) and Docker's config.json, of one format. */
import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { CooperError, errnoName } from "../errors.ts";
import { isObject } from "../oci/json.ts";
import { lockDirectory } from "../system/lock.ts";
import type { Credentials } from "./credentials.ts";

const maxFileBytes = 4 << 20;

/** A file's JSON: what we do not know of is kept as it is. */
export type AuthDocument = Record<string, unknown>;

/** Reads a file; undefined when there is none. */
export function readAuthFile(path: string): AuthDocument | undefined {
  let text: string;
  try {
    const descriptor = openSync(
      path,
      constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY,
    );
    try {
      const { size } = fstatSync(descriptor);
      if (!fstatSync(descriptor).isFile())
        throw new CooperError("invalid-argument", `${path} is no regular file`);
      if (size > maxFileBytes)
        throw new CooperError("invalid-argument", `${path} is larger than 4 MiB`);
      text = readFileSync(descriptor, "utf8");
    } finally {
      closeSync(descriptor);
    }
  } catch (cause) {
    if (["ENOENT", "ENOTDIR"].includes(errnoName(cause) ?? "")) return undefined;
    if (errnoName(cause) === "EACCES")
      throw new CooperError("permission-denied", `permission denied: ${path}`, { cause });
    throw cause;
  }
  if (text.trim() === "") return {};
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // a parser's complaint quotes what it read, and that may be a secret
    throw new CooperError("invalid-argument", `${path} is not valid JSON`);
  }
  if (!isObject(value)) throw new CooperError("invalid-argument", `${path} is no JSON object`);
  return { ...value };
}

/**
 * Changes a file: read, changed and put in place under a lock, with mode 0600. A symlink (people keep
 * their configuration elsewhere) is followed only to a file of one's own.
 */
export async function changeAuthFile(
  path: string,
  change: (document: AuthDocument) => void,
): Promise<void> {
  const target = ownTarget(path);
  mkdirSync(dirname(target), { recursive: true, mode: 0o700 });
  using _lock = await lockDirectory(dirname(target));
  const document = readAuthFile(target) ?? {};
  change(document);
  const draft = join(dirname(target), `.${basename(target)}.${process.pid}.${Date.now()}`);
  const descriptor = openSync(draft, "wx", 0o600);
  try {
    const bytes = Buffer.from(`${JSON.stringify(document, null, "\t")}\n`);
    for (let at = 0; at < bytes.length; ) at += writeSync(descriptor, bytes, at);
    fsyncSync(descriptor);
    renameSync(draft, target);
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  } finally {
    closeSync(descriptor);
  }
}

function ownTarget(path: string): string {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return path;
  if (stat.isSymbolicLink()) {
    let target: string;
    try {
      target = realpathSync(path);
    } catch (cause) {
      throw new CooperError("invalid-argument", `${path} is a link that leads nowhere`, { cause });
    }
    const at = lstatSync(target);
    if (at.uid !== process.getuid?.() || !at.isFile())
      throw new CooperError(
        "permission-denied",
        `${path} is a link to ${target}, which is no file of yours: credentials are not written there`,
      );
    return target;
  }
  if (!stat.isFile()) throw new CooperError("invalid-argument", `${path} is no regular file`);
  if (stat.uid !== process.getuid?.())
    throw new CooperError(
      "permission-denied",
      `${path} belongs to another user: credentials are not written there`,
    );
  return path;
}

/** The names under which a registry's credentials may stand, the most specific first. */
export function keysFor(registry: string, repository: string): string[] {
  const parts = repository === "" ? [] : repository.split("/");
  const keys = parts.map((_, index) =>
    [registry, ...parts.slice(0, parts.length - index)].join("/"),
  );
  return [...keys, registry];
}

/** Docker's keys were once addresses: `https://index.docker.io/v1/` means `docker.io`. */
export function normalizeKey(key: string): string {
  const bare = key.replace(/^https?:\/\//, "").replace(/\/+$/, "");
  const host = bare.replace(/\/v[12](?:\/.*)?$/, "");
  return ["index.docker.io", "registry-1.docker.io"].includes(host) ? "docker.io" : host;
}

/** What Docker calls a server. */
export const dockerKey = (registry: string): string =>
  registry === "docker.io" ? "https://index.docker.io/v1/" : registry;

/** The helper that keeps a key's secrets: of the key itself, or of the whole file. */
export function helperFor(document: AuthDocument, keys: readonly string[]): string | undefined {
  const { credHelpers, credsStore } = document;
  if (isObject(credHelpers)) {
    for (const key of keys) {
      const found =
        credHelpers[key] ??
        Object.entries(credHelpers).find(([name]) => normalizeKey(name) === key)?.[1];
      if (typeof found === "string" && found !== "") return found;
    }
  }
  return typeof credsStore === "string" && credsStore !== "" ? credsStore : undefined;
}

/** The entry of a file for the first of the keys that has one with secrets in it. */
export function entryFor(document: AuthDocument, keys: readonly string[]): Credentials | undefined {
  const auths = isObject(document.auths) ? document.auths : {};
  for (const key of keys) {
    const found = decodeEntry(auths[key]);
    if (found !== undefined) return found;
    if (key.includes("/")) continue;
    for (const [name, entry] of Object.entries(auths)) {
      const other = normalizeKey(name) === key ? decodeEntry(entry) : undefined;
      if (other !== undefined) return other;
    }
  }
  return undefined;
}

function decodeEntry(entry: unknown): Credentials | undefined {
  if (!isObject(entry)) return undefined;
  const text = (value: unknown) => (typeof value === "string" ? value : "");
  const decoded = Buffer.from(text(entry.auth), "base64").toString().replace(/\0+$/, "");
  const colon = decoded.indexOf(":");
  const username = colon >= 0 ? decoded.slice(0, colon) : text(entry.username);
  const password = colon >= 0 ? decoded.slice(colon + 1) : text(entry.password);
  const [identityToken, registryToken] = [text(entry.identitytoken), text(entry.registrytoken)];
  if (username === "" && password === "" && identityToken === "" && registryToken === "")
    return undefined;
  return {
    username,
    password,
    ...(identityToken !== "" && { identityToken }),
    ...(registryToken !== "" && { registryToken }),
  };
}

/** Puts an entry into a document. */
export function setEntry(document: AuthDocument, key: string, credentials: Credentials): void {
  const auths = isObject(document.auths) ? document.auths : {};
  const { username, password, identityToken } = credentials;
  const auth = Buffer.from(`${username}:${identityToken === undefined ? password : ""}`);
  document.auths = {
    ...auths,
    [key]: {
      auth: auth.toString("base64"),
      ...(identityToken !== undefined && { identitytoken: identityToken }),
    },
  };
}

/** Takes entries out of a document, by key or by what older spellings of it mean; the keys that were there. */
export function deleteEntries(document: AuthDocument, key: string): string[] {
  const auths = isObject(document.auths) ? document.auths : {};
  const gone = Object.keys(auths).filter(
    (name) => name === key || (!key.includes("/") && normalizeKey(name) === key),
  );
  document.auths = Object.fromEntries(
    Object.entries(auths).filter(([name]) => !gone.includes(name)),
  );
  return gone;
}
