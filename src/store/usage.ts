/** `system df`: where the space of the store went, counted as du(1) counts. */
import type { Database } from "bun:sqlite";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { frozenUsage } from "../container/frozen-usage.ts";
import type { ListedContainer } from "../container/listed.ts";
import type { ContainerRecord } from "../container/record.ts";
import { type ContainerSummary, summarize } from "../container/summary.ts";
import { errnoName } from "../errors.ts";
import type { Host } from "../host.ts";
import { buildCache, type CacheEntry } from "../image/build-cache.ts";
import { layerUsage } from "../image/layer-usage.ts";
import { type ImageSummary, type ListedImage, listImages } from "../image/list.ts";
import { listCachedSteps } from "../records/build-cache.ts";
import { allFrozenIds, frozenChain } from "../records/frozen.ts";
import { allLayerIds, heldLayers } from "../records/layers.ts";
import { snapshotsOf } from "../records/snapshots.ts";
import { listVolumes, volumeUseCounts } from "../records/volumes.ts";
import { treeUsage } from "../system/tree-usage.ts";

/** A kind of thing in the store. All bytes are on the disk. */
export interface UsageOf<Item> {
  readonly items: readonly Item[];
  /** How many of them are in use. */
  readonly active: number;
  readonly bytes: number;
  /** Of these, what would be free if all that is not in use went. */
  readonly reclaimableBytes: number;
}

export interface ImageUsage<Summary = ImageSummary> {
  readonly summary: Summary;
  /** Of its layers. */
  readonly bytes: number;
  /** Of those layers that other images have too. */
  readonly sharedBytes: number;
}

export interface ContainerUsage<Summary = ContainerSummary> {
  readonly summary: Summary;
  readonly bytes: number;
}

export interface VolumeUsage {
  readonly name: string;
  /** How many containers use it. */
  readonly links: number;
  readonly bytes: number;
}

/** What belongs to none of them: the database, locks, the journal, rubbish that the next sweep takes. */
export interface EngineUsage {
  readonly name: string;
  readonly bytes: number;
  readonly isRubbish: boolean;
}

export interface StoreUsage<Image = ImageSummary, Container = ContainerSummary> {
  readonly images: UsageOf<ImageUsage<Image>>;
  readonly containers: UsageOf<ContainerUsage<Container>>;
  readonly volumes: UsageOf<VolumeUsage>;
  /** Layers that an image or a container has too are counted there. */
  readonly buildCache: UsageOf<CacheEntry>;
  readonly engine: UsageOf<EngineUsage>;
  readonly totalBytes: number;
}

/** As much of it as is shown, wherever the store is. */
export type ShownUsage = StoreUsage<ListedImage, ListedContainer>;

/** Looks at everything in the store. Layers are measured once; all else is walked each time. */
export function storeUsage(host: Host): StoreUsage {
  const layers = layerUsage(host);
  const images = imagesUsage(host, layers);
  const containers = containersUsage(host, layers);
  const volumes = volumesUsage(host);
  const buildCache = cacheUsage(host, layers);
  const engine = engineUsage(host);
  const parts = [images, containers, volumes, buildCache, engine];
  return {
    images,
    containers,
    volumes,
    buildCache,
    engine,
    totalBytes: parts.reduce((sum, { bytes }) => sum + bytes, 0),
  };
}

const sumOf = (numbers: Iterable<number>): number =>
  [...numbers].reduce((sum, number) => sum + number, 0);

/** Of images alone, which walks only layers that nobody has measured. */
export function imageUsage(host: Host): UsageOf<ImageUsage> {
  return imagesUsage(host, layerUsage(host));
}

function imagesUsage(host: Host, layers: ReadonlyMap<string, number>): UsageOf<ImageUsage> {
  const holders = Map.groupBy(heldLayers(host.database, "image"), ({ layer }) => layer);
  const sizeOf = (ids: Iterable<string>) => sumOf([...ids].map((id) => layers.get(id) ?? 0));
  const items = listImages(host, { all: true }).map((summary): ImageUsage => {
    const own = new Set(summary.image.layers);
    const shared = [...own].filter((id) => (holders.get(id)?.length ?? 0) > 1);
    return { summary, bytes: sizeOf(own), sharedBytes: sizeOf(shared) };
  });
  const used = items.filter(({ summary }) => summary.containers > 0);
  const inUse = new Set([
    ...used.flatMap(({ summary }) => summary.image.layers),
    ...heldLayers(host.database, "container").map(({ layer }) => layer),
  ]);
  const bytes = sizeOf(holders.keys());
  const usedBytes = sizeOf([...holders.keys()].filter((id) => inUse.has(id)));
  return { items, active: used.length, bytes, reclaimableBytes: bytes - usedBytes };
}

/** With layers whose image is gone, which only containers keep, and with what was frozen of their files. */
function containersUsage(host: Host, layers: ReadonlyMap<string, number>): UsageOf<ContainerUsage> {
  const ofImages = new Set(heldLayers(host.database, "image").map(({ layer }) => layer));
  const orphans = new Set(
    heldLayers(host.database, "container")
      .map(({ layer }) => layer)
      .filter((layer) => !ofImages.has(layer)),
  );
  const orphanBytes = sumOf([...orphans].map((id) => layers.get(id) ?? 0));
  const frozen = frozenUsage(host);
  const items = summarize(host, true).map(
    (summary): ContainerUsage => ({
      summary,
      bytes: treeUsage(host.paths.container(summary.record.id).directory).diskBytes,
    }),
  );
  const isActive = ({ summary }: ContainerUsage) => summary.isActive;
  const active = items.filter(isActive);
  const bytes = sumOf(items.map((item) => item.bytes)) + orphanBytes + sumOf(frozen.values());
  const activeFrozen = new Set(
    active.flatMap(({ summary: { record } }) => [...frozenOf(host.database, record)]),
  );
  const activeBytes =
    sumOf(active.map((item) => item.bytes)) +
    orphanBytes +
    sumOf([...activeFrozen].map((id) => frozen.get(id) ?? 0));
  return { items, active: active.length, bytes, reclaimableBytes: bytes - activeBytes };
}

/** What a container stands on, and its snapshots: trees that stay as long as it does. */
function* frozenOf(
  database: Database,
  { id, frozenId }: Pick<ContainerRecord, "id" | "frozenId">,
): Generator<string> {
  for (const top of [frozenId, ...snapshotsOf(database, id).map((one) => one.frozenId)])
    for (const tree of frozenChain(database, top)) yield tree.id;
}

function volumesUsage(host: Host): UsageOf<VolumeUsage> {
  const counts = volumeUseCounts(host.database);
  const items = listVolumes(host.database).map(
    ({ name }): VolumeUsage => ({
      name,
      links: counts.get(name) ?? 0,
      bytes: treeUsage(join(host.paths.volumes, name)).diskBytes,
    }),
  );
  const bytes = sumOf(items.map((item) => item.bytes));
  const idle = items.filter(({ links }) => links === 0);
  return {
    items,
    active: items.length - idle.length,
    bytes,
    reclaimableBytes: sumOf(idle.map((item) => item.bytes)),
  };
}

/** Several steps may have come to one layer, which takes its space once. */
function cacheUsage(host: Host, layers: ReadonlyMap<string, number>): UsageOf<CacheEntry> {
  const items = buildCache(host);
  const own = new Set(
    listCachedSteps(host.database).flatMap(({ layerId, isShared }) => (isShared ? [] : [layerId])),
  );
  const mounts = items.filter(({ kind }) => kind === "mount");
  const bytes = sumOf([...own].map((id) => layers.get(id) ?? 0));
  const idleBytes = sumOf(mounts.filter((item) => !item.isInUse).map((item) => item.bytes));
  return {
    items,
    active: items.filter(({ isInUse, isShared }) => isInUse || isShared).length,
    bytes: bytes + sumOf(mounts.map((item) => item.bytes)),
    reclaimableBytes: bytes + idleBytes,
  };
}

function engineUsage(host: Host): UsageOf<EngineUsage> {
  const { root, layers, containers, frozen, volumes, caches, staging, partials } = host.paths;
  const layerIds = allLayerIds(host.database);
  const containerIds = new Set(summarize(host, true).map(({ record }) => record.id));
  const frozenIds = allFrozenIds(host.database);
  const volumeNames = new Set(listVolumes(host.database).map(({ name }) => name));
  const counted: [directory: string, known: (name: string) => boolean][] = [
    [layers, (name) => layerIds.has(name)],
    [containers, (name) => containerIds.has(name)],
    [frozen, (name) => frozenIds.has(name)],
    [volumes, (name) => volumeNames.has(name)],
    [caches, () => true],
  ];
  const items: EngineUsage[] = [];
  for (const name of list(root)) {
    const path = join(root, name);
    const rule = counted.find(([directory]) => directory === path);
    if (rule === undefined) {
      items.push({
        name,
        bytes: treeUsage(path).diskBytes,
        isRubbish: path === staging || path === partials,
      });
      continue;
    }
    // what has a row is counted with its kind; the directory itself and what has none, here
    const strays = list(path).filter((child) => !rule[1](child));
    const strayBytes = strays.map((child) => treeUsage(join(path, child)).diskBytes);
    items.push({ name: `${name} without records`, bytes: sumOf(strayBytes), isRubbish: true });
    items.push({ name: `directory ${name}`, bytes: directoryBytes(path), isRubbish: false });
  }
  items.push({ name: "directory of the store", bytes: directoryBytes(root), isRubbish: false });
  return {
    items: items.filter((item) => item.bytes > 0),
    active: items.filter((item) => item.bytes > 0 && !item.isRubbish).length,
    bytes: sumOf(items.map((item) => item.bytes)),
    reclaimableBytes: sumOf(items.filter((item) => item.isRubbish).map((item) => item.bytes)),
  };
}

/** Of the directory's own blocks, which grow with the names in it. */
function directoryBytes(path: string): number {
  return statSync(path).blocks * 512;
}

function list(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if (errnoName(error) === "ENOENT") return []; // a store that nobody has used yet
    throw error;
  }
}
