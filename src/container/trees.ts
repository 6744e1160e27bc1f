/** The files of a container as trees: all of them, and what its image alone has. */

import type { Stats } from "node:fs";
import { existsSync } from "node:fs";
import type { Host } from "../host.ts";
import { openDifference } from "../layer/difference.ts";
import { openView } from "../layer/overlay-view.ts";
import { openUnion } from "../layer/union.ts";
import { OpenDirectory, type ReadableDirectory } from "../system/tree-read.ts";
import { frozenStack } from "./frozen-stack.ts";
import { isAlive } from "./live-state.ts";
import type { ContainerRecord } from "./record.ts";
import { imageDirectories, lowerDirectories } from "./rootfs.ts";
import type { IdMapping } from "./spec.ts";

/**
 * What the container sees as its root, without volumes and what else is mounted in it. The caller holds
 * the container's lock.
 *
 * @param scratch a directory of the caller's own, on the way to be removed
 */
export async function openContainerTree(
  host: Host,
  container: ContainerRecord,
  scratch: string,
): Promise<ReadableDirectory> {
  const { rootfs } = container.spec;
  const paths = host.paths.container(container.id);
  if (isAlive(container)) return OpenDirectory.at(paths.merged);
  if (rootfs !== null && !rootfs.isOverlay) return OpenDirectory.at(rootfs.path);
  if (existsSync(paths.tree)) return OpenDirectory.at(paths.tree);
  const own = existsSync(paths.upper) ? [paths.upper] : []; // none before the first start, or when it was frozen
  return openView([...own, ...(await lowerDirectories(host, container))], scratch);
}

/** What was there before the container, or one that it is a fork of, wrote anything. */
export async function openLowerTree(
  host: Host,
  container: ContainerRecord,
  scratch: string,
): Promise<ReadableDirectory> {
  return openView(await imageDirectories(host, container), scratch);
}

/**
 * All that was changed in its image as overlayfs keeps it, what was frozen of it too; undefined when there
 * is nothing yet. Of a container that is a copy of its image (driver vfs), what the two differ in.
 *
 * @param scratch as in openContainerTree()
 */
export async function openUpper(
  host: Host,
  container: ContainerRecord,
  scratch: string,
): Promise<ReadableDirectory | undefined> {
  const { upper, tree } = host.paths.container(container.id);
  const { directories, isWhole } = frozenStack(host, container.frozenId);
  if (isWhole || existsSync(tree)) {
    using lower = await openLowerTree(host, container, scratch);
    return openDifference(lower, await openContainerTree(host, container, scratch));
  }
  const changed = existsSync(upper) ? [upper, ...directories] : directories;
  return changed.length === 0 ? undefined : openUnion(changed);
}

/** From owners on disk to those that the container sees; undefined where they are the same. */
export function ownerMap(
  container: ContainerRecord,
): ((uid: number, gid: number) => { uid: number; gid: number }) | undefined {
  const { idMappings } = container.resolved;
  if (idMappings === null) return undefined;
  return (uid, gid) => ({
    uid: toInside(idMappings.uids, uid),
    gid: toInside(idMappings.gids, gid),
  });
}

/** An id from outside of the namespace shows as nobody's in it (user_namespaces(7), overflowuid). */
function toInside(mappings: readonly IdMapping[], id: number): number {
  const range = mappings.find(({ outside, size }) => id >= outside && id < outside + size);
  return range === undefined ? 65534 : range.inside + (id - range.outside);
}

/** Files that the runtime makes to mount ours on, in images that have none. */
const mountPoints = new Set([
  "/etc/hosts",
  "/etc/hostname",
  "/etc/resolv.conf",
  "/run/.containerenv",
  "/run/cooper-init",
]);

/** Whether an entry of the upper directory is only there because something is mounted on it. */
export function isMountPoint(path: string, stats: Stats): boolean {
  return mountPoints.has(path) && stats.isFile() && stats.size === 0;
}
