/** Which addresses this host has, and which ones a helper may give to a container. */
import { readFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { type Cidr, overlaps, parseCidr } from "./address.ts";
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
    return ""; // IPv6 is off in this kernel
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
