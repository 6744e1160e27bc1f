/** Which addresses this host has, and which ones a helper may give to a container. */
import { readFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { type Cidr, formatAddress, overlaps, parseCidr } from "./address.ts";
import type { OwnAddresses } from "./pasta.ts";

/** Addresses of the links here that others can reach, IPv4 first; of the network namespace we are in. */
export function globalAddresses(): string[] {
  const all = Object.values(networkInterfaces()).flatMap((addresses = []) =>
    addresses
      .filter(({ internal, address }) => !internal && !/^fe[89ab]/i.test(address))
      .map(({ address }) => address),
  );
  return [
    ...all.filter((address) => !address.includes(":")),
    ...all.filter((address) => address.includes(":")),
  ];
}

/**
 * Addresses of a process's network namespace that are not the loopback's or a link's alone, IPv4 first. Read
 * from what the kernel tells of that process, which takes no helper program inside.
 */
export function addressesSeenBy(pid: number): string[] {
  return [
    ...ipv4Leaves(readOr(`/proc/${pid}/net/fib_trie`)),
    ...globalIpv6(readOr(`/proc/${pid}/net/if_inet6`)),
  ];
}

/** The leaves of the routing table that are the host itself; the same ones stand in several tables. */
export function ipv4Leaves(fibTrie: string): string[] {
  const leaves = fibTrie.matchAll(/\|-- ([\d.]+)\n\s*\/32 host LOCAL/g);
  const addresses = [...leaves].flatMap(([, address]) => address ?? []);
  return [...new Set(addresses)].filter((address) => !address.startsWith("127."));
}

/** proc(5), if_inet6: address, number of the link, prefix length, scope (00 is global), flags, link. */
export function globalIpv6(ifInet6: string): string[] {
  return ifInet6.split("\n").flatMap((line) => {
    const [digits = "", , , scope] = line.split(/\s+/);
    return scope === "00" ? [formatAddress({ family: 6, value: BigInt(`0x${digits}`) })] : [];
  });
}

/** Whether there is a way out for IPv6: what pasta takes for a host that has it (proc(5), ipv6_route). */
export function hasIpv6Route(text = readOr("/proc/net/ipv6_route")): boolean {
  return text
    .split("\n")
    .some((line) => /^0{32} 00 /.test(line) && !/\s(lo)\s*$/.test(line) && !isReject(line));
}

/** RTF_REJECT: the route that says that there is none. */
function isReject(line: string): boolean {
  const flags = Number.parseInt(line.trim().split(/\s+/)[8] ?? "0", 16);
  return (flags & 0x0200) !== 0;
}

function readOr(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return ""; // IPv6 is off in this kernel, or the process has ended
  }
}

/** The first of a few small networks that nothing on the host overlaps; slirp4netns' usual one comes first. */
export function freeHelperNetwork(taken: readonly Cidr[]): OwnAddresses {
  const bases = ["10.0.2", "10.0.3", "172.31.250", "192.168.250", "10.255.250"];
  const free = bases.find((base) => {
    const network = parseCidr(`${base}.0/24`);
    return !taken.some((range) => overlaps(range, network));
  });
  const base = free ?? "10.0.2";
  return { address: `${base}.100`, prefixLength: 24, gateway: `${base}.2` };
}
