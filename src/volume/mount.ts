/** Mounting what a volume's options name into its directory, while containers that run use it. */
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { CooperError } from "../errors.ts";
import type { Host } from "../host.ts";
import { isVolumeInUse, resolveVolume, type VolumeRecord } from "../records/volumes.ts";
import { unmount } from "../system/mount.ts";
import { mountsBelow } from "../system/mount-table.ts";
import { findProgram, needProgram } from "../system/program.ts";
import { mountArgs, volumeMount } from "./driver-options.ts";

/**
 * Sees to it that what the options name is mounted. The caller holds the volume's lock, and counts as a
 * user of it already, so that nobody unmounts it again. Plain volumes have nothing to mount.
 */
export function mountVolume(host: Host, volume: VolumeRecord): string {
  const directory = host.paths.volume(volume.name);
  const wanted = volumeMount(volume.options);
  if (wanted === undefined || isMounted(directory)) return directory;
  // `//host/share` is cifs, and no path
  if (/^\/(?!\/)/.test(wanted.device) && !existsSync(wanted.device)) {
    throw new CooperError(
      "no-such-object",
      `cannot mount volume ${volume.name}: there is no ${wanted.device}`,
    );
  }
  const result = Bun.spawnSync([needProgram("mount"), ...mountArgs(wanted, directory)], {
    env: { PATH: process.env.PATH ?? "/usr/sbin:/usr/bin:/sbin:/bin" },
    stdio: ["ignore", "ignore", "pipe"],
  });
  if (result.success) return directory;
  const why = result.stderr.toString().trim().split("\n")[0] ?? "";
  throw new CooperError(
    "helper-failed",
    `cannot mount volume ${volume.name}: ${why.replace(/^mount: /, "")}`,
    hintFor(host, wanted.type),
  );
}

function hintFor(host: Host, type: string | null): { readonly hint?: string } {
  if (host.isRootless && !["none", "tmpfs", null].includes(type))
    return { hint: "an ordinary user can only mount type=tmpfs and o=bind" };
  const helper = { nfs: "nfs-common", nfs4: "nfs-common", cifs: "cifs-utils" }[type ?? ""];
  const isMissing = helper !== undefined && findProgram(`mount.${type}`) === undefined;
  return isMissing ? { hint: `apt-get install ${helper}` } : {};
}

/** mount(8) stacks; the table tells whether it was done before, by whomever. */
function isMounted(directory: string): boolean {
  return mountsBelow(directory).includes(directory);
}

/** Unmounts it, whoever uses it. */
export function unmountVolume(host: Host, name: string): void {
  unmount(host.paths.volume(name));
  rmSync(host.paths.volumeHold(name), { force: true });
}

/** Unmounts it unless a container that runs, or `volume mount`, needs it; the caller holds its lock. */
export function unmountUnusedVolume(host: Host, volume: VolumeRecord): void {
  if (volumeMount(volume.options) === undefined) return;
  if (isVolumeInUse(host.database, volume.name) || existsSync(host.paths.volumeHold(volume.name)))
    return;
  unmount(host.paths.volume(volume.name));
}

/** `volume mount`: it stays mounted until `volume unmount`, or a reboot. */
export async function holdVolume(host: Host, name: string): Promise<string> {
  const volume = resolveVolume(host.database, name);
  using _lock = await host.locks.volume(volume.name);
  const hold = host.paths.volumeHold(volume.name);
  mkdirSync(dirname(hold), { recursive: true, mode: 0o700 });
  writeFileSync(hold, "", { mode: 0o600 });
  return mountVolume(host, volume);
}

/** `volume unmount`. */
export async function releaseVolume(host: Host, name: string): Promise<string> {
  const volume = resolveVolume(host.database, name);
  using _lock = await host.locks.volume(volume.name);
  rmSync(host.paths.volumeHold(volume.name), { force: true });
  unmountUnusedVolume(host, volume);
  return volume.name;
}
