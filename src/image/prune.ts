/** `image prune`: removing what nothing uses. */
import type { Host } from "../host.ts";
import { deleteImage } from "../records/images.ts";
import { allLayerIds, deleteUnusedLayers } from "../records/layers.ts";
import { withBallast } from "../system/ballast.ts";
import { treeUsage } from "../system/tree-usage.ts";
import { emitImage } from "./events.ts";
import { layerUsage } from "./layer-usage.ts";
import { listImages } from "./list.ts";
import { isMounted } from "./mount.ts";
import { sweep, sweepPartials } from "./sweep.ts";

export interface PruneOptions {
  /** Also images with names, when no container uses them. */
  readonly all?: boolean;
  /** `key=value`: only images that they let through. */
  readonly filters?: readonly string[];
}

export interface PrunedImages {
  /** Ids. */
  readonly deleted: readonly string[];
  readonly untagged: readonly string[];
  /** On the disk. */
  readonly reclaimedBytes: number;
}

/** So many images go in one transaction: what it writes must fit into the ballast of a full disk. */
const imagesAtOnce = 50;

/** Removes nameless images (with `all` also named ones) that no container was made from. */
export async function pruneImages(host: Host, options: PruneOptions = {}): Promise<PrunedImages> {
  const deleted: string[] = [];
  const untagged: string[] = [];
  const usage = layerUsage(host);
  const before = allLayerIds(host.database);
  const { partials } = host.paths;
  const partialBytes = treeUsage(partials).diskBytes;
  sweepPartials(host, 0); // what broken pulls have left is rubbish to whoever prunes
  // once a nameless image is gone those that it was built from are no longer needed by it
  for (let goesOn = true; goesOn; ) {
    goesOn = await withBallast(host.paths.ballast, async () => {
      const gone = removeSome(host, options);
      deleted.push(...gone.map(({ id }) => id));
      untagged.push(...gone.flatMap(({ names }) => names));
      for (const { id } of gone) emitImage(host, "delete", id, id);
      await sweep(host); // even when nothing was pruned: rubbish of killed processes may be all there is
      return gone.length > 0;
    });
  }
  const after = allLayerIds(host.database);
  const freed = [...before].filter((id) => !after.has(id));
  const reclaimedBytes =
    freed.reduce((sum, id) => sum + (usage.get(id) ?? 0), 0) +
    partialBytes -
    treeUsage(partials).diskBytes;
  return { deleted, untagged, reclaimedBytes };
}

function removeSome(host: Host, options: PruneOptions) {
  const remove = host.database.transaction(() => {
    const unused = listImages(host, {
      all: true,
      ...(options.filters !== undefined && { filters: options.filters }),
    })
      .filter(
        ({ image, containers, isDangling, isIntermediate }) =>
          containers === 0 &&
          (options.all === true || (isDangling && !isIntermediate)) &&
          !isMounted(host, image.id),
      )
      .slice(0, imagesAtOnce)
      .map(({ image }) => image);
    for (const { id } of unused) deleteImage(host.database, id);
    deleteUnusedLayers(host.database);
    return unused;
  });
  return remove.immediate();
}
