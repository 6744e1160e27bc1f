/** Leasing addresses: what ipam.ts decides, in one transaction with the rows that hold it. */
import type { Database } from "bun:sqlite";
import { CooperError } from "../errors.ts";
import {
  addLease,
  cursorsOf,
  leaseHolder,
  previousAddresses,
  setCursors,
} from "../records/leases.ts";
import { parseAddress, parseCidr } from "./address.ts";
import { nextAddress, refusedAddress, subnetOf, subnetsOf } from "./ipam.ts";
import type { Attachment, LeasedAddress, Network, Subnet } from "./model.ts";

/** Thrown with code `conflict`, naming who holds an address; `holder` is the container's id. */
export class AddressInUse extends CooperError {
  readonly holder: string;

  constructor(address: string, network: string, holder: string) {
    super(
      "conflict",
      `address ${address} of network ${network} is in use by ${holder.slice(0, 12)}`,
    );
    this.holder = holder;
  }
}

/** Thrown with code `no-space`: every address of a subnet is held. */
export class SubnetFull extends CooperError {
  readonly networkId: string;

  constructor(subnet: string, network: Network) {
    super("no-space", `network ${network.name} has no free address in ${subnet}`, {
      hint: "make a network with a wider --subnet, or remove containers",
    });
    this.networkId = network.id;
  }
}

/**
 * Leases one address a family for a connection; the asked ones, else the next free ones. The caller is in
 * a transaction that was begun for writing.
 */
export function leaseAddresses(
  database: Database,
  network: Network,
  attachment: Attachment,
  containerId: string,
): LeasedAddress[] {
  if (network.ipam === "none") return [];
  const cursors = { ...cursorsOf(database, network.id) };
  const previous = previousAddresses(database, containerId, network.id);
  const leased: LeasedAddress[] = [];
  for (const family of [4, 6] as const) {
    const subnets = subnetsOf(network.subnets, family);
    const asked = attachment.addresses.find((text) => parseAddress(text).family === family);
    if (asked === undefined && subnets.length === 0) continue;
    const { subnet, address } =
      asked === undefined
        ? (keptOne(database, network, subnets, previous) ??
          nextFree(database, network, subnets, cursors))
        : askedOne(database, network, asked, containerId);
    addLease(database, network.id, address, containerId);
    if (asked === undefined) cursors[subnet.subnet] = address;
    leased.push({
      address,
      prefixLength: parseCidr(subnet.subnet).prefixLength,
      gateway: subnet.gateway,
    });
  }
  setCursors(database, network.id, cursors);
  return leased;
}

function nextFree(
  database: Database,
  network: Network,
  subnets: readonly Subnet[],
  cursors: Readonly<Record<string, string>>,
): { subnet: Subnet; address: string } {
  const reserved = new Set(Object.values(network.reserved));
  const isTaken = (address: string) =>
    reserved.has(address) || leaseHolder(database, network.id, address) !== undefined;
  for (const subnet of subnets) {
    const address = nextAddress(subnet, cursors[subnet.subnet] ?? null, isTaken);
    if (address !== undefined) return { subnet, address };
  }
  throw new SubnetFull(subnets.map(({ subnet }) => subnet).join(", "), network);
}

/** A container that starts again keeps its address, when nobody has it and the network still gives it. */
function keptOne(
  database: Database,
  network: Network,
  subnets: readonly Subnet[],
  previous: readonly string[],
): { subnet: Subnet; address: string } | undefined {
  for (const text of previous) {
    const subnet = subnetOf(subnets, parseAddress(text));
    if (subnet !== undefined && leaseHolder(database, network.id, text) === undefined)
      return { subnet, address: text };
  }
  return undefined;
}

function askedOne(
  database: Database,
  network: Network,
  address: string,
  containerId: string,
): { subnet: Subnet; address: string } {
  const subnet = checkAsked(network, address);
  const holder = leaseHolder(database, network.id, address);
  if (holder !== undefined && holder !== containerId)
    throw new AddressInUse(address, network.name, holder);
  return { subnet, address };
}

/** The subnet of an asked address; why it cannot be had is an error. */
export function checkAsked(network: Network, text: string): Subnet {
  const address = parseAddress(text);
  const subnet = subnetOf(network.subnets, address);
  if (subnet === undefined) {
    const subnets = network.subnets.map((one) => one.subnet).join(", ");
    throw new CooperError(
      "invalid-argument",
      `address ${text} is in no subnet of network ${network.name}${subnets === "" ? "" : ` (${subnets})`}`,
    );
  }
  const why = refusedAddress(subnet, address);
  if (why !== undefined)
    throw new CooperError("invalid-argument", `network ${network.name}: ${why}`);
  return subnet;
}
