/** Making the record of a network: what was asked, with everything left out decided. */
import type { Database } from "bun:sqlite";
import { CooperError, messageOf } from "../errors.ts";
import { findNetwork, insertNetwork, listNetworks } from "../records/networks.ts";
import { linkState } from "../system/netns.ts";
import { randomBytes, randomHex } from "../system/random.ts";
import {
  type Cidr,
  canonicalAddress,
  contains,
  formatAddress,
  formatCidr,
  isLoopback,
  lastOf,
  overlaps,
  parseAddress,
  parseCidr,
} from "./address.ts";
import { freeBridgeName } from "./bridge.ts";
import { checkOptions } from "./driver-options.ts";
import { defaultRouteLink, hostRanges } from "./host-ranges.ts";
import { defaultNetworkPools, firstHost, freeSubnet, freeUlaSubnet, type Pool } from "./ipam.ts";
import type { Network, NetworkDriver, Route, Subnet } from "./model.ts";
import { linkName } from "./ruleset.ts";

/** A subnet as asked: the three options stand in the same order as the subnets. */
export interface SubnetRequest {
  readonly subnet: string;
  readonly gateway: string | null;
  /** `10.1.0.0/28` (docker) or `10.1.0.5-10.1.0.9` (podman). */
  readonly range: string | null;
}

/** What `network create` was asked; null and empty: decided here. */
export interface NetworkRequestRecord {
  readonly name: string;
  readonly driver: NetworkDriver;
  readonly interfaceName: string | null;
  readonly subnets: readonly SubnetRequest[];
  readonly wantsIpv4: boolean;
  readonly wantsIpv6: boolean;
  readonly isInternal: boolean;
  readonly dnsEnabled: boolean;
  readonly dnsServers: readonly string[];
  readonly routes: readonly Route[];
  readonly options: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly reserved: Readonly<Record<string, string>>;
  readonly ipam: "host-local" | "none";
}

/** Where networks live, and how the host is configured for them. */
export interface NetworkHome {
  /** The network namespace in which bridges are; null: our own. */
  readonly where: string | null;
  /** Of the default network (containers.conf, `default_subnet`). */
  readonly defaultSubnet: string;
  /** Where other networks look for theirs (`default_subnet_pools`). */
  readonly pools: readonly Pool[];
}

/** Where nothing was asked. */
export function emptyRequest(name: string): NetworkRequestRecord {
  return {
    name,
    driver: "bridge",
    interfaceName: null,
    subnets: [],
    wantsIpv4: true,
    wantsIpv6: false,
    isInternal: false,
    dnsEnabled: true,
    dnsServers: [],
    routes: [],
    options: {},
    labels: {},
    reserved: {},
    ipam: "host-local",
  };
}

/** The network that containers are in when none is named, and the peers' names for theirs. */
export const defaultNetworkName = "cooper";
const defaultNames: readonly string[] = [defaultNetworkName, "podman", "bridge"];

/** Whether the name stands for the default network. */
export function isDefaultName(name: string): boolean {
  return defaultNames.includes(name);
}

/** The default network, made on first use. Names are not looked up in it, as in both peers' one. */
export function ensureDefaultNetwork(database: Database, home: NetworkHome): Network {
  const known = findNetwork(database, defaultNetworkName);
  if (known !== undefined) return known;
  const request = { ...emptyRequest(defaultNetworkName), dnsEnabled: false };
  const first = parsed("default_subnet", home.defaultSubnet, parseCidr);
  const pools = [
    { base: formatCidr(first), size: first.prefixLength },
    ...defaultNetworkPools,
    ...home.pools,
  ];
  return defineNetwork(database, { ...home, pools }, request, { isShared: true });
}

/** Finds a network by name or id; the default one is made where missing. */
export function namedNetwork(database: Database, home: NetworkHome, nameOrId: string): Network {
  const network = findNetwork(database, nameOrId);
  if (network !== undefined) return network;
  if (isDefaultName(nameOrId)) return ensureDefaultNetwork(database, home);
  throw new CooperError("no-such-network", `network ${nameOrId} not found`);
}

/**
 * Makes the record, in one transaction: subnets and bridge names of two made at once do not collide.
 */
export function defineNetwork(
  database: Database,
  home: NetworkHome,
  request: NetworkRequestRecord,
  options: { readonly isShared: boolean },
): Network {
  checkRequest(request);
  const host = request.subnets.length === 0 || request.wantsIpv6 ? hostRanges() : [];
  const define = database.transaction(() => {
    const others = listNetworks(database);
    const existing = others.find(({ name }) => name === request.name);
    // two first containers at once: the other one was faster
    if (existing !== undefined && options.isShared) return existing;
    const network = networkFrom(request, others, host, home);
    insertNetwork(database, network);
    return network;
  });
  return define.immediate();
}

function networkFrom(
  request: NetworkRequestRecord,
  others: readonly Network[],
  host: readonly Cidr[],
  { where, pools }: NetworkHome,
): Network {
  const used = others.flatMap(({ subnets }) => subnets.map(({ subnet }) => parseCidr(subnet)));
  const subnets = chooseSubnets(request, pools, used, [...used, ...host]);
  const interfaceName =
    request.interfaceName ??
    request.options["com.docker.network.bridge.name"] ??
    request.options.parent ??
    (request.driver === "bridge"
      ? freeBridgeName(where, new Set(others.map((other) => other.interfaceName)))
      : parentLink(request));
  checkInterface(request, interfaceName, others);
  checkParent(request, interfaceName, where);
  return {
    id: randomHex(32),
    name: request.name,
    driver: request.driver,
    interfaceName,
    subnets,
    hasIpv6: subnets.some(({ subnet }) => subnet.includes(":")),
    isInternal: request.isInternal,
    dnsEnabled: request.dnsEnabled,
    dnsServers: request.dnsServers,
    routes: request.routes,
    options: request.options,
    labels: request.labels,
    reserved: request.reserved,
    ipam: request.ipam,
    createdAt: Date.now(),
  };
}

/** Where podman puts a macvlan that names no parent: on the link of the default route. */
function parentLink({ driver }: NetworkRequestRecord): string {
  const link = defaultRouteLink();
  if (link !== undefined) return link;
  throw new CooperError("invalid-argument", `a ${driver} network needs a parent link`, {
    hint: "name it with -o parent=LINK: this host has no default route",
  });
}

function checkParent(
  { driver }: NetworkRequestRecord,
  interfaceName: string,
  where: string | null,
): void {
  if (driver === "bridge" || linkState(where, interfaceName) !== "missing") return;
  throw new CooperError("invalid-argument", `there is no link ${interfaceName} to be the parent`, {
    hint: "ip -br link shows the links of this host",
  });
}

function checkInterface(
  { driver, name }: NetworkRequestRecord,
  interfaceName: string,
  others: readonly Network[],
): void {
  if (!linkName.test(interfaceName)) {
    throw new CooperError(
      "invalid-argument",
      `"${interfaceName}" is no name for a link: at most 15 letters, digits and _ . -`,
    );
  }
  if (driver !== "bridge") return;
  const other = others.find(
    (one) => one.driver === "bridge" && one.interfaceName === interfaceName,
  );
  if (other !== undefined && other.name !== name) {
    throw new CooperError(
      "conflict",
      `bridge name ${interfaceName} is used by network ${other.name} already`,
    );
  }
}

function chooseSubnets(
  request: NetworkRequestRecord,
  pools: readonly Pool[],
  used: readonly Cidr[],
  taken: readonly Cidr[],
): Subnet[] {
  if (request.ipam === "none") return [];
  const subnets = request.subnets.map((one) => subnetFrom(one, request));
  const cidrs = subnets.map(({ subnet }) => parseCidr(subnet));
  for (const [at, cidr] of cidrs.entries()) {
    if ([...used, ...cidrs.slice(0, at)].some((other) => overlaps(cidr, other)))
      throw new CooperError(
        "conflict",
        `subnet ${formatCidr(cidr)} is already used: it overlaps with another network's`,
      );
  }
  const has = (family: 4 | 6) => cidrs.some((cidr) => cidr.family === family);
  if (request.driver !== "bridge" && subnets.length === 0) {
    throw new CooperError("invalid-argument", `a ${request.driver} network needs a --subnet`, {
      hint: "addresses by DHCP are not supported: name the subnet of the parent link, or --ipam-driver none",
    });
  }
  if (subnets.length === 0 && request.wantsIpv4) {
    const subnet = freeSubnet(pools, taken);
    if (subnet === undefined)
      throw new CooperError("no-space", "no subnet is free any more", {
        hint: "name one with --subnet, or remove networks: cooper network prune",
      });
    subnets.push(subnetFrom({ subnet, gateway: null, range: null }, request));
  }
  if (request.wantsIpv6 && !has(6)) {
    const subnet = freeUlaSubnet(taken, () => randomBytes(7));
    subnets.push(subnetFrom({ subnet, gateway: null, range: null }, request));
  }
  return subnets;
}

function subnetFrom(
  { subnet, gateway, range }: SubnetRequest,
  request: NetworkRequestRecord,
): Subnet {
  const cidr = parsed("subnet", subnet, parseCidr);
  const hasGateway = request.driver === "bridge" || !request.isInternal;
  return {
    subnet: formatCidr(cidr),
    gateway: gateway === null ? (hasGateway ? firstHost(cidr) : null) : within(gateway, cidr),
    leaseRange: range === null ? null : leaseRange(range, cidr),
  };
}

function leaseRange(text: string, cidr: Cidr): { start: string; end: string } {
  const [start = "", end] = text.split("-");
  if (end !== undefined) {
    const range = { start: within(start, cidr), end: within(end, cidr) };
    if (parseAddress(range.start).value > parseAddress(range.end).value)
      throw new CooperError("invalid-argument", `range ${text} runs backwards`);
    return range;
  }
  const inner = parsed("range", text, parseCidr);
  const { family } = inner;
  const last = { family, value: lastOf(inner) };
  if (!contains(cidr, { family, value: inner.base }) || !contains(cidr, last))
    throw new CooperError("invalid-argument", `range ${text} is not within ${formatCidr(cidr)}`);
  return { start: formatAddress({ family, value: inner.base }), end: formatAddress(last) };
}

function within(text: string, cidr: Cidr): string {
  const address = parsed("address", text, parseAddress);
  if (!contains(cidr, address))
    throw new CooperError("invalid-argument", `address ${text} is not within ${formatCidr(cidr)}`);
  return canonicalAddress(text);
}

function parsed<T>(what: string, text: string, parse: (text: string) => T): T {
  try {
    return parse(text);
  } catch (cause) {
    throw new CooperError("invalid-argument", `invalid ${what}: ${messageOf(cause)}`, { cause });
  }
}

const reservedNames = [
  "none",
  "host",
  "private",
  "container",
  "ns",
  "pasta",
  "slirp4netns",
  "default",
];

function checkRequest(request: NetworkRequestRecord): void {
  const { name } = request;
  if (!/^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/.test(name)) {
    throw new CooperError(
      "invalid-argument",
      `invalid network name "${name}": it may have letters, digits and _ . -`,
    );
  }
  if (reservedNames.includes(name) || (isDefaultName(name) && name !== defaultNetworkName))
    throw new CooperError("conflict", `network name ${name} is reserved for a mode of --network`);
  if (!request.wantsIpv4 && !request.wantsIpv6 && request.subnets.length === 0)
    throw new CooperError("invalid-argument", "a network needs IPv4 or IPv6");
  assertResolvers(request.dnsServers);
  for (const { destination, gateway, metric } of request.routes) {
    parsed("route", destination, parseCidr);
    parsed("route", gateway, parseAddress);
    if (metric !== null && (metric < 0 || metric > 0xffff_ffff))
      throw new CooperError("invalid-argument", `invalid route: the metric ${metric}`);
  }
  checkOptions(request.driver, request.options);
}

/** Resolvers that the names service of a network may ask. @throws CooperError invalid-argument */
export function assertResolvers(servers: readonly string[]): void {
  for (const server of servers) {
    if (isLoopback(parsed("DNS server", server, parseAddress)))
      throw new CooperError("invalid-argument", `DNS server ${server} is a loopback address`);
  }
}
