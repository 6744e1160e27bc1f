/** Verbs on an engine elsewhere as such. */
import { readUsage } from "../api/docker/read-usage.ts";
import { object, ownPart } from "../api/docker/reading.ts";
import type { SystemVerbs } from "../engine.ts";
import { CooperError } from "../errors.ts";
import { isObject } from "../oci/json.ts";
import type { EngineInfo } from "../store/info.ts";
import type { PrunedStore, PruneStoreOptions } from "../store/prune.ts";
import type { ShownUsage } from "../store/usage.ts";
import { RemoteBuilds } from "./builds.ts";
import type { Client } from "./client.ts";
import { RemoteContainers } from "./containers.ts";
import { RemoteImages } from "./images.ts";
import { fullNames } from "./names.ts";
import { RemoteNetworks } from "./networks.ts";
import { RemoteVolumes } from "./volumes.ts";

/** See System: what Docker's API has of it. */
export class RemoteSystem implements Partial<SystemVerbs> {
  private readonly client: Client;
  private readonly here: () => CooperError;

  /** @param here the error for what only the engine of this machine can do */
  constructor(client: Client, here: () => CooperError) {
    this.client = client;
    this.here = here;
  }

  async info(): Promise<EngineInfo> {
    const facts = ownPart(object(await this.client.json("GET", "/info")));
    const isWhole =
      facts !== undefined &&
      ["conmon", "runtime", "distribution", "containers"].every((name) => isObject(facts[name])) &&
      ["cgroupControllers", "capabilities"].every((name) => Array.isArray(facts[name]));
    if (!isWhole) throw new CooperError("hostile", "the engine does not tell what a Cooper would");
    return facts as unknown as EngineInfo;
  }

  async usage(): Promise<ShownUsage> {
    const document = object(await this.client.json("GET", "/system/df"));
    return readUsage(document, fullNames(await this.client.peer()));
  }

  /** In the order in which one thing keeps another. */
  async prune({ all, volumes, filters }: PruneStoreOptions): Promise<PrunedStore> {
    const { client, here } = this;
    const containers = await new RemoteContainers(client, here).prune(filters);
    const networks = await new RemoteNetworks(client, here).prune(filters);
    const gone = volumes
      ? await new RemoteVolumes(client, here).prune({ all, filters, isDryRun: false })
      : { names: [], sizes: [], reclaimedBytes: 0 };
    const images = await new RemoteImages(client, here).prune({ all, filters });
    const buildCache = await new RemoteBuilds(client, here).pruneCache({
      all,
      filters: [],
      reservedBytes: null,
      maxUsedBytes: null,
      minFreeBytes: null,
    });
    const parts = [containers, gone, images, buildCache];
    return {
      containers,
      networks,
      volumes: gone,
      images,
      buildCache,
      reclaimedBytes: parts.reduce((sum, part) => sum + part.reclaimedBytes, 0),
    };
  }
}
