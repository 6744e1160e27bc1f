/** `image prune`: removing what nothing uses. */
import type { Host } from "../host.ts";
import { deleteImage } from "../records/images.ts";
import { deleteUnusedLayers, totalLayerSize } from "../records/layers.ts";
import { emitImage } from "./events.ts";
import { listImages } from "./list.ts";
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
  readonly reclaimedBytes: number;
}

/** Removes nameless images (with `all` also named ones) that no container was made from. */
export async function pruneImages(host: Host, options: PruneOptions = {}): Promise<PrunedImages> {
  const prune = host.database.transaction(() => {
    const before = totalLayerSize(host.database);
    const deleted: string[] = [];
    const untagged: string[] = [];
    // once a nameless image is gone those that it was built from are no longer needed by it
    for (let goesOn = true; goesOn; ) {
      const unused = listImages(host, {
        all: true,
        ...(options.filters !== undefined && { filters: options.filters }),
      }).filter(
        ({ containers, isDangling, isIntermediate }) =>
          containers === 0 && (options.all === true || (isDangling && !isIntermediate)),
      );
      for (const { image } of unused) {
        deleteImage(host.database, image.id);
        deleted.push(image.id);
        untagged.push(...image.names);
      }
      goesOn = unused.length > 0;
    }
    deleteUnusedLayers(host.database);
    return { deleted, untagged, reclaimedBytes: before - totalLayerSize(host.database) };
  });
  const pruned = prune.immediate();
  for (const id of pruned.deleted) emitImage(host, "delete", id, id);
  sweepPartials(host, 0); // what broken pulls have left is rubbish to whoever prunes
  await sweep(host); // even when nothing was pruned: rubbish of killed processes may be all there is
  return pruned;
}
