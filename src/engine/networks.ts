/** Verbs on networks, each loading its file on first use. */
import type { RemoveNetworkOptions } from "../container/network-verbs.ts";
import type { NetworkRequest } from "../container/spec.ts";
import type { Host } from "../host.ts";
import type { NetworkRequestRecord } from "../network/define.ts";
import type { NetworkSummary } from "../network/list.ts";
import type { Network, PublishedPort } from "../network/model.ts";

/** Verbs on networks. Names are what users type: a name, an id, or the beginning of an id. */
export class Networks {
  private readonly host: Host;

  constructor(host: Host) {
    this.host = host;
  }

  private verbs() {
    return import("../container/network-verbs.ts");
  }

  async create(request: NetworkRequestRecord): Promise<Network> {
    return (await this.verbs()).createNetwork(this.host, request);
  }

  async list(filters: readonly string[]): Promise<NetworkSummary[]> {
    return (await this.verbs()).listedNetworks(this.host, filters);
  }

  async inspect(name: string): Promise<Record<string, unknown>> {
    const { networkDocument } = await import("../network/list.ts");
    return networkDocument((await this.verbs()).oneNetwork(this.host, name));
  }

  async exists(name: string): Promise<boolean> {
    return (await this.verbs()).hasNetwork(this.host, name);
  }

  /** Resolves to the name as it was typed. */
  async remove(name: string, options: RemoveNetworkOptions): Promise<string> {
    return (await this.verbs()).removeNetwork(this.host, name, options);
  }

  async prune(filters: readonly string[]): Promise<string[]> {
    return (await this.verbs()).pruneNetworks(this.host, filters);
  }

  async update(
    name: string,
    change: { readonly add: readonly string[]; readonly drop: readonly string[] },
  ): Promise<void> {
    (await this.verbs()).updateNetwork(this.host, name, change);
  }

  async connect(network: string, container: string, request: NetworkRequest): Promise<void> {
    const { connectContainer } = await import("../container/network-connect.ts");
    await connectContainer(this.host, network, container, request);
  }

  /** Another name for a container that is in a network. */
  async addAlias(network: string, container: string, alias: string): Promise<void> {
    return (await import("../container/link.ts")).addAlias(this.host, network, container, alias);
  }

  async disconnect(network: string, container: string, force: boolean): Promise<void> {
    const { disconnectContainer } = await import("../container/network-connect.ts");
    await disconnectContainer(this.host, network, container, force);
  }

  /** Puts right what containers lost; resolves to the ids of those that run. */
  async reload(ids: readonly string[]): Promise<string[]> {
    return (await this.verbs()).reloadNetworks(this.host, ids);
  }

  /** What a container has published, while it runs. */
  async ports(container: string): Promise<PublishedPort[]> {
    return (await import("../container/published.ts")).publishedPorts(this.host, container);
  }

  /** A name for one that nobody named. */
  async unusedName(): Promise<string> {
    const names = await this.names();
    for (let number = 1; ; number++)
      if (!names.includes(`network${number}`)) return `network${number}`;
  }

  /** All names, for completion. */
  async names(): Promise<string[]> {
    const { listNetworks } = await import("../records/networks.ts");
    return listNetworks(this.host.database).map(({ name }) => name);
  }
}
