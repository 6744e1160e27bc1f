/** `network connect` and `disconnect`, also of containers that run. */
import { CooperError } from "../errors.ts";
import type { Host } from "../host.ts";
import { runIp } from "../network/apply.ts";
import { inTransaction, resolveContainer } from "../records/containers.ts";
import { portsOf } from "../records/leases.ts";
import { addAttachment, attachmentsOf, removeAttachment } from "../records/networks.ts";
import { linkState, setNetSysctls } from "../system/netns.ts";
import { settleContainer } from "./cleanup.ts";
import { connect } from "./connect-links.ts";
import { writeNetworkFiles } from "./etc-files.ts";
import { movePorts, openPorts } from "./firewall.ts";
import { leaseFor } from "./join-networks.ts";
import { type Connection, liveConnections, portTarget } from "./live-connections.ts";
import { isAlive } from "./live-state.ts";
import { bridgeFacts } from "./network-facts.ts";
import { attachmentFrom } from "./network-mode.ts";
import { announceNames, withdrawNames } from "./network-names.ts";
import { emitNetwork, oneNetwork } from "./network-verbs.ts";
import { ensurePlace, openWayOut } from "./networks-place.ts";
import type { ContainerRecord } from "./record.ts";
import { hostnameOf } from "./runtime-input.ts";
import type { NetworkRequest } from "./spec.ts";

/** Puts a container into a network; one that runs gets its link at once. */
export async function connectContainer(
  host: Host,
  networkName: string,
  nameOrId: string,
  request: NetworkRequest,
): Promise<void> {
  const { network } = oneNetwork(host, networkName);
  using locked = await lockedContainer(host, nameOrId);
  const { container } = locked;
  const attachments = attachmentsOf(host.database, container.id);
  if (attachments.some(({ networkId }) => networkId === network.id)) {
    throw new CooperError(
      "conflict",
      `container ${container.name} is already connected to network ${network.name}`,
    );
  }
  const position = Math.max(-1, ...attachments.map((one) => one.position)) + 1;
  const attachment = attachmentFrom(network, position, request);
  if (!isAlive(container)) {
    addAttachment(host.database, container.id, attachment);
  } else {
    const before = liveConnections(host, container.id);
    let connection: Connection | undefined;
    inTransaction(host.database, () => {
      addAttachment(host.database, container.id, attachment);
      connection = { network, ...leaseFor(host, container.id, network, attachment) };
    });
    if (connection !== undefined) await plug(host, container, before, connection);
  }
  emitNetwork(host, network, "connect", { container: container.id });
}

async function plug(
  host: Host,
  container: ContainerRecord,
  before: readonly Connection[],
  connection: Connection,
): Promise<void> {
  const { netns } = host.paths.container(container.id);
  const ports = portsOf(host.database, container.id);
  const { network, live } = connection;
  try {
    if (linkState(netns, live.interfaceName) !== "missing") {
      throw new CooperError(
        "conflict",
        `container ${container.name} has a link ${live.interfaceName} already`,
      );
    }
    await ensurePlace(host);
    if (!network.isInternal) await openWayOut(host);
    if (network.hasIpv6) setNetSysctls(netns, [["ipv6/conf/default/disable_ipv6", "0"]]);
    await connect(host, netns, [connection], { isNew: false, publishes: ports.length > 0 });
    await openPorts(host, [network], { ports: [], ipv4: null, ipv6: null });
    await announceNames(host, container, [connection]);
  } catch (error) {
    await unplug(netns, live.interfaceName);
    removeAttachment(host.database, container.id, network.id);
    throw error;
  }
  const after = liveConnections(host, container.id);
  await movePorts(host, portTarget(before, ports), portTarget(after, ports), after);
  refreshEtcFiles(host, container, after);
}

/** What the container's files say of its addresses and resolvers is true again. */
export function refreshEtcFiles(
  host: Host,
  container: ContainerRecord,
  connections: readonly Connection[],
): void {
  writeNetworkFiles(host, container, hostnameOf(host, container), bridgeFacts(host, connections));
}

/** Takes a container out of a network. With `force` one that is not in it is no error. */
export async function disconnectContainer(
  host: Host,
  networkName: string,
  nameOrId: string,
  force: boolean,
): Promise<void> {
  const { network } = oneNetwork(host, networkName);
  using locked = await lockedContainer(host, nameOrId);
  const { container } = locked;
  const attachments = attachmentsOf(host.database, container.id);
  if (!attachments.some(({ networkId }) => networkId === network.id)) {
    if (force) return;
    throw new CooperError(
      "conflict",
      `container ${container.name} is not connected to network ${network.name}`,
    );
  }
  const before = liveConnections(host, container.id);
  const leaving = before.find((one) => one.network.id === network.id);
  if (leaving !== undefined && isAlive(container)) {
    const ports = portsOf(host.database, container.id);
    const after = before.filter((one) => one !== leaving);
    await movePorts(host, portTarget(before, ports), portTarget(after, ports), after);
    await withdrawNames(host, container.id, [leaving]);
    await unplug(host.paths.container(container.id).netns, leaving.live.interfaceName);
    refreshEtcFiles(host, container, after);
  }
  removeAttachment(host.database, container.id, network.id);
  emitNetwork(host, network, "disconnect", { container: container.id });
}

/** Its end on the host goes with it. */
async function unplug(netns: string, link: string): Promise<void> {
  if (linkState(netns, link) === "missing") return;
  await runIp(netns, [`link delete dev ${link}`]);
}

/** A container whose mode has room for networks, under its lock. */
export async function lockedContainer(
  host: Host,
  nameOrId: string,
): Promise<Disposable & { readonly container: ContainerRecord }> {
  const { id } = resolveContainer(host.database, nameOrId);
  const lock = await host.locks.container(id);
  try {
    const container = await settleContainer(host, id);
    if (container === undefined)
      throw new CooperError("no-such-container", `no such container: ${nameOrId}`);
    const { networkMode } = container.resolved;
    if (networkMode !== "bridge") {
      throw new CooperError(
        "conflict",
        `container ${container.name} was made with --network ${networkMode}, and cannot be in other networks`,
      );
    }
    return { container, [Symbol.dispose]: () => lock[Symbol.dispose]() };
  } catch (error) {
    lock[Symbol.dispose]();
    throw error;
  }
}
