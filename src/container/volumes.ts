/** The volumes of a container that have something mounted in them while it runs. */
import type { Host } from "../host.ts";
import { getVolume, type VolumeRecord } from "../records/volumes.ts";
import { volumeMount } from "../volume/driver-options.ts";
import { mountVolume, unmountUnusedVolume } from "../volume/mount.ts";
import type { ContainerRecord } from "./record.ts";

/** Mounts what their options name; the container is on record as starting, so that they stay. */
export async function mountVolumes(host: Host, container: ContainerRecord): Promise<void> {
  for (const volume of withOptions(host, container)) {
    using _lock = await host.locks.volume(volume.name);
    mountVolume(host, volume);
  }
}

/** Unmounts those that no other container needs; the container is on record as ended. */
export async function releaseVolumes(host: Host, container: ContainerRecord): Promise<void> {
  for (const volume of withOptions(host, container)) {
    using _lock = await host.locks.volume(volume.name);
    unmountUnusedVolume(host, volume);
  }
}

/** Few volumes have options: most containers ask the database nothing here. */
function withOptions(host: Host, { resolved }: ContainerRecord): VolumeRecord[] {
  return resolved.volumes.flatMap(({ name }) => {
    const volume = getVolume(host.database, name);
    return volume !== undefined && volumeMount(volume.options) !== undefined ? [volume] : [];
  });
}
