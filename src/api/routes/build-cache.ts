/** Handler about what builds keep for later ones. */
import type { CacheEntry } from "../../image/build-cache.ts";
import { filtersOf, isTrue, wholeNumber } from "../query.ts";
import type { Handler } from "../route.ts";
import { pruneReply } from "./prune.ts";

/** What newer clients call keep-storage has two more limits beside it. */
export const prune: Handler = async (call) => {
  const {
    engine,
    request: { query },
  } = call;
  const { entries, reclaimedBytes } = await engine.builds.pruneCache({
    all: isTrue(query, "all"),
    filters: filtersOf(query),
    reservedBytes: wholeNumber(query, "reserved-space") ?? wholeNumber(query, "keep-storage"),
    maxUsedBytes: wholeNumber(query, "max-used-space"),
    minFreeBytes: wholeNumber(query, "min-free-space"),
  });
  const ids = entries.map(({ id }) => id);
  return pruneReply(call, ids, { CachesDeleted: ids, SpaceReclaimed: reclaimedBytes });
};

/** A line of `docker system df -v`. */
export const cacheItem = (entry: CacheEntry) => ({
  ID: entry.id,
  Type: entry.kind === "step" ? "regular" : "exec.cachemount",
  Description: entry.title,
  InUse: entry.isInUse,
  Shared: entry.isShared,
  Size: entry.bytes,
  CreatedAt: new Date(entry.createdAt).toISOString(),
  LastUsedAt: new Date(entry.usedAt).toISOString(),
});
