/** `system reset`: the store as it was before the first command. */
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { removeEveryNetwork } from "../container/network-verbs.ts";
import { removeContainer } from "../container/remove.ts";
import { errnoName } from "../errors.ts";
import type { Host } from "../host.ts";
import { listImages } from "../image/list.ts";
import { releaseImage } from "../image/mount.ts";
import { listEveryContainer } from "../records/containers.ts";
import { listVolumes } from "../records/volumes.ts";
import { unmount } from "../system/mount.ts";
import { mountsBelow } from "../system/mount-table.ts";
import { storeUsage } from "./usage.ts";

/** What a reset would remove. */
export interface ResetPlan {
  readonly root: string;
  readonly run: string;
  readonly containers: readonly string[];
  readonly images: readonly string[];
  readonly volumes: readonly string[];
  /** On the disk. */
  readonly bytes: number;
}

/** Looks at what there is. */
export function planReset(host: Host): ResetPlan {
  return {
    root: host.paths.root,
    run: host.paths.run,
    containers: listEveryContainer(host.database).map(({ name }) => name),
    images: listImages(host, { all: true }).map(({ image }) => image.names[0] ?? image.id),
    volumes: listVolumes(host.database).map(({ name }) => name),
    bytes: storeUsage(host).totalBytes,
  };
}

/**
 * Removes all of it. Containers end first, then bridges go, so that no process, mount or link is left
 * behind; killed in the middle it is done again from the start.
 */
export async function resetStore(host: Host): Promise<void> {
  const { root, run } = host.paths;
  for (const { id } of listEveryContainer(host.database))
    await removeContainer(host, id, { force: true, volumes: true, graceSeconds: 0 });
  await removeEveryNetwork(host);
  for (const { image } of listImages(host, { all: true })) releaseImage(host, image.id);
  for (const point of mountsBelow(root)) unmount(point);
  // the database last: until then what is left still has its records
  const last = new Set([
    host.paths.database,
    `${host.paths.database}-wal`,
    `${host.paths.database}-shm`,
  ]);
  const inRoot = list(root).map((name) => join(root, name));
  for (const path of inRoot) if (!last.has(path)) rmSync(path, { recursive: true, force: true });
  for (const path of last) rmSync(path, { force: true });
  for (const name of list(run)) {
    // the namespace of an ordinary user is ours while we run, and serves the next command
    if (name.startsWith("pause.")) continue;
    rmSync(join(run, name), { recursive: true, force: true });
  }
}

function list(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if (errnoName(error) === "ENOENT") return []; // nothing was ever made
    throw error;
  }
}
