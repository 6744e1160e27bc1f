/** Verbs on volumes, each loading its file on first use. */
import type { TarOutput } from "../container/export.ts";
import type { RemoveVolumeOptions } from "../container/remove-volume.ts";
import type { Host } from "../host.ts";
import type { VolumeRecord } from "../records/volumes.ts";
import type { ListedVolume } from "../volume/filter.ts";
import type { PrunedVolumes, PruneVolumesOptions } from "../volume/list.ts";
import type { NewVolume } from "../volume/volume.ts";

/** Verbs on volumes. */
export class Volumes {
  private readonly host: Host;

  constructor(host: Host) {
    this.host = host;
  }

  /** The directory of a volume, whether it is there or not. */
  readonly path = (name: string): string => this.host.paths.volume(name);

  async create(volume: NewVolume): Promise<VolumeRecord> {
    return (await import("../volume/volume.ts")).createVolume(this.host, volume);
  }

  async exists(name: string): Promise<boolean> {
    const { getVolume } = await import("../records/volumes.ts");
    return getVolume(this.host.database, name) !== undefined;
  }

  async inspect(name: string): Promise<Record<string, unknown>> {
    return (await import("../volume/list.ts")).inspectVolume(this.host, name);
  }

  async list(filters: readonly string[]): Promise<ListedVolume[]> {
    return (await import("../volume/list.ts")).summarizeVolumes(this.host, filters);
  }

  /** The tar of what is in it, to a file or to what takes the bytes. */
  async export(name: string, output: TarOutput): Promise<void> {
    return (await import("../container/volume-contents.ts")).exportVolume(this.host, name, output);
  }

  /** Adds what a tar holds. */
  async import(name: string, input: AsyncIterable<Uint8Array>): Promise<void> {
    return (await import("../container/volume-contents.ts")).importVolume(this.host, name, input);
  }

  /** Keeps it mounted. Resolves to the directory with its files. */
  async mount(name: string): Promise<string> {
    return (await import("../volume/mount.ts")).holdVolume(this.host, name);
  }

  async prune(options: PruneVolumesOptions): Promise<PrunedVolumes> {
    return (await import("../volume/list.ts")).pruneVolumes(this.host, options);
  }

  /** Resolves to the whole name. */
  async remove(name: string, options: RemoveVolumeOptions): Promise<string> {
    return (await import("../container/remove-volume.ts")).removeVolume(this.host, name, options);
  }

  async unmount(name: string): Promise<string> {
    return (await import("../volume/mount.ts")).releaseVolume(this.host, name);
  }
}
