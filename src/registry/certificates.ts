/** Whom a connection trusts, and with what it shows who we are (containers-certs.d(5)). */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { CooperError, errnoName } from "../errors.ts";

/** How the certificates of one registry are judged. */
export interface Trust {
  /** Certificates need not be valid. */
  readonly isInsecure: boolean;
  /** Used in place of the machine's `certs.d` directories, for `host` alone. */
  readonly directory?: { readonly host: string; readonly path: string };
}

/** What Bun's fetch takes as `tls`. */
export interface TlsOptions {
  readonly rejectUnauthorized: boolean;
  readonly ca: readonly string[];
  readonly cert?: string;
  readonly key?: string;
}

const bundles = [
  "/etc/ssl/certs/ca-certificates.crt",
  "/etc/pki/tls/certs/ca-bundle.crt",
  "/etc/ssl/ca-bundle.pem",
];
const known = new Map<string, TlsOptions>();

/**
 * Trust and client certificate for a host. The first directory there is counts: the user's, then the
 * system's. `*.crt` are authorities beside the machine's own, `NAME.cert` with `NAME.key` show who we are.
 *
 * @throws CooperError invalid-argument for a half pair
 */
export function tlsFor(
  host: string,
  trust: Trust,
  env: Readonly<Record<string, string | undefined>> = process.env,
): TlsOptions {
  const directory =
    trust.directory?.host === host
      ? trust.directory.path
      : standardPlaces(host, env).find((place) => existsSync(place));
  const key = `${host} ${trust.isInsecure} ${directory ?? ""}`;
  const found = known.get(key) ?? read(directory, trust);
  known.set(key, found);
  return found;
}

function standardPlaces(
  host: string,
  env: Readonly<Record<string, string | undefined>>,
): readonly string[] {
  const home = env.XDG_CONFIG_HOME || (env.HOME ? join(env.HOME, ".config") : "");
  return [
    ...(home === "" ? [] : [join(home, "containers/certs.d", host)]),
    join("/etc/containers/certs.d", host),
    join("/etc/docker/certs.d", host),
  ];
}

function read(directory: string | undefined, trust: Trust): TlsOptions {
  const bundle = bundles.find((file) => existsSync(file));
  const names = directory === undefined ? [] : listed(directory, trust);
  const file = (name: string) => readFileSync(join(directory ?? "", name), "utf8");
  const authorities = names.filter((name) => name.endsWith(".crt")).map(file);
  const stem = names.find((name) => name.endsWith(".cert"))?.slice(0, -".cert".length);
  const lone = names.find(
    (name) => name.endsWith(".key") && !names.includes(name.replace(/key$/, "cert")),
  );
  if (lone !== undefined || (stem !== undefined && !names.includes(`${stem}.key`))) {
    const [has, lacks] = lone === undefined ? [`${stem}.cert`, "key"] : [lone, "cert"];
    throw new CooperError(
      "invalid-argument",
      `${join(directory ?? "", has)} has no .${lacks} of the same name beside it`,
    );
  }
  return {
    rejectUnauthorized: !trust.isInsecure,
    ca: [...(bundle === undefined ? [] : [readFileSync(bundle, "utf8")]), ...authorities],
    ...(stem !== undefined && { cert: file(`${stem}.cert`), key: file(`${stem}.key`) }),
  };
}

function listed(directory: string, trust: Trust): string[] {
  try {
    return readdirSync(directory).sort();
  } catch (cause) {
    // the machine's, as an ordinary user: not meant for us
    if (errnoName(cause) === "EACCES" && directory !== trust.directory?.path) return [];
    throw new CooperError("invalid-argument", `cannot read the certificates in ${directory}`, {
      cause,
    });
  }
}
