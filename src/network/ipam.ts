/** Which subnets a new network gets, and which address a container gets. Pure. */
import {
  type Address,
  type Cidr,
  contains,
  type Family,
  formatAddress,
  formatCidr,
  lastOf,
  overlaps,
  parseAddress,
  parseCidr,
} from "./address.ts";
import type { Subnet } from "./model.ts";

/** A range of private addresses that subnets of one size are cut from. */
export interface Pool {
  readonly base: string;
  readonly size: number;
}

/** Where the default network looks for a subnet when its own is taken; many containers live there, so it is wide. */
export const defaultNetworkPools: readonly Pool[] = [{ base: "10.80.0.0/13", size: 16 }];

/** The first subnet of the pools that overlaps nothing of `taken`; undefined when all do. */
export function freeSubnet(pools: readonly Pool[], taken: readonly Cidr[]): string | undefined {
  for (const { base, size } of pools) {
    const pool = parseCidr(base);
    const step = 1n << BigInt(32 - size);
    for (let at = pool.base; at <= lastOf(pool); at += step) {
      const candidate: Cidr = { family: 4, base: at, prefixLength: size };
      const blocker = taken.find((other) => overlaps(candidate, other));
      if (blocker === undefined) return formatCidr(candidate);
      // a wide route (10.0.0.0/8) blocks at once what it covers
      const end = lastOf(blocker);
      if (end > at + step) at += ((end - at) / step) * step;
    }
  }
  return undefined;
}

/**
 * An IPv6 subnet of the unique local range (RFC 4193: fd00::/8 with 40 random bits) that overlaps
 * nothing of `taken`.
 *
 * @param random yields 7 random bytes: the global id and the subnet's number
 */
export function freeUlaSubnet(taken: readonly Cidr[], random: () => Uint8Array): string {
  for (;;) {
    const bytes = random().slice(0, 7);
    const high = bytes.reduce((sum, byte) => sum * 256n + BigInt(byte), 0xfdn);
    const candidate: Cidr = { family: 6, base: high << 64n, prefixLength: 64 };
    if (!taken.some((other) => overlaps(candidate, other))) return formatCidr(candidate);
  }
}

/** The address behind the base, which both peers give to the gateway. */
export function firstHost(cidr: Cidr): string {
  return formatAddress({ family: cidr.family, value: cidr.base + 1n });
}

/** The addresses that may be leased: first and last, both included; undefined when there is none. */
export function leaseBounds(subnet: Subnet): { first: bigint; last: bigint } | undefined {
  const cidr = parseCidr(subnet.subnet);
  const isWhole = subnet.leaseRange === null;
  const start = isWhole ? cidr.base : parseAddress(subnet.leaseRange.start).value;
  const end = isWhole ? lastOf(cidr) : parseAddress(subnet.leaseRange.end).value;
  // neither the network's own address nor, with IPv4, the broadcast address
  const first = start === cidr.base ? start + 1n : start;
  const last = cidr.family === 4 && end === lastOf(cidr) ? end - 1n : end;
  return first <= last ? { first, last } : undefined;
}

/**
 * The next free address behind the one leased last, round and round: an address is used again as late
 * as possible, when nobody remembers its former holder any more.
 *
 * @param isTaken asked for one address at a time, so that a wide subnet costs nothing
 */
export function nextAddress(
  subnet: Subnet,
  lastLeased: string | null,
  isTaken: (address: string) => boolean,
): string | undefined {
  const bounds = leaseBounds(subnet);
  if (bounds === undefined) return undefined;
  const { first, last } = bounds;
  const { family } = parseCidr(subnet.subnet);
  const cursor = lastLeased === null ? first - 1n : parseAddress(lastLeased).value;
  const start = cursor < first || cursor >= last ? first : cursor + 1n;
  let value = start;
  // a wide subnet that is full of leases has no more of them than there are containers
  for (let tries = 0; tries < 1_000_000; tries++) {
    const address = formatAddress({ family, value });
    if (address !== subnet.gateway && !isTaken(address)) return address;
    value = value === last ? first : value + 1n;
    if (value === start) return undefined;
  }
  return undefined;
}

/** The subnet of the network that an address lies in, and why it cannot be leased if so. */
export function subnetOf(subnets: readonly Subnet[], address: Address): Subnet | undefined {
  return subnets.find(({ subnet }) => contains(parseCidr(subnet), address));
}

/** Why an asked address cannot be had from the subnet by its number alone; undefined: it can. */
export function refusedAddress(subnet: Subnet, address: Address): string | undefined {
  const text = formatAddress(address);
  const cidr = parseCidr(subnet.subnet);
  if (text === subnet.gateway) return `${text} is the gateway`;
  if (address.value === cidr.base) return `${text} is the address of the network itself`;
  if (cidr.family === 4 && cidr.prefixLength < 31 && address.value === lastOf(cidr))
    return `${text} is the broadcast address`;
  return undefined;
}

/** The subnets of one family. */
export function subnetsOf(subnets: readonly Subnet[], family: Family): readonly Subnet[] {
  return subnets.filter(({ subnet }) => subnet.includes(":") === (family === 6));
}

/**
 * A MAC address that follows from the IPv4 address, so that neighbours who remember an address reach its new
 * holder at once; 02:42 marks it as locally administered (IEEE 802) and as a container's.
 */
export function macFor(address: string | undefined, random: () => Uint8Array): string {
  const ipv4 = address === undefined ? undefined : parseAddress(address);
  const bytes =
    ipv4?.family === 4
      ? [24n, 16n, 8n, 0n].map((shift) => Number((ipv4.value >> shift) & 0xffn))
      : [...random().slice(0, 4)];
  return [0x02, 0x42, ...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join(":");
}
