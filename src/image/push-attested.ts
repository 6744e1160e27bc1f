/** Pushing an image with what is attested of it: an index that names both, and a referrer of the image. */

import { CooperError } from "../errors.ts";
import type { Host } from "../host.ts";
import {
  type AttestationManifest,
  attestationEntry,
  attestationManifest,
  imagePurl,
} from "../oci/attestation.ts";
import { type Digest, digestOf } from "../oci/digest.ts";
import { isObject } from "../oci/json.ts";
import { type IndexItem, indexDocument } from "../oci/manifest-list.ts";
import { mediaType } from "../oci/media-type.ts";
import { formatPlatform, shortPlatform } from "../oci/platform.ts";
import { formatReference, type Reference } from "../oci/reference.ts";
import { attestationsOf } from "../records/attestations.ts";
import { addManifest, type Image } from "../records/images.ts";
import type { RegistryClient } from "../registry/client.ts";
import { familyOf } from "./outgoing.ts";
import {
  noteDigest,
  type PushedImage,
  type PushOptions,
  placeFor,
  push,
  uploaderFor,
} from "./push.ts";
import { prepareSigners } from "./trust/sign-pushed.ts";

/** Pushes an image; where something is attested of it, what the tag names is the index. */
export async function pushAttested(
  host: Host,
  image: Image,
  reference: Reference,
  options: PushOptions,
): Promise<PushedImage> {
  if (attestationsOf(host.database, image.id).length === 0 || !hasPlace(host, image, options))
    return push(host, image, reference, options);
  const items = await pushEntries(host, image, reference, options);
  const index = indexDocument({ entries: items, annotations: {}, subject: null }, "oci");
  const uploader = uploaderFor(host, reference, options);
  if (reference.digest !== null && reference.digest !== index.digest)
    throw new CooperError(
      "invalid-argument",
      `${formatReference(reference)} asks for a digest that the image does not have there: it is ${index.digest}`,
    );
  const tag = options.isByDigest ? index.digest : (reference.digest ?? reference.tag ?? "latest");
  const digest = await uploader.putManifest(tag, index);
  const signIt = prepareSigners(options.signers ?? {});
  await signIt(host, reference, digest, placeFor(host, reference, uploader, options));
  addManifest(host.database, image.id, index);
  noteDigest(host, image, reference, digest);
  return {
    name: formatReference(reference),
    digest,
    manifestBytes: Buffer.byteLength(index.text),
    mediaType: index.mediaType,
  };
}

/** Docker's own format has no place for more than the image. */
function hasPlace(host: Host, image: Image, { family }: PushOptions): boolean {
  if ((family ?? familyOf(host, image)) !== "docker") return true;
  host.warn(
    "what is attested of the image is not pushed: Docker's format (v2s2) has no place for it",
  );
  return false;
}

/** Pushes an image by its digest, and what is attested of it. Returns what an index says of both. */
export async function pushEntries(
  host: Host,
  image: Image,
  reference: Reference,
  options: PushOptions,
): Promise<IndexItem[]> {
  const pushed = await push(host, image, reference, { ...options, isByDigest: true });
  const { os, architecture, variant = "" } = image.config;
  const platform = shortPlatform({ os, architecture, variant });
  const subject = {
    mediaType: pushed.mediaType,
    digest: pushed.digest,
    size: pushed.manifestBytes,
  };
  const own: IndexItem = { ...subject, platform, annotations: {} };
  const attestations = attestationsOf(host.database, image.id);
  if (attestations.length === 0 || pushed.mediaType !== mediaType.ociManifest) return [own];
  const name = formatReference({ ...reference, digest: null });
  const manifest = attestationManifest(subject, attestations, [
    imagePurl(name, formatPlatform(platform)),
  ]);
  await send(host, reference, manifest, subject.digest, options);
  return [own, attestationEntry(manifest, subject.digest)];
}

async function send(
  host: Host,
  reference: Reference,
  manifest: AttestationManifest,
  subject: Digest,
  options: PushOptions,
): Promise<void> {
  const uploader = uploaderFor(host, reference, options);
  for (const text of manifest.blobs) {
    const bytes = Buffer.from(text);
    const blob = { digest: digestOf(bytes), size: bytes.length };
    if (!(await uploader.has(blob))) await uploader.uploadBytes(bytes);
  }
  if (await uploader.putReferrer(manifest)) return;
  // a registry of before OCI 1.1: who pushes keeps the list (distribution-spec, "Referrers Tag Schema")
  const { client, repository } = placeFor(host, reference, uploader, options);
  const tag = subject.replace(":", "-");
  const known = await referrers(client, repository, tag);
  const { annotations: _, platform: __, ...entry } = attestationEntry(manifest, subject);
  const { artifactType } = JSON.parse(manifest.text) as { artifactType: string };
  const others = known.filter((one) => isObject(one) && one.digest !== manifest.digest);
  await uploader.putManifest(tag, {
    mediaType: mediaType.ociIndex,
    text: JSON.stringify({
      schemaVersion: 2,
      mediaType: mediaType.ociIndex,
      manifests: [...others, { ...entry, artifactType }],
    }),
  });
}

/** What the list has now: entries of others stay as they are. */
async function referrers(
  client: RegistryClient,
  repository: string,
  tag: string,
): Promise<readonly unknown[]> {
  try {
    const { bytes } = await client.rawManifest(repository, tag, `${repository}:${tag}`);
    const value: unknown = JSON.parse(bytes.toString("utf8"));
    return isObject(value) && Array.isArray(value.manifests) ? value.manifests : [];
  } catch (error) {
    if (error instanceof CooperError && error.code === "no-such-image") return [];
    throw error;
  }
}
