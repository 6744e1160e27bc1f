/** What a container's network is, once defaults are decided; and where the engine's networks live. */
import { CooperError } from "../errors.ts";
import type { Host } from "../host.ts";
import {
  defaultNetworkName,
  isDefaultName,
  type NetworkHome,
  namedNetwork,
} from "../network/define.ts";
import { checkAsked } from "../network/lease.ts";
import type { Attachment, Network } from "../network/model.ts";
import { usualNamesPort } from "../network/ruleset.ts";
import { type ContainerSpec, type NetworkRequest, plainNetworkRequest } from "./spec.ts";

/** The network namespace in which bridges are: null is our own. Ordinary users have one of their own. */
export function networksPlace(host: Host): string | null {
  return host.isRootless ? host.paths.place : null;
}

/** Where the names service listens on the gateways' addresses. */
export function namesPort({ settings }: Host): number {
  return settings.dnsBindPort ?? usualNamesPort;
}

/** Where networks are made, and how. */
export function networksHome(host: Host): NetworkHome {
  const { defaultSubnet, defaultSubnetPools } = host.settings;
  return { where: networksPlace(host), defaultSubnet, pools: defaultSubnetPools };
}

/** The connections of a new container, in the order of its networks; each network is there. */
export function askedAttachments(host: Host, spec: ContainerSpec): Attachment[] {
  const { networking } = spec;
  const home = networksHome(host);
  const requests =
    networking.networks.length > 0 ? networking.networks : [plainNetworkRequest(defaultName(host))];
  const isOnly = requests.length === 1;
  const made: Attachment[] = [];
  for (const [position, request] of requests.entries()) {
    const network = namedNetwork(host.database, home, request.name);
    if (made.some(({ networkId }) => networkId === network.id))
      throw new CooperError("invalid-argument", `network ${network.name} is named twice`);
    made.push(
      attachmentFrom(network, position, {
        ...request,
        addresses: isOnly ? [...request.addresses, ...networking.addresses] : request.addresses,
        macAddress: request.macAddress ?? (isOnly ? networking.macAddress : null),
        aliases: [...request.aliases, ...networking.aliases],
      }),
    );
  }
  checkPorts(host, spec, made);
  return made;
}

function defaultName({ settings }: Host): string {
  return isDefaultName(settings.defaultNetwork) ? defaultNetworkName : settings.defaultNetwork;
}

/** A connection as asked; an address that the network cannot give is an error at once. */
export function attachmentFrom(
  network: Network,
  position: number,
  request: NetworkRequest,
): Attachment {
  for (const address of request.addresses) checkAsked(network, address);
  const families = request.addresses.map((address) => address.includes(":"));
  if (new Set(families).size < families.length)
    throw new CooperError("invalid-argument", `two addresses of a family in ${network.name}`);
  if (request.macAddress !== null && network.driver === "ipvlan")
    throw new CooperError("invalid-argument", "a link of an ipvlan has the MAC of its parent");
  return {
    networkId: network.id,
    networkName: network.name,
    position,
    addresses: request.addresses,
    mac: request.macAddress,
    aliases: request.aliases,
    interfaceName: request.interfaceName,
    hostInterfaceName: request.hostInterfaceName,
    options: request.options,
    live: null,
  };
}

/** A macvlan's or ipvlan's container is reached by its own address, and an internal one not at all. */
function checkPorts(host: Host, spec: ContainerSpec, attachments: readonly Attachment[]): void {
  if (spec.networking.ports.length === 0) return;
  const home = networksHome(host);
  const networks = attachments.map(({ networkId }) => namedNetwork(host.database, home, networkId));
  if (networks.some(({ driver, isInternal }) => driver === "bridge" && !isInternal)) return;
  throw new CooperError(
    "invalid-argument",
    `no port can be published: ${networks.map(({ name, driver, isInternal }) => `${name} is ${isInternal ? "internal" : `a ${driver}, whose containers are reached by their own addresses`}`).join(", ")}`,
    { hint: "add a bridge network: --network bridge" },
  );
}
