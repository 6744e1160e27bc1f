/** The root of a container as it sees it, with its volumes, whether it runs or not. */
import { closeSync, readlinkSync } from "node:fs";
import { CooperError } from "../../errors.ts";
import type { Host } from "../../host.ts";
import { resolveContainer } from "../../records/containers.ts";
import { bindMount, mountFilesystem, mountFlag, unmount } from "../../system/mount.ts";
import { mountsBelow } from "../../system/mount-table.ts";
import { findInRoot } from "../../system/rooted.ts";
import { settleContainer } from "../cleanup.ts";
import { isAlive } from "../live-state.ts";
import type { ContainerRecord } from "../record.ts";
import { mountRootfs, releaseMount } from "../rootfs.ts";
import type { Mount } from "../spec.ts";
import { mountVolumes, releaseVolumes } from "../volumes.ts";

/** Held open while it is used; disposing takes away what was mounted for it. */
export interface ContainerRoot extends AsyncDisposable {
  readonly container: ContainerRecord;
  /** A path that leads into it; what is below must be reached from it with care. */
  readonly path: string;
}

/**
 * Opens the root of a container. One that runs is reached through its own mount namespace (proc(5),
 * /proc/PID/root); any other is mounted meanwhile, and cannot be started or removed until it is let go.
 */
export async function openContainerRoot(host: Host, nameOrId: string): Promise<ContainerRoot> {
  const { id } = resolveContainer(host.database, nameOrId);
  await using undo = new AsyncDisposableStack();
  const lock = undo.use(await host.locks.container(id));
  const container = await settleContainer(host, id);
  if (container === undefined)
    throw new CooperError("no-such-container", `no such container: ${nameOrId}`);
  if (isAlive(container)) {
    lock[Symbol.dispose](); // it may end meanwhile: /proc then leads nowhere, and the copy fails
    return running(container);
  }
  const { merged } = host.paths.container(id);
  if (!mountsBelow(merged).includes(merged)) {
    await mountRootfs(host, container);
    undo.defer(() => void releaseMount(host, container));
  }
  undo.defer(() => releaseVolumes(host, container));
  await mountVolumes(host, container);
  undo.defer(() => {
    for (const point of mountsBelow(merged)) if (point !== merged) unmount(point);
  });
  for (const mount of container.spec.mounts) {
    if (mount.kind === "bind") showAt(merged, mount, mount.source);
    if (mount.kind === "volume" && mount.name !== null)
      showAt(merged, mount, host.paths.volume(mount.name));
  }
  const held = undo.move();
  return { container, path: merged, [Symbol.asyncDispose]: () => held.disposeAsync() };
}

function running(container: ContainerRecord): ContainerRoot {
  return {
    container,
    path: `/proc/${container.pid}/root`,
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/** Binds a directory over a place in the tree, found within it; a place that is not there yet is passed over. */
function showAt(root: string, { target, readOnly }: Mount, source: string): void {
  const descriptor = findInRoot(root, target);
  if (descriptor === undefined) return;
  try {
    const place = readlinkSync(`/proc/self/fd/${descriptor}`);
    bindMount(source, place);
    const { bind, remount, readOnly: noWriting } = mountFlag;
    if (readOnly) mountFilesystem("none", place, null, bind | remount | noWriting);
  } finally {
    closeSync(descriptor);
  }
}
