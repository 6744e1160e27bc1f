import { expect, test } from "bun:test";
import { senderSettings } from "./pasta.ts";
import { carried, mostSlots, seenInside, wayIn, wayInLines } from "./place.ts";

test("every way in has addresses of its own, within the link-local range", () => {
  const addresses = Array.from({ length: mostSlots }, (_, index) => wayIn(index + 1).own).flatMap(
    ({ address, gateway, ipv6 }) => [address, gateway, ipv6?.address ?? ""],
  );
  expect(new Set(addresses).size).toBe(3 * mostSlots);
  const numbers = addresses.flatMap((address) =>
    address.includes(":") ? [] : address.split(".").map(Number),
  );
  expect(Math.max(...numbers)).toBeLessThan(256);
});

test("wayInLines() gives its link a table of its own", () => {
  expect(wayInLines(wayIn(1), false)).toEqual([
    "address replace 169.254.4.5/30 dev in1",
    "link set dev in1 mtu 65520 up",
    "route replace 0.0.0.0/0 via 169.254.4.6 dev in1 table 1001",
  ]);
  expect(wayInLines(wayIn(2), true)).toContain("route replace ::/0 via fe80::1 dev in2 table 1002");
});

test("a port keeps its number inside, and loses the host's address", () => {
  const port = { hostAddress: "127.0.0.1", hostPort: 8080, containerPort: 80, count: 2 };
  const published = { ...port, protocol: "tcp" as const };
  expect(carried(published)).toMatchObject({ hostAddress: "127.0.0.1", containerPort: 8080 });
  expect(seenInside(published)).toMatchObject({ hostAddress: "0.0.0.0", containerPort: 80 });
  expect(seenInside({ ...published, hostAddress: "::1" }).hostAddress).toBe("::");
});

test.each([
  ["bbr", 1],
  ["cubic", 0],
  [undefined, 0],
])("senders have smaller buffers with %s: %i", (control, count) => {
  expect(senderSettings(control)).toHaveLength(count);
});
