/**
 * The network namespace of an ordinary user's networks, and how it is connected: one pasta leads out, and
 * each container with published ports has one more, which leads in. A port's pasta has a link of its own,
 * and answers go back by the link that the connection came in by. Pure.
 */
import type { NetSetting } from "../system/netns.ts";
import type { PublishedPort } from "./model.ts";
import { markedResets, type OwnAddresses } from "./pasta.ts";

/** It forwards between its bridges and links from the beginning. */
export const placeSettings: readonly NetSetting[] = [
  ["ipv4/ip_forward", "1"],
  ["ipv6/conf/all/forwarding", "1"],
  ["ipv6/conf/default/accept_dad", "0"],
  ["ipv6/conf/default/accept_ra", "0"],
  // pasta learns at once which station is at the other end of a link
  ["ipv4/conf/default/arp_notify", "1"],
  // a client's address is not routed back by the link that it came in by
  ["ipv4/conf/all/rp_filter", "0"],
  ["ipv4/conf/default/rp_filter", "0"],
];

/** Packets of this size cost pasta a tenth; what is larger than a link of the host is cut up outside. */
export const placeMtu = "65520";

/** The link that leads out. Its addresses are nobody's: what leaves has the host's. */
export const outwardLink = "out0";
export const outwardAddresses: OwnAddresses = {
  address: "169.254.2.1",
  prefixLength: 30,
  gateway: "169.254.2.2",
  ipv6: { address: "fdc0:c0:0:ffff::1", gateway: "fe80::1" },
};

/** How many containers of one user can publish ports at a time: addresses last for them. */
export const mostSlots = 10_000;

/** A container's way in; `slot` counts from 1. */
export interface WayIn {
  readonly slot: number;
  readonly link: string;
  readonly own: OwnAddresses;
}

/** The way in with this number. */
export function wayIn(slot: number): WayIn {
  const base = 4 * 256 + slot * 4;
  const at = (offset: number) => `169.254.${(base + offset) >> 8}.${(base + offset) & 255}`;
  return {
    slot,
    link: `in${slot}`,
    own: {
      address: at(1),
      prefixLength: 30,
      gateway: at(2),
      ipv6: { address: `fdc0:c0:0:${slot.toString(16)}::1`, gateway: "fe80::1" },
    },
  };
}

/**
 * The link of a way in and its routes, as lines of `ip -batch`: answers to what came by it leave by it.
 * Left to pasta, there would be a second default route beside the way out's, which newer ones refuse.
 */
export function wayInLines({ slot, link, own }: WayIn, hasIpv6: boolean): string[] {
  const table = `dev ${link} table ${1000 + slot}`;
  const { ipv6 } = own;
  const routes6 = hasIpv6 && ipv6 !== undefined;
  return [
    `address replace ${own.address}/${own.prefixLength} dev ${link}`,
    ...(routes6 ? [`address replace ${ipv6.address}/64 dev ${link} nodad`] : []),
    `link set dev ${link} mtu ${placeMtu} up`,
    `route replace 0.0.0.0/0 via ${own.gateway} ${table}`,
    ...(routes6 ? [`route replace ::/0 via ${ipv6.gateway} ${table}`] : []),
  ];
}

/** The rule that leads to those routes; the same in both families. It stays for the next in this slot. */
export function wayInRule({ slot }: Pick<WayIn, "slot">): string {
  return `rule add pref ${1000 + slot} fwmark ${slot} lookup ${1000 + slot}`;
}

/** The rules that remember by which link a connection came in, beside those that pasta needs. */
export const placeRuleset = `${markedResets}
table inet cooper_in {
  map marks { type ifname : mark; }
  chain incoming {
    type filter hook prerouting priority mangle; policy accept;
    ct state new ct mark set iifname map @marks
    ct direction reply ct mark != 0 meta mark set ct mark
  }
}
`;

/** Lets the rules know of a way in. */
export function wayInElement({ slot, link }: WayIn): string {
  return `add element inet cooper_in marks { "${link}" : ${slot} }\n`;
}

/** How a published port looks inside: pasta has taken the host's address away, the number is the same. */
export function seenInside(port: PublishedPort): PublishedPort {
  return { ...port, hostAddress: port.hostAddress.includes(":") ? "::" : "0.0.0.0" };
}

/** What pasta is told: from the host's address to the same number inside. */
export function carried(port: PublishedPort): PublishedPort {
  return { ...port, containerPort: port.hostPort };
}
