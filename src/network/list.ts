/** `network ls`, `inspect`: what networks there are, and who is in them. */
import type { Database } from "bun:sqlite";
import { filterBy, filterPattern, filterTruth, hasPair } from "../filter.ts";
import { parseMoment } from "../moment.ts";
import { listNetworks, type Member, membersOf } from "../records/networks.ts";
import { defaultNetworkName } from "./define.ts";
import type { Network } from "./model.ts";

/** A network, and whether containers are in it. */
export interface NetworkSummary {
  readonly network: Network;
  readonly members: readonly Member[];
}

/** Networks that all filters let through, by name. */
export function summarizeNetworks(
  database: Database,
  filters: readonly string[],
): NetworkSummary[] {
  const isWanted = filterBy<NetworkSummary>(filters, {
    id: ({ network }, value) => network.id.startsWith(value),
    name: ({ network }, value) => filterPattern(value).test(network.name),
    driver: ({ network }, value) => network.driver === value,
    label: ({ network }, value) => hasPair(network.labels, value),
    "label!": ({ network }, value) => !hasPair(network.labels, value),
    opt: ({ network }, value) => hasPair(network.options, value),
    type: ({ network }, value) =>
      (network.name === defaultNetworkName ? "builtin" : "custom") === value,
    scope: (_, value) => value === "local",
    dangling: ({ members }, value) => (members.length === 0) === filterTruth(value),
    until: ({ network }, value) => network.createdAt < parseMoment(value),
  });
  return listNetworks(database)
    .map((network) => ({ network, members: membersOf(database, network.id) }))
    .filter(isWanted);
}

/**
 * The document of `network inspect`: podman's keys are in small letters and Docker's are capitalized, so
 * that both stand in one.
 */
export function networkDocument({ network, members }: NetworkSummary): Record<string, unknown> {
  const live = members.flatMap((member) =>
    member.attachment.live === null ? [] : [{ ...member, live: member.attachment.live }],
  );
  return {
    ...podmanDocument(network),
    containers: Object.fromEntries(
      live.map(({ containerId, containerName, live: { interfaceName, addresses, mac } }) => [
        containerId,
        {
          name: containerName,
          interfaces: {
            [interfaceName]: {
              subnets: addresses.map(({ address, prefixLength, gateway }) => ({
                ipnet: `${address}/${prefixLength}`,
                ...(gateway !== null && { gateway }),
              })),
              mac_address: mac,
            },
          },
        },
      ]),
    ),
    ...dockerDocument(network),
    Containers: Object.fromEntries(
      live.map(({ containerId, containerName, live: { addresses, mac } }) => {
        const text = (isIpv6: boolean) => {
          const found = addresses.find(({ address }) => address.includes(":") === isIpv6);
          return found === undefined ? "" : `${found.address}/${found.prefixLength}`;
        };
        return [
          containerId,
          {
            Name: containerName,
            EndpointID: containerId,
            MacAddress: mac,
            IPv4Address: text(false),
            IPv6Address: text(true),
          },
        ];
      }),
    ),
  };
}

/** As podman-network-inspect(1) prints it, and `network ls --format json`. */
export function podmanDocument(network: Network): Record<string, unknown> {
  return {
    name: network.name,
    id: network.id,
    driver: network.driver,
    network_interface: network.interfaceName,
    created: new Date(network.createdAt).toISOString(),
    subnets: network.subnets.map(({ subnet, gateway, leaseRange }) => ({
      subnet,
      ...(gateway !== null && { gateway }),
      ...(leaseRange !== null && {
        lease_range: { start_ip: leaseRange.start, end_ip: leaseRange.end },
      }),
    })),
    ...(network.routes.length > 0 && {
      routes: network.routes.map(({ destination, gateway, metric }) => ({
        destination,
        gateway,
        ...(metric !== null && { metric }),
      })),
    }),
    ipv6_enabled: network.hasIpv6,
    internal: network.isInternal,
    dns_enabled: network.dnsEnabled,
    ...(network.dnsServers.length > 0 && { network_dns_servers: network.dnsServers }),
    labels: network.labels,
    options: network.options,
    ipam_options: { driver: network.ipam },
  };
}

/** Docker's API, `Network`. */
function dockerDocument(network: Network): Record<string, unknown> {
  return {
    Name: network.name,
    Id: network.id,
    Created: new Date(network.createdAt).toISOString(),
    Scope: "local",
    Driver: network.driver,
    EnableIPv4: network.subnets.some(({ subnet }) => !subnet.includes(":")),
    EnableIPv6: network.hasIpv6,
    IPAM: {
      Driver: network.ipam === "none" ? "null" : "default",
      Options: {},
      Config: network.subnets.map(({ subnet, gateway, leaseRange }) => ({
        Subnet: subnet,
        ...(leaseRange !== null && { IPRange: `${leaseRange.start}-${leaseRange.end}` }),
        ...(gateway !== null && { Gateway: gateway }),
        ...(Object.keys(network.reserved).length > 0 && { AuxiliaryAddresses: network.reserved }),
      })),
    },
    Internal: network.isInternal,
    Attachable: false,
    Ingress: false,
    ConfigFrom: { Network: "" },
    ConfigOnly: false,
    Options: network.options,
    Labels: network.labels,
  };
}
