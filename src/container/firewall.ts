/** The firewall of all running containers: small changes where they suffice, else the whole made anew. */
import type { Host } from "../host.ts";
import { runNft } from "../network/apply.ts";
import type { Network } from "../network/model.ts";
import { joinRuleset, leaveRuleset, type PortTarget, wholeRuleset } from "../network/ruleset.ts";
import { getContainer } from "../records/containers.ts";
import {
  allPorts,
  getNetwork,
  listNetworks,
  liveMembers,
  releaseNetworking,
} from "../records/networks.ts";
import { linkState } from "../system/netns.ts";
import { type Connection, portTarget } from "./connect-links.ts";
import { liveState } from "./live-state.ts";
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
  const text = joinRuleset(networks, target);
  if (text === "") return;
  try {
    using _lock = await host.locks.firewall("shared");
    await runNft(where, text);
  } catch (error) {
    host.debug(`the firewall is made anew: ${String(error)}`);
    await remakeFirewall(host);
  }
}

/** Takes a container's ports out of the firewall, and forgets what it held. */
export async function closePorts(
  host: Host,
  containerId: string,
  target: PortTarget,
): Promise<void> {
  const where = networksPlace(host);
  const text = leaveRuleset(target);
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
  releaseNetworking(host.database, containerId);
  if (!isClean) await remakeFirewall(host);
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
    portTarget(connections, ports.get(id) ?? []),
  );
  await runNft(where, wholeRuleset(networks, targets));
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
