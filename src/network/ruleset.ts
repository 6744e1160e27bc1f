/**
 * The firewall: one nftables table, `inet cooper`. Pure.
 *
 * Its rules never change; networks and published ports are elements of sets and maps, so that a packet
 * costs the same with one container or a thousand, and a container comes and goes by one small
 * transaction. What the rules promise:
 * - a container is reachable from outside only at ports that it has published (`ct status dnat`);
 * - a port published on 127.0.0.1 is looked up for connections that start on this host alone: never for
 *   a packet from a link, where a neighbour may have written that address (as in Docker before 28);
 * - a bridge passes nothing to or from the host's loopback, and no source address that does not belong
 *   there: connections from the loopback to published ports need `route_localnet` on the bridge, which
 *   without these two would open the host's loopback to containers (CVE-2020-8558);
 * - ::1 leads nowhere: IPv6 has no counterpart of route_localnet, so the answers would be dropped;
 * - networks do not reach each other, unless both were made with `isolate=false`.
 *
 * Containers ask for names on port 53; where the names service has another one, they are led there.
 */
import { invariant } from "../errors.ts";
import { formatCidr, parseCidr } from "./address.ts";
import type { Network, PublishedPort } from "./model.ts";
import { hasNames } from "./names.ts";
import { isTrue } from "./plumbing.ts";

const table = "inet cooper";

/** Where containers ask for names. */
export const usualNamesPort = 53;

const rules = `
  set bridges { type ifname; }
  set internal { type ifname; }
  set open { type ifname; }
  set same { type ifname . ifname; }
  set subnets4 { type ipv4_addr; flags interval; }
  set subnets6 { type ipv6_addr; flags interval; }
  set masquerade4 { type ipv4_addr; flags interval; }
  set masquerade6 { type ipv6_addr; flags interval; }
  map names { type ifname : inet_service; }
  map ports4 { type inet_proto . ipv4_addr . inet_service : ipv4_addr . inet_service; }
  map ports6 { type inet_proto . ipv6_addr . inet_service : ipv6_addr . inet_service; }
  map any4 { type inet_proto . inet_service : ipv4_addr . inet_service; }
  map any6 { type inet_proto . inet_service : ipv6_addr . inet_service; }
  chain publish {
    meta nfproto ipv4 dnat ip to meta l4proto . ip daddr . th dport map @ports4
    meta nfproto ipv4 dnat ip to meta l4proto . th dport map @any4
    meta nfproto ipv6 dnat ip6 to meta l4proto . ip6 daddr . th dport map @ports6
    meta nfproto ipv6 dnat ip6 to meta l4proto . th dport map @any6
  }
  chain spoofed {
    type filter hook prerouting priority mangle; policy accept;
    iifname != @bridges accept
    ct state established,related accept
    ip daddr 127.0.0.0/8 drop
    ip saddr 127.0.0.0/8 drop
    ip6 daddr ::1 drop
    ip6 saddr :: accept
    ip saddr 0.0.0.0 accept
    fib saddr . iif oif missing drop
  }
  chain prerouting {
    type nat hook prerouting priority dstnat; policy accept;
    iifname @bridges meta l4proto { tcp, udp } th dport 53 fib daddr . iif type local redirect to :iifname map @names
    ip daddr 127.0.0.0/8 accept
    fib daddr type local jump publish
  }
  chain output {
    type nat hook output priority -100; policy accept;
    ip6 daddr ::1 accept
    fib daddr type local jump publish
  }
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    oifname @bridges ct status dnat ip saddr @subnets4 masquerade
    oifname @bridges ct status dnat ip6 saddr @subnets6 masquerade
    oifname @bridges ct status dnat ip saddr 127.0.0.0/8 masquerade
    oifname @bridges accept
    ip saddr @masquerade4 ip daddr != { 224.0.0.0/4, 255.255.255.255 } masquerade
    ip6 saddr @masquerade6 ip6 daddr != ff00::/8 masquerade
  }
  chain forward {
    type filter hook forward priority filter; policy accept;
    iifname @bridges jump guard
    oifname @bridges jump guard
  }
  chain guard {
    ct state established,related accept
    iifname . oifname @same accept
    iifname @internal drop
    oifname @internal drop
    oifname @bridges ct status dnat accept
    iifname @open oifname @open accept
    oifname @bridges drop
  }
`;

/** A container's share of the firewall: its published ports and where they lead. */
export interface PortTarget {
  readonly ports: readonly PublishedPort[];
  readonly ipv4: string | null;
  readonly ipv6: string | null;
}

/**
 * The whole table made anew, in one transaction with the removal of what was there.
 *
 * @param namesPort where the names service listens
 */
export function wholeRuleset(
  networks: readonly Network[],
  targets: readonly PortTarget[],
  namesPort = usualNamesPort,
): string {
  return [
    `table ${table} {}`,
    `delete table ${table}`,
    `table ${table} {${rules}}`,
    ...networks.flatMap((network) => networkElements(network, namesPort)).map(addLine),
    ...targets.flatMap(portElements).map(addLine),
    "",
  ].join("\n");
}

/**
 * Puts a network and published ports in. Fails when the table is not there, so that it is made anew.
 *
 * @param namesPort as for wholeRuleset()
 */
export function joinRuleset(
  networks: readonly Network[],
  target: PortTarget,
  namesPort = usualNamesPort,
): string {
  return [
    ...networks.flatMap((network) => networkElements(network, namesPort)),
    ...portElements(target),
  ]
    .map((element) => `${addLine(element)}\n`)
    .join("");
}

/** Takes published ports out. Each is put in first: nft refuses to delete what is not there. */
export function leaveRuleset(target: PortTarget): string {
  return portElements(target)
    .map((element) => `${addLine(element)}\n${deleteLine(element)}\n`)
    .join("");
}

interface Element {
  readonly set: string;
  readonly key: string;
  /** What the key leads to, in maps. */
  readonly value?: string;
}

const addLine = ({ set, key, value }: Element) =>
  `add element ${table} ${set} { ${value === undefined ? key : `${key} : ${value}`} }`;
const deleteLine = ({ set, key }: Element) => `delete element ${table} ${set} { ${key} }`;

/** Whether other networks' containers may be reached, and may reach it (podman's `isolate`; ours is on by default). */
export function isOpen(network: Network): boolean {
  const { isolate } = network.options;
  return isolate !== undefined && !isTrue(isolate) && isolate !== "strict";
}

/** Whether the source of what leaves is changed to the host's. */
export function masquerades(network: Network): boolean {
  const asked = network.options["com.docker.network.bridge.enable_ip_masquerade"];
  return !network.isInternal && (asked === undefined || isTrue(asked));
}

function networkElements(network: Network, namesPort: number): Element[] {
  if (network.driver !== "bridge") return [];
  const bridge = quoted(network.interfaceName);
  const subnets = network.subnets.map(({ subnet }) => parseCidr(subnet));
  return [
    { set: "bridges", key: bridge },
    { set: "same", key: `${bridge} . ${bridge}` },
    ...(network.isInternal ? [{ set: "internal", key: bridge }] : []),
    ...(isOpen(network) ? [{ set: "open", key: bridge }] : []),
    ...(hasNames(network) && namesPort !== usualNamesPort
      ? [{ set: "names", key: bridge, value: `${namesPort}` }]
      : []),
    ...subnets.map((cidr) => ({ set: `subnets${cidr.family}`, key: formatCidr(cidr) })),
    ...(masquerades(network)
      ? subnets.map((cidr) => ({ set: `masquerade${cidr.family}`, key: formatCidr(cidr) }))
      : []),
  ];
}

/** The names of links that ip and nft take as they are; the kernel itself would allow more. */
export const linkName = /^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,14}$/;

function quoted(name: string): string {
  invariant(linkName.test(name), `a link's name: ${JSON.stringify(name)}`);
  return `"${name}"`;
}

function portElements({ ports, ipv4, ipv6 }: PortTarget): Element[] {
  return ports.flatMap((port) => {
    const isV6 = port.hostAddress.includes(":");
    const inside = isV6 ? ipv6 : ipv4;
    if (inside === null) return [];
    const isAny = port.hostAddress === (isV6 ? "::" : "0.0.0.0");
    const set = `${isAny ? "any" : "ports"}${isV6 ? 6 : 4}`;
    return Array.from({ length: port.count }, (_, at) => ({
      set,
      key: [port.protocol, ...(isAny ? [] : [port.hostAddress]), port.hostPort + at].join(" . "),
      value: `${inside} . ${port.containerPort + at}`,
    }));
  });
}

/**
 * Takes a network out whose bridge goes.
 *
 * @param namesPort as for wholeRuleset()
 */
export function dropNetworkRuleset(network: Network, namesPort = usualNamesPort): string {
  return networkElements(network, namesPort)
    .map((element) => `${addLine(element)}\n${deleteLine(element)}\n`)
    .join("");
}
