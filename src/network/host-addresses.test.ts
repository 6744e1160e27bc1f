import { expect, test } from "bun:test";
import { globalIpv6, ipv4Leaves } from "./host-addresses.ts";

test("ipv4Leaves() lists the host's own addresses once", () => {
  const table = `Main:
  +-- 0.0.0.0/0 3 0 5
     |-- 0.0.0.0
        /0 universe UNICAST
     +-- 10.0.2.0/24 2 0 2
        |-- 10.0.2.0
           /24 link UNICAST
        |-- 10.0.2.100
           /32 host LOCAL
        |-- 10.0.2.255
           /32 link BROADCAST
     |-- 127.0.0.1
        /32 host LOCAL
`;
  expect(ipv4Leaves(table + table.replace("Main", "Local"))).toEqual(["10.0.2.100"]);
});

test("globalIpv6() leaves out what is a link's alone", () => {
  const table = `00000000000000000000000000000001 01 80 10 80       lo
fd310000000000000000000000000001 02 40 00 80     eth0
fe80000000000000089d48fffe3d0a10 02 40 20 80     eth0
`;
  expect(globalIpv6(table)).toEqual(["fd31::1"]);
});
