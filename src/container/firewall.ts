/** The firewall of all running containers: small changes where they suffice, else the whole made anew. */
import type { Host } from "../host.ts";
import { firewallDriver, runIptables, runNft } from "../network/apply.ts";
import { allowLoopback } from "../network/bridge.ts";
import { forgetEarlierClients, forgetOldClients } from "../network/clients.ts";
import { passForwarding } from "../network/forward-policy.ts";
import { iptablesRuleset } from "../network/iptables-ruleset.ts";
import type { Network } from "../network/model.ts";
import { seenInside } from "../network/place.ts";
import {
  dropNetworkRuleset,
  joinRuleset,
  leaveRuleset,
  type PortTarget,
  wholeRuleset,
} from "../network/ruleset.ts";
import { allPorts } from "../records/leases.ts";
import { listNetworks, releaseNetworking } from "../records/networks.ts";
import { canReturn, linkNames } from "../system/netns.ts";
import {
  type Connection,
  loopbackNetwork,
  portTarget,
  runningConnections,
} from "./live-connections.ts";
import { namesPort, networksPlace } from "./network-mode.ts";

/**
 * Lets a container's networks and ports into the firewall. The change fails when somebody has flushed the
 * table, or left something stale in it: then all of it is made anew from the records.
 */
export async function openPorts(
  host: Host,
  networks: readonly Network[],
  target: PortTarget,
): Promise<void> {
  const where = networksPlace(host);
  const text = joinRuleset(networks, inside(host, target), namesPort(host));
  if (text === "") return;
  if (!(await changed(host, where, text))) await remakeFirewall(host);
  forgetEarlierClients(where, target, host.debug);
}

/** Applies a small change; false: it takes the whole, since something is missing, or there is no nftables. */
async function changed(host: Host, where: string | null, text: string): Promise<boolean> {
  switch (firewallDriver(host.settings.firewallDriver)) {
    case "none":
      return true;
    case "iptables":
      return false;
    case "nftables":
  }
  try {
    using _lock = await host.locks.firewall("shared");
    await runNft(where, text);
    return true;
  } catch (error) {
    host.debug(`the firewall is made anew: ${String(error)}`);
    return false;
  }
}

/** Ports as the firewall sees them: an ordinary user's come from pasta, not from the host's addresses. */
function inside(host: Host, target: PortTarget): PortTarget {
  return host.isRootless ? { ...target, ports: target.ports.map(seenInside) } : target;
}

/** Takes a container's ports out of the firewall, and forgets what it held. */
export async function closePorts(
  host: Host,
  containerId: string,
  target: PortTarget,
): Promise<void> {
  const where = networksPlace(host);
  const text = leaveRuleset(inside(host, target));
  const isClean = text === "" || (await changed(host, where, text));
  if (text !== "") forgetOldClients(where, target, host.debug);
  releaseNetworking(host.database, containerId);
  if (!isClean) await remakeFirewall(host);
}

/** Lets connections from the host's loopback go to published ports. */
export function openLoopback(
  host: Host,
  target: PortTarget,
  connections: readonly Connection[],
): void {
  const network = loopbackNetwork(target, connections);
  if (network !== undefined) allowLoopback(networksPlace(host), network.interfaceName, true);
}

/** Leads published ports to another of the container's addresses, when its networks have changed. */
export async function movePorts(
  host: Host,
  before: PortTarget,
  after: PortTarget,
  connections: readonly Connection[],
): Promise<void> {
  if (before.ports.length === 0) return;
  openLoopback(host, after, connections);
  if (before.ipv4 === after.ipv4 && before.ipv6 === after.ipv6) return;
  const text = leaveRuleset(inside(host, before)) + joinRuleset([], inside(host, after));
  if (!(await changed(host, networksPlace(host), text))) await remakeFirewall(host);
}

/** Takes a network out of the firewall whose bridge has gone. */
export async function closeNetwork(host: Host, network: Network): Promise<void> {
  if (!(await changed(host, networksPlace(host), dropNetworkRuleset(network, namesPort(host)))))
    await remakeFirewall(host);
}

/** Lets a bridge through other firewalls of the host, or takes that back when it goes. */
export async function passOthers(host: Host, bridge: string, isOn: boolean): Promise<void> {
  // among iptables' own rules ours stand in FORWARD, where an accepting one would go past them
  if (firewallDriver(host.settings.firewallDriver) !== "nftables") return;
  // and nobody else's are in a namespace of our own
  if (!canReturn()) return;
  await passForwarding(networksPlace(host), bridge, isOn, host.warn);
}

/** Makes the whole table anew from what the records say of the containers that run. */
export async function remakeFirewall(host: Host): Promise<void> {
  using _lock = await host.locks.firewall("exclusive");
  const where = networksPlace(host);
  const links = linkNames(where);
  const networks = listNetworks(host.database).filter(
    ({ driver, interfaceName }) => driver === "bridge" && links.has(interfaceName),
  );
  const ports = allPorts(host.database);
  const targets = [...runningConnections(host)].map(([id, connections]) =>
    inside(host, portTarget(connections, ports.get(id) ?? [])),
  );
  switch (firewallDriver(host.settings.firewallDriver)) {
    case "none":
      return;
    case "nftables":
      return runNft(where, wholeRuleset(networks, targets, namesPort(host)));
    case "iptables":
      for (const [program, family] of [
        ["iptables", 4],
        ["ip6tables", 6],
      ] as const)
        await runIptables(where, program, (saved) =>
          iptablesRuleset(family, networks, targets, saved, namesPort(host)),
        );
  }
}
