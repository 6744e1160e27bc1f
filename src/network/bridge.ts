/** The bridge of a network: made when its first container starts, there until the network is removed. */
import { CooperError } from "../errors.ts";
import {
  inNetns,
  ipv6Links,
  isLinkUp,
  linkIndex,
  readNetSysctl,
  writeNetSysctl,
} from "../system/netns.ts";
import { runIp } from "./apply.ts";
import { macFor, subnetsOf } from "./ipam.ts";
import type { Network } from "./model.ts";
import { bridgeLines } from "./plumbing.ts";

/** Whether the bridge is there and complete; a few system calls. Bringing it up is the last step of making it. */
export function isBridgeUp(where: string | null, network: Network): boolean {
  const { interfaceName } = network;
  return inNetns(where, () => linkIndex(interfaceName) > 0 && isLinkUp(interfaceName));
}

/** Makes the bridge, or what is missing of it. The caller holds the network's lock. */
export async function makeBridge(where: string | null, network: Network): Promise<void> {
  const { interfaceName } = network;
  const [add = "", ...rest] = bridgeLines(network, bridgeMac(network));
  if (inNetns(where, () => linkIndex(interfaceName)) === 0) await runIp(where, [add]);
  inNetns(where, () => {
    prepare(network);
  });
  await runIp(where, rest);
}

function bridgeMac(network: Network): string {
  const gateway = network.subnets.find(({ gateway: text }) => text !== null)?.gateway ?? undefined;
  const id = Buffer.from(network.id, "hex");
  return macFor(gateway, () => id);
}

/** Kernel settings of the bridge and, for what goes beyond it, of the host; before it is up. */
function prepare(network: Network): void {
  const { interfaceName: bridge } = network;
  const conf = `ipv6/conf/${bridge}`;
  const hasIpv6 = subnetsOf(network.subnets, 6).length > 0;
  // without IPv6 of its own the bridge has no link-local address that containers could reach the host by
  writeNetSysctl(`${conf}/disable_ipv6`, hasIpv6 ? "0" : "1");
  // a container must not become the host's router (CVE-2020-13401)
  writeNetSysctl(`${conf}/accept_ra`, "0");
  writeNetSysctl(`${conf}/accept_dad`, "0");
  if (network.isInternal) return;
  if (readNetSysctl("ipv4/ip_forward") !== "1") writeNetSysctl("ipv4/ip_forward", "1");
  if (hasIpv6) forwardIpv6(network);
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
  inNetns(where, () => {
    if (linkIndex(bridge) > 0)
      writeNetSysctl(`ipv4/conf/${bridge}/route_localnet`, isAllowed ? "1" : "0");
  });
}

/** The first name of ours that neither the host nor another network has. */
export function freeBridgeName(where: string | null, taken: ReadonlySet<string>): string {
  return inNetns(where, () => {
    for (let number = 0; number < 100_000; number++) {
      const name = `cooper${number}`;
      if (!taken.has(name) && linkIndex(name) === 0) return name;
    }
    throw new CooperError("no-space", "no name is free for a bridge");
  });
}
