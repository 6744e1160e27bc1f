/** `system prune`: everything that nothing uses, at once. */
import { containerFilter } from "../container/filter.ts";
import { pruneNetworks } from "../container/network-verbs.ts";
import { ContainerSummary } from "../container/summary.ts";
import { type PrunedContainers, pruneContainers } from "../container/verbs.ts";
import { CooperError } from "../errors.ts";
import type { Host } from "../host.ts";
import { type PrunedCache, pruneCache } from "../image/build-cache.ts";
import { type PrunedImages, pruneImages } from "../image/prune.ts";
import { type PrunedVolumes, pruneVolumes } from "../volume/list.ts";

export interface PruneStoreOptions {
  /** Also images with names that no container uses. */
  readonly all: boolean;
  /** Volumes that no container uses too: those without a name of their own; with `all` every one. */
  readonly volumes: boolean;
  /** `label=…`, `label!=…`, `until=…` */
  readonly filters: readonly string[];
}

export interface PrunedStore {
  readonly containers: PrunedContainers;
  /** Names. */
  readonly networks: readonly string[];
  readonly volumes: PrunedVolumes;
  readonly images: PrunedImages;
  readonly buildCache: PrunedCache;
  /** On the disk. */
  readonly reclaimedBytes: number;
}

/** Containers first, since they keep networks, volumes and images. */
export async function pruneStore(host: Host, options: PruneStoreOptions): Promise<PrunedStore> {
  const { filters } = options;
  const unknown = filters.find((filter) => !/^(?:label!?|until)=/.test(filter));
  if (unknown !== undefined) {
    throw new CooperError("invalid-argument", `unknown filter "${unknown}"`, {
      hint: "label=KEY[=VALUE], label!=KEY[=VALUE], until=TIME",
    });
  }
  if (options.volumes && filters.some((filter) => filter.startsWith("until="))) {
    throw new CooperError("invalid-argument", 'the filter "until" does not go with --volumes', {
      hint: "volumes have no age by which they would be of no use: prune them by themselves",
    });
  }
  const isWanted = containerFilter(host, [...filters]);
  const containers = await pruneContainers(
    host,
    (record) => !isWanted(new ContainerSummary(host, record)),
  );
  const networks = await pruneNetworks(host, filters);
  const volumes = options.volumes
    ? await pruneVolumes(host, { all: options.all, filters, isDryRun: false })
    : { names: [], sizes: [], reclaimedBytes: 0 };
  const images = await pruneImages(host, { all: options.all, filters });
  const buildCache = await pruneBuilds(host, options);
  const parts = [containers, volumes, images, buildCache];
  const reclaimedBytes = parts.reduce((sum, part) => sum + part.reclaimedBytes, 0);
  return { containers, networks, volumes, images, buildCache, reclaimedBytes };
}

/** What builds keep has no labels: who asks for some means none of it. */
async function pruneBuilds(host: Host, { all, filters }: PruneStoreOptions): Promise<PrunedCache> {
  if (filters.some((filter) => filter.startsWith("label")))
    return { entries: [], reclaimedBytes: 0 };
  const limits = { reservedBytes: null, maxUsedBytes: null, minFreeBytes: null };
  return pruneCache(host, { all, filters, ...limits });
}
