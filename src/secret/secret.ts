/** Secrets: bytes that containers are given when they start, and that nothing else shows. */

import { CooperError } from "../errors.ts";
import type { Host } from "../host.ts";
import {
  deleteSecret,
  findSecret,
  insertSecret,
  resolveSecret,
  type SecretDriver,
  type SecretRecord,
  sealedBytes,
} from "../records/secrets.ts";
import { randomHex } from "../system/random.ts";
import { checkDriver, outerDriver } from "./driver.ts";
import { ensureKey, seal, secretKeyFile, unseal } from "./seal.ts";

export interface NewSecret {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly driver: SecretDriver;
  readonly driverOptions: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  /** One of that name goes first; containers get the new one with their next start. */
  readonly replaces: boolean;
}

/** As podman-secret-create(1) limits them. */
const maxBytes = 512_000;

/** Keeps a secret. Its bytes are with their driver before its row names it. */
export async function createSecret(host: Host, wanted: NewSecret): Promise<SecretRecord> {
  const { name, bytes, driver, driverOptions, labels } = wanted;
  if (!/^[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,252}$/.test(name))
    throw new CooperError(
      "invalid-argument",
      `invalid secret name "${name}": it may have up to 253 letters, digits and _ . -`,
    );
  if (bytes.length === 0 || bytes.length >= maxBytes)
    throw new CooperError(
      "invalid-argument",
      `secret ${name} has ${bytes.length} bytes: it must have from 1 to ${maxBytes - 1}`,
    );
  checkDriver(driver, driverOptions);
  const old = findSecret(host.database, name);
  const now = Date.now();
  const secret: SecretRecord = {
    id: randomHex(13).slice(0, 25),
    name,
    driver,
    driverOptions,
    labels,
    createdAt: wanted.replaces ? (old?.createdAt ?? now) : now,
    updatedAt: now,
  };
  const outer = outerDriver(driver);
  if (outer !== undefined) await outer.store(secret, bytes);
  const sealed =
    outer === undefined
      ? seal(ensureKey(secretKeyFile(process.env, host.isRootless)), secret.id, bytes)
      : null;
  const replace = host.database.transaction(() => {
    if (wanted.replaces && old !== undefined) deleteSecret(host.database, old.id);
    insertSecret(host.database, secret, sealed);
  });
  try {
    replace.immediate();
  } catch (error) {
    await outer?.forget(secret);
    throw error;
  }
  if (wanted.replaces && old !== undefined) await outerDriver(old.driver)?.forget(old);
  host.events.emit({ type: "secret", action: "create", id: secret.id, name });
  return secret;
}

/** The bytes of a secret. */
export async function secretBytes(host: Host, secret: SecretRecord): Promise<Uint8Array> {
  const outer = outerDriver(secret.driver);
  if (outer !== undefined) return outer.lookUp(secret);
  const sealed = sealedBytes(host.database, secret.id);
  if (sealed === undefined)
    throw new CooperError("no-such-object", `no such secret: ${secret.name}`);
  return unseal(ensureKey(secretKeyFile(process.env, host.isRootless)), secret.id, sealed);
}

/** Forgets a secret, by name, id or the beginning of one. Resolves to its id. */
export async function removeSecret(host: Host, nameOrId: string): Promise<string> {
  const secret = resolveSecret(host.database, nameOrId);
  await outerDriver(secret.driver)?.forget(secret);
  deleteSecret(host.database, secret.id);
  host.events.emit({ type: "secret", action: "remove", id: secret.id, name: secret.name });
  return secret.id;
}

/** The document of both peers' `secret inspect`; the bytes only where they were asked for. */
export async function inspectSecret(
  host: Host,
  nameOrId: string,
  options: { readonly showsBytes: boolean },
): Promise<Record<string, unknown>> {
  const secret = resolveSecret(host.database, nameOrId);
  const bytes = options.showsBytes ? await secretBytes(host, secret) : undefined;
  return {
    ID: secret.id,
    CreatedAt: new Date(secret.createdAt).toISOString(),
    UpdatedAt: new Date(secret.updatedAt).toISOString(),
    Spec: {
      Name: secret.name,
      Driver: { Name: secret.driver, Options: secret.driverOptions },
      Labels: secret.labels,
    },
    ...(bytes !== undefined && { SecretData: Buffer.from(bytes).toString() }),
  };
}
