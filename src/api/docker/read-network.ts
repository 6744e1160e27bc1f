/** Networks out of what Docker's API says of them, and as it is asked for them: the inverse of `network.ts`. Pure. */
import type { NetworkRequestRecord } from "../../network/define.ts";
import type { Network, NetworkDriver } from "../../network/model.ts";
import { flag, type Json, moment, name, object, objects, ownPart, pairs, text } from "./reading.ts";

/** An item of `/networks`. */
export function readNetwork(item: Json): Network {
  const own = ownPart(item);
  if (own !== undefined && typeof own.createdAt === "number") return ownNetwork(own);
  const ipam = object(item.IPAM);
  return {
    id: text(item.Id),
    name: name(item.Name),
    driver: text(item.Driver) as NetworkDriver,
    interfaceName: pairs(item.Options)["com.docker.network.bridge.name"] ?? "",
    subnets: objects(ipam.Config).map((config) => ({
      subnet: text(config.Subnet),
      gateway: text(config.Gateway) || null,
      leaseRange: null,
    })),
    hasIpv6: flag(item.EnableIPv6),
    isInternal: flag(item.Internal),
    // Docker's own default network is the one without names
    dnsEnabled: text(item.Name) !== "bridge",
    dnsServers: [],
    routes: [],
    options: pairs(item.Options),
    labels: pairs(item.Labels),
    reserved: {},
    ipam: text(ipam.Driver) === "null" ? "none" : "host-local",
    createdAt: moment(item.Created),
  };
}

/** Of another Cooper: its own value, checked. */
function ownNetwork(own: Json): Network {
  const { createdAt } = own;
  return {
    id: text(own.id),
    name: name(own.name),
    driver: text(own.driver) as NetworkDriver,
    interfaceName: text(own.interfaceName),
    subnets: objects(own.subnets).map(({ subnet, gateway, leaseRange }) => ({
      subnet: text(subnet),
      gateway: text(gateway) || null,
      leaseRange:
        leaseRange === null
          ? null
          : { start: text(object(leaseRange).start), end: text(object(leaseRange).end) },
    })),
    hasIpv6: flag(own.hasIpv6),
    isInternal: flag(own.isInternal),
    dnsEnabled: flag(own.dnsEnabled),
    dnsServers: (own.dnsServers as unknown[] | undefined)?.map(text) ?? [],
    routes: objects(own.routes).map((route) => ({
      destination: text(route.destination),
      gateway: text(route.gateway),
      metric: typeof route.metric === "number" ? route.metric : null,
    })),
    options: pairs(own.options),
    labels: pairs(own.labels),
    reserved: pairs(own.reserved),
    ipam: own.ipam === "none" ? "none" : "host-local",
    createdAt: typeof createdAt === "number" ? createdAt : 0,
  };
}

/** The body of `/networks/create`. */
export function networkBody(request: NetworkRequestRecord): Json {
  const { driver, interfaceName, subnets, reserved, options } = request;
  const isBridge = driver === "bridge";
  const linkOption = isBridge ? "com.docker.network.bridge.name" : "parent";
  return {
    Name: request.name,
    CheckDuplicate: true,
    Driver: driver,
    Internal: request.isInternal,
    EnableIPv6: request.wantsIpv6,
    ...(!request.wantsIpv4 && { EnableIPv4: false }),
    Options: { ...options, ...(interfaceName !== null && { [linkOption]: interfaceName }) },
    Labels: request.labels,
    IPAM: {
      Driver: request.ipam === "none" ? "null" : "default",
      Config: subnets.map(({ subnet, gateway, range }, index) => ({
        Subnet: subnet,
        ...(gateway !== null && { Gateway: gateway }),
        ...(range !== null && { IPRange: range }),
        ...(index === 0 && Object.keys(reserved).length > 0 && { AuxiliaryAddresses: reserved }),
      })),
    },
  };
}
