/** `volume ls`, `inspect`, `prune`: what volumes there are, and removing those that nobody uses. */
import { lstatSync } from "node:fs";
import type { Host } from "../host.ts";
import {
  listVolumes,
  resolveVolume,
  type VolumeRecord,
  volumeUseCounts,
} from "../records/volumes.ts";
import { withBallast } from "../system/ballast.ts";
import { treeUsage } from "../system/tree-usage.ts";
import { volumeMount } from "./driver-options.ts";
import { type ListedVolume, type VolumeSummary, volumeFilter } from "./filter.ts";
import { removeVolumeIfUnused, sweepVolumes } from "./removal.ts";

/** Volumes that all filters let through, by name. */
export function summarizeVolumes(host: Host, filters: readonly string[]): ListedVolume[] {
  const isWanted = volumeFilter(filters);
  const users = volumeUseCounts(host.database);
  return listVolumes(host.database)
    .map((volume) => ({
      volume,
      users: users.get(volume.name) ?? 0,
      mountpoint: host.paths.volume(volume.name),
    }))
    .filter(isWanted);
}

/** The document of both peers' `volume inspect`. */
export function inspectVolume(host: Host, name: string): Record<string, unknown> {
  const volume = resolveVolume(host.database, name);
  return volumeDocument(host, {
    volume,
    users: volumeUseCounts(host.database).get(volume.name) ?? 0,
  });
}

/** As inspectVolume(), of a volume that was looked up. */
export function volumeDocument(
  host: Host,
  { volume, users }: VolumeSummary,
): Record<string, unknown> {
  const directory = host.paths.volume(volume.name);
  const owner = lstatSync(directory, { throwIfNoEntry: false });
  return {
    Name: volume.name,
    Driver: "local",
    Mountpoint: directory,
    CreatedAt: new Date(volume.createdAt).toISOString(),
    Labels: volume.labels,
    Scope: "local",
    Options: volume.options,
    UID: owner?.uid ?? 0,
    GID: owner?.gid ?? 0,
    Anonymous: volume.isAnonymous,
    MountCount: users,
  };
}

export interface PruneVolumesOptions {
  /** Also named ones; without, only those that were made for a container without a name. */
  readonly all: boolean;
  readonly filters: readonly string[];
  /** Only tells what would go. */
  readonly isDryRun: boolean;
}

export interface PrunedVolumes {
  readonly names: readonly string[];
  /** Bytes of each, on the disk. */
  readonly sizes: readonly number[];
  readonly reclaimedBytes: number;
}

/** Removes volumes that no container uses. */
export async function pruneVolumes(
  host: Host,
  options: PruneVolumesOptions,
): Promise<PrunedVolumes> {
  const asksNames = options.filters.some((filter) => filter.startsWith("anonymous="));
  const unused = summarizeVolumes(host, options.filters).filter(
    ({ volume, users }) => users === 0 && (options.all || asksNames || volume.isAnonymous),
  );
  const names: string[] = [];
  const sizes: number[] = [];
  for (const { volume } of unused) {
    const bytes = volumeBytes(host, volume);
    const { ballast } = host.paths;
    const remove = () => removeVolumeIfUnused(host, volume.name);
    if (!options.isDryRun && !(await withBallast(ballast, remove))) continue;
    names.push(volume.name);
    sizes.push(bytes);
  }
  if (!options.isDryRun) sweepVolumes(host);
  return { names, sizes, reclaimedBytes: sizes.reduce((sum, size) => sum + size, 0) };
}

/** What it takes on the disk; what is mounted there is not the volume's. */
function volumeBytes(host: Host, { name, options }: VolumeRecord): number {
  return volumeMount(options) === undefined ? treeUsage(host.paths.volume(name)).diskBytes : 0;
}
