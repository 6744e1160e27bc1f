/** Keeping images and builds' layers within `storage.max_size`: what was not used for longest goes first. */
import type { Host } from "../host.ts";
import { deleteCachedSteps, listCachedSteps } from "../records/build-cache.ts";
import { deleteImage, type Image, imagesByPrefix, imageUses } from "../records/images.ts";
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
    for (const candidate of candidates(host, keptId)) {
      if (taken(allLayerIds(host.database)) <= limit) break;
      if (candidate.kind === "step") deleteCachedSteps(host.database, [candidate.key]);
      else {
        deleteImage(host.database, candidate.summary.image.id);
        forgetStepsOf(host, candidate.summary.image);
        gone.push(candidate.summary);
      }
      deleteUnusedLayers(host.database);
    }
    return gone;
  });
  const gone = evict.immediate();
  for (const { image } of gone) {
    const name = image.names[0] ?? image.id.slice(0, 12);
    host.warn(`removed the image ${name}, not used for longest, to stay within storage.max_size`);
    emitImage(host, "delete", image.id, name);
  }
  await sweep(host);
  const left = taken(allLayerIds(host.database));
  if (left > limit) {
    const sizes = `${mebibytes(left)} MiB, more than storage.max_size allows (${mebibytes(limit)})`;
    host.warn(`images take ${sizes}, and nothing unused is left to remove`);
  }
}

const mebibytes = (bytes: number) => Math.ceil(bytes / 2 ** 20);

/** Layers that nobody has now but the cache would stay with it. */
function forgetStepsOf(host: Host, { layers }: Image): void {
  const own = new Set(layers);
  const left = listCachedSteps(host.database).filter(
    ({ layerId, isShared }) => own.has(layerId) && !isShared,
  );
  deleteCachedSteps(
    host.database,
    left.map(({ key }) => key),
  );
}

type Candidate =
  | { readonly kind: "image"; readonly usedAt: number; readonly summary: ImageSummary }
  | { readonly kind: "step"; readonly usedAt: number; readonly key: string };

/** Those that may go, the one that was not used for longest first. A step whose layer an image has frees nothing. */
function candidates(host: Host, keptId: string): Candidate[] {
  const uses = imageUses(host.database);
  const images = listImages(host, { all: true })
    .filter(
      ({ image, containers }) =>
        containers === 0 && image.id !== keptId && !isMounted(host, image.id),
    )
    .map((summary): Candidate => {
      const { id, addedAt } = summary.image;
      return { kind: "image", usedAt: Math.max(uses.get(id) ?? 0, addedAt), summary };
    });
  const kept = new Set(imagesByPrefix(host.database, keptId)[0]?.layers);
  const steps = listCachedSteps(host.database)
    .filter(({ layerId, isShared }) => !isShared && !kept.has(layerId))
    .map(({ key, usedAt }): Candidate => ({ kind: "step", usedAt, key }));
  return [...images, ...steps].toSorted((a, b) => a.usedAt - b.usedAt);
}
