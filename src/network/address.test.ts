import { describe, expect, test } from "bun:test";
import {
  canonicalAddress,
  contains,
  formatCidr,
  lastOf,
  overlaps,
  parseAddress,
  parseCidr,
} from "./address.ts";

describe("canonicalAddress()", () => {
  test.each([
    ["10.0.0.1", "10.0.0.1"],
    ["255.255.255.255", "255.255.255.255"],
    ["::", "::"],
    ["::1", "::1"],
    ["2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
    ["fd00:0:0:1::", "fd00:0:0:1::"],
    ["::ffff:10.0.0.1", "::ffff:a00:1"],
    ["1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"],
    ["1:0:3:0:5:0:7:0", "1:0:3:0:5:0:7:0"],
  ])("%s is %s", (text, expected) => {
    expect(canonicalAddress(text)).toBe(expected);
  });

  test.each([
    "",
    "10.0.0",
    "10.0.0.256",
    "010.0.0.1",
    "10.0.0.1 ",
    "1::2::3",
    "fe80::1%eth0",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8::",
    "12345::",
    "::10.0.0.999",
    "10.0.0.1; drop",
  ])("%j is none", (text) => {
    expect(() => parseAddress(text)).toThrow("is not an IP address");
  });
});

describe("parseCidr()", () => {
  test.each([
    ["10.1.2.3/24", "10.1.2.0/24", "10.1.2.255"],
    ["0.0.0.0/0", "0.0.0.0/0", "255.255.255.255"],
    ["10.1.2.3/32", "10.1.2.3/32", "10.1.2.3"],
    ["fd00::1/64", "fd00::/64", "fd00::ffff:ffff:ffff:ffff"],
  ])("%s is %s up to %s", (text, expected, last) => {
    const cidr = parseCidr(text);
    expect(formatCidr(cidr)).toBe(expected);
    expect(contains(cidr, parseAddress(last))).toBe(true);
    expect(lastOf(cidr)).toBe(parseAddress(last).value);
  });

  test.each(["10.0.0.0", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/8/8", "::/129", "10.0.0.0/-1"])(
    "%s is none",
    (text) => {
      expect(() => parseCidr(text)).toThrow();
    },
  );
});

test.each([
  ["10.0.0.0/8", "10.88.0.0/16", true],
  ["10.88.0.0/16", "10.0.0.0/8", true],
  ["10.88.0.0/16", "10.89.0.0/16", false],
  ["10.88.0.0/16", "fd00::/8", false],
])("%s and %s overlap: %p", (a, b, expected) => {
  expect(overlaps(parseCidr(a), parseCidr(b))).toBe(expected);
});
