/**
 * Podman's connections: `podman-connections.json` of Podman 5 (containers/common, `pkg/config/connections.go`), which we
 * write too, and `[engine.service_destinations]` of containers.conf, which is only read: people write that file by hand.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { CooperError, messageOf } from "../errors.ts";
import { isObject } from "../oci/json.ts";
import { changeAuthFile, readAuthFile } from "../registry/auth-file.ts";
import { settingsFiles } from "../settings/places.ts";
import { parseTarget, type Target, type TlsFiles } from "./target.ts";

export interface Connection {
  readonly name: string;
  readonly uri: string;
  readonly identity: string | null;
  readonly tls: Pick<TlsFiles, "ca" | "certificate" | "key"> | null;
  readonly isDefault: boolean;
  /** Whether containers.conf names it, which is not ours to change. */
  readonly isFixed: boolean;
}

interface Destination {
  readonly uri: string;
  readonly identity: string | null;
  readonly tls: Connection["tls"];
}

interface Named {
  readonly destinations: ReadonlyMap<string, Destination>;
  readonly defaultName: string | null;
}

type Env = Readonly<Record<string, string | undefined>>;

/** As Podman looks for it. */
export function connectionsFile(env: Env): string {
  if (env.PODMAN_CONNECTIONS_CONF) return env.PODMAN_CONNECTIONS_CONF;
  const configHome = env.XDG_CONFIG_HOME || join(env.HOME ?? "/", ".config");
  return join(configHome, "containers", "podman-connections.json");
}

const text = (value: unknown): string | null =>
  typeof value === "string" && value !== "" ? value : null;

function destinationOf(value: unknown, keys: Readonly<Record<string, string>>): Destination | null {
  if (!isObject(value)) return null;
  const uri = text(value[keys.uri ?? ""]);
  if (uri === null) return null;
  const [ca, certificate, key] = ["ca", "certificate", "key"].map((name) =>
    text(value[keys[name] ?? ""]),
  );
  const hasTls = ca || certificate || key;
  return {
    uri,
    identity: text(value[keys.identity ?? ""]),
    tls: hasTls ? { ca: ca ?? null, certificate: certificate ?? null, key: key ?? null } : null,
  };
}

const jsonKeys = {
  uri: "URI",
  identity: "Identity",
  ca: "TLSCA",
  certificate: "TLSCert",
  key: "TLSKey",
};
const tomlKeys = {
  uri: "uri",
  identity: "identity",
  ca: "tls_ca",
  certificate: "tls_cert",
  key: "tls_key",
};

function named(list: unknown, defaultName: unknown, keys: typeof jsonKeys): Named {
  const entries = Object.entries(isObject(list) ? list : {}).flatMap(([name, value]) => {
    const destination = destinationOf(value, keys);
    return destination === null ? [] : [[name, destination] as const];
  });
  return { destinations: new Map(entries), defaultName: text(defaultName) };
}

/** What podman-connections.json says. Pure. */
export function ofJson(document: Readonly<Record<string, unknown>>): Named {
  const connection = isObject(document.Connection) ? document.Connection : {};
  return named(connection.Connections, connection.Default, jsonKeys);
}

/** What the `[engine]` of a containers.conf says. Pure. */
export function ofConf(conf: string): Named {
  const { engine } = Bun.TOML.parse(conf) as { engine?: unknown };
  const table = isObject(engine) ? engine : {};
  return named(table.service_destinations, table.active_service, tomlKeys);
}

/** All, by name; what was written by a command goes before what stands in containers.conf. */
export function listConnections(env: Env, isRootless: boolean, uid: number): Connection[] {
  const files = settingsFiles({
    env,
    home: env.HOME ?? "/",
    isRootless,
    uid,
    modules: [],
    systemRoot: "/",
  });
  const confs = files.filter((file) => existsSync(file)).map(readConf);
  const written = ofJson(readAuthFile(connectionsFile(env)) ?? {});
  const defaultName =
    written.defaultName ?? confs.findLast((conf) => conf.defaultName !== null)?.defaultName ?? null;
  const all = new Map<string, Connection>();
  const add = (part: Named, isFixed: boolean) => {
    for (const [name, destination] of part.destinations)
      all.set(name, { name, ...destination, isFixed, isDefault: name === defaultName });
  };
  for (const conf of confs) add(conf, true);
  add(written, false);
  return [...all.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

function readConf(file: string): Named {
  try {
    return ofConf(readFileSync(file, "utf8"));
  } catch (cause) {
    throw new CooperError("invalid-argument", `${file} is not valid TOML: ${messageOf(cause)}`, {
      cause,
    });
  }
}

/** Where a connection leads. @throws CooperError invalid-argument */
export function connectionTarget(
  { uri, identity, tls }: Connection,
  sshKey: string | null,
): Target {
  return parseTarget(uri, {
    identity: sshKey ?? identity,
    tls: tls === null ? null : { ...tls, verifies: true, serverName: null },
  });
}

/** What is written of them: names and what they lead to. */
export interface Written {
  defaultName: string | null;
  readonly connections: Map<string, Omit<Connection, "name" | "isDefault" | "isFixed">>;
}

/** Changes the file; whatever else is in it stays. */
export async function changeConnections(
  env: Env,
  change: (written: Written) => void,
): Promise<void> {
  await changeAuthFile(connectionsFile(env), (document) => {
    const before = isObject(document.Connection) ? document.Connection : {};
    const entries = isObject(before.Connections) ? before.Connections : {};
    const { destinations, defaultName } = ofJson(document);
    const written: Written = { defaultName, connections: new Map(destinations) };
    change(written);
    document.Connection = {
      ...before,
      Default: written.defaultName ?? "",
      Connections: Object.fromEntries(
        [...written.connections].map(([name, { uri, identity, tls }]) => [
          name,
          {
            ...(destinations.get(name)?.uri === uri && isObject(entries[name])
              ? entries[name]
              : {}),
            URI: uri,
            ...(identity !== null && { Identity: identity }),
            ...(tls?.ca && { TLSCA: tls.ca }),
            ...(tls?.certificate && { TLSCert: tls.certificate }),
            ...(tls?.key && { TLSKey: tls.key }),
          },
        ]),
      ),
    };
    document.Farm ??= {};
  });
}
