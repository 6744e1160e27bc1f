/**
 * An image as it leaves the store: its configuration and manifest as they came, and its layers as
 * streams whose length and digest are known before they begin. What archives are written from.
 */
import { closeSync, fstatSync, readSync } from "node:fs";
import type { Host } from "../host.ts";
import { compressed } from "../layer/compress.ts";
import { exactTar } from "../layer/rebuild.ts";
import { type Digest, digestOf } from "../oci/digest.ts";
import { mediaType } from "../oci/media-type.ts";
import { type Image, manifestsOf, type StoredManifest } from "../records/images.ts";
import { type LayerRecord, layersOfImage } from "../records/layers.ts";
import { nameless, writeFully } from "./spool.ts";
import type { Stage } from "./stage.ts";

/** Content with its name. */
export interface OutgoingBlob {
  readonly mediaType: string;
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
  /** May be called more than once, for one stream after the other. */
  open(): AsyncIterable<Uint8Array>;
}

/** An image whose blobs are all at hand. */
export interface OutgoingImage {
  readonly id: string;
  /** `registry/repository:tag` */
  readonly names: readonly string[];
  readonly config: OutgoingBlob;
  readonly manifest: StoredManifest;
  /** Lowest first. */
  readonly layers: readonly OutgoingBlob[];
}

export type LayerCompression = "none" | "gzip" | "zstd";

/** How an image should leave. */
export interface OutgoingOptions {
  /** Which family of media types: OCI's, or those of Docker's schema 2. */
  readonly family: "oci" | "docker";
  /**
   * How layers are compressed. `as-it-came`: as the image's own manifest has them, so that its digest
   * stays wherever the same bytes come out again; `otherwise` says how where it has no such manifest.
   */
  readonly compression: LayerCompression | "as-it-came";
  readonly otherwise: LayerCompression;
  /** Of what is compressed; null: as configured. */
  readonly level: number | null;
  readonly signal?: AbortSignal | undefined;
}

/** Makes layers ready to leave: each once, whatever number of images has them. */
export class Outgoing implements Disposable {
  private readonly host: Host;
  private readonly stage: Stage;
  private readonly options: OutgoingOptions;
  private readonly ready = new Map<string, Promise<OutgoingBlob>>();
  private readonly descriptors: number[] = [];

  /** @param stage holds what is compressed until this is disposed */
  constructor(host: Host, stage: Stage, options: OutgoingOptions) {
    this.host = host;
    this.stage = stage;
    this.options = options;
  }

  [Symbol.dispose](): void {
    for (const descriptor of this.descriptors.splice(0)) closeSync(descriptor);
  }

  /** The image with the names that it should have there. */
  async image(image: Image, names: readonly string[]): Promise<OutgoingImage> {
    const records = layersOfImage(this.host.database, image.id);
    const original = originalOf(this.host, image, this.options.family);
    const layers: OutgoingBlob[] = [];
    for (const [index, record] of records.entries()) {
      this.options.signal?.throwIfAborted();
      layers.push(await this.layer(record, this.compressionOf(original?.layers[index])));
    }
    const config = this.config(image, original);
    return { id: image.id, names, config, layers, manifest: manifestOf(original, config, layers) };
  }

  private compressionOf(layer: OriginalLayer | undefined): LayerCompression {
    if (this.options.compression !== "as-it-came") return this.options.compression;
    return layer?.compression ?? this.options.otherwise;
  }

  private config(image: Image, original: Original | undefined): OutgoingBlob {
    const bytes = Buffer.from(image.configText);
    const own = this.options.family === "oci" ? mediaType.ociConfig : mediaType.dockerConfig;
    return {
      mediaType: original?.configType ?? own,
      digest: digestOf(bytes),
      size: bytes.length,
      open: async function* () {
        yield bytes;
      },
    };
  }

  /** A layer alone. */
  layer(record: LayerRecord, compression: LayerCompression): Promise<OutgoingBlob> {
    const key = `${record.id} ${compression}`;
    const made =
      this.ready.get(key) ??
      (compression === "none"
        ? Promise.resolve(this.plainLayer(record))
        : this.compressedLayer(record, compression));
    this.ready.set(key, made);
    return made;
  }

  private plainLayer(record: LayerRecord): OutgoingBlob {
    return {
      mediaType: layerType(this.options.family, "none"),
      digest: `sha256:${record.id}`,
      size: record.tarSize,
      open: () => exactTar(this.host.paths.layer(record.id), record),
    };
  }

  /** Its digest is only known when it is done, and stands before it in every format: so it is kept. */
  private async compressedLayer(
    record: LayerRecord,
    compression: "gzip" | "zstd",
  ): Promise<OutgoingBlob> {
    const descriptor = nameless(this.stage);
    this.descriptors.push(descriptor);
    const hash = new Bun.CryptoHasher("sha256");
    const tar = exactTar(this.host.paths.layer(record.id), record);
    const level = this.options.level ?? this.host.settings.compressionLevel;
    for await (const chunk of compressed(tar, compression, level)) {
      this.options.signal?.throwIfAborted();
      hash.update(chunk);
      writeFully(descriptor, chunk);
    }
    return {
      mediaType: layerType(this.options.family, compression),
      digest: `sha256:${hash.digest("hex")}`,
      size: fstatSync(descriptor).size,
      open: () => contentsOf(descriptor),
    };
  }
}

/** A file from its beginning, in pieces. */
async function* contentsOf(descriptor: number): AsyncGenerator<Uint8Array> {
  const buffer = Buffer.allocUnsafe(256 << 10);
  for (let position = 0; ; ) {
    const count = readSync(descriptor, buffer, 0, buffer.length, position);
    if (count === 0) return;
    position += count;
    yield buffer.subarray(0, count);
  }
}

/** A layer as the manifest that an image came with has it. */
export interface OriginalLayer {
  readonly digest: string;
  readonly mediaType: string;
  readonly size: number;
  readonly compression: LayerCompression;
}

/** The manifest that an image came with, where it is of the family that is wanted. */
export interface Original {
  readonly stored: StoredManifest;
  readonly configType: string;
  readonly layers: readonly OriginalLayer[];
}

interface ManifestDocument {
  readonly config: { readonly mediaType: string };
  readonly layers: readonly {
    readonly mediaType: string;
    readonly digest: string;
    readonly size: number;
  }[];
}

/** The manifest that an image came with, if it is of this family. */
export function originalOf(
  host: Host,
  image: Image,
  family: OutgoingOptions["family"],
): Original | undefined {
  const stored = manifestsOf(host.database, image.id).find(
    ({ digest }) => digest === image.manifestDigest,
  );
  const wanted = family === "oci" ? mediaType.ociManifest : mediaType.dockerManifest;
  if (stored?.mediaType !== wanted) return undefined;
  // it was decoded when it came in
  const document = JSON.parse(stored.text) as ManifestDocument;
  return {
    stored,
    configType: document.config.mediaType,
    layers: document.layers.map((layer, index) => ({
      digest: layer.digest,
      mediaType: layer.mediaType,
      size: layer.size,
      // the digest tells: what archives of Docker name gzip is not compressed at all
      compression: layer.digest === `sha256:${image.layers[index]}` ? "none" : typeOf(layer),
    })),
  };
}

const typeOf = ({ mediaType: type }: { mediaType: string }): LayerCompression =>
  type.endsWith("zstd") ? "zstd" : type.endsWith("gzip") ? "gzip" : "none";

/**
 * The manifest as it was when all of its blobs came out the same; else one for those that did, with the
 * annotations that it had.
 */
export function manifestOf(
  original: Original | undefined,
  config: Named,
  layers: readonly Named[],
): StoredManifest {
  const isSame =
    original !== undefined &&
    original.layers.length === layers.length &&
    layers.every((layer, index) => layer.digest === original.layers[index]?.digest);
  if (isSame) return original.stored;
  const isOci = config.mediaType === mediaType.ociConfig;
  const document = original === undefined ? {} : (JSON.parse(original.stored.text) as object);
  const text = JSON.stringify({
    schemaVersion: 2,
    ...document,
    mediaType: isOci ? mediaType.ociManifest : mediaType.dockerManifest,
    config: descriptorOf(config),
    // without the annotations of other blobs, which speak of places in their bytes (zstd:chunked, estargz)
    layers: layers.map(descriptorOf),
  });
  return {
    digest: digestOf(text),
    mediaType: isOci ? mediaType.ociManifest : mediaType.dockerManifest,
    text,
  };
}

/** What a manifest says of a blob. */
export type Named = Pick<OutgoingBlob, "mediaType" | "digest" | "size">;

const descriptorOf = ({ mediaType: type, digest, size }: Named) => ({
  mediaType: type,
  digest,
  size,
});

/** Docker's schema 2 has no type of its own for zstd (containers/image writes OCI's then, and so do we). */
export function layerType(
  family: OutgoingOptions["family"],
  compression: LayerCompression,
): string {
  if (compression === "zstd") return mediaType.ociLayerZstd;
  if (family === "oci") return compression === "gzip" ? mediaType.ociLayerGzip : mediaType.ociLayer;
  return compression === "gzip" ? mediaType.dockerLayerGzip : mediaType.dockerLayer;
}

/** Whose media types the image's own manifest has; undefined: it has none. */
export function familyOf(host: Host, image: Image): "oci" | "docker" | undefined {
  const stored = manifestsOf(host.database, image.id).find(
    ({ digest }) => digest === image.manifestDigest,
  );
  if (stored === undefined) return undefined;
  return stored.mediaType === mediaType.dockerManifest ? "docker" : "oci";
}
