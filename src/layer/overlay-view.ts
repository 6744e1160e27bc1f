/** Layers seen as one tree, without a place in the file system: gone when it is closed, or when we die. */
import { constants, mkdirSync, openSync } from "node:fs";
import { join } from "node:path";
import { isOnOverlay, isOverlayRefused, mountOverlay, unmount } from "../system/mount.ts";
import { OpenDirectory, type ReadableDirectory } from "../system/tree-read.ts";
import { isInUserNamespace } from "../system/userns.ts";
import { openMerged } from "./union.ts";

/**
 * Opens the read-only view of directories in overlay form. The mount is detached as soon as it is open,
 * and then lives by its descriptor.
 *
 * @param directories topmost first
 * @param scratch a place of the caller's own, on the way to be removed
 */
export function openView(directories: readonly string[], scratch: string): ReadableDirectory {
  const target = join(scratch, "view");
  mkdirSync(target, { recursive: true, mode: 0o755 });
  // there names say what is hidden, of which the kernel knows nothing
  if (isOnOverlay(target)) return openMerged(directories);
  try {
    mountView(directories, target, join(scratch, "empty"));
  } catch (error) {
    if (!isOverlayRefused(error, target)) throw error;
    return openMerged(directories);
  }
  try {
    const descriptor = openSync(target, constants.O_RDONLY | constants.O_DIRECTORY);
    return new OpenDirectory(descriptor);
  } finally {
    unmount(target);
  }
}

/**
 * Mounts the read-only view. overlayfs wants two layers at least where there is no upper one.
 *
 * @param filler a place for directories without anything in them, made where they are needed
 */
export function mountView(directories: readonly string[], target: string, filler: string): void {
  const missing = Math.max(0, 2 - directories.length);
  const fillers = Array.from({ length: missing }, (_, index) => join(filler, `${index}`));
  for (const path of fillers) mkdirSync(path, { recursive: true, mode: 0o755 });
  mountOverlay(target, { lower: [...directories, ...fillers], userXattr: isInUserNamespace() });
}
