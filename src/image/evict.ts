/** Keeping images within `storage.max_size`: those that were not used for longest go first. */
import type { Host } from "../host.ts";
import { deleteImage, imageUses } from "../records/images.ts";
import { allLayerIds, deleteUnusedLayers } from "../records/layers.ts";
import { emitImage } from "./events.ts";
import { layerUsage } from "./layer-usage.ts";
import { type ImageSummary, listImages } from "./list.ts";
import { isMounted } from "./mount.ts";
import { sweep } from "./sweep.ts";

/**
 * Removes images that no container was made from and nobody has mounted, until layers take no more than
 * the limit on the disk. Without a limit nothing is looked at.
 *
 * @param keptId the image that has just come
 */
export async function keepWithinLimit(host: Host, keptId: string): Promise<void> {
  const limit = host.settings.storageMaxBytes;
  if (limit === null) return;
  const usage = layerUsage(host);
  const taken = (ids: Iterable<string>) =>
    [...ids].reduce((sum, id) => sum + (usage.get(id) ?? 0), 0);
  if (taken(usage.keys()) <= limit) return;
  const evict = host.database.transaction(() => {
    const gone: ImageSummary[] = [];
    for (const summary of candidates(host, keptId)) {
      if (taken(allLayerIds(host.database)) <= limit) break;
      deleteImage(host.database, summary.image.id);
      deleteUnusedLayers(host.database);
      gone.push(summary);
    }
    return gone;
  });
  const gone = evict.immediate();
  for (const { image } of gone) {
    const name = image.names[0] ?? image.id.slice(0, 12);
    host.warn(`removed the image ${name}, not used for longest, to stay within storage.max_size`);
    emitImage(host, "delete", image.id, name);
  }
  if (gone.length > 0) await sweep(host);
  const left = taken(allLayerIds(host.database));
  if (left > limit) {
    const sizes = `${mebibytes(left)} MiB, more than storage.max_size allows (${mebibytes(limit)})`;
    host.warn(`images take ${sizes}, and nothing unused is left to remove`);
  }
}

const mebibytes = (bytes: number) => Math.ceil(bytes / 2 ** 20);

/** Those that may go, the one that was not used for longest first. */
function candidates(host: Host, keptId: string): ImageSummary[] {
  const uses = imageUses(host.database);
  const lastUse = ({ image }: ImageSummary) => Math.max(uses.get(image.id) ?? 0, image.addedAt);
  return listImages(host, { all: true })
    .filter(
      ({ image, containers }) =>
        containers === 0 && image.id !== keptId && !isMounted(host, image.id),
    )
    .sort((a, b) => lastUse(a) - lastUse(b));
}
