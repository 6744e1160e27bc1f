/**
 * Docker's contexts: `~/.docker/contexts/meta/HASH/meta.json` (cli/context/store), certificates beside them under
 * `tls/HASH/docker/`, and the name of the current one in `config.json`. HASH is the sha256 of the name.
 */
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { CooperError, errnoName } from "../errors.ts";
import { isObject } from "../oci/json.ts";
import { changeAuthFile, readAuthFile } from "../registry/auth-file.ts";
import { parseTarget, type Target, type TlsFiles } from "./target.ts";

/** What is kept of one. */
export interface Context {
  readonly name: string;
  readonly description: string;
  readonly host: string;
  readonly skipsVerification: boolean;
  /** Which of `ca.pem`, `cert.pem` and `key.pem` there are. */
  readonly tlsFiles: readonly string[];
  /** Whatever else Docker or its plugins keep there. */
  readonly more: Readonly<Record<string, unknown>>;
}

/** The directory of Docker's client, also for ours. */
export type ContextPlace = { readonly directory: string };

/** docker(1): `DOCKER_CONFIG`, or `~/.docker`. */
export function contextPlace(
  env: Readonly<Record<string, string | undefined>>,
  configDirectory: string | null,
): ContextPlace {
  return { directory: configDirectory ?? (env.DOCKER_CONFIG || join(env.HOME ?? "/", ".docker")) };
}

const hashOf = (name: string) => createHash("sha256").update(name).digest("hex");
const metaFile = ({ directory }: ContextPlace, name: string) =>
  join(directory, "contexts", "meta", hashOf(name), "meta.json");
const tlsDirectory = ({ directory }: ContextPlace, name: string) =>
  join(directory, "contexts", "tls", hashOf(name));
const configFile = ({ directory }: ContextPlace) => join(directory, "config.json");

export const tlsNames = ["ca.pem", "cert.pem", "key.pem"] as const;

/** docker's rule for names. @throws CooperError */
export function checkContextName(name: string): void {
  if (name === "default")
    throw new CooperError("name-in-use", 'the name "default" is for the engine of this machine');
  if (!/^[a-zA-Z0-9][a-zA-Z0-9_.+-]+$/.test(name))
    throw new CooperError(
      "invalid-argument",
      `invalid context name "${name}": letters, digits and _.+-, at least two, and first a letter or digit`,
    );
}

/** What a meta.json says. Pure. */
export function contextOf(
  document: Readonly<Record<string, unknown>>,
  tlsFiles: readonly string[],
): Context {
  const metadata = isObject(document.Metadata) ? document.Metadata : {};
  const endpoints = isObject(document.Endpoints) ? document.Endpoints : {};
  const docker = isObject(endpoints.docker) ? endpoints.docker : {};
  return {
    name: String(document.Name ?? ""),
    description: String(metadata.Description ?? ""),
    host: String(docker.Host ?? ""),
    skipsVerification: docker.SkipTLSVerify === true,
    tlsFiles,
    more: document,
  };
}

/** The meta.json of one, with what others keep there. Pure. */
export function contextDocument(context: Context): Record<string, unknown> {
  const { Metadata, Endpoints, ...rest } = context.more;
  const others = isObject(Endpoints) ? Endpoints : {};
  return {
    ...rest,
    Name: context.name,
    Metadata: {
      ...(isObject(Metadata) ? Metadata : {}),
      ...(context.description !== "" && { Description: context.description }),
    },
    Endpoints: {
      ...others,
      docker: { Host: context.host, SkipTLSVerify: context.skipsVerification },
    },
  };
}

/** Undefined where there is none of that name. */
export function findContext(place: ContextPlace, name: string): Context | undefined {
  const document = readAuthFile(metaFile(place, name));
  if (document === undefined) return undefined;
  return contextOf(document, listOr(join(tlsDirectory(place, name), "docker")));
}

/** @throws CooperError no-such-object */
export function needContext(place: ContextPlace, name: string): Context {
  const found = findContext(place, name);
  if (found !== undefined) return found;
  throw new CooperError("no-such-object", `context "${name}" does not exist`, {
    hint: "see which there are: cooper context ls",
  });
}

/** All, by name. */
export function listContexts(place: ContextPlace): Context[] {
  const directory = join(place.directory, "contexts", "meta");
  return listOr(directory)
    .flatMap((hash) => {
      const document = readAuthFile(join(directory, hash, "meta.json"));
      const name = String(document?.Name ?? "");
      // a directory under another's hash would lead to another context than it is called
      return document === undefined || hashOf(name) !== hash
        ? []
        : [contextOf(document, listOr(join(tlsDirectory(place, name), "docker")))];
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

function listOr(directory: string): string[] {
  try {
    return readdirSync(directory).sort();
  } catch (error) {
    if (errnoName(error) === "ENOENT" || errnoName(error) === "ENOTDIR") return [];
    throw error;
  }
}

/** Writes one; `tls`: contents by name of file, instead of those that are there; null: they stay. */
export async function saveContext(
  place: ContextPlace,
  context: Context,
  tls: Readonly<Record<string, Uint8Array>> | null,
): Promise<void> {
  if (tls !== null) {
    const directory = join(tlsDirectory(place, context.name), "docker");
    rmSync(directory, { recursive: true, force: true });
    if (Object.keys(tls).length > 0) mkdirSync(directory, { recursive: true, mode: 0o700 });
    for (const [name, bytes] of Object.entries(tls))
      writeFileSync(join(directory, name), bytes, { mode: 0o600 });
  }
  await changeAuthFile(metaFile(place, context.name), (document) => {
    for (const key of Object.keys(document)) delete document[key];
    Object.assign(document, contextDocument(context));
  });
}

/** The certificates of one: contents by name of file. */
export function contextTls(place: ContextPlace, context: Context): Record<string, Uint8Array> {
  const directory = join(tlsDirectory(place, context.name), "docker");
  const known = tlsNames.filter((name) => context.tlsFiles.includes(name));
  return Object.fromEntries(known.map((name) => [name, readFileSync(join(directory, name))]));
}

/** With its certificates. */
export function removeContext(place: ContextPlace, name: string): void {
  rmSync(dirname(metaFile(place, name)), { recursive: true, force: true });
  rmSync(tlsDirectory(place, name), { recursive: true, force: true });
}

/** Where the files of one are, as `context inspect` shows them. */
export const contextStorage = (place: ContextPlace, name: string) => ({
  MetadataPath: dirname(metaFile(place, name)),
  TLSPath: tlsDirectory(place, name),
});

/** The one that Docker's client acts on; null: that of the machine. */
export function currentContext(place: ContextPlace): string | null {
  const name = readAuthFile(configFile(place))?.currentContext;
  return typeof name === "string" && name !== "" && name !== "default" ? name : null;
}

/** null: that of the machine. All else in the file stays. */
export async function setCurrentContext(place: ContextPlace, name: string | null): Promise<void> {
  await changeAuthFile(configFile(place), (document) => {
    if (name === null) delete document.currentContext;
    else document.currentContext = name;
  });
}

/** Where a context leads. @throws CooperError invalid-argument */
export function contextTarget(place: ContextPlace, context: Context): Target {
  const directory = join(tlsDirectory(place, context.name), "docker");
  const file = (name: string) => (context.tlsFiles.includes(name) ? join(directory, name) : null);
  const tls: TlsFiles | null =
    context.tlsFiles.length === 0 && !context.skipsVerification
      ? null
      : {
          ca: file("ca.pem"),
          certificate: file("cert.pem"),
          key: file("key.pem"),
          verifies: !context.skipsVerification,
          serverName: null,
        };
  if (context.host === "")
    throw new CooperError("invalid-argument", `context "${context.name}" names no engine`);
  return parseTarget(context.host, { tls, identity: null });
}
