/** `push`: an image to a registry, under the digests that it has wherever that is possible. */
import { CooperError } from "../errors.ts";
import type { Host } from "../host.ts";
import { type Digest, digestOf } from "../oci/digest.ts";
import { mediaType } from "../oci/media-type.ts";
import type { PlatformChoice } from "../oci/platform.ts";
import {
  atRegistry,
  formatReference,
  formatRepository,
  parseName,
  type Reference,
  withDefaultTag,
} from "../oci/reference.ts";
import { addManifest, addRepoDigest, type Image } from "../records/images.ts";
import { type LayerRecord, layersOfImage } from "../records/layers.ts";
import { type AccessOptions, openRegistry } from "../registry/access.ts";
import { pushTarget } from "../registry/pull-sources.ts";
import { loadRegistriesConf } from "../registry/registries-conf.ts";
import { Uploader } from "../registry/upload.ts";
import { emitImage } from "./events.ts";
import { familyOf, manifestOf, type Named, originalOf } from "./outgoing.ts";
import { type LayerTarget, type PushCompression, pushLayer } from "./push-layer.ts";
import { Slots } from "./slots.ts";
import { openStage } from "./stage.ts";
import type { TransferProgress } from "./transfer-progress.ts";
import { prepareSigners, type SignedPlace, type Signers } from "./trust/sign-pushed.ts";

export interface PushOptions extends AccessOptions {
  /** Which family of media types; null: that of the image's own manifest, else OCI's. */
  readonly family?: "oci" | "docker" | null;
  readonly compression?: PushCompression;
  /** Who signs what was pushed. */
  readonly signers?: Signers;
  /** The image gets no tag there: an index names it by its digest. */
  readonly isByDigest?: boolean;
  /** Refused where the image is for another one. */
  readonly platform?: PlatformChoice | null;
  onProgress?(progress: TransferProgress): void;
}

/** What a push led to. */
export interface PushedImage {
  /** Fully qualified, with the tag. */
  readonly name: string;
  readonly digest: Digest;
  /** Of the manifest, as Docker tells it. */
  readonly manifestBytes: number;
  /** Of the manifest. */
  readonly mediaType: string;
}

/** How many layers are on their way at once: compressing keeps all cores busy with fewer. */
const parallelLayers = 3;

/** Where a name says that an image should go. */
export function destinationOf(name: string): Reference {
  const parsed = withDefaultTag(parseName(name));
  const reference =
    parsed.registry === null
      ? atRegistry(parsed, "docker.io")
      : { ...parsed, registry: parsed.registry };
  if (reference.registry === "localhost")
    throw new CooperError(
      "invalid-argument",
      `${formatReference(reference)} is a name for here, not of a registry`,
      { hint: `name the destination: cooper push ${name} REGISTRY/NAME[:TAG]` },
    );
  return reference;
}

/** Pushes an image alone, without what is attested of it. */
export async function push(
  host: Host,
  image: Image,
  reference: Reference,
  options: PushOptions,
): Promise<PushedImage> {
  const name = formatReference(reference);
  const { onProgress } = options;
  onProgress?.({ kind: "begin", name });
  const uploader = uploaderFor(host, reference, options);
  const signIt = prepareSigners(options.signers ?? {});
  const own = familyOf(host, image);
  const family = options.family ?? own ?? "oci";
  const compression = options.compression ?? { format: null, level: null, isForced: false };
  if (family === "docker" && compression.format === "zstd")
    throw new CooperError(
      "invalid-argument",
      "Docker's format (v2s2) has no zstd layers: choose --format oci",
    );
  using stage = await openStage(host);
  const target: LayerTarget = { ...options, host, stage, uploader, reference, family, compression };
  const manifest = await sendParts(target, image, own);
  const tag = options.isByDigest
    ? digestOf(manifest.text)
    : (reference.digest ?? reference.tag ?? "latest");
  if (reference.digest !== null && reference.digest !== digestOf(manifest.text))
    throw new CooperError(
      "invalid-argument",
      `${name} asks for a digest that the image does not have there: it is ${digestOf(manifest.text)}`,
    );
  const digest = await uploader.putManifest(tag, manifest);
  await signIt(host, reference, digest, placeFor(host, reference, uploader, options));
  note(host, image, reference, { ...manifest, digest });
  emitImage(host, "push", image.id, name);
  onProgress?.({ kind: "end", name, id: image.id });
  const manifestBytes = Buffer.byteLength(manifest.text);
  return { name, digest, manifestBytes, mediaType: manifest.mediaType };
}

/** Opens the repository that a reference names, for writing. */
export function uploaderFor(host: Host, reference: Reference, options: PushOptions): Uploader {
  const conf = loadRegistriesConf(process.env, host.isRootless);
  const place = pushTarget(conf, reference.registry, reference.repository);
  const { onProgress } = options;
  const { session } = openRegistry(conf, place, {
    ...options,
    ...(onProgress !== undefined && {
      onRetry: (why: string, inMs: number) => onProgress({ kind: "retry", why, inMs }),
    }),
  });
  return new Uploader(session, place.repository, formatRepository(reference));
}

/** The same repository, also for reading: signatures that are there already stay. */
export function placeFor(
  host: Host,
  reference: Reference,
  uploader: Uploader,
  options: PushOptions,
): SignedPlace {
  const conf = loadRegistriesConf(process.env, host.isRootless);
  const place = pushTarget(conf, reference.registry, reference.repository);
  return { client: openRegistry(conf, place, options), uploader, repository: place.repository };
}

/** Sends what the manifest names, and makes the manifest. */
async function sendParts(
  target: LayerTarget,
  image: Image,
  own: "oci" | "docker" | undefined,
): Promise<{ readonly text: string; readonly mediaType: string }> {
  const { host, family, onProgress, uploader } = target;
  const original = own === undefined ? undefined : originalOf(host, image, own);
  const records = layersOfImage(host.database, image.id);
  onProgress?.({
    kind: "layers",
    layers: records.map((layer) => ({ digest: `sha256:${layer.id}`, size: layer.tarSize })),
  });
  const layers = await inParallel(records, (layer) => {
    const seen = original?.layers[records.indexOf(layer)];
    return pushLayer(target, layer, seen && sameFamily(seen, own, family));
  });
  const config = Buffer.from(image.configText);
  const blob = { digest: digestOf(config), size: config.length };
  if (!(await uploader.has(blob))) await uploader.uploadBytes(config);
  const configType = family === "oci" ? mediaType.ociConfig : mediaType.dockerConfig;
  const kept = own === family ? original : undefined;
  return manifestOf(kept, { ...blob, mediaType: kept?.configType ?? configType }, layers);
}

/** The media type counts only within its family. */
function sameFamily<T extends { readonly mediaType: string }>(
  layer: T,
  own: string | undefined,
  family: string,
): T {
  if (own === family) return layer;
  const { mediaType: _, ...rest } = layer;
  return rest as T;
}

/** The largest first, so that no core waits for a last long one; each layer once, in the given order. */
async function inParallel(
  records: readonly LayerRecord[],
  act: (layer: LayerRecord) => Promise<Named>,
): Promise<Named[]> {
  const slots = new Slots(parallelLayers);
  const begun = new Map<string, Promise<Named>>();
  let failure: unknown;
  for (const layer of records.toSorted((a, b) => b.tarSize - a.tarSize)) {
    if (begun.has(layer.id)) continue;
    const one = async () => {
      using _slot = await slots.take();
      if (failure !== undefined) throw failure;
      try {
        return await act(layer);
      } catch (error) {
        failure ??= error;
        throw error;
      }
    };
    begun.set(layer.id, one());
  }
  // all are waited for, so that nothing goes on unseen after a failure
  await Promise.allSettled(begun.values());
  if (failure !== undefined) throw failure;
  const results: Named[] = [];
  for (const { id } of records) {
    const result = await begun.get(id);
    if (result !== undefined) results.push(result);
  }
  return results;
}

/** From now on the image is known by that digest there. */
export function noteDigest(host: Host, image: Image, reference: Reference, digest: Digest): void {
  addRepoDigest(host.database, `${formatRepository(reference)}@${digest}`, image.id);
}

/** From now on the image is known by its digest there, and by the manifest that it has there. */
function note(
  host: Host,
  image: Image,
  reference: Reference,
  manifest: { readonly digest: Digest; readonly text: string; readonly mediaType: string },
): void {
  const write = host.database.transaction(() => {
    addManifest(host.database, image.id, manifest);
    noteDigest(host, image, reference, manifest.digest);
  });
  write.immediate();
}
