/** Signatures as cosign attaches them to images, by keys: over the exact bytes of the payload (cosign, SIGNATURE_SPEC). */
import { createPublicKey, type KeyObject, verify } from "node:crypto";
import { CooperError, messageOf } from "../../errors.ts";

/** The payload's media type. */
export const cosignPayloadType = "application/vnd.dev.cosign.simplesigning.v1+json";
/** The annotation of a layer that holds the signature of its blob. */
export const cosignSignatureKey = "dev.cosignproject.cosign/signature";

/** @throws CooperError invalid-argument when it is no public key of a kind that is accepted */
export function sigstoreKey(pem: Uint8Array, where: string): KeyObject {
  let key: KeyObject;
  try {
    // a private key would do for Node too, and is certainly a mistake
    if (!/^-----BEGIN (?:RSA )?PUBLIC KEY-----/m.test(Buffer.from(pem).toString("latin1")))
      throw new Error("it is not in PEM");
    key = createPublicKey(Buffer.from(pem));
  } catch (cause) {
    throw new CooperError("invalid-argument", `${where} is no public key: ${messageOf(cause)}`, {
      cause,
    });
  }
  const { modulusLength = 0, namedCurve } = key.asymmetricKeyDetails ?? {};
  const isGood =
    (key.asymmetricKeyType === "ec" &&
      ["prime256v1", "secp384r1", "secp521r1"].includes(namedCurve ?? "")) ||
    (key.asymmetricKeyType === "rsa" && modulusLength >= 2048) ||
    key.asymmetricKeyType === "ed25519";
  if (isGood) return key;
  throw new CooperError(
    "not-supported",
    `${where} is a key of a kind that is not accepted (${key.asymmetricKeyType})`,
    { hint: "cosign makes ECDSA keys of P-256; RSA from 2048 bits on and Ed25519 do as well" },
  );
}

/** Whether one of the keys has signed the payload. @param signature base64 */
export function isSignedByKey(
  payload: Uint8Array,
  signature: string,
  keys: readonly KeyObject[],
): boolean {
  if (!/^[A-Za-z0-9+/]{8,4096}={0,2}$/.test(signature)) return false;
  const bytes = Buffer.from(signature, "base64");
  return keys.some((key) =>
    verify(key.asymmetricKeyType === "ed25519" ? null : "sha256", payload, key, bytes),
  );
}
