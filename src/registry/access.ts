/** Opening a registry as the user's options, files and environment say. */
import { caller } from "../system/userns.ts";
import { entryFor, keysFor } from "./auth-file.ts";
import { RegistryClient } from "./client.ts";
import { type CredentialPlaces, credentialPlaces, findCredentials } from "./credential-store.ts";
import type { Credentials } from "./credentials.ts";
import type { PullSource } from "./pull-sources.ts";
import type { RegistriesConf } from "./registries-conf.ts";

/** What the commands that speak to registries have in common. */
export interface AccessOptions {
  /** false: certificates are not checked, and plain http is allowed. null: as registries.conf says. */
  readonly tlsVerify?: boolean | null;
  /** Typed by the user: for the registry that was named, and no mirror of it. */
  readonly credentials?: Credentials;
  /** What a client sent along, as the `auths` of a file are; they go before those of files. */
  readonly sentAuths?: Readonly<Record<string, unknown>>;
  /** Asked for those of a registry, before this machine's own. */
  readonly askCredentials?: (registry: string) => Promise<Credentials | undefined>;
  readonly authFile?: string;
  readonly certDirectory?: string;
  readonly retries?: number;
  readonly retryDelayMs?: number;
  readonly signal?: AbortSignal;
  onRetry?(why: string, inMs: number): void;
}

/** A client for one place. */
export function openRegistry(
  conf: RegistriesConf,
  source: PullSource,
  access: AccessOptions,
): RegistryClient {
  const { tlsVerify = null, credentials, certDirectory, retries, retryDelayMs, signal } = access;
  const isInsecure = tlsVerify === null ? (source.isInsecure ? true : undefined) : !tlsVerify;
  const sent = entryFor({ auths: access.sentAuths }, keysFor(source.registry, source.repository));
  const found = async () =>
    (await access.askCredentials?.(source.registry)) ??
    (await findCredentials(placesOf(conf, access), source.registry, source.repository));
  return new RegistryClient(source.registry, {
    credentials: credentials !== undefined && !source.isMirror ? credentials : (sent ?? found),
    ...(isInsecure !== undefined && { isInsecure }),
    ...(certDirectory !== undefined && !source.isMirror && { certDirectory }),
    ...(retries !== undefined && { retries }),
    ...(retryDelayMs !== undefined && { retryDelayMs }),
    ...(signal !== undefined && { signal }),
    ...(access.onRetry !== undefined && { onRetry: access.onRetry }),
  });
}

/** Where this user's credentials are. */
export function placesOf(
  conf: RegistriesConf,
  options: { readonly authFile?: string; readonly compatAuthFile?: string },
): CredentialPlaces {
  return credentialPlaces(process.env, caller().uid, {
    ...options,
    helpers: conf.credentialHelpers,
  });
}
