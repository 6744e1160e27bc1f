/** `image mount` and `unmount`: the files of an image as a directory, to be looked at. */
import { existsSync, mkdirSync, rmdirSync } from "node:fs";
import { basename, join } from "node:path";
import { CooperError } from "../errors.ts";
import type { Host } from "../host.ts";
import { mountView } from "../layer/overlay-view.ts";
import { type Image, imagesByPrefix } from "../records/images.ts";
import { isOnOverlay, unmount } from "../system/mount.ts";
import { mountsBelow } from "../system/mount-table.ts";
import { layerStack, resolveImage } from "./resolve.ts";

export interface MountedImage {
  readonly image: Image;
  readonly path: string;
}

/** Mounts an image read-only; one that is mounted already stays so. */
export async function mountImage(host: Host, name: string): Promise<MountedImage> {
  using _lock = await host.locks.store("shared"); // nobody sweeps its layers meanwhile
  const image = resolveImage(host, name);
  const path = join(host.paths.imageMounts, image.id);
  if (!isMounted(host, image.id)) {
    assertMountable(host);
    mkdirSync(path, { recursive: true, mode: 0o755 });
    mountView(layerStack(host, image), path, join(host.paths.imageMounts, "empty"));
  }
  return { image, path };
}

/** @throws CooperError not-supported where the kernel would show what layers hide (see name-marks.ts) */
function assertMountable({ paths }: Host): void {
  if (!isOnOverlay(paths.layers)) return;
  throw new CooperError(
    "not-supported",
    `the store ${paths.root} is on an overlay itself, and the kernel mounts no image of it`,
    { hint: "look at it in a container: --mount type=image,source=IMAGE,destination=/image" },
  );
}

/** Resolves to the id. @throws CooperError wrong-state when it is not mounted */
export async function unmountImage(host: Host, name: string): Promise<string> {
  const { id } = resolveImage(host, name);
  if (!releaseImage(host, id))
    throw new CooperError("wrong-state", `the image ${name} is not mounted`);
  return id;
}

/** Unmounts it where it is mounted; false where it is not. */
export function releaseImage(host: Host, id: string): boolean {
  if (!isMounted(host, id)) return false;
  const path = join(host.paths.imageMounts, id);
  unmount(path);
  rmdirSync(path);
  return true;
}

/** Whether somebody looks at it. Costs one look at a directory where nobody does. */
export function isMounted(host: Host, id: string): boolean {
  const path = join(host.paths.imageMounts, id);
  return existsSync(path) && mountsBelow(path).includes(path);
}

/** All that are mounted. */
export async function mountedImages(host: Host): Promise<MountedImage[]> {
  return mountsBelow(host.paths.imageMounts).flatMap((path) => {
    const [image] = imagesByPrefix(host.database, basename(path));
    return image === undefined ? [] : [{ image, path }];
  });
}
