/** `rmi`: taking names away, and the image with the last one. */
import { CooperError } from "../errors.ts";
import type { Host } from "../host.ts";
import type { ManifestList } from "../oci/manifest-list.ts";
import {
  childrenOf,
  containersOf,
  deleteImage,
  forgetRepository,
  type Image,
  imagesByPrefix,
} from "../records/images.ts";
import { deleteUnusedLayers } from "../records/layers.ts";
import { deleteManifestList, listsByImage } from "../records/manifest-lists.ts";
import { withBallast } from "../system/ballast.ts";
import { emitImage } from "./events.ts";
import { isMounted, releaseImage } from "./mount.ts";
import { type FoundImage, findList, imagesOfList, resolveNamedImage } from "./resolve.ts";
import { sweep } from "./sweep.ts";
import { removeName } from "./tag.ts";

export interface RemoveOptions {
  /** Also one that containers use, or that has several names. Containers keep their files. */
  readonly force?: boolean;
  /** Leave the nameless images that it was built from. */
  readonly keepsParents?: boolean;
}

/** What a removal did, to be printed as `Untagged: …` and `Deleted: …`. */
export interface RemovedImage {
  readonly untagged: readonly string[];
  /** Ids. */
  readonly deleted: readonly string[];
}

/**
 * Removes a name, or an image. The rules of podman-rmi(1): a name goes, and the image with its last name;
 * an id of an image with several names, or one in use, needs `force`.
 */
export async function removeImage(
  host: Host,
  name: string,
  options: RemoveOptions = {},
): Promise<RemovedImage> {
  const remove = host.database.transaction(() => {
    const list = findList(host, name);
    if (list !== undefined) return { id: name, removed: removeList(host, list) };
    const found = resolveNamedImage(host, name);
    return { id: found.image.id, removed: removeNow(host, found, name, options) };
  });
  const { ballast } = host.paths;
  const { id, removed } = await withBallast(ballast, async () => remove.immediate());
  for (const each of removed.untagged) emitImage(host, "untag", id, each);
  for (const each of removed.deleted) emitImage(host, "delete", each, each);
  if (removed.deleted.length > 0) await withBallast(ballast, () => sweep(host));
  return removed;
}

/** A manifest list goes with those of its images that nothing else names or uses. */
function removeList(host: Host, list: ManifestList): RemovedImage {
  deleteManifestList(host.database, list.name);
  const others = listsByImage(host.database);
  const repository = list.name.slice(0, list.name.lastIndexOf(":"));
  for (const { id } of imagesOfList(host, list)) forgetRepository(host.database, repository, id);
  const unused = imagesOfList(host, list).filter(
    ({ id, names, repoDigests }) =>
      names.length === 0 &&
      repoDigests.length === 0 &&
      !others.has(id) &&
      !isMounted(host, id) &&
      containersOf(host.database, id).length === 0 &&
      childrenOf(host.database, id).length === 0,
  );
  for (const { id } of unused) deleteImage(host.database, id);
  deleteUnusedLayers(host.database);
  return { untagged: [list.name], deleted: unused.map(({ id }) => id) };
}

function removeNow(
  host: Host,
  found: FoundImage,
  typed: string,
  options: RemoveOptions,
): RemovedImage {
  const { image } = found;
  const isByName = !found.isById && image.names.includes(found.name);
  if (isByName && image.names.length > 1) {
    removeName(host, image, found.name);
    return { untagged: [found.name], deleted: [] };
  }
  if (!options.force) assertRemovable(host, image, typed, isByName);
  releaseImage(host, image.id);
  deleteImage(host.database, image.id);
  const parents = options.keepsParents ? [] : deleteParents(host, image);
  deleteUnusedLayers(host.database);
  return { untagged: image.names, deleted: [image.id, ...parents] };
}

function assertRemovable(host: Host, image: Image, typed: string, isByName: boolean): void {
  if (!isByName && image.names.length > 1) {
    throw new CooperError(
      "conflict",
      `the image ${typed} has several names: ${image.names.join(", ")}`,
      {
        hint: `remove all of them with: cooper rmi --force ${typed}`,
      },
    );
  }
  if (isMounted(host, image.id)) {
    throw new CooperError("conflict", `the image ${typed} is mounted`, {
      hint: `unmount it first: cooper image unmount ${typed}`,
    });
  }
  const users = containersOf(host.database, image.id);
  if (users.length === 0) return;
  const names = users
    .slice(0, 5)
    .map((user) => user.name)
    .join(", ");
  const more = users.length > 5 ? ` and ${users.length - 5} more` : "";
  throw new CooperError(
    "conflict",
    `the image ${typed} is in use by ${users.length === 1 ? "the container" : "containers"} ${names}${more}`,
    {
      hint: `remove ${users.length === 1 ? "it" : "them"} first, or the image alone with: cooper rmi --force ${typed}`,
    },
  );
}

/** Nameless images below that were only kept for this one. */
function deleteParents(host: Host, image: Image): string[] {
  const deleted: string[] = [];
  for (let parentId = image.parentId; parentId !== null; ) {
    const parent: Image | undefined = imagesByPrefix(host.database, parentId)[0];
    const isKept =
      parent === undefined ||
      parent.names.length > 0 ||
      parent.repoDigests.length > 0 ||
      containersOf(host.database, parent.id).length > 0 ||
      childrenOf(host.database, parent.id).length > 0;
    if (isKept) break;
    deleteImage(host.database, parent.id);
    deleted.push(parent.id);
    parentId = parent.parentId;
  }
  return deleted;
}
