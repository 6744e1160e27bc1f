/** Verbs on volumes of an engine elsewhere. */
import {
  moment,
  name as nameOf,
  names as namesOf,
  number,
  object,
  objects,
  ownPart,
  pairs,
  text,
} from "../api/docker/reading.ts";
import type { RemoveVolumeOptions } from "../container/remove-volume.ts";
import type { VolumeVerbs } from "../engine.ts";
import { CooperError } from "../errors.ts";
import type { ListedVolume } from "../volume/filter.ts";
import type { PrunedVolumes, PruneVolumesOptions } from "../volume/list.ts";
import type { NewVolume } from "../volume/volume.ts";
import type { Client } from "./client.ts";
import { filtersText } from "./names.ts";

const at = (name: string) => `/volumes/${encodeURIComponent(name)}`;

/** See Volumes: what Docker's API has of it. */
export class RemoteVolumes implements Partial<VolumeVerbs> {
  private readonly client: Client;
  private readonly here: () => CooperError;

  /** @param here the error for what only the engine of this machine can do */
  constructor(client: Client, here: () => CooperError) {
    this.client = client;
    this.here = here;
  }

  async create({ name, labels, options, uid, gid }: NewVolume): Promise<{ name: string }> {
    if (uid !== undefined || gid !== undefined) throw this.here();
    const json = { Name: name ?? "", Driver: "local", DriverOpts: options, Labels: labels };
    if (name !== null && (await this.exists(name)))
      throw new CooperError("name-in-use", `the volume ${name} exists already`);
    return {
      name: nameOf(object(await this.client.json("POST", "/volumes/create", { json })).Name),
    };
  }

  async exists(name: string): Promise<boolean> {
    try {
      await this.inspect(name);
      return true;
    } catch (error) {
      if (error instanceof CooperError && error.code === "no-such-object") return false;
      throw error;
    }
  }

  async inspect(name: string): Promise<Record<string, unknown>> {
    const document = object(await this.client.json("GET", at(name)));
    return ownPart(document) ?? document;
  }

  async list(filters: readonly string[]): Promise<ListedVolume[]> {
    const query = { filters: filtersText(filters) };
    const items = objects(object(await this.client.json("GET", "/volumes", { query })).Volumes);
    return items
      .map((item) => {
        const own = ownPart(item);
        return {
          volume: {
            name: nameOf(item.Name),
            isAnonymous:
              own === undefined ? /^[0-9a-f]{64}$/.test(text(item.Name)) : own.Anonymous === true,
            labels: pairs(item.Labels),
            options: pairs(item.Options),
            createdAt: moment(item.CreatedAt),
          },
          users: number(own?.MountCount ?? object(item.UsageData).RefCount),
          mountpoint: text(item.Mountpoint),
        };
      })
      .sort((a, b) => (a.volume.name < b.volume.name ? -1 : 1));
  }

  async prune({ all, filters, isDryRun }: PruneVolumesOptions): Promise<PrunedVolumes> {
    if (isDryRun) throw this.here();
    const { version } = await this.client.peer();
    // before 1.42 everything went
    if (!all && version < 42)
      throw new CooperError(
        "not-supported",
        "this engine removes all volumes that no container uses, not only those without a name",
        { hint: "that takes --all" },
      );
    const asked = all && version >= 42 ? [...filters, "all=true"] : filters;
    const query = { filters: filtersText(asked) };
    const document = object(await this.client.json("POST", "/volumes/prune", { query }));
    return {
      names: namesOf(document.VolumesDeleted),
      sizes: [],
      reclaimedBytes: number(document.SpaceReclaimed),
    };
  }

  async remove(name: string, { force }: RemoveVolumeOptions): Promise<string> {
    await this.client.act("DELETE", at(name), { query: { force } });
    return name;
  }
}
