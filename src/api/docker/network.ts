/** Networks as Docker shows them and asks for them. Pure. */

import { CooperError } from "../../errors.ts";
import { contains, lastOf, parseAddress, parseCidr } from "../../network/address.ts";
import type { NetworkRequestRecord } from "../../network/define.ts";
import type { Document } from "../document.ts";

type Json = Readonly<Record<string, unknown>>;

/** Our default network goes by Docker's name for its own. */
export const shownNetwork = (name: string) => (name === "cooper" ? "bridge" : name);

/** Fields that the engine's document has in Docker's words. */
const fields = [
  "Id",
  "Created",
  "Scope",
  "Driver",
  "EnableIPv6",
  "IPAM",
  "Internal",
  "Attachable",
  "Ingress",
  "ConfigFrom",
  "ConfigOnly",
  "Options",
  "Labels",
];

/** `/networks/{id}`. */
export function networkItem(document: Json, version: number): Json {
  return {
    Name: shownNetwork(String(document.Name)),
    ...Object.fromEntries(fields.map((field) => [field, document[field]])),
    ...(version >= 48 && { EnableIPv4: document.EnableIPv4 }),
    Containers: document.Containers ?? {},
  };
}

/** A subnet of the engine's document. */
interface ShownSubnet {
  readonly Subnet: string;
  /** `FIRST-LAST` */
  readonly IPRange?: string;
  readonly Gateway?: string;
  readonly AuxiliaryAddresses?: Readonly<Record<string, string>>;
}

/** More are told as this: larger numbers are not written exactly here. */
const mostAddresses = BigInt(Number.MAX_SAFE_INTEGER);

/**
 * `Status` of a network: how many addresses of each subnet are in use or reserved, and how many may
 * still be leased. Also what nobody can have, as the subnet's own address, counts as in use.
 */
export function networkStatus(document: Json): Json {
  const members = Object.values((document.Containers ?? {}) as Readonly<Record<string, Json>>);
  const subnets = ((document.IPAM as Json).Config ?? []) as readonly ShownSubnet[];
  const taken = members
    .flatMap(({ IPv4Address, IPv6Address }) => [IPv4Address, IPv6Address])
    .map((text) => String(text ?? "").replace(/\/.*$/, ""));
  return {
    IPAM: {
      Subnets: Object.fromEntries(
        subnets.map((subnet) => [subnet.Subnet, subnetStatus(subnet, taken)]),
      ),
    },
  };
}

function subnetStatus(subnet: ShownSubnet, taken: readonly string[]): Json {
  const cidr = parseCidr(subnet.Subnet);
  const { Gateway, AuxiliaryAddresses = {}, IPRange } = subnet;
  const used = new Set(
    [...taken, Gateway ?? "", ...Object.values(AuxiliaryAddresses)]
      .filter((text) => text !== "")
      .map(parseAddress)
      .filter((address) => contains(cidr, address))
      .map(({ value }) => value),
  );
  used.add(cidr.base);
  if (cidr.family === 4) used.add(lastOf(cidr));
  const [first = cidr.base, last = lastOf(cidr)] =
    IPRange?.split("-").map((text) => parseAddress(text).value) ?? [];
  const usedInRange = [...used].filter((value) => first <= value && value <= last).length;
  const free = last - first + 1n - BigInt(usedInRange);
  return {
    IPsInUse: used.size,
    DynamicIPsAvailable: Number(free < mostAddresses ? free : mostAddresses),
  };
}

/** Networks that are there without being made; clients look for them. */
export function builtinNetworks(): Json[] {
  return ["host", "none"].map((name) => ({
    Name: name,
    Id: name,
    Created: "0001-01-01T00:00:00Z",
    Scope: "local",
    Driver: name === "none" ? "null" : "host",
    EnableIPv6: false,
    IPAM: { Driver: "default", Options: null, Config: null },
    Internal: false,
    Attachable: false,
    Ingress: false,
    ConfigFrom: { Network: "" },
    ConfigOnly: false,
    Containers: {},
    Options: {},
    Labels: {},
  }));
}

/** A body of `/networks/create`; null: what it leaves to the engine. */
export function networkRequest(body: Document): NetworkRequestRecord {
  const ipam = body.document("IPAM");
  const ipamDriver = ipam.string("Driver");
  if (!["", "default", "null", "host-local", "none"].includes(ipamDriver))
    throw new CooperError("not-supported", `there is no address driver ${ipamDriver}`);
  for (const name of ["ConfigOnly", "Ingress"])
    if (body.boolean(name) === true)
      throw new CooperError("not-supported", `${name} is of a swarm, and there is none`);
  const driver = body.string("Driver") || "bridge";
  if (driver !== "bridge" && driver !== "macvlan" && driver !== "ipvlan")
    throw new CooperError(
      "no-such-object",
      `could not find plugin ${driver} in v1 plugin registry: plugin not found`,
    );
  const configs = ipam.documents("Config");
  const { parent, ...options } = body.pairs("Options");
  return {
    name: body.string("Name"),
    driver,
    interfaceName: parent ?? options["com.docker.network.bridge.name"] ?? null,
    subnets: configs
      .filter((config) => config.string("Subnet") !== "")
      .map((config) => ({
        subnet: config.string("Subnet"),
        gateway: config.string("Gateway") || null,
        range: config.string("IPRange") || null,
      })),
    wantsIpv4: body.boolean("EnableIPv4") ?? true,
    wantsIpv6: body.boolean("EnableIPv6") ?? false,
    isInternal: body.boolean("Internal") ?? false,
    dnsEnabled: true,
    dnsServers: [],
    routes: [],
    options,
    labels: body.pairs("Labels"),
    reserved: Object.assign({}, ...configs.map((config) => config.pairs("AuxiliaryAddresses"))),
    ipam: ipamDriver === "null" || ipamDriver === "none" ? "none" : "host-local",
  };
}
