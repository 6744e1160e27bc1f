/** Private keys that sigstore signatures are made with: cosign's own encrypted form, and PKCS #8. */
import { createPrivateKey, type KeyObject, scryptSync } from "node:crypto";
import { readFileSync } from "node:fs";
import { CooperError, messageOf } from "../../errors.ts";
import { isObject } from "../../oci/json.ts";
import { openSecretBox } from "./secret-box.ts";

/**
 * Reads a key.
 *
 * @param passphraseFile its first line is the passphrase; null: there is none
 * @throws CooperError invalid-argument when it is no key, or the passphrase is wrong
 */
export function loadSigstoreKey(file: string, passphraseFile: string | null): KeyObject {
  const passphrase = passphraseFile === null ? "" : firstLine(read(passphraseFile, "passphrase"));
  const text = read(file, "private key");
  const block =
    /-----BEGIN ENCRYPTED (?:COSIGN|SIGSTORE) PRIVATE KEY-----\s([\sA-Za-z0-9+/=]+)-----END/.exec(
      text,
    )?.[1];
  try {
    const key =
      block === undefined
        ? createPrivateKey({ key: text, passphrase })
        : createPrivateKey({ key: decrypt(block, passphrase), format: "der", type: "pkcs8" });
    if (["ec", "rsa", "ed25519"].includes(key.asymmetricKeyType ?? "")) return key;
    throw new Error(`a ${key.asymmetricKeyType} key signs no images`);
  } catch (cause) {
    throw new CooperError(
      "invalid-argument",
      `${file} cannot be used to sign: ${messageOf(cause)}`,
      {
        ...(passphraseFile === null && { hint: "give its passphrase with --sign-passphrase-file" }),
        cause,
      },
    );
  }
}

const firstLine = (text: string): string => text.split(/\r?\n/, 1)[0] ?? "";

function read(file: string, what: string): string {
  try {
    return readFileSync(file, "latin1");
  } catch (cause) {
    throw new CooperError("invalid-argument", `the ${what} ${file} cannot be read`, { cause });
  }
}

/** What go-securesystemslib's encrypted package writes: scrypt, and NaCl's secretbox. */
function decrypt(block: string, passphrase: string): Buffer {
  const value: unknown = JSON.parse(Buffer.from(block, "base64").toString("utf8"));
  const { kdf, cipher, ciphertext } = isObject(value) ? value : {};
  if (!isObject(kdf) || !isObject(kdf.params) || !isObject(cipher))
    throw new Error("it is no encrypted key of cosign's");
  if (kdf.name !== "scrypt" || cipher.name !== "nacl/secretbox")
    throw new Error(`it is encrypted in an unknown way (${kdf.name}, ${cipher.name})`);
  const { N, r, p } = kdf.params;
  const isCost = (number: unknown, max: number): number is number =>
    typeof number === "number" && Number.isInteger(number) && number > 0 && number <= max;
  // a key file that asks for gigabytes is no key file
  if (!isCost(N, 1 << 20) || !isCost(r, 32) || !isCost(p, 16))
    throw new Error("its costs of decryption are out of bounds");
  const key = scryptSync(passphrase, bytesOf(kdf.salt), 32, { N, r, p, maxmem: 256 * N * r });
  const opened = openSecretBox(bytesOf(ciphertext), bytesOf(cipher.nonce), key);
  if (opened === undefined) throw new Error("the passphrase is wrong");
  return opened;
}

function bytesOf(text: unknown): Buffer {
  if (typeof text === "string") return Buffer.from(text, "base64");
  throw new Error("it is no encrypted key of cosign's");
}
