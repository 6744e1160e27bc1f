/** Verbs on networks of an engine elsewhere. */
import { endpointOf } from "../api/docker/body.ts";
import { readPorts } from "../api/docker/read-container.ts";
import { networkBody, readNetwork } from "../api/docker/read-network.ts";
import { names, object, objects, ownPart, text } from "../api/docker/reading.ts";
import type { RemoveNetworkOptions } from "../container/network-verbs.ts";
import type { NetworkRequest } from "../container/spec.ts";
import type { Networks } from "../engine/networks.ts";
import type { Verbs } from "../engine.ts";
import { CooperError } from "../errors.ts";
import type { NetworkRequestRecord } from "../network/define.ts";
import type { NetworkSummary } from "../network/list.ts";
import type { Network, PublishedPort } from "../network/model.ts";
import type { Client } from "./client.ts";
import { filtersText } from "./names.ts";

const at = (name: string) => `/networks/${encodeURIComponent(name)}`;

/** See Networks: what Docker's API has of it. */
export class RemoteNetworks implements Partial<Verbs<Networks>> {
  private readonly client: Client;
  private readonly here: () => CooperError;

  /** @param here the error for what only the engine of this machine can do */
  constructor(client: Client, here: () => CooperError) {
    this.client = client;
    this.here = here;
  }

  async create(request: NetworkRequestRecord): Promise<Network> {
    if (!request.dnsEnabled || request.dnsServers.length + request.routes.length > 0)
      throw this.here();
    const made = object(
      await this.client.json("POST", "/networks/create", { json: networkBody(request) }),
    );
    return readNetwork(object(await this.client.json("GET", at(text(made.Id)))));
  }

  async list(filters: readonly string[]): Promise<NetworkSummary[]> {
    const query = { filters: filtersText(filters) };
    const items = objects(await this.client.json("GET", "/networks", { query }));
    const { kind } = await this.client.peer();
    // a Cooper lists Docker's built-in names for other clients alone
    const shown = kind === "cooper" ? items.filter((item) => ownPart(item) !== undefined) : items;
    return shown
      .map((item) => ({ network: readNetwork(item), members: [] }))
      .sort((a, b) => (a.network.name < b.network.name ? -1 : 1));
  }

  async names(): Promise<string[]> {
    return (await this.list([])).map(({ network }) => network.name);
  }

  async inspect(name: string): Promise<Record<string, unknown>> {
    const document = object(await this.client.json("GET", at(name)));
    return ownPart(document) ?? document;
  }

  async exists(name: string): Promise<boolean> {
    try {
      await this.inspect(name);
      return true;
    } catch (error) {
      if (error instanceof CooperError && error.code === "no-such-network") return false;
      throw error;
    }
  }

  async remove(name: string, { force }: RemoveNetworkOptions): Promise<string> {
    if (force) throw this.here();
    await this.client.act("DELETE", at(name));
    return name;
  }

  async prune(filters: readonly string[]): Promise<string[]> {
    const query = { filters: filtersText(filters) };
    return names(
      object(await this.client.json("POST", "/networks/prune", { query })).NetworksDeleted,
    );
  }

  async connect(network: string, container: string, request: NetworkRequest): Promise<void> {
    const json = { Container: container, EndpointConfig: endpointOf(request) };
    await this.client.act("POST", `${at(network)}/connect`, { json });
  }

  async disconnect(network: string, container: string, force: boolean): Promise<void> {
    const json = { Container: container, Force: force };
    await this.client.act("POST", `${at(network)}/disconnect`, { json });
  }

  async ports(container: string): Promise<PublishedPort[]> {
    const query = { all: true, filters: filtersText([`id=${container}`]) };
    const items = objects(await this.client.json("GET", "/containers/json", { query }));
    const item = items.find(({ Id }) => Id === container);
    return item === undefined ? [] : readPorts(item.Ports).publishedPorts;
  }
}
