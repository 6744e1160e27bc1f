/**
 * Joining networks when a container starts, and giving everything back when it has ended.
 *
 * Joining has two halves. First what may be refused (addresses, ports of the host) is decided and
 * recorded, before anything runs; then helper programs put links and firewall in place while the root
 * file system is mounted (`ready`).
 */
import { CooperError, invariant } from "../errors.ts";
import type { Host } from "../host.ts";
import { runIp } from "../network/apply.ts";
import { allowLoopback } from "../network/bridge.ts";
import { macFor } from "../network/ipam.ts";
import { AddressInUse, leaseAddresses, SubnetFull } from "../network/lease.ts";
import type { Attachment, LiveAttachment, Network, PublishedPort } from "../network/model.ts";
import { senderSettings } from "../network/pasta.ts";
import { seenInside } from "../network/place.ts";
import { goneLine } from "../network/plumbing.ts";
import { HeldPorts, holdPorts, PortInUse } from "../network/publish.ts";
import { getContainer, inTransaction } from "../records/containers.ts";
import { addPorts, hasPorts, leaseHolders, portsOf } from "../records/leases.ts";
import { attachmentsOf, getNetwork, releaseNetworking, setLive } from "../records/networks.ts";
import {
  canReturn,
  createNetns,
  hasOpenConnections,
  keepNetns,
  type NetSetting,
  readNetSysctl,
  removeNetns,
  setNetSysctls,
  takeDown,
} from "../system/netns.ts";
import { settleContainer } from "./cleanup.ts";
import { connect } from "./connect-links.ts";
import { closePorts, openLoopback, openPorts } from "./firewall.ts";
import {
  type Connection,
  liveConnections,
  loopbackNetwork,
  portTarget,
} from "./live-connections.ts";
import { bridgeFacts } from "./network-facts.ts";
import { networksPlace } from "./network-mode.ts";
import { announceNames, withdrawNames } from "./network-names.ts";
import { type JoinedNetworks, networkless } from "./networkless.ts";
import { closeWayIn, ensurePlace, leavePlace, openWayIn, openWayOut } from "./networks-place.ts";
import { parseExposed } from "./options/port-syntax.ts";
import type { ContainerRecord } from "./record.ts";
import type { PortRequest } from "./spec.ts";

/** Joins what the container's mode asks for. What cannot be had is an error before anything has started. */
export async function joinNetworks(
  host: Host,
  container: ContainerRecord,
): Promise<JoinedNetworks> {
  const mode = container.resolved.networkMode;
  switch (mode) {
    case "bridge":
      return joinBridges(host, container);
    case "pasta":
    case "slirp4netns": {
      const { joinHelper } = await import("./join-helper.ts");
      return reserving(host, () => joinHelper(host, container, mode));
    }
    case "host":
    case "none":
    case "container":
    case "path":
      return networkless(container);
  }
}

async function joinBridges(host: Host, container: ContainerRecord): Promise<JoinedNetworks> {
  const { connections, held } = await reserve(host, container);
  // an ordinary user's ports are held by what leads them in
  if (host.isRootless) held[Symbol.dispose]();
  await ensurePlace(host);
  const { netns } = host.paths.container(container.id);
  // a network namespace belongs to the user namespace it was made in, so the runtime makes both
  const isRuntimes = container.resolved.idMappings !== null;
  const settings = [
    ...netnsSettings(connections),
    ...(host.isRootless ? senderSettings(readNetSysctl("ipv4/tcp_congestion_control")) : []),
  ];
  const plumb = () => plumbAll(host, container, connections, held.ports);
  const namespace = isRuntimes ? Promise.resolve() : createNetns(netns, settings);
  const ready = isRuntimes ? Promise.resolve() : namespace.then(plumb);
  ready.catch(() => undefined); // told to who waits for it; a start that failed elsewhere does not
  return {
    runtime: isRuntimes ? { kind: "new" } : { kind: "path", path: netns },
    connections,
    ports: held.ports,
    heldDescriptors: held.descriptors,
    namespace,
    ready,
    facts: Promise.resolve(bridgeFacts(host, connections)),
    async afterCreate(pid) {
      if (!isRuntimes) return ready;
      keepNetns(`/proc/${pid}/ns/net`, netns);
      setNetSysctls(netns, settings);
      await plumb();
    },
    [Symbol.dispose]() {
      held[Symbol.dispose]();
    },
  };
}

async function plumbAll(
  host: Host,
  container: ContainerRecord,
  connections: readonly Connection[],
  ports: readonly PublishedPort[],
): Promise<void> {
  const target = portTarget(connections, ports);
  const results = await Promise.allSettled([
    connectAndAnnounce(host, container, connections, ports.length > 0),
    openPorts(
      host,
      connections.map(({ network }) => network),
      target,
    ),
    leadOutAndIn(host, container.id, connections, ports),
  ]);
  for (const result of results) if (result.status === "rejected") throw result.reason;
  openLoopback(host, target, connections);
}

/** The names service listens on the bridges' addresses, so those are there first. */
async function connectAndAnnounce(
  host: Host,
  container: ContainerRecord,
  connections: readonly Connection[],
  publishes: boolean,
): Promise<void> {
  const { netns } = host.paths.container(container.id);
  await connect(host, netns, connections, { isNew: true, publishes });
  await announceNames(host, container, connections);
}

/** The way in takes its addresses from the machine's, which the way out may have to wait for. */
async function leadOutAndIn(
  host: Host,
  containerId: string,
  connections: readonly Connection[],
  ports: readonly PublishedPort[],
): Promise<void> {
  if (connections.some(({ network }) => !network.isInternal)) await openWayOut(host);
  await openWayIn(host, containerId, ports);
}

/** Settings of a new namespace, before links come into it: each link takes them from `default`. */
function netnsSettings(connections: readonly Connection[]): NetSetting[] {
  const hasIpv6 = connections.some(({ live }) =>
    live.addresses.some(({ address }) => address.includes(":")),
  );
  return [
    ["ipv6/conf/default/disable_ipv6", hasIpv6 ? "0" : "1"],
    ["ipv6/conf/default/accept_dad", "0"],
    ["ipv6/conf/default/accept_ra", "0"],
    // neighbours learn at once who has an address now
    ["ipv4/conf/default/arp_notify", "1"],
  ];
}

interface Reserved {
  readonly connections: readonly Connection[];
  readonly held: HeldPorts;
}

/** Addresses and ports, all or nothing. */
async function reserve(host: Host, container: ContainerRecord): Promise<Reserved> {
  return reserving(host, () => reserveOnce(host, container));
}

/** Takes what may be held by others. What a container holds that has ended is taken from it, once. */
async function reserving<T>(host: Host, take: () => T): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    try {
      return take();
    } catch (error) {
      const holders = holdersOf(host, error);
      if (attempt > 0 || holders.length === 0) throw error;
      for (const id of holders) await settleHolder(host, id);
    }
  }
}

function holdersOf(host: Host, error: unknown): string[] {
  if (error instanceof PortInUse || error instanceof AddressInUse) return [error.holder];
  if (error instanceof SubnetFull) return leaseHolders(host.database, error.networkId);
  return [];
}

/** One that somebody works on right now is left to them. */
async function settleHolder(host: Host, id: string): Promise<void> {
  using lock = host.locks.tryContainer(id);
  if (lock !== undefined) await settleContainer(host, id);
}

function reserveOnce(host: Host, container: ContainerRecord): Reserved {
  const { database } = host;
  const reserved: { connections: Connection[]; held: HeldPorts } = {
    connections: [],
    held: new HeldPorts(),
  };
  inTransaction(database, () => {
    releaseNetworking(database, container.id);
    for (const attachment of attachmentsOf(database, container.id)) {
      const network = getNetwork(database, attachment.networkId);
      invariant(network !== undefined, "a network outlives its attachments");
      reserved.connections.push({ network, ...leaseFor(host, container.id, network, attachment) });
    }
    const families = familiesReachable(reserved.connections);
    reserved.held = holdPorts(portRequests(container, families.length > 0), {
      database,
      containerId: container.id,
      families,
      leadsFromLoopback6: false,
      ipv4Binding: hostBinding(reserved.connections),
      nameOf: (id) => getContainer(database, id)?.name ?? id.slice(0, 12),
      seenAs: (port) => (host.isRootless ? seenInside(port) : port),
    });
    if (host.isRootless) {
      refuseSctp("pasta", reserved.held.ports);
      checkApart(reserved.held.ports);
    }
    addPorts(database, container.id, reserved.held.ports);
  });
  return reserved;
}

/** What leads an ordinary user's ports in carries TCP and UDP. */
export function refuseSctp(helper: string, ports: readonly { readonly protocol: string }[]): void {
  if (!ports.some(({ protocol }) => protocol === "sctp")) return;
  throw new CooperError("not-supported", `${helper} cannot publish sctp ports`, {
    hint: "ask root, or use --network host",
  });
}

/** In an ordinary user's namespace a port is known by its number alone. */
function checkApart(ports: readonly PublishedPort[]): void {
  const twice = ports.find((one, index) =>
    ports.slice(0, index).some((other) => {
      const isSameKind =
        other.protocol === one.protocol &&
        other.hostAddress.includes(":") === one.hostAddress.includes(":");
      const overlaps =
        other.hostPort < one.hostPort + one.count && one.hostPort < other.hostPort + other.count;
      return isSameKind && overlaps;
    }),
  );
  if (twice === undefined) return;
  throw new CooperError(
    "not-supported",
    `port ${twice.hostPort} is published on two addresses, which ordinary users cannot do in a network`,
    { hint: "publish it on one, or on all: -p PORT:PORT" },
  );
}

/** Leases what one connection needs, and notes it; the caller is in a transaction for writing. */
export function leaseFor(
  host: Host,
  containerId: string,
  network: Network,
  attachment: Attachment,
): { attachment: Attachment; live: LiveAttachment } {
  const addresses = leaseAddresses(host.database, network, attachment, containerId);
  const prefix = network.options["com.docker.network.container_iface_prefix"] ?? "eth";
  const taken = liveConnections(host, containerId).map(({ live }) => live.interfaceName);
  const hash = new Bun.CryptoHasher("sha256").update(`${containerId} ${network.id}`).digest();
  const live: LiveAttachment = {
    interfaceName: attachment.interfaceName ?? freeName(prefix, taken),
    hostInterfaceName:
      network.driver === "bridge"
        ? (attachment.hostInterfaceName ?? `veth${hash.toString("hex", 0, 5)}`)
        : "",
    mac: attachment.mac ?? macFor(addresses[0]?.address, () => hash),
    addresses,
  };
  setLive(host.database, containerId, network.id, live);
  return { attachment: { ...attachment, live }, live };
}

function freeName(prefix: string, taken: readonly string[]): string {
  for (let number = 0; ; number++) {
    const name = `${prefix}${number}`;
    if (!taken.includes(name)) return name;
  }
}

/** Where the network to which ports lead wants them published. */
function hostBinding(connections: readonly Connection[]): string | null {
  const { ipv4 } = portTarget(connections, []);
  const network = connections.find(({ live }) =>
    live.addresses.some(({ address }) => address === ipv4),
  )?.network;
  return network?.options["com.docker.network.bridge.host_binding_ipv4"] ?? null;
}

/** Families in which the host can lead a port to the container. */
function familiesReachable(connections: readonly Connection[]): (4 | 6)[] {
  const { ipv4, ipv6 } = portTarget(connections, []);
  return [...(ipv4 === null ? [] : [4 as const]), ...(ipv6 === null ? [] : [6 as const])];
}

/** What was asked, and with --publish-all what the image and --expose name besides. */
export function portRequests(container: ContainerRecord, isReachable: boolean): PortRequest[] {
  const { networking } = container.spec;
  const named = withoutRepeats(networking.ports);
  if (!networking.publishAll || !isReachable) return named;
  const image = Object.keys(container.resolved.imageConfig?.config?.ExposedPorts ?? {});
  const exposed = [...new Set([...image, ...networking.expose])].map(parseExposed);
  const isAsked = (port: number, protocol: string) =>
    networking.ports.some(
      (asked) =>
        asked.protocol === protocol &&
        asked.containerPort <= port &&
        port < asked.containerPort + asked.count,
    );
  return [
    ...named,
    ...exposed
      .filter(({ containerPort, protocol }) => !isAsked(containerPort, protocol))
      .map((port) => ({ ...port, hostAddress: null, hostPort: null, choices: 1 })),
  ];
}

/** The very same port twice is one, as Podman has it; `-p 80 -p 80` are two random ones. */
function withoutRepeats(ports: readonly PortRequest[]): PortRequest[] {
  const seen = new Set<string>();
  return ports.filter((port) => {
    const text = JSON.stringify(port);
    const isRepeat = port.hostPort !== null && port.choices === 1 && seen.has(text);
    seen.add(text);
    return !isRepeat;
  });
}

/**
 * Gives back addresses, ports, links and the network namespace. Every step may have been done already.
 * The rows go last: as long as they are there, the next command knows what is left to do.
 */
export async function leaveNetworks(host: Host, container: ContainerRecord): Promise<void> {
  const { id } = container;
  const { netns } = host.paths.container(id);
  const mode = container.resolved.networkMode;
  if (mode === "pasta" || mode === "slirp4netns") {
    const { leaveHelper } = await import("./join-helper.ts");
    return leaveHelper(host, container);
  }
  if (mode !== "bridge") return;
  const connections = liveConnections(host, id);
  const ports = portsOf(host.database, id);
  await closeWayIn(host, id);
  if (connections.length > 0) {
    const where = networksPlace(host);
    const target = portTarget(connections, ports);
    await Promise.all([quieten(where, netns, connections), withdrawNames(host, id, connections)]);
    await closePorts(host, id, target);
    const network = loopbackNetwork(target, connections);
    if (network !== undefined && !hasPorts(host.database, network.id))
      allowLoopback(where, network.interfaceName, false);
  }
  removeNetns(netns);
  await leavePlace(host);
}

/**
 * The kernel takes a namespace apart a moment later, or never when somebody else has a copy of its mount:
 * its addresses must not answer any more by then. Where connections are still being closed it takes minutes,
 * so that their links are removed, which costs the 20 ms that are saved otherwise.
 */
async function quieten(
  where: string | null,
  netns: string,
  connections: readonly Connection[],
): Promise<void> {
  const links = connections.flatMap(({ live }) =>
    live.hostInterfaceName === "" ? [] : live.hostInterfaceName,
  );
  if (canReturn()) {
    for (const link of links) takeDown(where, link);
    if (!hasOpenConnections(netns)) return;
  }
  const gone = links.map((link) => goneLine({ link }));
  await runIp(where, gone, { harmless: /Cannot find device/ });
}
