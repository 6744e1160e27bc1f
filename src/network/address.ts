/** Addresses and subnets as numbers: an address is a bigint beside its family. Pure. */

export type Family = 4 | 6;

export interface Address {
  readonly family: Family;
  readonly value: bigint;
}

/** A subnet whose base has no host bits. */
export interface Cidr {
  readonly family: Family;
  readonly base: bigint;
  readonly prefixLength: number;
}

export const bitsOf = (family: Family): number => (family === 4 ? 32 : 128);

/** Throws an Error that says what is wrong; accepts no zone (`%eth0`) and no leading zeros. */
export function parseAddress(text: string): Address {
  const value = text.includes(":") ? parseIpv6(text) : parseIpv4(text);
  if (value === undefined) throw new Error(`"${text}" is not an IP address`);
  return { family: text.includes(":") ? 6 : 4, value };
}

/** Whether parseAddress() takes it. */
export function isAddress(text: string): boolean {
  return (text.includes(":") ? parseIpv6(text) : parseIpv4(text)) !== undefined;
}

/** Zeros in front are refused: some read them as octal, and so would name another address. */
function parseIpv4(text: string): bigint | undefined {
  const parts = text.split(".");
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part)))
    return undefined;
  const numbers = parts.map(Number);
  if (numbers.some((number) => number > 255)) return undefined;
  return numbers.reduce((sum, number) => sum * 256n + BigInt(number), 0n);
}

/** RFC 4291 2.2: groups, one `::`, and an IPv4 address as the last two groups. */
function parseIpv6(text: string): bigint | undefined {
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  if (dotted !== null) {
    const low = parseIpv4(dotted[2] ?? "");
    if (low === undefined) return undefined;
    return parseIpv6(`${dotted[1]}${(low >> 16n).toString(16)}:${(low & 0xffffn).toString(16)}`);
  }
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const groups = halves.map((half) => (half === "" ? [] : half.split(":")));
  const [head = [], tail = []] = groups;
  if (![...head, ...tail].every((group) => /^[0-9a-fA-F]{1,4}$/.test(group))) return undefined;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;
  const all = [...head, ...Array<string>(halves.length === 1 ? 0 : missing).fill("0"), ...tail];
  return all.reduce((sum, group) => sum * 65536n + BigInt(`0x${group}`), 0n);
}

/** The canonical text (RFC 5952: lower case, the longest run of zero groups as `::`). */
export function formatAddress({ family, value }: Address): string {
  if (family === 4) {
    return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 0xffn).join(".");
  }
  const groups = Array.from({ length: 8 }, (_, at) =>
    Number((value >> BigInt(112 - 16 * at)) & 0xffffn),
  );
  const run = longestZeroRun(groups);
  const text = (from: number, to: number) =>
    groups
      .slice(from, to)
      .map((group) => group.toString(16))
      .join(":");
  return run.length < 2 ? text(0, 8) : `${text(0, run.start)}::${text(run.start + run.length, 8)}`;
}

function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  for (let start = 0; start < groups.length; start++) {
    let length = 0;
    while (groups[start + length] === 0) length++;
    if (length > best.length) best = { start, length };
  }
  return best;
}

/** Reads `ADDRESS/LENGTH`; host bits are dropped (`10.1.2.3/24` is 10.1.2.0/24), as both peers do. */
export function parseCidr(text: string): Cidr {
  const [address = "", length, more] = text.split("/");
  if (length === undefined || more !== undefined || !/^\d{1,3}$/.test(length))
    throw new Error(`"${text}" is not a subnet such as 10.89.0.0/24`);
  const { family, value } = parseAddress(address);
  const prefixLength = Number(length);
  if (prefixLength > bitsOf(family)) throw new Error(`"${text}": the prefix is too long`);
  const hostBits = BigInt(bitsOf(family) - prefixLength);
  return { family, base: (value >> hostBits) << hostBits, prefixLength };
}

/** `ADDRESS/LENGTH`. */
export function formatCidr({ family, base, prefixLength }: Cidr): string {
  return `${formatAddress({ family, value: base })}/${prefixLength}`;
}

/** The last address of a subnet (for IPv4 its broadcast address). */
export function lastOf({ family, base, prefixLength }: Cidr): bigint {
  return base | ((1n << BigInt(bitsOf(family) - prefixLength)) - 1n);
}

/** Whether the address lies in the subnet. */
export function contains(cidr: Cidr, address: Address): boolean {
  return (
    cidr.family === address.family && cidr.base <= address.value && address.value <= lastOf(cidr)
  );
}

/** Whether two subnets share an address. */
export function overlaps(a: Cidr, b: Cidr): boolean {
  return a.family === b.family && a.base <= lastOf(b) && b.base <= lastOf(a);
}

/** The canonical text of an address; throws as parseAddress(). */
export function canonicalAddress(text: string): string {
  return formatAddress(parseAddress(text));
}

/** 127.0.0.0/8 or ::1. */
export function isLoopback(address: Address): boolean {
  return address.family === 4 ? address.value >> 24n === 127n : address.value === 1n;
}

/** The 4 or 16 bytes of an address, in network order; throws as parseAddress(). */
export function addressBytes(text: string): Uint8Array {
  const { family, value } = parseAddress(text);
  const hex = value.toString(16).padStart(bitsOf(family) / 4, "0");
  return Uint8Array.from(Buffer.from(hex, "hex"));
}
