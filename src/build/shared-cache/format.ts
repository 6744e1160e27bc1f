/**
 * What builds elsewhere find of this one: layers, and the keys of the steps that came to them. A manifest
 * names the layers, so that a registry keeps them; its configuration says which keys lead to which. Pure.
 */
import { CooperError } from "../../errors.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { decodeDescriptor } from "../../oci/descriptor.ts";
import { type Digest, digestOf, parseDigest } from "../../oci/digest.ts";
import { isObject, parseJsonObject } from "../../oci/json.ts";
import { isLayer, mediaType } from "../../oci/media-type.ts";

export const cacheConfigType = "application/vnd.cooper.buildcache.config.v1+json";
/** What BuildKit's own caches are known by. */
const buildkitConfigType = "application/vnd.buildkit.cacheconfig.v0";
/** In the manifest of an image that is its own cache (type=inline). */
export const inlineAnnotation = "vnd.cooper.buildcache.v1";

const maxLayers = 10_000;
const maxRecords = 100_000;

/** A layer, and a form in which it can be had. */
export interface SharedLayer {
  readonly diffId: Digest;
  readonly blob: Pick<Descriptor, "mediaType" | "digest" | "size">;
}

/** A key, and the place of the layer that its step came to. */
export interface SharedRecord {
  readonly key: string;
  readonly layer: number;
  /** ms */
  readonly createdAt: number;
}

export interface SharedCache {
  readonly layers: readonly SharedLayer[];
  readonly records: readonly SharedRecord[];
}

/** The two documents of a cache. */
export function encodeCache({ layers, records }: SharedCache): {
  readonly config: string;
  readonly manifest: string;
} {
  const config = JSON.stringify({
    version: 1,
    layers: layers.map(({ diffId }) => diffId),
    records,
  });
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: mediaType.ociManifest,
    config: {
      mediaType: cacheConfigType,
      digest: digestOf(config),
      size: Buffer.byteLength(config),
    },
    layers: layers.map(({ blob: { mediaType: type, digest, size } }) => ({
      mediaType: type,
      digest,
      size,
    })),
  });
  return { config, manifest };
}

/** What a manifest is to a cache. */
export type CacheManifest =
  | { readonly kind: "cache"; readonly config: Descriptor; readonly blobs: readonly Descriptor[] }
  /** An image that carries its own cache. */
  | {
      readonly kind: "inline";
      readonly config: Descriptor;
      readonly blobs: readonly Descriptor[];
      readonly records: readonly SharedRecord[];
    }
  | { readonly kind: "index"; readonly manifests: readonly Descriptor[] }
  | { readonly kind: "other"; readonly what: string };

/** Decodes what a stranger wrote. @throws CooperError */
export function decodeCacheManifest(bytes: Uint8Array, where: string): CacheManifest {
  const { value } = parseJsonObject(bytes, where);
  if (value.manifests !== undefined) {
    const manifests = descriptors(value.manifests, where);
    const isBuildkit = manifests.some((one) => one.mediaType === buildkitConfigType);
    return isBuildkit ? { kind: "other", what: "BuildKit's" } : { kind: "index", manifests };
  }
  const config = decodeDescriptor(value.config, `${where}: config`);
  if (config.mediaType === buildkitConfigType) return { kind: "other", what: "BuildKit's" };
  const blobs = descriptors(value.layers, where);
  if (config.mediaType === cacheConfigType) return { kind: "cache", config, blobs };
  const annotations = isObject(value.annotations) ? value.annotations : {};
  const text = annotations[inlineAnnotation];
  if (typeof text !== "string") return { kind: "other", what: "an image without one" };
  const inline = parseJsonObject(Buffer.from(text), `${where}: cache`).value;
  return { kind: "inline", config, blobs, records: decodeRecords(inline.records, blobs, where) };
}

/** Puts a cache together from its two documents. @throws CooperError */
export function decodeCache(
  configBytes: Uint8Array,
  blobs: readonly Descriptor[],
  where: string,
): SharedCache {
  const { value } = parseJsonObject(configBytes, where);
  if (value.version !== 1)
    throw new CooperError("not-supported", `${where} is of another version of Cooper`);
  if (!Array.isArray(value.layers))
    throw new CooperError("corrupt", `${where} has no list of layers`);
  return {
    layers: sharedLayers(value.layers, blobs, where),
    records: decodeRecords(value.records, blobs, where),
  };
}

/** @param diffIds what the configuration says the blobs are */
export function sharedLayers(
  diffIds: readonly unknown[],
  blobs: readonly Descriptor[],
  where: string,
): SharedLayer[] {
  if (diffIds.length !== blobs.length)
    throw new CooperError("corrupt", `${where} names ${diffIds.length} layers of ${blobs.length}`);
  return blobs.map((blob, index) => {
    if (!isLayer(blob.mediaType))
      throw new CooperError("corrupt", `${where} has a layer of type ${blob.mediaType}`);
    return { blob, diffId: parseDigest(diffIds[index], where) };
  });
}

function descriptors(value: unknown, where: string): Descriptor[] {
  if (!Array.isArray(value)) throw new CooperError("corrupt", `${where} has no list`);
  if (value.length > maxLayers)
    throw new CooperError("hostile", `${where} has more than ${maxLayers} layers`);
  return value.map((one, index) => decodeDescriptor(one, `${where}: ${index + 1}`));
}

function decodeRecords(
  value: unknown,
  blobs: readonly Descriptor[],
  where: string,
): SharedRecord[] {
  if (!Array.isArray(value)) throw new CooperError("corrupt", `${where} has no list of steps`);
  if (value.length > maxRecords)
    throw new CooperError("hostile", `${where} has more than ${maxRecords} steps`);
  return value.map((one): SharedRecord => {
    const { key, layer, createdAt } = isObject(one) ? one : {};
    const isWhole =
      typeof key === "string" &&
      /^[0-9a-f]{64}$/.test(key) &&
      typeof layer === "number" &&
      Number.isInteger(layer) &&
      layer >= 0 &&
      layer < blobs.length &&
      typeof createdAt === "number" &&
      Number.isSafeInteger(createdAt) &&
      createdAt >= 0;
    if (!isWhole) throw new CooperError("corrupt", `${where} has a step that is none`);
    return { key, layer, createdAt };
  });
}
