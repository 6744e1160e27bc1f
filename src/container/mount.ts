/** `container mount` and `unmount`: the files of a container as a directory, whether it runs or not. */
import { CooperError } from "../errors.ts";
import type { Host } from "../host.ts";
import { listContainers, resolveContainer } from "../records/containers.ts";
import { mountsBelow } from "../system/mount-table.ts";
import { settleContainer } from "./cleanup.ts";
import { emitContainer } from "./events.ts";
import { isAlive } from "./live-state.ts";
import { mountRootfs, releaseMount } from "./rootfs.ts";

export interface Mounted {
  readonly id: string;
  readonly name: string;
  readonly path: string;
}

/** Mounts a container that does not run where it is mounted when it does: a start takes the place over. */
export async function mountContainer(host: Host, nameOrId: string): Promise<Mounted> {
  const { id, name } = resolveContainer(host.database, nameOrId);
  using _lock = await host.locks.container(id);
  const container = (await settleContainer(host, id)) ?? resolveContainer(host.database, nameOrId);
  const path = host.paths.container(id).merged;
  if (!isAlive(container) && !mountsBelow(path).includes(path)) await mountRootfs(host, container);
  emitContainer(host, container, "mount");
  return { id, name, path };
}

/** Resolves to the id. @throws CooperError wrong-state when it runs, or is not mounted */
export async function unmountContainer(host: Host, nameOrId: string): Promise<string> {
  const { id } = resolveContainer(host.database, nameOrId);
  using _lock = await host.locks.container(id);
  const container = await settleContainer(host, id);
  if (container === undefined) return id;
  if (isAlive(container)) {
    throw new CooperError(
      "wrong-state",
      `cannot unmount container ${nameOrId}: it runs, and needs its files`,
      { hint: `stop it first: cooper stop ${nameOrId}` },
    );
  }
  if (!releaseMount(host, container))
    throw new CooperError("wrong-state", `the container ${nameOrId} is not mounted`);
  emitContainer(host, container, "unmount");
  return id;
}

/** All that are mounted, oldest first. */
export async function mountedContainers(host: Host): Promise<Mounted[]> {
  const points = new Set(mountsBelow(host.paths.bundles));
  return listContainers(host.database).flatMap(({ id, name }) => {
    const path = host.paths.container(id).merged;
    return points.has(path) ? [{ id, name, path }] : [];
  });
}
