/** Taking the contents of a directory in as a new volume. */
import { existsSync, mkdirSync, renameSync } from "node:fs";
import { dirname, join } from "node:path";
import { CooperError } from "../errors.ts";
import type { Host } from "../host.ts";
import { insertVolume } from "../records/volumes.ts";
import { type CopiedTree, copyTree } from "../system/copy-tree.ts";
import { syncDirectory, syncFilesystem } from "../system/sync.ts";

/** A volume that is to be made of somebody else's. */
export interface AdoptedVolume {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Where its contents come from: the same again is the same volume. */
  readonly adoptedFrom: string;
}

/**
 * Copies the directory that `source` is open on, and makes it a volume when all of it is there: killed
 * before, it leaves only rubbish in the stage.
 *
 * @param staging a place for it, of the caller's own, on the store's file system
 * @throws CooperError name-in-use when there is such a volume already
 */
export async function takeVolumeIn(
  host: Host,
  staging: string,
  source: number,
  volume: AdoptedVolume,
): Promise<CopiedTree> {
  const made = join(staging, "volume");
  mkdirSync(made, { recursive: true, mode: 0o755 });
  const copied = copyTree(source, join(made, "_data"));
  using _lock = await host.locks.volume(volume.name);
  const directory = dirname(host.paths.volume(volume.name));
  mkdirSync(host.paths.volumes, { recursive: true, mode: 0o700 });
  syncFilesystem(host.paths.volumes);
  const commit = host.database.transaction(() => {
    const row = { ...volume, isAnonymous: false, options: {}, createdAt: Date.now() };
    if (!insertVolume(host.database, row))
      throw new CooperError("name-in-use", `there is a volume ${volume.name} already`);
    // without a row it is what somebody left who was killed at this very place
    if (existsSync(directory)) renameSync(directory, join(staging, "rubbish"));
    renameSync(made, directory);
  });
  commit.immediate();
  syncDirectory(host.paths.volumes);
  host.events.emit({ type: "volume", action: "create", id: volume.name, name: volume.name });
  return copied;
}
