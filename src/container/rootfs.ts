/** The root file system of a container: its image's layers with a writable one on top. */
import { existsSync, lchownSync, mkdirSync, rmSync } from "node:fs";
import type { Host } from "../host.ts";
import { bindMount, mountFilesystem, mountFlag, setPropagation, unmount } from "../system/mount.ts";
import type { ContainerRecord } from "./record.ts";
import { toOutside } from "./resolve-mounts.ts";
import { mountStack } from "./storage.ts";

/** Mounts it at the bundle's `merged`, and the /dev/shm that others may share. */
export async function mountRootfs(host: Host, container: ContainerRecord): Promise<void> {
  const paths = host.paths.container(container.id);
  const { rootfs } = container.spec;
  mkdirSync(paths.merged, { recursive: true, mode: 0o755 });
  if (rootfs !== null && !rootfs.isOverlay) {
    bindMount(rootfs.path, paths.merged);
    // the runtime needs a mount that is not shared with the host (pivot_root(2))
    setPropagation(paths.merged, mountFlag.private);
    return;
  }
  const lower = await lowerDirectories(host, container);
  if (container.frozenId !== null && !existsSync(paths.upper)) {
    const { makeUpperLike } = await import("./fresh-upper.ts");
    makeUpperLike(lower[0] ?? "", paths.upper);
  }
  mkdirSync(paths.upper, { recursive: true, mode: 0o755 });
  mkdirSync(paths.work, { recursive: true, mode: 0o700 });
  const { idMappings } = container.resolved;
  if (idMappings !== null && container.frozenId === null) {
    // the root directory itself, and with it all that the container makes in it
    lchownSync(paths.upper, toOutside(idMappings.uids, 0), toOutside(idMappings.gids, 0));
  }
  mountStack(host, {
    target: paths.merged,
    lower,
    upper: paths.upper,
    work: paths.work,
    tree: paths.tree,
    // what a build makes is made durable with all of it
    isVolatile: container.spec.removesItself || container.resolved.buildDirectories !== undefined,
  });
}

/** Gives back what `cooper mount` took of one that does not run; false when there is nothing. */
export function releaseMount(host: Host, { id }: Pick<ContainerRecord, "id">): boolean {
  const { bundle, merged } = host.paths.container(id);
  if (!existsSync(bundle)) return false;
  unmount(merged);
  rmSync(bundle, { recursive: true, force: true });
  return true;
}

/** All that is below the container's own changes, topmost first: what was frozen of them, and its image. */
export async function lowerDirectories(host: Host, container: ContainerRecord): Promise<string[]> {
  if (container.frozenId === null) return imageDirectories(host, container);
  const { frozenStack } = await import("./frozen-stack.ts");
  const { directories, isWhole } = frozenStack(host, container.frozenId);
  return isWhole ? directories : [...directories, ...(await imageDirectories(host, container))];
}

/** What its image has, topmost first. */
export async function imageDirectories(host: Host, container: ContainerRecord): Promise<string[]> {
  const { rootfs } = container.spec;
  return rootfs === null ? layerDirectories(host, container) : [rootfs.path];
}

/** Topmost first, as overlayfs wants them. An image without layers still needs one. */
async function layerDirectories(host: Host, container: ContainerRecord): Promise<string[]> {
  const { idMappings, buildDirectories } = container.resolved;
  if (buildDirectories !== undefined && buildDirectories.length > 0) return [...buildDirectories];
  const layers = container.resolved.layers.map((id) => host.paths.layer(id)).toReversed();
  const directories =
    idMappings === null
      ? layers.map(({ diff }) => diff)
      : await shiftedDirectories(host, container, idMappings);
  if (directories.length > 0) return directories;
  const empty = `${host.paths.container(container.id).directory}/empty`;
  mkdirSync(empty, { recursive: true, mode: 0o755 });
  return [empty];
}

/** With a user namespace of its own the files must belong to other ids outside. */
async function shiftedDirectories(
  host: Host,
  container: ContainerRecord,
  idMappings: NonNullable<ContainerRecord["resolved"]["idMappings"]>,
): Promise<string[]> {
  const { shiftedLayer } = await import("../layer/shift.ts");
  const { shiftNotice } = await import("./shift-notice.ts");
  const tell = shiftNotice(host, container);
  const directories: string[] = [];
  for (const id of container.resolved.layers.toReversed()) {
    const lockFile = `${host.paths.locks}/shift-${id}`;
    directories.push(await shiftedLayer(host.paths.layer(id), lockFile, idMappings, tell));
  }
  return directories;
}

/** A tmpfs for /dev/shm outside of the container, which others can join (`--ipc container:`). */
export function mountShm(host: Host, container: ContainerRecord, sizeBytes: number): string {
  const { shm } = host.paths.container(container.id);
  mkdirSync(shm, { recursive: true, mode: 0o700 });
  const flags = mountFlag.noDev | mountFlag.noExec | mountFlag.noSuid;
  mountFilesystem("shm", shm, "tmpfs", flags, `mode=1777,size=${sizeBytes}`);
  return shm;
}
