/** What an engine elsewhere shows to a registry for us: credentials of this machine, in the header that is for them. */
import { CooperError } from "../errors.ts";
import { parseName } from "../oci/reference.ts";
import { type AccessOptions, placesOf } from "../registry/access.ts";
import { findCredentials } from "../registry/credential-store.ts";
import type { Credentials } from "../registry/credentials.ts";
import { loadRegistriesConf } from "../registry/registries-conf.ts";
import { caller } from "../system/userns.ts";
import type { Client } from "./client.ts";

/**
 * The header for a request about an image. Stored credentials are sent only where the name says which registry they
 * are for: what a short name means is the other engine's to decide, but for Docker, where it is the Hub's.
 */
export async function authHeaders(
  client: Client,
  image: string,
  access: AccessOptions,
): Promise<Record<string, string>> {
  assertPlain(access);
  const { registry, repository } = parseName(image);
  const { kind } = await client.peer();
  const server = registry ?? (kind === "docker" ? "docker.io" : null);
  const credentials = access.credentials ?? (await stored(server, repository, access));
  if (credentials === undefined || server === null) {
    return access.credentials === undefined ? {} : header(access.credentials, "");
  }
  return header(credentials, server);
}

async function stored(
  server: string | null,
  repository: string,
  access: AccessOptions,
): Promise<Credentials | undefined> {
  if (server === null) return undefined;
  const conf = loadRegistriesConf(process.env, caller().isRootless);
  const path =
    server === "docker.io" && !repository.includes("/") ? `library/${repository}` : repository;
  return findCredentials(placesOf(conf, access), server, path);
}

function header(
  { username, password, identityToken, registryToken }: Credentials,
  server: string,
): Record<string, string> {
  const document = {
    username,
    password,
    ...(identityToken !== undefined && { identitytoken: identityToken }),
    ...(registryToken !== undefined && { registrytoken: registryToken }),
    serveraddress: server === "docker.io" ? "https://index.docker.io/v1/" : server,
  };
  return { "X-Registry-Auth": goBase64(JSON.stringify(document)) };
}

/** As Go's base64.URLEncoding reads it: with padding, which Node's alphabet for URLs leaves out. */
function goBase64(text: string): string {
  const bare = Buffer.from(text).toString("base64url");
  return bare.padEnd(Math.ceil(bare.length / 4) * 4, "=");
}

/** Docker wants the header for a push, also where there is nothing to show. */
export const noAuth = { "X-Registry-Auth": goBase64("{}") };

/** How it speaks to registries is the other engine's own business. */
export function assertPlain({
  tlsVerify,
  certDirectory,
  retries,
  retryDelayMs,
}: AccessOptions): void {
  const rows = [
    ["--tls-verify", tlsVerify],
    ["--cert-dir", certDirectory],
    ["--retry", retries],
    ["--retry-delay", retryDelayMs],
  ] as const;
  const asked = rows.find(([, value]) => value !== undefined && value !== null);
  if (asked !== undefined)
    throw new CooperError(
      "not-supported",
      `${asked[0]}: how registries are spoken to is configured where the engine is`,
    );
}
