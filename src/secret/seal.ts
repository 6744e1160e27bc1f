/**
 * Sealing bytes for the store: AES-256-GCM with a key that lies apart from it, so that a copied or backed
 * up store tells nothing. Whoever can read both files as this user can open it, as with any key file.
 */
import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { linkSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { CooperError, errnoName } from "../errors.ts";

const keyBytes = 32;
const nonceBytes = 12;
const tagBytes = 16;
const formatVersion = 1;

/** Where the key is: away from the store, and from its backups. */
export function secretKeyFile(
  env: Readonly<Record<string, string | undefined>>,
  isRootless: boolean,
): string {
  if (env.COOPER_SECRET_KEY_FILE !== undefined && env.COOPER_SECRET_KEY_FILE !== "")
    return resolve(env.COOPER_SECRET_KEY_FILE);
  const configuration = isRootless
    ? (env.XDG_CONFIG_HOME ?? join(env.HOME ?? "/", ".config"))
    : "/etc";
  return join(configuration, "cooper", "secret.key");
}

/** The key in a file, made where there is none: linked into place, so that of two at once one wins. */
export function ensureKey(file: string): Buffer {
  try {
    return readKey(file);
  } catch (error) {
    if (errnoName(error) !== "ENOENT") throw error;
  }
  const staged = `${file}.${randomBytes(6).toString("hex")}`;
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    writeFileSync(staged, randomBytes(keyBytes), { mode: 0o600, flag: "wx", flush: true });
    linkSync(staged, file);
  } catch (cause) {
    if (errnoName(cause) !== "EEXIST") {
      throw new CooperError("permission-denied", `cannot make the key of secrets, ${file}`, {
        hint: "name another file in COOPER_SECRET_KEY_FILE",
        cause,
      });
    }
  } finally {
    rmSync(staged, { force: true });
  }
  return readKey(file);
}

/** @throws a system error, or CooperError when others could read it or it is no key */
function readKey(file: string): Buffer {
  const key = readFileSync(file);
  if ((statSync(file).mode & 0o077) !== 0) {
    throw new CooperError("permission-denied", `the key of secrets, ${file}, is open to others`, {
      hint: `chmod 600 ${file}`,
    });
  }
  if (key.length !== keyBytes)
    throw new CooperError(
      "corrupt",
      `${file} is no key of secrets: it must have ${keyBytes} bytes`,
    );
  return key;
}

/** Version, nonce, tag, bytes. `id` is bound in, so that sealed bytes cannot be moved to another secret. */
export function seal(key: Buffer, id: string, bytes: Uint8Array): Uint8Array {
  const nonce = randomBytes(nonceBytes);
  const cipher = createCipheriv("aes-256-gcm", key, nonce).setAAD(Buffer.from(id));
  const sealed = Buffer.concat([cipher.update(bytes), cipher.final()]);
  return Buffer.concat([Buffer.from([formatVersion]), nonce, cipher.getAuthTag(), sealed]);
}

/** @throws CooperError corrupt when the key is another one, or the bytes were altered */
export function unseal(key: Buffer, id: string, sealed: Uint8Array): Buffer {
  const bytes = Buffer.from(sealed);
  const nonce = bytes.subarray(1, 1 + nonceBytes);
  const tag = bytes.subarray(1 + nonceBytes, 1 + nonceBytes + tagBytes);
  try {
    if (bytes[0] !== formatVersion) throw new Error(`format ${bytes[0]}`);
    const decipher = createDecipheriv("aes-256-gcm", key, nonce)
      .setAAD(Buffer.from(id))
      .setAuthTag(tag);
    const rest = bytes.subarray(1 + nonceBytes + tagBytes);
    return Buffer.concat([decipher.update(rest), decipher.final()]);
  } catch (cause) {
    throw new CooperError("corrupt", "a secret cannot be opened: it was sealed with another key", {
      cause,
    });
  }
}
