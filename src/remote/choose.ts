/**
 * Which engine a command line is for. A typed URL goes before a typed name, both before the environment
 * (DOCKER_HOST, CONTAINER_HOST, then DOCKER_CONTEXT, CONTAINER_CONNECTION); without any of them it is the engine of this
 * machine: defaults that Docker and Podman keep in files are followed with `--remote` alone.
 */
import { join } from "node:path";
import { CooperError } from "../errors.ts";
import type { Connection } from "./connections.ts";
import type { Context } from "./contexts.ts";
import { parseTarget, type Target, type TlsFiles } from "./target.ts";

/** What was typed about it. */
export interface RemoteChoice {
  /** `--host`, `--url`. */
  readonly url: string | null;
  /** `--context`, or `--connection`. */
  readonly name: { readonly text: string; readonly of: "context" | "connection" } | null;
  /** `--remote`; false: this machine's, whatever the environment says. */
  readonly isRemote: boolean | null;
  readonly identity: string | null;
  readonly tls: {
    readonly ca: string | null;
    readonly certificate: string | null;
    readonly key: string | null;
    readonly verifies: boolean | null;
    readonly isOn: boolean | null;
  };
}

/** The files that names are looked up in: read when they are needed. */
export interface Places {
  context(name: string): { readonly context: Context; target(): Target } | undefined;
  connection(name: string): { readonly connection: Connection; target(): Target } | undefined;
  /** The default of Podman's, else Docker's. */
  configured(): Target | undefined;
  /** The socket of this machine's own service. */
  own(): string;
}

type Env = Readonly<Record<string, string | undefined>>;

/** null: the engine of this machine. @throws CooperError */
export function chooseTarget(choice: RemoteChoice, env: Env, places: Places): Target | null {
  if (choice.isRemote === false) {
    if (choice.url !== null || choice.name !== null)
      throw conflict("--remote=false", choice.url !== null ? "--host" : "--context");
    return null;
  }
  if (choice.url !== null && choice.name !== null) throw conflict("--host", `--${choice.name.of}`);
  const options = {
    tls: tlsOf(choice.tls, env),
    identity: choice.identity ?? (env.CONTAINER_SSHKEY || null),
  };
  if (choice.url !== null) return parseTarget(choice.url, options);
  if (choice.name !== null) return named(choice.name.text, choice.name.of, places);
  const url = env.DOCKER_HOST || env.CONTAINER_HOST;
  if (url) return parseTarget(url, options);
  if (env.DOCKER_CONTEXT) return named(env.DOCKER_CONTEXT, "context", places);
  if (env.CONTAINER_CONNECTION) return named(env.CONTAINER_CONNECTION, "connection", places);
  if (choice.isRemote === null) return null;
  return places.configured() ?? parseTarget(`unix://${places.own()}`, options);
}

const conflict = (one: string, other: string) =>
  new CooperError(
    "invalid-argument",
    `conflicting options: ${one} and ${other} exclude each other`,
  );

function named(name: string, of: "context" | "connection", places: Places): Target | null {
  if (name === "default" && of === "context") return null;
  const first = of === "context" ? places.context(name) : places.connection(name);
  const found = first ?? (of === "context" ? places.connection(name) : places.context(name));
  if (found !== undefined) return found.target();
  if (name === "default") return null;
  throw new CooperError("no-such-object", `${of} "${name}" does not exist`, {
    hint:
      of === "context"
        ? "see which there are: cooper context ls"
        : "see which there are: cooper system connection ls",
  });
}

/** As docker: certificates are looked for in DOCKER_CERT_PATH, or ~/.docker, where none are named. */
function tlsOf(tls: RemoteChoice["tls"], env: Env): TlsFiles | null {
  const asked = tls.verifies ?? (env.DOCKER_TLS_VERIFY ? true : null);
  const files = [
    tls.ca ?? env.CONTAINER_TLS_CA,
    tls.certificate ?? env.CONTAINER_TLS_CERT,
    tls.key ?? env.CONTAINER_TLS_KEY,
  ];
  const isNamed = files.some(Boolean);
  if (tls.isOn === false || (asked !== true && tls.isOn !== true && !isNamed)) return null;
  const directory = env.DOCKER_CERT_PATH || join(env.HOME ?? "/", ".docker");
  const usesDirectory = !isNamed && (asked === true || Boolean(env.DOCKER_CERT_PATH));
  const at = (index: number, name: string) =>
    files[index] || (usesDirectory ? join(directory, name) : null);
  return {
    ca: at(0, "ca.pem"),
    certificate: at(1, "cert.pem"),
    key: at(2, "key.pem"),
    verifies: asked ?? (isNamed && tls.isOn !== true),
    serverName: null,
  };
}
