import { expect, test } from "bun:test";
import { parseSlirpOptions, slirpAddresses, slirpArgs } from "./slirp4netns.ts";

test("slirpAddresses() counts from the beginning of the network", () => {
  expect(slirpAddresses({ cidr: "10.9.8.7/24" })).toMatchObject({
    gateway: "10.9.8.2",
    dns: "10.9.8.3",
    container: "10.9.8.100",
  });
});

test.each([
  ["enable_ipv6=false", "--enable-ipv6", false],
  ["allow_host_loopback=true", "--disable-host-loopback", false],
  ["allow_host_loopback=false", "--disable-host-loopback", true],
  ["mtu=1500", "--mtu=1500", true],
  ["outbound_addr=eth0", "--outbound-addr=eth0", true],
])("%s decides whether it gets %s", (word, flag, isThere) => {
  const plan = { netns: "/n", pidFile: "/p", apiSocket: "/s", ports: [] };
  const args = slirpArgs({ ...plan, options: parseSlirpOptions([word]) }, 3, 4);
  expect(args.includes(flag)).toBe(isThere);
});

test.each([
  ["mtu=x", "must be a size"],
  ["cidr=10.0.0.0/26", "must be an IPv4 network of /25 or wider"],
  ["cidr=fd00::/64", "must be an IPv4 network"],
  ["allow_host_loopback=1", "must be true or false"],
  ["outbound_addr=--x y", "must be an address"],
  ["fast=true", "no such option"],
])("parseSlirpOptions() refuses %s", (word, why) => {
  expect(() => parseSlirpOptions([word])).toThrow(why);
});
