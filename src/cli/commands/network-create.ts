/** `network create`: the options of both peers, as one request. */
import { CooperError } from "../../errors.ts";
import { contains, isAddress, parseAddress, parseCidr } from "../../network/address.ts";
import type { NetworkRequestRecord, SubnetRequest } from "../../network/define.ts";
import type { Route } from "../../network/model.ts";
import { flagSwitch, listOf, oneOf, string } from "../../option.ts";
import { defineCommand } from "../command.ts";
import { print } from "../output.ts";
import { pairs } from "../pairs.ts";

const pair = { ...string, placeholder: "KEY[=VALUE]" };
const subnet = { ...string, placeholder: "SUBNET" };
const address = { ...string, placeholder: "ADDRESS" };
const noSwarm = "there is no swarm mode, networks are of this machine";
const noTemplates = "networks are not templates of others";

export const create = defineCommand({
  summary: "Make a network",
  usage: "[NAME]",
  description:
    "Without a subnet a free one is chosen. Containers of different networks do not reach each other, unless both were made with --opt isolate=false.",
  examples: [
    "cooper network create web",
    "cooper network create --subnet 10.5.0.0/16 --ip-range 10.5.1.0/24 --ipv6 web",
    "cooper network create -d macvlan -o parent=eth0 --subnet 192.168.1.0/24 lan",
  ],
  options: {
    attachable: {
      flag: "--attachable",
      type: flagSwitch,
      help: "Let containers join it by hand",
      ignored: "they always may",
    },
    auxAddress: {
      flag: "--aux-address",
      type: listOf({ ...string, placeholder: "NAME=ADDRESS" }),
      help: "Address that no container gets",
    },
    configFrom: { flag: "--config-from", type: string, help: "Template", refuse: noTemplates },
    configOnly: { flag: "--config-only", type: flagSwitch, help: "Template", refuse: noTemplates },
    disableDns: { flag: "--disable-dns", type: flagSwitch, help: "Names are not looked up in it" },
    dns: {
      flag: "--dns",
      type: listOf(address),
      help: "Resolver that is asked for names of the world",
    },
    driver: {
      flag: "--driver",
      short: "-d",
      type: oneOf("bridge", "macvlan", "ipvlan"),
      help: "How containers are connected",
      defaultText: "bridge",
    },
    gateway: { flag: "--gateway", type: listOf(address), help: "Gateway of a subnet" },
    ignore: { flag: "--ignore", type: flagSwitch, help: "One that is there already is no error" },
    ingress: { flag: "--ingress", type: flagSwitch, help: "Of a swarm", refuse: noSwarm },
    interfaceName: {
      flag: "--interface-name",
      type: { ...string, placeholder: "LINK" },
      help: "Name of the bridge, or the parent of macvlan and ipvlan",
    },
    internal: { flag: "--internal", type: flagSwitch, help: "Without a way to other networks" },
    ipRange: {
      flag: "--ip-range",
      type: listOf({ ...string, placeholder: "RANGE" }),
      help: "Part of a subnet that containers get addresses from: SUBNET or FIRST-LAST",
    },
    ipamDriver: {
      flag: "--ipam-driver",
      type: { ...string, placeholder: "host-local|none", choices: ["host-local", "none"] },
      help: "Where addresses come from",
      defaultText: "host-local",
    },
    ipamOpt: {
      flag: "--ipam-opt",
      type: listOf(pair),
      help: "Option of the address driver",
      refuse: "the address drivers have none",
    },
    ipv4: {
      flag: "--ipv4",
      type: flagSwitch,
      help: "Give IPv4 addresses; =false for IPv6 alone",
      defaultText: "true",
    },
    ipv6: { flag: "--ipv6", type: flagSwitch, help: "Give IPv6 addresses too" },
    label: { flag: "--label", type: listOf(pair), help: "Set a label" },
    opt: {
      flag: "--opt",
      short: "-o",
      type: listOf(pair),
      help: "Option of the driver: mtu, isolate, vlan, parent, mode, metric, com.docker.network.*",
    },
    route: {
      flag: "--route",
      type: listOf({ ...string, placeholder: "SUBNET,GATEWAY[,METRIC]" }),
      help: "Route that containers get",
    },
    scope: { flag: "--scope", type: string, help: "Of a swarm", refuse: noSwarm },
    subnet: { flag: "--subnet", type: listOf(subnet), help: "Addresses of the network" },
  },
  args: { min: 0, max: 1 },
  completes: "none",
  async run({ engine, args, options }) {
    const { emptyRequest } = await import("../../network/define.ts");
    const name = args[0] ?? (await engine.networks.unusedName());
    if (options.ignore && (await engine.networks.exists(name))) {
      print(`${name}\n`);
      return;
    }
    const request: NetworkRequestRecord = {
      ...emptyRequest(name),
      driver: options.driver ?? "bridge",
      interfaceName: options.interfaceName ?? null,
      subnets: subnetRequests(options.subnet, options.gateway, options.ipRange),
      wantsIpv4: options.ipv4 ?? true,
      wantsIpv6: options.ipv6 ?? false,
      isInternal: options.internal ?? false,
      dnsEnabled: !(options.disableDns ?? false),
      dnsServers: options.dns,
      routes: options.route.map(parseRoute),
      options: pairs(options.opt, "option"),
      labels: pairs(options.label, "label"),
      reserved: pairs(options.auxAddress, "auxiliary address"),
      ipam: ipamDriver(options.ipamDriver),
    };
    await engine.networks.create(request);
    print(`${name}\n`);
  },
});

function ipamDriver(text: string | undefined): "host-local" | "none" {
  if (text === undefined || text === "default" || text === "host-local") return "host-local";
  if (text === "none" || text === "null") return "none";
  if (text === "dhcp") {
    throw new CooperError(
      "not-supported",
      "addresses by DHCP are not supported: something would have to run to renew them",
      {
        hint: "name the subnet with --subnet, or use --ipam-driver none",
      },
    );
  }
  throw new CooperError("invalid-argument", `unknown address driver "${text}"`, {
    hint: "host-local or none",
  });
}

/** A gateway and a range belong to the subnet that they lie in. */
function subnetRequests(
  subnets: readonly string[],
  gateways: readonly string[],
  ranges: readonly string[],
): SubnetRequest[] {
  const isWithin = (text: string, subnetText: string) => {
    const start = text.split(/[-/]/)[0] ?? "";
    return isAddress(start) && contains(parse(subnetText, parseCidr), parseAddress(start));
  };
  for (const [what, texts] of [
    ["gateway", gateways],
    ["ip-range", ranges],
  ] as const) {
    for (const text of texts) {
      if (subnets.some((one) => isWithin(text, one))) continue;
      const why = subnets.length === 0 ? "needs a --subnet" : "lies in none of the subnets";
      throw new CooperError("invalid-argument", `--${what} ${text} ${why}`);
    }
  }
  return subnets.map((one) => ({
    subnet: one,
    gateway: gateways.find((text) => isWithin(text, one)) ?? null,
    range: ranges.find((text) => isWithin(text, one)) ?? null,
  }));
}

function parse<T>(text: string, parser: (text: string) => T): T {
  try {
    return parser(text);
  } catch (cause) {
    throw new CooperError("invalid-argument", cause instanceof Error ? cause.message : text, {
      cause,
    });
  }
}

function parseRoute(text: string): Route {
  const [destination = "", gateway = "", metric, more] = text.split(",");
  const isNumber = metric === undefined || /^\d{1,9}$/.test(metric);
  if (!isAddress(gateway) || !isNumber || more !== undefined) {
    throw new CooperError(
      "invalid-argument",
      `--route "${text}": it must be SUBNET,GATEWAY[,METRIC]`,
    );
  }
  parse(destination, parseCidr);
  return { destination, gateway, metric: metric === undefined ? null : Number(metric) };
}
