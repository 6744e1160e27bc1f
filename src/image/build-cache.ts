/** What builds keep for later ones: layers of steps, and directories of RUN --mount=type=cache. */
import { readdirSync, rmSync, statfsSync, statSync } from "node:fs";
import { join } from "node:path";
import { errnoName } from "../errors.ts";
import { type FilterTests, filterBy, filterPattern, filterTruth } from "../filter.ts";
import type { Host } from "../host.ts";
import { parseMoment } from "../moment.ts";
import { deleteCachedSteps, listCachedSteps } from "../records/build-cache.ts";
import { deleteUnusedLayers } from "../records/layers.ts";
import { withBallast } from "../system/ballast.ts";
import { tryLock } from "../system/lock.ts";
import { treeUsage } from "../system/tree-usage.ts";
import { layerUsage } from "./layer-usage.ts";
import { sweep } from "./sweep.ts";

/** One thing that is kept. */
export interface CacheEntry {
  readonly kind: "step" | "mount";
  /** Of a step its key, of a mount the name of its directory. */
  readonly id: string;
  /** The step as the Dockerfile has it; of a mount the name of its directory. */
  readonly title: string;
  /** On the disk, whoever else has it too. */
  readonly bytes: number;
  /** ms, as the next. */
  readonly createdAt: number;
  readonly usedAt: number;
  /** Whether an image or a container has the layer too: then it takes nothing of its own. */
  readonly isShared: boolean;
  /** Whether a build works with it now. */
  readonly isInUse: boolean;
}

/** All that is kept; what was used last comes last. */
export function buildCache(host: Host): CacheEntry[] {
  const usage = layerUsage(host);
  const steps = listCachedSteps(host.database).map(
    ({ key, layerId, title, createdAt, usedAt, isShared }): CacheEntry => ({
      kind: "step",
      id: key,
      title,
      bytes: usage.get(layerId) ?? 0,
      createdAt,
      usedAt,
      isShared,
      isInUse: false,
    }),
  );
  return [...steps, ...mountEntries(host)].toSorted((a, b) => a.usedAt - b.usedAt);
}

function mountEntries({ paths }: Host): CacheEntry[] {
  return list(paths.caches)
    .filter((name) => !name.endsWith(".lock"))
    .flatMap((name): CacheEntry[] => {
      const directory = join(paths.caches, name);
      const made = statSync(directory, { throwIfNoEntry: false });
      if (made === undefined) return [];
      const lockFile = `${directory}.lock`;
      // who opens it touches the lock
      const used = statSync(lockFile, { throwIfNoEntry: false })?.mtimeMs ?? made.mtimeMs;
      using held = tryLock(lockFile, "exclusive");
      return [
        {
          kind: "mount",
          id: name,
          title: `cache ${name}`,
          bytes: treeUsage(directory).diskBytes,
          createdAt: Math.floor(made.birthtimeMs || made.ctimeMs),
          usedAt: Math.floor(used),
          isShared: false,
          isInUse: held === undefined,
        },
      ];
    });
}

const tests: FilterTests<CacheEntry> = {
  id: ({ id }, value) => id.startsWith(value),
  type: ({ kind }, value) => (kind === "step" ? "regular" : "exec.cachemount") === value,
  description: ({ title }, value) => filterPattern(value).test(title),
  inuse: ({ isInUse }, value) => isInUse === filterTruth(value),
  shared: ({ isShared }, value) => isShared === filterTruth(value),
  private: ({ isShared }, value) => isShared !== filterTruth(value),
  until: ({ usedAt }, value) => usedAt < parseMoment(value),
  "unused-for": ({ usedAt }, value) => usedAt < parseMoment(value),
};

/** Those that all filters let through. */
export function filteredCache(host: Host, filters: readonly string[]): CacheEntry[] {
  const isWanted = filterBy(filters, tests);
  return buildCache(host).filter(isWanted);
}

/** What is to go. Bytes are those of the cache's own, which nobody else has. */
export interface PruneCacheOptions {
  /** Also steps whose layers images have: that frees nothing, but they are done anew then. */
  readonly all: boolean;
  readonly filters: readonly string[];
  /** So much of what was used last stays; null: nothing. */
  readonly reservedBytes: number | null;
  /** Nothing goes as long as there is no more than this. */
  readonly maxUsedBytes: number | null;
  /** Nothing goes as long as so much is free on the disk. */
  readonly minFreeBytes: number | null;
}

export interface PrunedCache {
  readonly entries: readonly CacheEntry[];
  readonly reclaimedBytes: number;
}

/** Removes what was not used for longest first. What a build works with now stays. */
export async function pruneCache(host: Host, options: PruneCacheOptions): Promise<PrunedCache> {
  const candidates = filteredCache(host, options.filters).filter(
    ({ isInUse, isShared }) => !isInUse && (options.all || !isShared),
  );
  const { bavail, bsize } = statfsSync(host.paths.root);
  const chosen = chooseEntries(candidates, ownBytes(buildCache(host)), bavail * bsize, options);
  const entries = await removeEntries(host, chosen);
  return { entries, reclaimedBytes: ownBytes(entries) };
}

/** Bytes that nobody else has. Several steps may have come to one layer; it is counted with each. */
export const ownBytes = (entries: readonly CacheEntry[]) =>
  entries.reduce((sum, { bytes, isShared }) => sum + (isShared ? 0 : bytes), 0);

/**
 * Which of the candidates go, given what there is in all and what is free on the disk.
 *
 * @param candidates what was used last comes last
 */
export function chooseEntries(
  candidates: readonly CacheEntry[],
  totalBytes: number,
  free: number,
  { reservedBytes, maxUsedBytes, minFreeBytes }: PruneCacheOptions,
): CacheEntry[] {
  const chosen: CacheEntry[] = [];
  let gone = 0;
  const isEnough = () => {
    const left = totalBytes - gone;
    if (reservedBytes !== null && left <= reservedBytes) return true;
    const limits = [
      ...(maxUsedBytes === null ? [] : [left <= maxUsedBytes]),
      ...(minFreeBytes === null ? [] : [free + gone >= minFreeBytes]),
    ];
    return limits.length > 0 && limits.every(Boolean);
  };
  for (const entry of candidates) {
    if (isEnough()) break;
    chosen.push(entry);
    if (!entry.isShared) gone += entry.bytes;
  }
  return chosen;
}

/** Removes them; resolves to those that are gone, since a build may have taken one up meanwhile. */
export async function removeEntries(
  host: Host,
  entries: readonly CacheEntry[],
): Promise<CacheEntry[]> {
  const steps = entries.filter(({ kind }) => kind === "step");
  const gone = [...steps];
  await withBallast(host.paths.ballast, async () => {
    const remove = host.database.transaction(() => {
      deleteCachedSteps(
        host.database,
        steps.map(({ id }) => id),
      );
      deleteUnusedLayers(host.database);
    });
    remove.immediate();
    await sweep(host);
  });
  for (const entry of entries)
    if (entry.kind === "mount" && removeMount(host, entry.id)) gone.push(entry);
  return gone;
}

function removeMount({ paths }: Host, name: string): boolean {
  const directory = join(paths.caches, name);
  using held = tryLock(`${directory}.lock`, "exclusive");
  if (held === undefined) return false;
  rmSync(directory, { recursive: true, force: true });
  held.forget(`${directory}.lock`);
  return true;
}

function list(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if (errnoName(error) === "ENOENT") return []; // no build has asked for one yet
    throw error;
  }
}
