/** What an image has at the place of a new volume is copied into it, once (docker-run(1), `--volume`). */
import { closeSync, fstatSync, lchownSync, rmSync } from "node:fs";
import { CooperError } from "../errors.ts";
import type { Host } from "../host.ts";
import { unmount } from "../system/mount.ts";
import { needProgram } from "../system/program.ts";
import { findInRoot } from "../system/rooted.ts";
import { isPristine } from "../volume/volume.ts";
import type { ContainerRecord } from "./record.ts";
import { toOutside } from "./resolve-mounts.ts";
import { mountRootfs } from "./rootfs.ts";

/** Fills each empty volume that wants it; the root file system is mounted. */
export async function copyUpVolumes(host: Host, container: ContainerRecord): Promise<void> {
  const { merged } = host.paths.container(container.id);
  const { userns } = container.spec;
  const isChosen = userns?.kind === "keep-id" && userns.reason !== undefined;
  for (const mount of container.spec.mounts) {
    if (mount.kind !== "volume" || mount.name === null) continue;
    if (!mount.copiesUp && !isChosen) continue;
    const directory = host.paths.volume(mount.name);
    using _lock = await host.locks.volume(mount.name);
    if (!isPristine(directory)) continue;
    if (isChosen) {
      // so that the next one that mounts it has the same ids, also without what has led to them here
      const { setCallerAs } = await import("../records/volumes.ts");
      setCallerAs(host.database, mount.name, { uid: userns.uid ?? 0, gid: userns.gid ?? 0 });
    }
    if (!mount.copiesUp) continue;
    const source = findInRoot(merged, mount.target);
    if (source === undefined) {
      giveToRoot(directory, container);
      continue;
    }
    try {
      if (fstatSync(source).isDirectory()) copyTree(source, directory, mount.name);
    } finally {
      closeSync(source);
    }
  }
}

/**
 * Fills them before the first start (containers.conf, `prepare_volume_on_create`): the root file system
 * is mounted for that moment only.
 */
export async function prepareVolumes(host: Host, container: ContainerRecord): Promise<void> {
  if (!container.spec.mounts.some((mount) => mount.kind === "volume" && mount.copiesUp)) return;
  using _lock = await host.locks.container(container.id);
  const { bundle, merged } = host.paths.container(container.id);
  await mountRootfs(host, container);
  try {
    await copyUpVolumes(host, container);
  } finally {
    unmount(merged);
    rmSync(bundle, { recursive: true, force: true });
  }
}

/** A new volume on which the image has nothing is the container's own root's. */
function giveToRoot(directory: string, { resolved: { idMappings } }: ContainerRecord): void {
  if (idMappings === null) return;
  lchownSync(directory, toOutside(idMappings.uids, 0), toOutside(idMappings.gids, 0));
}

/** Through the descriptor, so that what was resolved safely is what is copied. */
function copyTree(source: number, directory: string, name: string): void {
  const from = `/proc/${process.pid}/fd/${source}/.`;
  const result = Bun.spawnSync([needProgram("cp"), "-a", "--", from, `${directory}/`], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  if (!result.success) {
    throw new CooperError(
      "helper-failed",
      `cannot copy the image's files into volume ${name}: ${result.stderr.toString().trim()}`,
    );
  }
}
