/** Signing what has just been pushed: by GPG into the lookaside, by a sigstore key beside the image. */
import { type KeyObject, sign } from "node:crypto";
import type { Host } from "../../host.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import type { Digest } from "../../oci/digest.ts";
import { mediaType } from "../../oci/media-type.ts";
import { formatReference, type Reference } from "../../oci/reference.ts";
import type { RegistryClient } from "../../registry/client.ts";
import type { Uploader } from "../../registry/upload.ts";
import { versionText } from "../../version.ts";
import { encodeClaim } from "./payload.ts";
import { signDigest } from "./sign.ts";
import { attachedManifest, cosignTag } from "./signatures.ts";
import { cosignPayloadType, cosignSignatureKey } from "./sigstore.ts";
import { loadSigstoreKey } from "./sigstore-private-key.ts";

/** Who signs. */
export interface Signers {
  /** A key of the user's gpg. */
  readonly gpgKey?: string;
  /** File of a private key, as cosign makes them, or in PKCS #8. */
  readonly sigstoreKeyFile?: string;
  readonly passphraseFile?: string;
}

/** A repository, to be read and written. */
export interface SignedPlace {
  readonly client: RegistryClient;
  readonly uploader: Uploader;
  readonly repository: string;
}

/** Reads the keys before anything is sent, so that a wrong passphrase costs no upload. */
export function prepareSigners(signers: Signers) {
  const { gpgKey, sigstoreKeyFile, passphraseFile } = signers;
  const key =
    sigstoreKeyFile === undefined
      ? undefined
      : loadSigstoreKey(sigstoreKeyFile, passphraseFile ?? null);
  return async (host: Host, reference: Reference, digest: Digest, place: SignedPlace) => {
    const passphrase = passphraseFile === undefined ? {} : { passphraseFile };
    if (gpgKey !== undefined) signDigest(host, reference, digest, { key: gpgKey, ...passphrase });
    if (key !== undefined) await attach(key, reference, digest, place);
  };
}

/** Adds a layer to the manifest that cosign keeps the image's signatures in (cosign, SIGNATURE_SPEC). */
async function attach(
  key: KeyObject,
  reference: Reference,
  digest: Digest,
  { client, uploader, repository }: SignedPlace,
): Promise<void> {
  const claim = { digest, reference: formatReference({ ...reference, digest: null }) };
  const timestamp = Math.floor(Date.now() / 1000);
  const payload = Buffer.from(encodeClaim(claim, "sigstore", { creator: versionText, timestamp }));
  const signature = sign(key.asymmetricKeyType === "ed25519" ? null : "sha256", payload, key);
  const blob = await uploader.uploadBytes(payload);
  const layer = {
    mediaType: cosignPayloadType,
    ...blob,
    annotations: { [cosignSignatureKey]: signature.toString("base64") },
  };
  const what = `the signatures of ${formatReference(reference)}`;
  const there = await attachedManifest(client, repository, cosignTag(digest), what);
  const layers = [...there.map(plain), layer];
  const configText = JSON.stringify({
    architecture: "",
    os: "",
    config: {},
    rootfs: { type: "layers", diff_ids: layers.map((each) => each.digest) },
  });
  const config = await uploader.uploadBytes(Buffer.from(configText));
  const text = JSON.stringify({
    schemaVersion: 2,
    mediaType: mediaType.ociManifest,
    config: { mediaType: mediaType.ociConfig, ...config },
    layers,
  });
  await uploader.putManifest(cosignTag(digest), { text, mediaType: mediaType.ociManifest });
}

const plain = ({ mediaType: type, digest, size, annotations }: Descriptor) => ({
  mediaType: type,
  digest,
  size,
  annotations,
});
