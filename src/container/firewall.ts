/** The firewall of all running containers: small changes where they suffice, else the whole made anew. */
import type { Host } from "../host.ts";
import { runNft } from "../network/apply.ts";
import { allowLoopback } from "../network/bridge.ts";
import { forgetEarlierClients, forgetOldClients } from "../network/clients.ts";
import type { Network } from "../network/model.ts";
import { seenInside } from "../network/place.ts";
import { joinRuleset, leaveRuleset, type PortTarget, wholeRuleset } from "../network/ruleset.ts";
import { allPorts } from "../records/leases.ts";
import { listNetworks, releaseNetworking } from "../records/networks.ts";
import { linkState } from "../system/netns.ts";
import {
  type Connection,
  loopbackNetwork,
  portTarget,
  runningConnections,
} from "./live-connections.ts";
import { networksPlace } from "./network-mode.ts";

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
  const text = joinRuleset(networks, inside(host, target));
  if (text === "") return;
  try {
    using _lock = await host.locks.firewall("shared");
    await runNft(where, text);
  } catch (error) {
    host.debug(`the firewall is made anew: ${String(error)}`);
    await remakeFirewall(host);
  }
  forgetEarlierClients(where, target, host.debug);
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
  let isClean = true;
  if (text !== "") {
    try {
      using _lock = await host.locks.firewall("shared");
      await runNft(where, text);
    } catch (error) {
      host.debug(`the firewall is made anew: ${String(error)}`);
      isClean = false;
    }
  }
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
  try {
    using _lock = await host.locks.firewall("shared");
    await runNft(
      networksPlace(host),
      leaveRuleset(inside(host, before)) + joinRuleset([], inside(host, after)),
    );
  } catch (error) {
    host.debug(`the firewall is made anew: ${String(error)}`);
    await remakeFirewall(host);
  }
}

/** Makes the whole table anew from what the records say of the containers that run. */
export async function remakeFirewall(host: Host): Promise<void> {
  using _lock = await host.locks.firewall("exclusive");
  const where = networksPlace(host);
  const networks = listNetworks(host.database).filter(
    ({ driver, interfaceName }) =>
      driver === "bridge" && linkState(where, interfaceName) !== "missing",
  );
  const ports = allPorts(host.database);
  const targets = [...runningConnections(host)].map(([id, connections]) =>
    inside(host, portTarget(connections, ports.get(id) ?? [])),
  );
  await runNft(where, wholeRuleset(networks, targets));
}
