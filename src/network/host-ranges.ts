/** Address ranges that new subnets must not overlap: what this host routes, has, asks, or has promised. */
import { readdirSync, readFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { findProgram } from "../system/program.ts";
import { type Cidr, isAddress, parseAddress, parseCidr } from "./address.ts";

/** Where Podman keeps networks that may be down now and come up later. */
const podmanNetworks = ["/etc/containers/networks", "/etc/cni/net.d"];

/** Everything that is taken on this host. Reads a few small files; only networks that are made pay for it. */
export function hostRanges(): Cidr[] {
  return [
    ...ipv4Routes(readOr("/proc/net/route")),
    ...ipv6Routes(readOr("/proc/net/ipv6_route")),
    ...ownAddresses(),
    ...resolvers(readOr("/etc/resolv.conf")),
    ...podmanSubnets(),
  ];
}

function readOr(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return ""; // IPv6 is off, or there are no resolvers
  }
}

/** /proc/net/route: little-endian hex; the default route covers everything and so says nothing. */
export function ipv4Routes(text: string): Cidr[] {
  return text.split("\n").flatMap((line) => {
    const [, destination = "", , , , , , mask = ""] = line.split("\t");
    if (!/^[0-9A-F]{8}$/.test(destination) || !/^[0-9A-F]{8}$/.test(mask)) return [];
    const prefixLength = bitCount(Number.parseInt(mask, 16));
    if (prefixLength === 0) return [];
    const swapped = Buffer.from(destination, "hex").reverse().toString("hex");
    return [{ family: 4, base: BigInt(`0x${swapped}`), prefixLength }];
  });
}

/** The link of the IPv4 default route. */
export function defaultRouteLink(): string | undefined {
  const line = readOr("/proc/net/route")
    .split("\n")
    .find((text) => /^\S+\t00000000\t.*\t00000000\t\d+\t\d+\t\d+/.test(text));
  return line?.split("\t")[0];
}

function bitCount(number: number): number {
  return (number >>> 0).toString(2).replaceAll("0", "").length;
}

/** /proc/net/ipv6_route: destination and prefix length in hex. Multicast and link-local are on every link. */
export function ipv6Routes(text: string): Cidr[] {
  return text.split("\n").flatMap((line) => {
    const match = /^([0-9a-f]{32}) ([0-9a-f]{2}) /.exec(line);
    const prefixLength = Number.parseInt(match?.[2] ?? "0", 16);
    if (match === null || prefixLength === 0 || /^f[ef]/.test(line)) return [];
    return [{ family: 6, base: BigInt(`0x${match[1]}`), prefixLength }];
  });
}

function ownAddresses(): Cidr[] {
  return Object.values(networkInterfaces()).flatMap((addresses = []) =>
    addresses.flatMap(({ cidr }) =>
      cidr === null || cidr.startsWith("fe80") ? [] : [parseCidr(cidr.replace(/%.*\//, "/"))],
    ),
  );
}

/** A resolver that is reached through the default route must not be hidden by a subnet. */
export function resolvers(text: string): Cidr[] {
  return text.split("\n").flatMap((line) => {
    const server = /^\s*nameserver\s+(\S+)/.exec(line)?.[1] ?? "";
    if (!isAddress(server)) return [];
    const { family, value } = parseAddress(server);
    return [{ family, base: value, prefixLength: family === 4 ? 32 : 128 }];
  });
}

function podmanSubnets(): Cidr[] {
  const found: Cidr[] = findProgram("podman") === undefined ? [] : [parseCidr("10.88.0.0/16")];
  for (const directory of podmanNetworks) {
    for (const name of listIn(directory)) {
      if (!/\.(json|conflist|conf)$/.test(name)) continue;
      for (const [, text = ""] of readOr(join(directory, name)).matchAll(
        /"subnet"\s*:\s*"([^"]{1,64})"/g,
      )) {
        try {
          found.push(parseCidr(text));
        } catch {
          // a file that podman cannot read either promises nothing
        }
      }
    }
  }
  return found;
}

function listIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return []; // podman has never been used here
  }
}
