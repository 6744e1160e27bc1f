/**
 * The words of this room: a network, what a container's connection to it asks for, and what that
 * connection is while the container runs. Plain JSON; records hold them as they are.
 */

/** One subnet of a network, IPv4 or IPv6, in canonical text (`10.89.0.0/24`, `fd12:3456::/64`). */
export interface Subnet {
  readonly subnet: string;
  /** null: the network has no gateway (internal macvlan, `--opt no_default_route` keeps one). */
  readonly gateway: string | null;
  /** Addresses are leased from here alone, both ends included; null: from the whole subnet. */
  readonly leaseRange: { readonly start: string; readonly end: string } | null;
}

/** A route that containers get besides the default one. */
export interface Route {
  readonly destination: string;
  readonly gateway: string;
  readonly metric: number | null;
}

export type NetworkDriver = "bridge" | "macvlan" | "ipvlan";

/** A network as it was made. */
export interface Network {
  /** 64 hex digits. */
  readonly id: string;
  readonly name: string;
  readonly driver: NetworkDriver;
  /** The bridge; for macvlan and ipvlan the parent link, "" for one of its own (internal). */
  readonly interfaceName: string;
  readonly subnets: readonly Subnet[];
  readonly hasIpv6: boolean;
  /** Without a way out: no default route, no masquerading, nothing forwarded. */
  readonly isInternal: boolean;
  readonly dnsEnabled: boolean;
  /** Resolvers that the network's names service asks, instead of the host's. */
  readonly dnsServers: readonly string[];
  readonly routes: readonly Route[];
  /** As typed (`mtu`, `isolate`, `vlan`, `mode`, `com.docker.network.*`); checked when it was made. */
  readonly options: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  /** Addresses that are never leased, by the name given to them (docker's --aux-address). */
  readonly reserved: Readonly<Record<string, string>>;
  /** `host-local` leases from the subnets, `none` gives no addresses. */
  readonly ipam: "host-local" | "none";
  /** Milliseconds since 1970. */
  readonly createdAt: number;
}

/** What a container asks of one network; fixed when it is made, or by `network connect`. */
export interface Attachment {
  readonly networkId: string;
  readonly networkName: string;
  /** Order of the container's networks: the first with a gateway gives the default route. */
  readonly position: number;
  /** Asked addresses, at most one a family; what is missing is leased at the start. */
  readonly addresses: readonly string[];
  readonly mac: string | null;
  /** Further names in this network. */
  readonly aliases: readonly string[];
  /** Name of the link inside; null: eth0, eth1… */
  readonly interfaceName: string | null;
  readonly hostInterfaceName: string | null;
  readonly options: Readonly<Record<string, string>>;
  /** null: the container does not run. */
  readonly live: LiveAttachment | null;
}

/** A leased address. */
export interface LeasedAddress {
  readonly address: string;
  readonly prefixLength: number;
  readonly gateway: string | null;
}

/** A connection while its container runs. */
export interface LiveAttachment {
  readonly interfaceName: string;
  /** The other end of the veth pair; "" where there is none (macvlan, ipvlan). */
  readonly hostInterfaceName: string;
  readonly mac: string;
  readonly addresses: readonly LeasedAddress[];
}

export type PortProtocol = "tcp" | "udp" | "sctp";

/** A published port of a running container: `count` ports in a row from each of the two numbers. */
export interface PublishedPort {
  /** Address of the host, in canonical text; `0.0.0.0` and `::` are all of a family. */
  readonly hostAddress: string;
  readonly hostPort: number;
  readonly containerPort: number;
  readonly count: number;
  readonly protocol: PortProtocol;
}
