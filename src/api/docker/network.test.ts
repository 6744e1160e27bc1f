import { expect, test } from "bun:test";
import { networkStatus } from "./network.ts";

const status = (Config: readonly object[], addresses: readonly [string, string][] = []) =>
  networkStatus({
    IPAM: { Config },
    Containers: Object.fromEntries(
      addresses.map(([IPv4Address, IPv6Address], at) => [`c${at}`, { IPv4Address, IPv6Address }]),
    ),
  });

test.each([
  [
    "gateway, members, and both ends of the subnet",
    [{ Subnet: "10.10.0.0/24", Gateway: "10.10.0.1" }],
    { "10.10.0.0/24": { IPsInUse: 5, DynamicIPsAvailable: 251 } },
  ],
  [
    "a range, and an address that is held back outside of it",
    [
      {
        Subnet: "10.10.0.0/24",
        IPRange: "10.10.0.0-10.10.0.15",
        AuxiliaryAddresses: { router: "10.10.0.200" },
      },
    ],
    { "10.10.0.0/24": { IPsInUse: 5, DynamicIPsAvailable: 13 } },
  ],
  [
    "more addresses than a number holds",
    [{ Subnet: "fd00::/64", Gateway: "fd00::1" }],
    { "fd00::/64": { IPsInUse: 3, DynamicIPsAvailable: Number.MAX_SAFE_INTEGER } },
  ],
])("networkStatus() counts %s", (_, config, Subnets) => {
  const members: [string, string][] = [
    ["10.10.0.2/24", "fd00::2/64"],
    ["10.10.0.3/24", ""],
  ];
  expect(status(config, members)).toEqual({ IPAM: { Subnets } });
});
