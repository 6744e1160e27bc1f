/** How an image comes to be: its layers get their names, and then it gets its row. */
import { existsSync, mkdirSync, renameSync } from "node:fs";
import { CooperError, errnoName } from "../errors.ts";
import type { Host } from "../host.ts";
import { type Digest, digestOf, hexOf } from "../oci/digest.ts";
import type { ImageConfig } from "../oci/image-config.ts";
import { type Image, imagesByPrefix, type StoredManifest } from "../records/images.ts";
import {
  getLayer,
  insertImage,
  insertLayer,
  type LayerBlob,
  type LayerRecord,
} from "../records/layers.ts";
import { ensureBallast } from "../system/ballast.ts";
import { syncDirectory, syncFilesystem } from "../system/sync.ts";

/** A layer that is unpacked in a stage, or in the store already. */
export interface StagedLayer extends LayerRecord {
  /** Holds `diff/` and `tar.zst`; null: it was in the store when it was looked for. */
  readonly directory: string | null;
  /** The forms in which its bytes came. */
  readonly blobs: readonly LayerBlob[];
}

/** An image all of whose parts were verified as they came in (image-spec, descriptor.md, "Verification"). */
export interface StagedImage {
  readonly config: ImageConfig;
  readonly configText: string;
  /** Its own manifest last; an index that led to it before that. */
  readonly manifests: readonly StoredManifest[];
  /** Lowest first; as the config's diff IDs. */
  readonly layers: readonly StagedLayer[];
  /** `registry/repository:tag` */
  readonly names: readonly string[];
  /** `registry/repository@sha256:…` */
  readonly repoDigests: readonly string[];
  readonly parentId: string | null;
}

/**
 * Publishes a staged image. Idempotent: returning means "the store holds this image", not "this call put
 * it there", so two pulls may race. Killed at any line it leaves no row, and what has no row is swept.
 *
 * @throws CooperError conflict when a layer that was in the store has been removed meanwhile: stage it anew
 */
export async function publishImage(host: Host, staged: StagedImage): Promise<Image> {
  assertLayersFit(staged);
  ensureBallast(host.paths.ballast);
  const image = await publish(host, staged);
  if (host.settings.storageMaxBytes !== null) {
    const { keepWithinLimit } = await import("./evict.ts");
    await keepWithinLimit(host, image.id);
  }
  return image;
}

async function publish(host: Host, staged: StagedImage): Promise<Image> {
  const id = hexOf(digestOf(staged.configText));
  using _lock = await host.locks.store("shared"); // sweep() takes it exclusively
  moveLayers(host, staged.layers);
  const commit = host.database.transaction(() => {
    for (const layer of staged.layers) {
      if (layer.directory === null && getLayer(host.database, layer.id) === undefined)
        throw layerGone(layer.id);
      insertLayer(host.database, layer, layer.blobs);
    }
    insertImage(host.database, {
      id,
      configText: staged.configText,
      createdAt: createdAt(staged.config),
      parentId: staged.parentId,
      manifests: staged.manifests,
      layers: staged.layers.map((layer) => layer.id),
      names: staged.names,
      repoDigests: staged.repoDigests,
    });
  });
  commit.immediate();
  const image = imagesByPrefix(host.database, id)[0];
  if (image === undefined)
    throw new CooperError("conflict", `the image ${id.slice(0, 12)} was removed by somebody else`);
  return image;
}

/**
 * Publishes layers alone, for others who wait for them: without an image they go with the next removal
 * of images, unless one that has them is published first, or `hold` keeps them.
 *
 * @param hold adds rows that keep them, in the same transaction
 */
export async function publishLayers(
  host: Host,
  layers: readonly StagedLayer[],
  hold?: () => void,
): Promise<void> {
  using _lock = await host.locks.store("shared");
  moveLayers(host, layers);
  const commit = host.database.transaction(() => {
    for (const layer of layers)
      if (layer.directory !== null) insertLayer(host.database, layer, layer.blobs);
    hold?.();
  });
  commit.immediate();
}

/**
 * Bytes before names: after power loss a name must never lead to half a file. One syncfs(2) covers every
 * file of every layer.
 */
function moveLayers(host: Host, layers: readonly StagedLayer[]): void {
  const moves = new Map(
    layers.flatMap((layer) =>
      layer.directory === null ? [] : [[layer.id, layer.directory] as const],
    ),
  );
  for (const id of moves.keys()) if (existsSync(host.paths.layer(id).directory)) moves.delete(id);
  if (moves.size === 0) return;
  mkdirSync(host.paths.layers, { recursive: true, mode: 0o700 });
  syncFilesystem(host.paths.layers);
  for (const [id, directory] of moves) moveUnlessPresent(directory, host.paths.layer(id).directory);
  syncDirectory(host.paths.layers);
}

/** rename(2) onto a directory that is not empty fails: somebody else has published the same layer. */
function moveUnlessPresent(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if (errnoName(error) !== "ENOTEMPTY" && errnoName(error) !== "EEXIST") throw error;
  }
}

/** When the config says it was made; 0 when it does not, or nonsense. */
function createdAt(config: ImageConfig): number {
  const time = Date.parse(config.created ?? "");
  return Number.isNaN(time) ? 0 : time;
}

/** The last check before anything becomes visible: what a config names is what was unpacked. */
function assertLayersFit(staged: StagedImage): void {
  const named = staged.config.rootfs.diff_ids;
  const held = staged.layers.map((layer): Digest => `sha256:${layer.id}`);
  const differs = named.findIndex((diffId, index) => diffId !== held[index]);
  if (differs < 0 && named.length === held.length) return;
  const which =
    differs < 0
      ? `has ${named.length} layers, and ${held.length} came`
      : `names another layer ${differs + 1} than came`;
  throw new CooperError("corrupt", `the image's configuration ${which}`);
}

function layerGone(id: string): CooperError {
  return new CooperError(
    "conflict",
    `the layer ${id.slice(0, 12)} was removed by somebody else meanwhile`,
  );
}
