/** `manifest push`: an index to a registry, with the images that it names. */
import { CooperError } from "../errors.ts";
import type { Host } from "../host.ts";
import type { Digest } from "../oci/digest.ts";
import { type IndexItem, indexDocument, type ListEntry } from "../oci/manifest-list.ts";
import { mediaType } from "../oci/media-type.ts";
import { formatReference, formatRepository, type Reference } from "../oci/reference.ts";
import { imagesByPrefix } from "../records/images.ts";
import { deleteManifestList } from "../records/manifest-lists.ts";
import type { Uploader } from "../registry/upload.ts";
import { openImageAtRegistry } from "./at-registry.ts";
import { manifestList } from "./manifest-list.ts";
import {
  destinationOf,
  type PushedImage,
  type PushOptions,
  placeFor,
  uploaderFor,
} from "./push.ts";
import { pushEntries } from "./push-attested.ts";
import { prepareSigners } from "./trust/sign-pushed.ts";

export interface PushListOptions extends PushOptions {
  /** false: the registry has the images already. */
  readonly withImages: boolean;
  /** Forget the list when it is there. */
  readonly isRemoved: boolean;
}

/** Pushes a list; without a destination, to where its name says. Returns the digest of the index. */
export async function pushManifestList(
  host: Host,
  name: string,
  destination: string | null,
  options: PushListOptions,
): Promise<PushedImage> {
  const list = manifestList(host, name);
  const reference = destinationOf(destination ?? list.name);
  if (list.entries.length === 0)
    throw new CooperError("invalid-argument", `the manifest list ${list.name} is empty`);
  const uploader = uploaderFor(host, reference, options);
  const signIt = prepareSigners(options.signers ?? {});
  const entries: IndexItem[] = [];
  const attested: IndexItem[] = []; // at the end, as BuildKit has them
  for (const entry of list.entries) {
    const [own = entry, ...more] = options.withImages
      ? await sendEntry(host, entry, reference, options)
      : [entry];
    entries.push(own);
    attested.push(...more);
  }
  entries.push(...attested);
  const isDockers = entries.every((entry) => entry.mediaType === mediaType.dockerManifest);
  const family = options.family ?? (isDockers ? "docker" : "oci");
  const index = indexDocument({ ...list, entries }, family);
  const tag = options.isByDigest ? index.digest : (reference.digest ?? reference.tag ?? "latest");
  const digest = await uploader.putManifest(tag, index);
  // a pull compares the signature of the one image that it takes; those that were pushed have theirs
  const unsigned = list.entries.filter(
    ({ source }) => source.kind === "registry" || !options.withImages,
  );
  const place = placeFor(host, reference, uploader, options);
  for (const each of [digest, ...unsigned.map((entry) => entry.digest)])
    await signIt(host, reference, each, place);
  if (options.isRemoved) deleteManifestList(host.database, list.name);
  return {
    name: formatReference(reference),
    digest,
    manifestBytes: Buffer.byteLength(index.text),
    mediaType: index.mediaType,
  };
}

/** What the index says of an image changes with what is pushed of it: layers of images here get compressed. */
async function sendEntry(
  host: Host,
  entry: ListEntry,
  reference: Reference,
  options: PushListOptions,
): Promise<IndexItem[]> {
  if (entry.source.kind === "registry") {
    await copyManifest(host, entry, { reference, repository: entry.source.repository }, options);
    return [entry];
  }
  using _lock = await host.locks.store("shared");
  const [image] = imagesByPrefix(host.database, entry.source.imageId);
  if (image === undefined)
    throw new CooperError(
      "no-such-image",
      `the image ${entry.source.imageId.slice(0, 12)} of the list is not here any more`,
    );
  const [pushed, ...attested] = await pushEntries(host, image, reference, options);
  const { annotations, platform } = entry; // what the user has them say
  return pushed === undefined ? [] : [{ ...pushed, annotations, platform }, ...attested];
}

interface Copy {
  readonly reference: Reference;
  /** `registry/repository` that has it. */
  readonly repository: string;
}

/** From one registry to the other, as it is; nothing of it stays here. */
async function copyManifest(
  host: Host,
  entry: ListEntry,
  { reference, repository }: Copy,
  options: PushListOptions,
): Promise<void> {
  if (repository === formatRepository(reference)) return;
  const name = `${repository}@${entry.digest}`;
  options.onProgress?.({ kind: "begin", name });
  const { isByDigest: _, credentials: __, ...access } = options;
  const from = openImageAtRegistry(host, name, access);
  const manifest = await from.manifest();
  if (manifest.kind !== "manifest")
    throw new CooperError("not-supported", `${name} is an index in the list`);
  const uploader = uploaderFor(host, reference, options);
  const isSame = from.reference.registry === reference.registry;
  for (const blob of [...manifest.layers, manifest.config]) {
    const id = blob.digest;
    if (await uploader.has(blob)) {
      options.onProgress?.({ kind: "done", digest: id, note: "already exists" });
      continue;
    }
    if (isSame && (await uploader.mount(id, from.reference.repository))) {
      options.onProgress?.({ kind: "done", digest: id, note: "mounted" });
      continue;
    }
    await copyBlob(uploader, blob, (offset) =>
      from.client.blob(from.source.repository, id, blob.size, name, offset),
    );
    options.onProgress?.({ kind: "done", digest: id, note: "" });
  }
  await uploader.putManifest(entry.digest, manifest);
}

/** The registry that takes it compares the digest. */
async function copyBlob(
  uploader: Uploader,
  { digest, size }: { readonly digest: Digest; readonly size: number },
  from: (offset: number) => AsyncIterable<Uint8Array>,
): Promise<void> {
  const finished = Promise.resolve({ digest, size });
  await uploader.upload({ from, finished }, () => undefined);
}
