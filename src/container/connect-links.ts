/** Putting links into a container's network namespace, and taking single ones out again. */
import type { Host } from "../host.ts";
import { runIp } from "../network/apply.ts";
import { bridgeState, makeBridge } from "../network/bridge.ts";
import type { Network } from "../network/model.ts";
import { placeMtu } from "../network/place.ts";
import { goneLine, type LinkPlan, linkPlan, mtuOf, portLine } from "../network/plumbing.ts";
import { attachToBridge, canReturn, inNetns, linkState, NetnsHandle } from "../system/netns.ts";
import { passOthers } from "./firewall.ts";
import { type Connection, runningConnections } from "./live-connections.ts";
import { networksPlace } from "./network-mode.ts";

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
    linkPlan(sized(host, network), live, {
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
  const ports = plans.flatMap(({ port }) => (port === null ? [] : [port]));
  const lines = [
    ...(options.isNew ? ["link set dev lo up"] : []),
    ...plans.flatMap((plan) => plan.inside),
  ];
  try {
    await runIp(netns, lines);
  } catch (error) {
    if (!(error instanceof Error && error.message.includes("File exists"))) throw error;
    // a container that is started again at once may be faster than the kernel, which takes the links of
    // its last namespace away in the background; with the host's end goes the other one, too
    await runIp(where, ports.map(goneLine), { harmless: /Cannot find device/ });
    await runIp(netns, lines);
  }
  await bridges;
  await joinBridges(where, ports);
  await runIp(
    where,
    plans.flatMap((plan) => plan.after),
  );
}

type Port = NonNullable<LinkPlan["port"]>;

/** Makes links ports of their bridges, and brings them up. */
async function joinBridges(where: string | null, ports: readonly Port[]): Promise<void> {
  if (!canReturn()) return runIp(where, ports.map(portLine));
  inNetns(where, () => {
    for (const { link, bridge } of ports) attachToBridge(link, bridge);
  });
}

/** Makes the host's ends of links ports of their bridges again; a link that is gone is left out. */
export async function reattach(
  where: string | null,
  connections: readonly Connection[],
): Promise<void> {
  const ports = connections
    .filter(({ network }) => network.driver === "bridge")
    .map(({ network, live }) => ({
      link: live.hostInterfaceName,
      bridge: network.interfaceName,
    }));
  await joinBridges(
    where,
    ports.filter(({ link }) => linkState(where, link) !== "missing"),
  );
}

/** Where no size of packets was asked for, an ordinary user's are as large as pasta takes them. */
function sized(host: Host, network: Network): Network {
  return host.isRootless && mtuOf(network) === undefined
    ? { ...network, options: { ...network.options, mtu: placeMtu } }
    : network;
}

/** Makes the bridges that are missing, and has the links of running containers back in them. */
export async function ensureBridges(
  host: Host,
  where: string | null,
  connections: readonly Connection[],
): Promise<void> {
  for (const { network } of connections) {
    if (network.driver !== "bridge" || bridgeState(where, network) === "up") continue;
    using _lock = await host.locks.network(network.id);
    const state = bridgeState(where, network);
    if (state === "up") continue;
    await makeBridge(where, sized(host, network), state);
    await passOthers(host, network.interfaceName, true);
    // a bridge that somebody took away has left the links of running containers without one
    const running = [...runningConnections(host).values()].flat();
    await reattach(
      where,
      running.filter((one) => one.network.id === network.id),
    );
  }
}
