/** The bridge of a network: made when its first container starts, there until the network is removed. */
import { CooperError } from "../errors.ts";
import {
  canReturn,
  inNetns,
  ipv6Links,
  type LinkState,
  linkState,
  type NetSetting,
  readNetSysctl,
  setNetSysctls,
  writeNetSysctl,
} from "../system/netns.ts";
import { runIp } from "./apply.ts";
import { macFor, subnetsOf } from "./ipam.ts";
import type { Network } from "./model.ts";
import { bridgeLines } from "./plumbing.ts";

/** How the bridge is. Bringing it up is the last step of making it, so that one that is up is complete. */
export function bridgeState(where: string | null, network: Network): LinkState {
  return linkState(where, network.interfaceName);
}

/** Makes the bridge, or what is missing of it. The caller holds the network's lock, and saw its `state`. */
export async function makeBridge(
  where: string | null,
  network: Network,
  state: LinkState,
): Promise<void> {
  const [add = "", ...rest] = bridgeLines(network, bridgeMac(network));
  if (state === "missing") await runIp(where, [add]);
  setNetSysctls(where, bridgeSettings(network));
  // a namespace of our own forwards from the beginning
  if (canReturn() && !network.isInternal) inNetns(where, () => forward(network));
  await runIp(where, rest);
}

function bridgeMac(network: Network): string {
  const gateway = network.subnets.find(({ gateway: text }) => text !== null)?.gateway ?? undefined;
  const id = Buffer.from(network.id, "hex");
  return macFor(gateway, () => id);
}

/** Kernel settings of the bridge, before it is up. */
function bridgeSettings({ interfaceName, subnets }: Network): NetSetting[] {
  const conf = `ipv6/conf/${interfaceName}`;
  const hasIpv6 = subnetsOf(subnets, 6).length > 0;
  return [
    // without IPv6 of its own the bridge has no link-local address that containers could reach the host by
    [`${conf}/disable_ipv6`, hasIpv6 ? "0" : "1"],
    // a container must not become the host's router (CVE-2020-13401)
    [`${conf}/accept_ra`, "0"],
    [`${conf}/accept_dad`, "0"],
  ];
}

/** What goes beyond a bridge, the host forwards. */
function forward(network: Network): void {
  if (readNetSysctl("ipv4/ip_forward") !== "1") writeNetSysctl("ipv4/ip_forward", "1");
  if (subnetsOf(network.subnets, 6).length > 0) forwardIpv6(network);
}

/** A host that forwards ignores router advertisements, by which it may have its own way out: 2 keeps them. */
function forwardIpv6(network: Network): void {
  if (readNetSysctl("ipv6/conf/all/forwarding") === "1") return;
  for (const link of ipv6Links()) {
    if (link === "all" || link === "default" || link === network.interfaceName) continue;
    const name = `ipv6/conf/${link}/accept_ra`;
    if (readNetSysctl(name) === "1") writeNetSysctl(name, "2");
  }
  writeNetSysctl("ipv6/conf/all/forwarding", "1");
}

/** Connections from the host's loopback reach published ports only with this; see ruleset.ts for its guards. */
export function allowLoopback(where: string | null, bridge: string, isAllowed: boolean): void {
  setNetSysctls(where, [[`ipv4/conf/${bridge}/route_localnet`, isAllowed ? "1" : "0"]]);
}

/** The first name of ours that neither the host nor another network has. */
export function freeBridgeName(where: string | null, taken: ReadonlySet<string>): string {
  // a namespace of our own has no links but ours
  const isFree = (name: string) => !canReturn() || linkState(where, name) === "missing";
  for (let number = 0; number < 100_000; number++) {
    const name = `cooper${number}`;
    if (!taken.has(name) && isFree(name)) return name;
  }
  throw new CooperError("no-space", "no name is free for a bridge");
}

/** Removes the bridge; one that is not there is fine. */
export async function removeBridge(where: string | null, network: Network): Promise<void> {
  if (linkState(where, network.interfaceName) === "missing") return;
  await runIp(where, [`link delete dev ${network.interfaceName} type bridge`]);
}
