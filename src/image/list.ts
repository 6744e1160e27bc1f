/** `images`: what the store holds, from one query. */
import type { Host } from "../host.ts";
import { listImages as allImages, containerCounts, type Image } from "../records/images.ts";
import { listsByImage } from "../records/manifest-lists.ts";
import { imageFilter } from "./filter.ts";
import { type NameParts, namePartsOf } from "./names.ts";

/** What is known of an image in a list, wherever it is. */
export interface ListedImage extends Omit<ImageSummary, "image"> {
  readonly image: Pick<
    Image,
    | "id"
    | "names"
    | "repoDigests"
    | "size"
    | "createdAt"
    | "addedAt"
    | "manifestDigest"
    | "parentId"
  > & { readonly config: Pick<Image["config"], "config"> };
}

/** An image as the lists of both peers know it. */
export interface ImageSummary {
  readonly image: Image;
  /** A row each in the table: one for each name, also of manifest lists that it is in, or one without. */
  readonly rows: readonly NameParts[];
  /** How many containers were made from it. */
  readonly containers: number;
  /** Without any name. */
  readonly isDangling: boolean;
  /** Without a name, and others are built on it. */
  readonly isIntermediate: boolean;
}

export interface ListOptions {
  /** Intermediate images too. */
  readonly all?: boolean;
  /** `key=value` */
  readonly filters?: readonly string[];
}

/** Images, newest first. */
export function listImages(host: Host, options: ListOptions = {}): ImageSummary[] {
  const images = allImages(host.database);
  const lists = listsByImage(host.database);
  const counts = containerCounts(host.database);
  const parents = new Set(images.map((image) => image.parentId));
  const summaries = images.map((image): ImageSummary => {
    const ofLists = lists.get(image.id) ?? [];
    const isDangling =
      image.names.length === 0 && image.repoDigests.length === 0 && ofLists.length === 0;
    return {
      image,
      rows: namePartsOf({ ...image, names: [...image.names, ...ofLists] }),
      containers: counts.get(image.id) ?? 0,
      isDangling,
      isIntermediate: isDangling && parents.has(image.id),
    };
  });
  const filters = options.filters ?? [];
  const isWanted = imageFilter(host, filters);
  const showsAll =
    options.all === true || filters.some((filter) => filter.startsWith("intermediate="));
  return summaries.filter((summary) => (showsAll || !summary.isIntermediate) && isWanted(summary));
}
