/** Verbs on networks: making, removing, pruning, changing, and repairing what somebody took away. */
import { CooperError } from "../errors.ts";
import type { Host } from "../host.ts";
import { removeBridge } from "../network/bridge.ts";
import {
  assertResolvers,
  defaultNetworkName,
  defineNetwork,
  ensureDefaultNetwork,
  isDefaultName,
  type NetworkRequestRecord,
  namedNetwork,
} from "../network/define.ts";
import { type NetworkSummary, summarizeNetworks } from "../network/list.ts";
import type { Network } from "../network/model.ts";
import { getContainer } from "../records/containers.ts";
import { portsOf } from "../records/leases.ts";
import {
  deleteNetwork,
  findNetwork,
  listNetworks,
  membersOf,
  replaceNetwork,
} from "../records/networks.ts";
import { withBallast } from "../system/ballast.ts";
import { linkState } from "../system/netns.ts";
import { connect, ensureBridges, reattach } from "./connect-links.ts";
import { closeNetwork, openLoopback, passOthers, remakeFirewall } from "./firewall.ts";
import { type Connection, portTarget, runningConnections } from "./live-connections.ts";
import { isAlive } from "./live-state.ts";
import { networksHome, networksPlace } from "./network-mode.ts";
import { remakeNames } from "./network-names.ts";
import { ensurePlace, openWayOut, reopenWayIn } from "./networks-place.ts";
import { removeContainer } from "./remove.ts";

/** Makes a network. Its bridge comes with the first container that starts in it. */
export function createNetwork(host: Host, request: NetworkRequestRecord): Network {
  const network = defineNetwork(host.database, networksHome(host), request, { isShared: false });
  emitNetwork(host, network, "create");
  return network;
}

/** Networks that all filters let through; the default one is always there. */
export function listedNetworks(host: Host, filters: readonly string[]): NetworkSummary[] {
  ensureDefaultNetwork(host.database, networksHome(host));
  return summarizeNetworks(host.database, filters);
}

/** One network with its members. */
export function oneNetwork(host: Host, name: string): NetworkSummary {
  const network = namedNetwork(host.database, networksHome(host), name);
  return { network, members: membersOf(host.database, network.id) };
}

export interface RemoveNetworkOptions {
  /**
   * Containers in it that do not run are removed too. One that runs still keeps it: to Docker's users `-f`
   * only means that a missing network is no error.
   */
  readonly force: boolean;
}

/** Removes a network with its bridge. Resolves to its name as it was named. */
export async function removeNetwork(
  host: Host,
  name: string,
  options: RemoveNetworkOptions,
): Promise<string> {
  const { network, members } = oneNetwork(host, name);
  if (network.name === defaultNetworkName)
    throw new CooperError("conflict", `the default network ${network.name} cannot be removed`);
  const users = members.flatMap(
    ({ containerId }) => getContainer(host.database, containerId) ?? [],
  );
  const running = users.filter(isAlive);
  const inTheWay = options.force ? running : users;
  if (inTheWay.length > 0) throw inUse(network, inTheWay, running.length > 0);
  for (const { id } of users)
    await removeContainer(host, id, { force: false, volumes: false, graceSeconds: null });
  if (!(await removeUnused(host, network)))
    throw new CooperError("conflict", `network ${network.name} was taken into use meanwhile`);
  return name;
}

function inUse(network: Network, users: readonly { name: string }[], runs: boolean): CooperError {
  const names = users.slice(0, 5).map((user) => user.name);
  const more = users.length > 5 ? ` and ${users.length - 5} more` : "";
  return new CooperError(
    "conflict",
    `network ${network.name} has active endpoints: it is used by container${users.length > 1 ? "s" : ""} ${names.join(", ")}${more}`,
    { hint: `cooper rm ${runs ? "-f " : ""}${names.join(" ")}` },
  );
}

/**
 * The row goes first, while the lock keeps a start from making the bridge again.
 *
 * @returns false when it was taken into use meanwhile
 */
async function removeUnused(host: Host, network: Network): Promise<boolean> {
  const where = networksPlace(host);
  using _lock = await host.locks.network(network.id);
  const isGone = await withBallast(host.paths.ballast, async () =>
    deleteNetwork(host.database, network.id),
  );
  if (!isGone) return false;
  host.locks.forgetNetwork(network.id);
  emitNetwork(host, network, "destroy");
  if (network.driver !== "bridge") return true;
  if (linkState(where, network.interfaceName) === "missing") return true;
  await removeBridge(where, network);
  await passOthers(host, network.interfaceName, false);
  await closeNetwork(host, network);
  return true;
}

/** Removes networks that no container is in. Resolves to their names. */
export async function pruneNetworks(host: Host, filters: readonly string[]): Promise<string[]> {
  // the default one, which others would make now, is not removed anyway
  const unused = summarizeNetworks(host.database, filters).filter(
    ({ network, members }) => members.length === 0 && network.name !== defaultNetworkName,
  );
  const names: string[] = [];
  for (const { network } of unused) {
    if (await removeUnused(host, network)) names.push(network.name);
  }
  return names;
}

/** Removes every network, the default one too, where no container is left: for a store that goes. */
export async function removeEveryNetwork(host: Host): Promise<void> {
  for (const network of listNetworks(host.database)) await removeUnused(host, network);
}

/** Adds and drops resolvers that the network's names service asks. */
export function updateNetwork(
  host: Host,
  name: string,
  change: { readonly add: readonly string[]; readonly drop: readonly string[] },
): void {
  const { network } = oneNetwork(host, name);
  assertResolvers(change.add);
  const kept = network.dnsServers.filter((server) => !change.drop.includes(server));
  for (const server of change.drop) {
    if (!network.dnsServers.includes(server)) {
      throw new CooperError(
        "invalid-argument",
        `network ${network.name} does not ask the DNS server ${server}`,
      );
    }
  }
  replaceNetwork(host.database, { ...network, dnsServers: [...new Set([...kept, ...change.add])] });
}

/**
 * Puts back what others have taken away from running containers: bridges, their ports, links, the whole
 * firewall, helper processes. Resolves to the ids of those that were looked at.
 */
export async function reloadNetworks(host: Host, ids: readonly string[]): Promise<string[]> {
  const where = networksPlace(host);
  const running = runningConnections(host);
  const done: string[] = [];
  for (const id of ids) {
    const connections = running.get(id);
    if (connections === undefined) {
      if (await reloadedHelper(host, id)) done.push(id);
      continue;
    }
    const { netns } = host.paths.container(id);
    await ensurePlace(host);
    await ensureBridges(host, where, connections);
    for (const { network } of connections) {
      if (network.driver === "bridge") await passOthers(host, network.interfaceName, true);
    }
    const ports = portsOf(host.database, id);
    const lost = connections.filter(
      ({ live }) => linkState(netns, live.interfaceName) === "missing",
    );
    const target = portTarget(connections, ports);
    await connect(host, netns, lost, { isNew: false, publishes: ports.length > 0 });
    await reattach(where, connections);
    openLoopback(host, target, connections);
    if (connections.some(({ network }) => !network.isInternal)) await openWayOut(host);
    await reopenWayIn(host, id, ports);
    await refreshFiles(host, id, connections);
    done.push(id);
  }
  if (running.size > 0 || !host.isRootless) await remakeFirewall(host);
  if (running.size > 0) await remakeNames(host);
  return done;
}

/** The host's resolvers may have changed since it was started. */
async function refreshFiles(
  host: Host,
  id: string,
  connections: readonly Connection[],
): Promise<void> {
  const container = getContainer(host.database, id);
  const { refreshEtcFiles } = await import("./network-connect.ts");
  if (container !== undefined) refreshEtcFiles(host, container, connections);
}

/** A container without networks may have a helper of its own. */
async function reloadedHelper(host: Host, id: string): Promise<boolean> {
  const container = getContainer(host.database, id);
  if (container === undefined || !isAlive(container)) return false;
  const { reloadHelper } = await import("./join-helper.ts");
  return reloadHelper(host, container);
}

/** Whether there is such a network. */
export function hasNetwork(host: Host, name: string): boolean {
  return isDefaultName(name) || findNetwork(host.database, name) !== undefined;
}

/** Notes it in the journal of events. */
export function emitNetwork(
  host: Host,
  network: Network,
  action: "create" | "destroy" | "connect" | "disconnect",
  attributes: Readonly<Record<string, string>> = {},
): void {
  host.events.emit({
    type: "network",
    action,
    id: network.id,
    name: network.name,
    attributes: { type: network.driver, ...attributes },
  });
}
