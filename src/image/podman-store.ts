/**
 * The store of Podman, Buildah, CRI-O and Skopeo (containers/storage), read in place: `DRIVER-images/`
 * and `DRIVER-layers/` list images and layers, tar-split files give back each layer's exact tar.
 *
 * Its locks are not taken: they would keep Podman waiting for as long as layers are copied. Its lists
 * are replaced by rename(2), so each is whole; images are read before layers, which Podman adds first
 * and removes last; and what was removed or changed while we read it fails by its digest.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { CooperError } from "../errors.ts";
import { rebuildFromSplit } from "../layer/tar-split.ts";
import { decodeImageConfig } from "../oci/decode-image-config.ts";
import { type Digest, digestOf, hexOf, isDigest } from "../oci/digest.ts";
import { decodeManifest, maxConfigBytes, maxLayers, maxManifestBytes } from "../oci/manifest.ts";
import type { StoredManifest } from "../records/images.ts";
import {
  type ForeignImage,
  type ForeignStore,
  imageNamesOf,
  isPlainName,
  objectsOf,
  opened,
  readStoreFile,
  readStoreJson,
  textsOf,
} from "./foreign-store.ts";
import { podmanVolumes } from "./foreign-volumes.ts";
import type { ImagePlan } from "./load-plan.ts";
import type { LayerPlan } from "./stage-layers.ts";
import { storageOrigin } from "./trust/origin.ts";

/** Drivers whose layers are directories. */
const drivers = ["overlay", "vfs"] as const;
type Driver = (typeof drivers)[number];

interface Layer {
  readonly id: string;
  readonly parent: string | null;
  readonly diffId: Digest | null;
  readonly size: number;
}

interface ImageRow {
  readonly id: string;
  readonly names: readonly string[];
  readonly topLayer: string | null;
  readonly digest: Digest | null;
  readonly bigData: readonly string[];
}

/** Whether a directory is the root of such a store. */
export function isPodmanStore(root: string): boolean {
  return drivers.some((driver) => existsSync(join(root, `${driver}-images`)));
}

/**
 * Opens a store; nothing is read yet.
 *
 * @param wanted the driver, where the user or storage.conf names one
 * @throws CooperError not-supported for drivers whose layers are no directories
 */
export function openPodmanStore(root: string, wanted: string | null): ForeignStore {
  const driver = driverOf(root, wanted);
  return {
    engine: "Podman",
    root,
    origin: storageOrigin(driver, root),
    images: () => readImages(root, driver),
    volumes: () => podmanVolumes(root),
  };
}

function driverOf(root: string, wanted: string | null): Driver {
  const known = drivers.filter((driver) => existsSync(join(root, `${driver}-images`)));
  const driver = wanted === null ? known[0] : drivers.find((name) => name === wanted);
  if (driver !== undefined) return driver;
  if (wanted !== null)
    throw new CooperError(
      "not-supported",
      `the store at ${root} uses the driver ${wanted}; only overlay and vfs are read`,
    );
  throw new CooperError("no-such-object", `there is no store of Podman at ${root}`);
}

function readImages(root: string, driver: Driver): ForeignImage[] {
  const rows = objectsOf(
    readStoreJson(root, `${driver}-images/images.json`),
    `${root}/${driver}-images/images.json`,
  ).map((row) => decodeImage(row, root));
  const layers = readLayers(root, driver);
  return rows.map((row) => ({
    id: row.id,
    names: row.names.filter((name) => !name.includes("@")),
    repoDigests: row.names.filter((name) => name.includes("@")),
    size: chainSize(row, layers),
    open: () => opened(planOf(root, driver, row, layers)),
  }));
}

function decodeImage(row: Readonly<Record<string, unknown>>, root: string): ImageRow {
  const { id, layer, digest } = row;
  if (!isPlainName(id)) throw new CooperError("corrupt", `${root} lists an image without id`);
  return {
    id,
    names: imageNamesOf(textsOf(row.names)),
    topLayer: isPlainName(layer) ? layer : null,
    digest: isDigest(digest) ? digest : null,
    bigData: textsOf(row["big-data-names"]),
  };
}

function readLayers(root: string, driver: Driver): ReadonlyMap<string, Layer> {
  const layers = new Map<string, Layer>();
  // layers of mounted images are listed apart by newer versions
  for (const file of ["layers.json", "volatile-layers.json"]) {
    const path = `${driver}-layers/${file}`;
    for (const row of objectsOf(readStoreJson(root, path), `${root}/${path}`)) {
      const { id, parent, "diff-digest": diffId, "diff-size": size } = row;
      if (!isPlainName(id)) continue;
      layers.set(id, {
        id,
        parent: isPlainName(parent) ? parent : null,
        diffId: isDigest(diffId) ? diffId : null,
        size: typeof size === "number" ? size : 0,
      });
    }
  }
  return layers;
}

/** Lowest first. */
function chainOf(row: ImageRow, layers: ReadonlyMap<string, Layer>): Layer[] {
  const chain: Layer[] = [];
  for (let id = row.topLayer; id !== null; ) {
    const layer = layers.get(id);
    if (layer === undefined)
      throw new CooperError("corrupt", `image ${shortId(row.id)} lacks its layer ${shortId(id)}`);
    if (chain.push(layer) > maxLayers)
      throw new CooperError("hostile", `image ${shortId(row.id)} has layers without end`);
    id = layer.parent;
  }
  return chain.reverse();
}

function chainSize(row: ImageRow, layers: ReadonlyMap<string, Layer>): number | null {
  try {
    return chainOf(row, layers).reduce((sum, layer) => sum + layer.size, 0);
  } catch (error) {
    if (error instanceof CooperError) return null; // told when the image is planned
    throw error;
  }
}

const shortId = (id: string): string => id.slice(0, 12);

function planOf(
  root: string,
  driver: Driver,
  row: ImageRow,
  layers: ReadonlyMap<string, Layer>,
): ImagePlan {
  const directory = `${driver}-images/${row.id}`;
  const configKey = row.bigData.find((key) => key === `sha256:${row.id}`);
  const bytes =
    configKey === undefined
      ? undefined
      : readStoreFile(root, `${directory}/${bigDataFile(configKey)}`, maxConfigBytes);
  if (bytes === undefined || configKey === undefined) throw withoutConfig(root, directory, row);
  const where = `the configuration of image ${shortId(row.id)}`;
  if (digestOf(bytes) !== configKey) throw new CooperError("corrupt", `${where} is damaged`);
  const config = decodeImageConfig(bytes, where);
  const chain = chainOf(row, layers);
  if (chain.length !== config.diffIds.length)
    throw new CooperError(
      "corrupt",
      `image ${shortId(row.id)} has ${chain.length} layers, and its configuration names ${config.diffIds.length}`,
    );
  return {
    config,
    manifests: manifestsOf(root, directory, row),
    layers: chain.map((layer, index) => layerPlan(root, driver, layer, config.diffIds[index])),
    names: row.names.filter((name) => !name.includes("@")),
    repoDigests: row.names.filter((name) => name.includes("@")),
  };
}

/** Podman keeps manifest lists and artifacts among images, with what makes them in place of a manifest. */
function withoutConfig(root: string, directory: string, row: ImageRow): CooperError {
  const name = row.names[0] ?? shortId(row.id);
  const bytes = readStoreFile(root, `${directory}/manifest`, maxManifestBytes);
  const isList = bytes !== undefined && /"manifests"\s*:/.test(bytes.toString("latin1"));
  if (isList && row.topLayer === null)
    return new CooperError("not-supported", `${name} is a manifest list, and no image`, {
      hint: "make it again of the images with: cooper manifest create, and cooper manifest add",
    });
  return new CooperError(
    "not-supported",
    `image ${name} has no configuration that its id names: it is an artifact, or of the old schema 1`,
  );
}

function layerPlan(
  root: string,
  driver: Driver,
  layer: Layer,
  diffId: Digest | undefined,
): LayerPlan {
  if (diffId === undefined || (layer.diffId !== null && layer.diffId !== diffId))
    throw new CooperError(
      "corrupt",
      `layer ${shortId(layer.id)} is not the one that the configuration names: expected ${diffId}, got ${layer.diffId}`,
    );
  const files = driver === "overlay" ? `overlay/${layer.id}/diff` : `vfs/dir/${layer.id}`;
  return {
    diffId,
    blob: null,
    open: () => ({
      kind: "stream",
      chunks: rebuildFromSplit({
        root,
        files,
        split: `${driver}-layers/${layer.id}.tar-split.gz`,
        name: `layer ${shortId(layer.id)} in ${root}`,
      }),
    }),
  };
}

/**
 * The manifest that the image's record names, and before it an index that led to it. null: there is
 * none whose digest is right, as for images of `docker save`.
 */
function manifestsOf(root: string, directory: string, row: ImageRow): StoredManifest[] | null {
  const keys = row.bigData.filter(
    (key) => key === "manifest" || key.startsWith("manifest-sha256:"),
  );
  const found = new Map<Digest, StoredManifest & { kind: "index" | "manifest" }>();
  for (const key of keys) {
    const bytes = readStoreFile(root, `${directory}/${bigDataFile(key)}`, maxManifestBytes);
    if (bytes === undefined) continue;
    const digest = digestOf(bytes);
    if (found.has(digest) || (key !== "manifest" && key !== `manifest-${digest}`)) continue;
    const decoded = decodeManifest(bytes, null, `a manifest of image ${shortId(row.id)}`);
    const isOwn = decoded.kind === "index" || hexOf(decoded.config.digest) === row.id;
    const { kind, mediaType, text } = decoded;
    if (isOwn) found.set(digest, { digest, mediaType, text, kind });
  }
  const all = [...found.values()];
  const own = all.filter(({ kind }) => kind === "manifest");
  const main = own.find(({ digest }) => digest === row.digest) ?? own[0];
  if (main === undefined) return null;
  const above = all.filter(({ kind }) => kind === "index");
  return [...above, main].map(({ digest, mediaType, text }) => ({ digest, mediaType, text }));
}

/** containers/storage, images.go, makeBigDataBaseName: what is no plain name is in base64. */
export function bigDataFile(key: string): string {
  return /^[0-9a-z.]+$/.test(key) ? key : `=${Buffer.from(key).toString("base64")}`;
}
