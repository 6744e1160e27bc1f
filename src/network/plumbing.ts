/**
 * What has to be done for links, addresses and routes, as lines of `ip -batch` (ip(8)). Pure. Every word
 * in a line is checked here: a batch line is split at blanks, and knows no quoting that we rely on.
 */
import { invariant } from "../errors.ts";
import { formatCidr, parseCidr } from "./address.ts";
import type { LiveAttachment, Network, Route } from "./model.ts";

/** Steps of one connection, in order. */
export interface LinkPlan {
  /** Run where the networks are. */
  readonly outside: readonly string[];
  /** Run in the container's namespace. */
  readonly inside: readonly string[];
  /** The host's end of a veth pair and the bridge that it becomes a port of. */
  readonly port: { readonly link: string; readonly bridge: string } | null;
  /** Run where the networks are, when the port is in its bridge. */
  readonly after: readonly string[];
}

/** Joins words that hold no blank, quote, backslash or comment sign. */
function line(...words: readonly (string | number)[]): string {
  for (const word of words) {
    invariant(/^[\w.:/@%+-]+$/.test(`${word}`), `a word of an ip command: ${JSON.stringify(word)}`);
  }
  return words.join(" ");
}

/** The size of packets, from podman's or Docker's option. */
export function mtuOf(network: Network): string | undefined {
  return network.options.mtu ?? network.options["com.docker.network.driver.mtu"];
}

const mtuWords = (network: Network) => {
  const mtu = mtuOf(network);
  return mtu === undefined ? [] : ["mtu", mtu];
};

/** The bridge of a network, with the gateways' addresses. */
export function bridgeLines(network: Network, mac: string): string[] {
  const bridge = network.interfaceName;
  const { vlan } = network.options;
  return [
    // a fixed MAC: a bridge's own one follows its ports, and neighbours would lose the gateway
    line(
      "link",
      "add",
      "name",
      bridge,
      ...mtuWords(network),
      "address",
      mac,
      "type",
      "bridge",
      "forward_delay",
      0,
      // all ports are of this VLAN: what leaves by one that is added by hand as a trunk carries its tag
      ...(vlan === undefined ? [] : ["vlan_default_pvid", vlan]),
    ),
    ...(vlan === undefined
      ? []
      : [line("link", "set", "dev", bridge, "type", "bridge", "vlan_filtering", 1)]),
    ...network.subnets.flatMap(({ subnet, gateway }) =>
      gateway === null ? [] : [addressLine(gateway, parseCidr(subnet).prefixLength, bridge)],
    ),
    line("link", "set", "dev", bridge, "up"),
  ];
}

/** Duplicate detection is left out: addresses are leased, and it would take a second. */
function addressLine(address: string, prefixLength: number, link: string): string {
  const more = address.includes(":") ? ["nodad"] : ["broadcast", "+"];
  return line("address", "replace", `${address}/${prefixLength}`, ...more, "dev", link);
}

/**
 * The steps that connect a container.
 *
 * @param outside path of the namespace where the networks are, `inside` of the container's
 * @param publishes whether ports lead to the container through this network
 * @param position of this connection among the container's: earlier ones have the better default route
 */
export function linkPlan(
  network: Network,
  live: LiveAttachment,
  place: {
    readonly outside: string;
    readonly inside: string;
    readonly position: number;
    readonly publishes: boolean;
  },
): LinkPlan {
  const { interfaceName: name, hostInterfaceName: peer, mac } = live;
  const settings = [
    ...live.addresses.map(({ address, prefixLength }) => addressLine(address, prefixLength, name)),
    ...routeLines(network, live, place.position),
  ];
  if (network.driver === "bridge") {
    return {
      outside: [],
      inside: [
        line(
          "link",
          "add",
          "name",
          name,
          ...mtuWords(network),
          "address",
          mac,
          "up",
          "type",
          "veth",
          "peer",
          "name",
          peer,
          ...mtuWords(network),
          "netns",
          place.outside,
        ),
        ...settings,
      ],
      port: { link: peer, bridge: network.interfaceName },
      after: portLines(network, peer, place.publishes),
    };
  }
  return {
    outside: [subLinkLine(network, live, place.inside)],
    inside: [line("link", "set", "dev", name, "up"), ...settings],
    port: null,
    after: [],
  };
}

/**
 * A container that calls its own published port gets the frame back through the port that it came from,
 * where bridged frames pass the firewall (br_netfilter): a bridge does that in hairpin mode alone.
 */
function portLines(network: Network, peer: string, publishes: boolean): string[] {
  const { options } = network;
  const icc = options["com.docker.network.bridge.enable_icc"];
  const settings = [
    ...(publishes ? ["hairpin", "on"] : []),
    ...(icc !== undefined && !isTrue(icc) ? ["isolated", "on"] : []),
  ];
  if (settings.length === 0) return [];
  return [line("link", "set", "dev", peer, "type", "bridge_slave", ...settings)];
}

/** Makes a link a port of a bridge; for who cannot do that by a system call. */
export function portLine({ link, bridge }: { readonly link: string; readonly bridge: string }) {
  return line("link", "set", "dev", link, "master", bridge, "up");
}

/** Takes the host's end of a veth pair away, and so both. */
export function goneLine({ link }: { readonly link: string }): string {
  return line("link", "delete", "dev", link);
}

/** macvlan and ipvlan: a link on top of the parent, made right in the container's namespace. */
function subLinkLine(network: Network, live: LiveAttachment, inside: string): string {
  const { driver } = network;
  const mode = network.options.mode ?? (driver === "macvlan" ? "bridge" : "l2");
  return line(
    "link",
    "add",
    "link",
    network.interfaceName,
    "name",
    live.interfaceName,
    ...mtuWords(network),
    // the links of an ipvlan share the parent's MAC
    ...(driver === "macvlan" ? ["address", live.mac] : []),
    "netns",
    inside,
    "type",
    driver,
    "mode",
    mode,
  );
}

/** Default routes of later connections are worse, and take over when the first is disconnected. */
function routeLines(network: Network, live: LiveAttachment, position: number): string[] {
  const lines: string[] = [];
  const hasDefault = !network.isInternal && !isTrue(network.options.no_default_route);
  const metric = Number(network.options.metric ?? 100) + position;
  if (hasDefault) {
    for (const { gateway } of live.addresses) {
      if (gateway === null) continue;
      const everywhere = gateway.includes(":") ? "::/0" : "0.0.0.0/0";
      lines.push(
        line(
          "route",
          "add",
          everywhere,
          "via",
          gateway,
          "dev",
          live.interfaceName,
          "metric",
          metric,
        ),
      );
    }
  }
  return [...lines, ...network.routes.map((route) => extraRouteLine(route, live.interfaceName))];
}

function extraRouteLine(route: Route, link: string): string {
  const destination = formatCidr(parseCidr(route.destination));
  const metric = route.metric === null ? [] : ["metric", route.metric];
  return line("route", "add", destination, "via", route.gateway, "dev", link, ...metric);
}

/** `true`, `1`: as both peers' boolean options are read. */
export function isTrue(text: string | undefined): boolean {
  return text !== undefined && ["1", "t", "true"].includes(text.toLowerCase());
}
