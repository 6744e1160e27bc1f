/** Where another engine is: the URLs of Docker and Podman, read strictly. Pure. */
import { CooperError } from "../errors.ts";

/** Files with which both sides prove who they are; null: not given. */
export interface TlsFiles {
  readonly ca: string | null;
  readonly certificate: string | null;
  readonly key: string | null;
  /** Whether the engine's certificate is checked (`--tls` alone does not). */
  readonly verifies: boolean;
  /** The name that it is to have, where that is not the host's. */
  readonly serverName: string | null;
}

export type Target = { readonly url: string } & (
  | { readonly kind: "unix"; readonly path: string }
  | {
      readonly kind: "tcp";
      readonly host: string;
      readonly port: number;
      readonly tls: TlsFiles | null;
    }
  | {
      readonly kind: "ssh";
      readonly user: string | null;
      readonly host: string;
      readonly port: number | null;
      /** A socket over there; null: whatever engine the host has is asked for its own. */
      readonly path: string | null;
      readonly identity: string | null;
    }
);

/** What is asked besides the URL. */
export interface TargetOptions {
  readonly tls: TlsFiles | null;
  /** Key for ssh. */
  readonly identity: string | null;
}

const bad = (text: string, why: string) =>
  new CooperError("invalid-argument", `"${text}" is no place of an engine: ${why}`, {
    hint: "unix:///PATH, tcp://HOST:PORT or ssh://[USER@]HOST[:PORT][/PATH-OF-SOCKET]",
  });

/** @throws CooperError invalid-argument */
export function parseTarget(text: string, { tls, identity }: TargetOptions): Target {
  const match = /^(?:([a-z][a-z0-9+.-]*):\/\/)?(.*)$/is.exec(text.trim());
  const scheme = match?.[1]?.toLowerCase() ?? "tcp"; // as docker -H HOST:PORT
  const rest = match?.[2] ?? "";
  if (/[\s\0]/.test(rest)) throw bad(text, "it has a blank in it");
  switch (scheme) {
    case "unix":
      if (!rest.startsWith("/")) throw bad(text, "the path of the socket must be absolute");
      return { kind: "unix", url: `unix://${rest}`, path: rest };
    case "tcp":
    case "http":
    case "https": {
      const secured = tls ?? (scheme === "https" ? systemTrust : null);
      const { host, port } = hostAndPort(text, rest.replace(/\/$/, ""));
      const number = port ?? (secured === null ? 2375 : 2376);
      return {
        kind: "tcp",
        url: `tcp://${hostText(host)}:${number}`,
        host,
        port: number,
        tls: secured,
      };
    }
    case "ssh":
      return sshTarget(text, rest, identity);
    case "npipe":
      throw bad(text, "named pipes are of Windows alone");
    case "fd":
      throw bad(text, "fd:// is where a service listens");
    default:
      throw bad(text, `${scheme}:// is not known`);
  }
}

/** The authorities that this machine trusts, and no certificate of ours. */
const systemTrust: TlsFiles = {
  ca: null,
  certificate: null,
  key: null,
  verifies: true,
  serverName: null,
};

const hostText = (host: string) => (host.includes(":") ? `[${host}]` : host);

function hostAndPort(text: string, rest: string): { host: string; port: number | null } {
  const match = /^(\[[0-9a-fA-F:.%]+\]|[^:/?#@[\]]+)(?::(\d{1,5}))?$/.exec(rest);
  const port = match?.[2] === undefined ? null : Number(match[2]);
  const host = match?.[1]?.replace(/^\[|\]$/g, "") ?? "";
  // what begins with a dash would be an option of ssh (CVE-2017-1000117 and its kin)
  if (host === "" || host.startsWith("-")) throw bad(text, "it names no host");
  // ssh gives it to the shell that runs a ProxyCommand (CVE-2023-51385)
  if (!/^[\p{L}\p{N}_.:%-]+$/u.test(host)) throw bad(text, "its host is no name or address");
  if (port !== null && (port < 1 || port > 65535)) throw bad(text, `there is no port ${port}`);
  return { host, port };
}

function sshTarget(text: string, rest: string, identity: string | null): Target {
  // podman's connections of former days say here whether the host's key is checked; ssh decides that
  const plain = rest.replace(/\?secure=(true|false)$/i, "");
  if (/[?#]/.test(plain)) throw bad(text, "it has a query");
  const slash = plain.indexOf("/");
  const authority = slash < 0 ? plain : plain.slice(0, slash);
  const path = slash < 0 || slash === plain.length - 1 ? null : plain.slice(slash);
  if (path !== null && !/^[\w./@:+,=-]+$/.test(path)) throw bad(text, "the path of its socket");
  const at = authority.lastIndexOf("@");
  const user = at < 0 ? null : authority.slice(0, at);
  if (user?.includes(":")) throw bad(text, "a password does not belong there: use keys");
  if (user !== null && !/^[\w.][\w.@\\+-]*$/.test(user)) throw bad(text, "its user is no name");
  const { host, port } = hostAndPort(text, authority.slice(at + 1));
  const shown = `${user === null ? "" : `${user}@`}${hostText(host)}${port === null ? "" : `:${port}`}`;
  return { kind: "ssh", url: `ssh://${shown}${path ?? ""}`, user, host, port, path, identity };
}
