/** Verbs on builds of an engine elsewhere. */
import { readCacheEntry, readUsage } from "../api/docker/read-usage.ts";
import { number, object, texts } from "../api/docker/reading.ts";
import type { BuildOptions } from "../build/build.ts";
import type { BuildVerbs } from "../engine.ts";
import { CooperError } from "../errors.ts";
import type { CacheEntry, PruneCacheOptions, PrunedCache } from "../image/build-cache.ts";
import type { Client } from "./client.ts";
import { filtersText } from "./names.ts";

/** See Builds: what Docker's API has of it. */
export class RemoteBuilds implements Partial<BuildVerbs> {
  private readonly client: Client;
  private readonly here: () => CooperError;

  /** @param here the error for what only the engine of this machine can do */
  constructor(client: Client, here: () => CooperError) {
    this.client = client;
    this.here = here;
  }

  async build(options: BuildOptions): Promise<{ id: string } | null> {
    return (await import("./build.ts")).buildElsewhere(this.client, options);
  }

  async cache(filters: readonly string[]): Promise<CacheEntry[]> {
    if (filters.length > 0) throw this.here();
    const document = object(await this.client.json("GET", "/system/df"));
    return [...readUsage(document, (name) => name).buildCache.items];
  }

  async pruneCache(options: PruneCacheOptions): Promise<PrunedCache> {
    const { all, filters, reservedBytes, maxUsedBytes, minFreeBytes } = options;
    const { kind, version } = await this.client.peer();
    if (kind === "podman") return { entries: [], reclaimedBytes: 0 }; // its cache are images
    if ((maxUsedBytes ?? minFreeBytes) !== null && version < 48)
      throw new CooperError("not-supported", "this engine knows --keep-storage alone");
    const document = object(
      await this.client.json("POST", "/build/prune", {
        query: {
          all,
          filters: filtersText(filters),
          [version < 48 ? "keep-storage" : "reserved-space"]: reservedBytes,
          "max-used-space": maxUsedBytes,
          "min-free-space": minFreeBytes,
        },
      }),
    );
    return {
      entries: texts(document.CachesDeleted).map((id) => readCacheEntry({ ID: id })),
      reclaimedBytes: number(document.SpaceReclaimed),
    };
  }
}
