/** Putting links into a container's network namespace, and taking single ones out again. */
import type { Host } from "../host.ts";
import { runIp } from "../network/apply.ts";
import { isBridgeUp, makeBridge } from "../network/bridge.ts";
import type { Attachment, LiveAttachment, Network, PublishedPort } from "../network/model.ts";
import { linkPlan, portLine } from "../network/plumbing.ts";
import type { PortTarget } from "../network/ruleset.ts";
import { attachToBridge, canReturn, inNetns, NetnsHandle } from "../system/netns.ts";
import { networksPlace } from "./network-mode.ts";

/** One network that a running container is in. */
export interface Connection {
  readonly network: Network;
  readonly attachment: Attachment;
  readonly live: LiveAttachment;
}

/**
 * Where published ports lead: to the address in the first network through which the host reaches the
 * container at all.
 */
export function portTarget(
  connections: readonly Connection[],
  ports: readonly PublishedPort[],
): PortTarget {
  const reachable = connections
    .filter(({ network }) => network.driver === "bridge" && !network.isInternal)
    .flatMap(({ live }) => live.addresses.map(({ address }) => address));
  return {
    ports,
    ipv4: reachable.find((address) => !address.includes(":")) ?? null,
    ipv6: reachable.find((address) => address.includes(":")) ?? null,
  };
}

/** The network whose bridge connections from the host's loopback to published IPv4 ports go out by. */
export function loopbackNetwork(target: PortTarget, connections: readonly Connection[]) {
  if (!target.ports.some(({ hostAddress }) => !hostAddress.includes(":"))) return undefined;
  return connections.find(({ live }) =>
    live.addresses.some(({ address }) => address === target.ipv4),
  )?.network;
}

/** Brings connections up in the network namespace at `netns`; bridges are made where they are missing. */
export async function connect(
  host: Host,
  netns: string,
  connections: readonly Connection[],
  options: { readonly isNew: boolean; readonly publishes: boolean },
): Promise<void> {
  const where = networksPlace(host);
  using outside = new NetnsHandle(where ?? undefined);
  using inside = new NetnsHandle(netns);
  const plans = connections.map(({ network, live, attachment }) =>
    linkPlan(network, live, {
      outside: outside.path,
      inside: inside.path,
      position: attachment.position,
      publishes: options.publishes,
    }),
  );
  const bridges = ensureBridges(host, where, connections);
  bridges.catch(() => undefined); // awaited below, once the links are there
  await runIp(
    where,
    plans.flatMap((plan) => plan.outside),
  );
  await runIp(netns, [
    ...(options.isNew ? ["link set dev lo up"] : []),
    ...plans.flatMap((plan) => plan.inside),
  ]);
  await bridges;
  const ports = plans.flatMap(({ port }) => (port === null ? [] : [port]));
  if (canReturn())
    inNetns(where, () => {
      for (const { link, bridge } of ports) attachToBridge(link, bridge);
    });
  await runIp(where, [
    ...(canReturn() ? [] : ports.map(portLine)),
    ...plans.flatMap((plan) => plan.after),
  ]);
}

async function ensureBridges(
  host: Host,
  where: string | null,
  connections: readonly Connection[],
): Promise<void> {
  for (const { network } of connections) {
    if (network.driver !== "bridge" || isBridgeUp(where, network)) continue;
    using _lock = await host.locks.network(network.id);
    if (!isBridgeUp(where, network)) await makeBridge(where, network);
  }
}
