/** Where the signatures of an image are kept, and reading them: lookaside, cosign's attachments, `dir:`. */
import { CooperError } from "../../errors.ts";
import { decodeDescriptor } from "../../oci/descriptor.ts";
import { type Digest, hexOf } from "../../oci/digest.ts";
import { isObject, parseJsonObject } from "../../oci/json.ts";
import { mediaType } from "../../oci/media-type.ts";
import type { Reference } from "../../oci/reference.ts";
import type { RegistryClient } from "../../registry/client.ts";
import { readBody, request } from "../../registry/http.ts";
import { readBytesInRoot } from "../../system/rooted.ts";
import { type Archive, readMember } from "../archive.ts";
import { lookasideOf, type RegistriesD, usesAttachments } from "./registries-d.ts";
import { cosignPayloadType, cosignSignatureKey } from "./sigstore.ts";

/** A signature as it was found: nothing in it has been verified. */
export type Signature =
  | { readonly kind: "simple"; readonly bytes: Uint8Array }
  | {
      readonly kind: "sigstore";
      readonly mediaType: string;
      readonly payload: Uint8Array;
      /** base64 */
      readonly signature: string;
    };

/** All signatures of one manifest; asked only when a policy needs them. */
export type SignatureSource = (digest: Digest) => Promise<readonly Signature[]>;

/** containers/image reads no more of either kind. */
const maxSignatures = 128;
const maxBytes = 4 << 20;

/** Of places that hold none: archives and OCI layouts. */
export const noSignatures: SignatureSource = () => Promise.resolve([]);

/**
 * Of an image in a registry.
 *
 * @param place where it is fetched from, perhaps a mirror
 */
export function registrySignatures(
  client: RegistryClient,
  place: Reference,
  conf: RegistriesD,
  signal: AbortSignal | undefined,
): SignatureSource {
  return async (digest) => [
    ...(await readLookaside(lookasideOf(conf, place, "read"), place, digest, signal)),
    ...(usesAttachments(conf, place) ? await readAttached(client, place.repository, digest) : []),
  ];
}

/** `BASE/repository@sha256=HEX/signature-N`, with N from 1 on (containers-signature(5), "Location"). */
export function lookasidePath(repository: string, digest: Digest, number: number): string {
  return `${repository}@sha256=${hexOf(digest)}/signature-${number}`;
}

async function readLookaside(
  base: string,
  { repository }: Reference,
  digest: Digest,
  signal: AbortSignal | undefined,
): Promise<Signature[]> {
  const found: Signature[] = [];
  while (found.length < maxSignatures) {
    const path = lookasidePath(repository, digest, found.length + 1);
    const bytes = base.startsWith("file://")
      ? readBytesInRoot(lookasideDirectory(base), path, maxBytes)
      : await fetchSignature(base, path, signal);
    if (bytes === undefined) break;
    found.push(decodeFile(bytes));
  }
  return found;
}

/** @throws CooperError invalid-argument when it is no directory of this machine */
export function lookasideDirectory(base: string): string {
  const url = URL.parse(base);
  if (url?.protocol === "file:" && url.host === "") return decodeURIComponent(url.pathname);
  throw new CooperError(
    "invalid-argument",
    `the lookaside ${base} is no directory of this machine (file:///…)`,
  );
}

async function fetchSignature(
  base: string,
  path: string,
  signal: AbortSignal | undefined,
): Promise<Buffer | undefined> {
  const url = URL.parse(`${base.replace(/\/+$/, "")}/${path}`);
  if (url === null || !["http:", "https:"].includes(url.protocol))
    throw new CooperError(
      "invalid-argument",
      `the lookaside ${base} is neither a file nor http(s)`,
    );
  const trust = { isInsecure: false };
  const response = await request({ method: "GET", url, headers: {}, trust, signal });
  if (response.ok) return readBody(response, maxBytes, `a signature at ${url.host}`);
  await response.body?.cancel();
  // S3 and the like say 403 of what is not there
  if ([403, 404, 410].includes(response.status)) return undefined;
  throw new CooperError(
    "network",
    `${url.host} does not give signatures (status ${response.status})`,
  );
}

/** What `dir:` and lookasides hold: OpenPGP as it is, or behind this word a signature of sigstore's. */
const sigstoreWord = Buffer.from("\0sigstore-json\n");

function decodeFile(bytes: Buffer): Signature {
  if (!bytes.subarray(0, sigstoreWord.length).equals(sigstoreWord))
    return { kind: "simple", bytes };
  const { value } = parseJsonObject(bytes.subarray(sigstoreWord.length), "a sigstore signature");
  const annotations = isObject(value.annotations) ? value.annotations : {};
  return {
    kind: "sigstore",
    mediaType: String(value.mimeType),
    payload: Buffer.from(typeof value.payload === "string" ? value.payload : "", "base64"),
    signature: String(annotations[cosignSignatureKey] ?? ""),
  };
}

/** The tag under which cosign keeps an image's signatures. */
export const cosignTag = (digest: Digest): string => `sha256-${hexOf(digest)}.sig`;

async function readAttached(
  client: RegistryClient,
  repository: string,
  digest: Digest,
): Promise<Signature[]> {
  const tag = cosignTag(digest);
  const what = `the signatures of ${repository}@${digest}`;
  const manifest = await attachedManifest(client, repository, tag, what);
  const found: Signature[] = [];
  for (const { digest: blob, size, mediaType: type, annotations } of manifest) {
    if (size > maxBytes) throw new CooperError("hostile", `${what} are larger than 4 MiB`);
    const payload = await client.smallBlob(repository, blob, maxBytes, what);
    const signature = annotations[cosignSignatureKey] ?? "";
    found.push({ kind: "sigstore", mediaType: type, payload, signature });
  }
  return found;
}

/** What cosign keeps there already; nothing is no error. */
export async function attachedManifest(
  client: RegistryClient,
  repository: string,
  tag: string,
  what: string,
) {
  let bytes: Buffer;
  try {
    ({ bytes } = await client.rawManifest(repository, tag, what));
  } catch (error) {
    if (error instanceof CooperError && error.code === "no-such-image") return [];
    throw error;
  }
  const { value } = parseJsonObject(bytes, what);
  const own = value.mediaType ?? mediaType.ociManifest;
  const { layers } = value;
  if (own !== mediaType.ociManifest || !Array.isArray(layers))
    throw new CooperError("corrupt", `${what} are no OCI manifest`);
  if (layers.length > maxSignatures)
    throw new CooperError("hostile", `${what} are more than ${maxSignatures}`);
  return layers.map((layer) => decodeDescriptor(layer, what));
}

/** Of the image in a `dir:` directory. */
export function directorySignatures(archive: Archive): SignatureSource {
  return () => {
    const found: Signature[] = [];
    while (found.length < maxSignatures) {
      const bytes = readMember(archive, `signature-${found.length + 1}`, maxBytes);
      if (bytes === undefined) break;
      found.push(decodeFile(bytes));
    }
    return Promise.resolve(found);
  };
}

/** Whether the kind of payload is one that is read. */
export function isCosignPayload(signature: Extract<Signature, { kind: "sigstore" }>): boolean {
  return signature.mediaType === cosignPayloadType;
}
