import { describe, expect, test } from "bun:test";
import { parseAddress, parseCidr } from "./address.ts";
import { ipv4Routes, ipv6Routes, resolvers } from "./host-ranges.ts";
import {
  freeSubnet,
  freeUlaSubnet,
  leaseBounds,
  macFor,
  nextAddress,
  refusedAddress,
} from "./ipam.ts";
import type { Subnet } from "./model.ts";

const pools = [
  { base: "10.89.0.0/16", size: 24 },
  { base: "10.90.0.0/15", size: 24 },
  { base: "10.128.0.0/9", size: 24 },
];

const subnet = (text: string, range: [string, string] | null = null): Subnet => ({
  subnet: text,
  gateway: text.includes(":") ? "fd00::1" : "10.1.0.1",
  leaseRange: range === null ? null : { start: range[0], end: range[1] },
});

describe("freeSubnet()", () => {
  test.each([
    { taken: [], expected: "10.89.0.0/24" },
    { taken: ["10.89.0.0/24"], expected: "10.89.1.0/24" },
    { taken: ["10.89.0.77/32"], expected: "10.89.1.0/24" },
    { taken: ["10.89.0.0/16"], expected: "10.90.0.0/24" },
    { taken: ["10.0.0.0/9"], expected: "10.128.0.0/24" },
    { taken: ["10.0.0.0/8"], expected: undefined },
    { taken: ["fd00::/8"], expected: "10.89.0.0/24" },
  ])("beside $taken is $expected", ({ taken, expected }) => {
    expect(freeSubnet(pools, taken.map(parseCidr))).toBe(expected);
  });
});

test("freeUlaSubnet() draws again while what it drew is taken", () => {
  const draws = [Uint8Array.of(1, 2, 3, 4, 5, 0, 6), Uint8Array.of(9, 9, 9, 9, 9, 0, 9)];
  expect(freeUlaSubnet([parseCidr("fd01::/16")], () => draws.shift() ?? new Uint8Array(7))).toBe(
    "fd09:909:909:9::/64",
  );
});

describe("nextAddress()", () => {
  const from = (one: Subnet, last: string | null, ...taken: string[]) =>
    nextAddress(one, last, (address) => taken.includes(address));

  test.each([
    { name: "skips network and gateway", last: null, taken: [], expected: "10.1.0.2" },
    { name: "goes on behind the last", last: "10.1.0.2", taken: [], expected: "10.1.0.3" },
    { name: "skips what is held", last: "10.1.0.2", taken: ["10.1.0.3"], expected: "10.1.0.4" },
    { name: "begins again at the end", last: "10.1.0.6", taken: [], expected: "10.1.0.2" },
    {
      name: "ends when all is held",
      last: null,
      taken: [2, 3, 4, 5, 6].map((n) => `10.1.0.${n}`),
      expected: undefined,
    },
    { name: "survives a cursor from elsewhere", last: "10.9.0.1", taken: [], expected: "10.1.0.2" },
  ])("$name", ({ last, taken, expected }) => {
    expect(from(subnet("10.1.0.0/29"), last, ...taken)).toBe(expected as never);
  });

  test("keeps to the lease range", () => {
    const ranged = subnet("10.1.0.0/24", ["10.1.0.100", "10.1.0.101"]);
    expect(from(ranged, null)).toBe("10.1.0.100");
    expect(from(ranged, "10.1.0.101")).toBe("10.1.0.100");
    expect(from(ranged, null, "10.1.0.100", "10.1.0.101")).toBeUndefined();
  });

  test("a wide IPv6 subnet costs nothing", () => {
    expect(from(subnet("fd00::/64"), null)).toBe("fd00::2");
  });

  test("a subnet of one address has none to lease", () => {
    expect(leaseBounds(subnet("10.1.0.0/32"))).toBeUndefined();
    expect(from(subnet("10.1.0.0/32"), null)).toBeUndefined();
  });
});

test.each([
  ["10.1.0.1", "10.1.0.1 is the gateway"],
  ["10.1.0.0", "10.1.0.0 is the address of the network itself"],
  ["10.1.0.255", "10.1.0.255 is the broadcast address"],
  ["10.1.0.9", undefined],
])("refusedAddress(%s) is %p", (address, expected) => {
  expect(refusedAddress(subnet("10.1.0.0/24"), parseAddress(address))).toBe(expected as never);
});

test("macFor() follows the IPv4 address, else is drawn", () => {
  expect(macFor("10.88.1.254", () => new Uint8Array(4))).toBe("02:42:0a:58:01:fe");
  expect(macFor("fd00::2", () => Uint8Array.of(1, 2, 3, 4))).toBe("02:42:01:02:03:04");
});

test("hostRanges(): the kernel's tables", () => {
  const table =
    "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n" +
    "eth0\t00000000\t0102A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n" +
    "eth0\t0002A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n";
  expect(ipv4Routes(table)).toEqual([parseCidr("192.168.2.0/24")]);
  expect(
    ipv6Routes(
      "fd120000000000000000000000000000 40 00000000000000000000000000000000 00 0 0 0 0 0 eth0\n" +
        "fe800000000000000000000000000000 40 00000000000000000000000000000000 00 0 0 0 0 0 eth0\n",
    ),
  ).toEqual([parseCidr("fd12::/64")]);
  expect(resolvers("search x\nnameserver 10.89.0.5\nnameserver fe80::1%eth0\n")).toEqual([
    parseCidr("10.89.0.5/32"),
  ]);
});
