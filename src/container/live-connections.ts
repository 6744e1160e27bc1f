/** The connections of containers that run, from the records; and where their published ports lead. */
import type { Host } from "../host.ts";
import type { Attachment, LiveAttachment, Network, PublishedPort } from "../network/model.ts";
import type { PortTarget } from "../network/ruleset.ts";
import { getContainer } from "../records/containers.ts";
import { attachmentsOf, getNetwork, liveMembers } from "../records/networks.ts";
import { liveState } from "./live-state.ts";

/** One network that a running container is in. */
export interface Connection {
  readonly network: Network;
  readonly attachment: Attachment;
  readonly live: LiveAttachment;
}

/** The connections of one container that are noted as up, in order. */
export function liveConnections(host: Host, containerId: string): Connection[] {
  return attachmentsOf(host.database, containerId).flatMap((attachment) => {
    const network = getNetwork(host.database, attachment.networkId);
    return attachment.live === null || network === undefined
      ? []
      : [{ network, attachment, live: attachment.live }];
  });
}

/** The connections of each container that runs or is being started. */
export function runningConnections(host: Host): Map<string, Connection[]> {
  const byContainer = new Map<string, Connection[]>();
  for (const { containerId, networkId, live, attachment } of liveMembers(host.database)) {
    const container = getContainer(host.database, containerId);
    const network = getNetwork(host.database, networkId);
    if (container === undefined || network === undefined) continue;
    const { state } = liveState(host, container);
    // a container that ended, or that a reboot took, has not given its rows back yet
    if (container.intent !== "starting" && !["running", "paused", "initialized"].includes(state))
      continue;
    const list = byContainer.get(containerId) ?? [];
    list.push({ network, attachment, live });
    byContainer.set(containerId, list);
  }
  return byContainer;
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
export function loopbackNetwork(
  target: PortTarget,
  connections: readonly Connection[],
): Network | undefined {
  if (!target.ports.some(({ hostAddress }) => !hostAddress.includes(":"))) return undefined;
  return connections.find(({ live }) =>
    live.addresses.some(({ address }) => address === target.ipv4),
  )?.network;
}
