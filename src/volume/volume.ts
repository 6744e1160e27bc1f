/** Named and anonymous volumes: directories that outlive containers. */
import { lchownSync, mkdirSync, readdirSync, rmdirSync } from "node:fs";
import { dirname } from "node:path";
import { CooperError } from "../errors.ts";
import type { Host } from "../host.ts";
import { getVolume, insertVolume, type VolumeRecord } from "../records/volumes.ts";
import { setProjectQuota } from "../system/quota.ts";
import { randomHex } from "../system/random.ts";
import { checkDriverOptions, quotaOf, volumeMount } from "./driver-options.ts";
import { endRemoval } from "./removal.ts";

/** What is asked of a new volume. */
export interface NewVolume {
  /** null: one is drawn. */
  readonly name: string | null;
  readonly isAnonymous: boolean;
  readonly labels: Readonly<Record<string, string>>;
  readonly options: Readonly<Record<string, string>>;
  /** Owner of its directory, in our own user namespace. */
  readonly uid?: number;
  readonly gid?: number;
}

/** A name for a volume that nobody named, as both peers draw it. */
export const randomVolumeName = () => randomHex(32);

/**
 * Makes a volume. One of that name that is there already is an error, unless it was to be the same.
 *
 * @throws CooperError name-in-use
 */
export function createVolume(host: Host, wanted: NewVolume): VolumeRecord {
  const { volume, isNew } = ensureVolume(host, wanted);
  if (isNew || isSame(volume, wanted)) return volume;
  throw new CooperError(
    "name-in-use",
    `the volume name "${volume.name}" is already in use by one with other options`,
    { hint: `see: cooper volume inspect ${volume.name}` },
  );
}

/** docker-volume-create(1): making it again changes nothing, unless it would have to. */
function isSame(volume: VolumeRecord, wanted: NewVolume): boolean {
  const text = (options: Readonly<Record<string, string>>) =>
    JSON.stringify(Object.entries(options).toSorted());
  return text(volume.options) === text(wanted.options);
}

/** Makes the volume unless there is one of that name. Directory first: a row promises that it is there. */
export function ensureVolume(
  host: Host,
  wanted: NewVolume,
): { volume: VolumeRecord; isNew: boolean } {
  const name = wanted.name ?? randomVolumeName();
  if (!/^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/.test(name)) {
    throw new CooperError(
      "invalid-argument",
      `invalid volume name "${name}": it may have letters, digits and _ . -`,
    );
  }
  const there = getVolume(host.database, name);
  const directory = host.paths.volume(name);
  if (there !== undefined) {
    mkdirSync(directory, { recursive: true, mode: 0o755 }); // somebody made a container with it while it went
    return { volume: there, isNew: false };
  }
  endRemoval(host, name); // what the last one of that name held is not the new one's
  checkDriverOptions(name, wanted.options);
  mkdirSync(directory, { recursive: true, mode: 0o755 });
  if (wanted.uid !== undefined || wanted.gid !== undefined)
    lchownSync(directory, wanted.uid ?? 0, wanted.gid ?? 0);
  limitSize(host, name, wanted.options);
  const { isAnonymous, labels, options } = wanted;
  const volume = { name, isAnonymous, labels, options, createdAt: Date.now() };
  if (!insertVolume(host.database, volume)) return ensureVolume(host, wanted); // somebody was faster
  host.events.emit({ type: "volume", action: "create", id: name, name });
  return { volume, isNew: true };
}

/** A volume that was to have a limit and cannot is not made. */
function limitSize(host: Host, name: string, options: NewVolume["options"]): void {
  const limits = volumeMount(options) === undefined ? quotaOf(options) : undefined;
  if (limits === undefined) return;
  const directory = host.paths.volume(name);
  try {
    setProjectQuota(directory, limits);
  } catch (cause) {
    rmdirSync(directory);
    rmdirSync(dirname(directory));
    if (host.isRootless) {
      throw new CooperError("not-supported", `volume ${name}: only root can limit its size`, {
        hint: "a tmpfs has a size: --opt type=tmpfs --opt o=size=100m",
        cause,
      });
    }
    throw new CooperError(
      "not-supported",
      `volume ${name}: its size cannot be limited, since the file system of ${host.paths.volumes} keeps no quotas of projects`,
      { hint: "mount xfs or ext4 (made with -O project,quota) with the option prjquota", cause },
    );
  }
}

/** Whether nothing has been put into the volume yet. */
export function isPristine(directory: string): boolean {
  return readdirSync(directory).length === 0;
}
