/** Networks as Podman asks for them and shows them. Pure. */
import {
  addAddress,
  parseAlias,
  parseLinkName,
  parseMac,
} from "../../container/options/network-syntax.ts";
import { emptySpec, type NetworkRequest } from "../../container/spec.ts";
import { CooperError, messageOf } from "../../errors.ts";
import { formatAddress, lastOf, parseCidr } from "../../network/address.ts";
import type { NetworkRequestRecord, SubnetRequest } from "../../network/define.ts";
import type { NetworkDriver, Route } from "../../network/model.ts";
import type { Document } from "../document.ts";

type Json = Readonly<Record<string, unknown>>;

/** Our default network goes by Podman's name for its own. */
export const shownNetwork = (name: string) => (name === "cooper" ? "podman" : name);

/** Podman's fields of the engine's document, whose others are Docker's, with capital letters. */
export function networkItem(document: Json): Json {
  const own = Object.entries(document).filter(([field]) => field === field.toLowerCase());
  return { ...Object.fromEntries(own), name: shownNetwork(String(document.name)) };
}

const drivers = ["bridge", "macvlan", "ipvlan"] as const;

/** A body of `/networks/create`; `name` is for one that it leaves open. */
export function networkRequest(body: Document, name: string): NetworkRequestRecord {
  const driver = body.string("driver") || "bridge";
  return {
    name: body.string("name") || name,
    driver: known("driver", driver, drivers) satisfies NetworkDriver,
    interfaceName: body.string("network_interface") || null,
    subnets: body.documents("subnets").map(subnetRequest),
    wantsIpv4: true,
    wantsIpv6: body.boolean("ipv6_enabled") ?? false,
    isInternal: body.boolean("internal") ?? false,
    dnsEnabled: body.boolean("dns_enabled") ?? false,
    dnsServers: body.strings("network_dns_servers"),
    routes: body.documents("routes").map(routeOf),
    options: body.pairs("options"),
    labels: body.pairs("labels"),
    reserved: {},
    ipam: ipamOf(body.pairs("ipam_options")),
  };
}

function known<const T extends string>(what: string, text: string, words: readonly T[]): T {
  const found = words.find((word) => word === text);
  if (found !== undefined) return found;
  throw new CooperError("invalid-argument", `unsupported ${what} ${text}`, {
    hint: `there are ${words.join(", ")}`,
  });
}

function ipamOf({ driver = "", ...more }: Record<string, string>): "host-local" | "none" {
  const other = Object.keys(more)[0];
  if (other !== undefined)
    throw new CooperError("not-supported", `ipam_options: ${other} is not supported`);
  return driver === "" ? "host-local" : known("ipam driver", driver, ["host-local", "none"]);
}

function subnetRequest(body: Document): SubnetRequest {
  const subnet = body.string("subnet");
  const range = body.document("lease_range");
  const [start, end] = [range.string("start_ip"), range.string("end_ip")];
  return {
    subnet,
    gateway: body.string("gateway") || null,
    range: start === "" && end === "" ? null : rangeOf(subnet, start, end),
  };
}

/** An end that is left open is the subnet's. */
function rangeOf(subnet: string, start: string, end: string): string {
  try {
    const { family, base, ...more } = parseCidr(subnet);
    const at = (value: bigint) => formatAddress({ family, value });
    return `${start || at(base + 1n)}-${end || at(lastOf({ family, base, ...more }))}`;
  } catch (cause) {
    throw new CooperError("invalid-argument", messageOf(cause), { cause });
  }
}

function routeOf(body: Document): Route {
  return {
    destination: body.string("destination"),
    gateway: body.string("gateway"),
    metric: body.number("metric"),
  };
}

/** A body of `/networks/{name}/connect`: what the container asks of the network. */
export function connectRequest(name: string, body: Document): NetworkRequest {
  const { networking } = emptySpec();
  const mac = body.string("static_mac");
  const link = body.string("interface_name");
  try {
    for (const address of body.strings("static_ips"))
      addAddress(networking, address, address.includes(":") ? 6 : 4);
    return {
      name,
      addresses: networking.addresses,
      macAddress: mac === "" ? null : parseMac(mac),
      aliases: body.strings("aliases").map(parseAlias),
      interfaceName: link === "" ? null : parseLinkName(link),
      hostInterfaceName: null,
      options: body.pairs("options"),
    };
  } catch (cause) {
    if (cause instanceof CooperError) throw cause;
    throw new CooperError("invalid-argument", messageOf(cause), { cause });
  }
}
