/** Commands on networks, besides `create` and `inspect`. */
import { addAddress, parseAlias, parseMac } from "../../container/options/network-syntax.ts";
import { emptySpec } from "../../container/spec.ts";
import { CooperError } from "../../errors.ts";
import type { NetworkSummary } from "../../network/list.ts";
import type { Network } from "../../network/model.ts";
import { flagSwitch, integer, listOf, string } from "../../option.ts";
import { defineCommand } from "../command.ts";
import { isConfirmed } from "../confirm.ts";
import { print } from "../output.ts";
import { RemovalStatus } from "../removal-status.ts";
import { all, latest, selectContainers } from "../select.ts";
import { formatRows } from "../table.ts";

const filter = {
  flag: "--filter",
  type: listOf({ ...string, placeholder: "KEY=VALUE" }),
  help: "Only those that match",
} as const;
const address = { ...string, placeholder: "ADDRESS" };

export const ls = defineCommand({
  summary: "List networks",
  usage: "",
  examples: ["cooper network ls --filter driver=bridge -q"],
  options: {
    filter: { ...filter, short: "-f" },
    format: {
      flag: "--format",
      type: { ...string, placeholder: "TEMPLATE" },
      help: "json, table or a Go template",
    },
    noTrunc: { flag: "--no-trunc", type: flagSwitch, help: "Whole ids" },
    noHeading: {
      flag: "--noheading",
      short: "-n",
      type: flagSwitch,
      help: "Without the line of headings",
    },
    quiet: { flag: "--quiet", short: "-q", type: flagSwitch, help: "Only names" },
  },
  args: { min: 0, max: 0 },
  staysOutside: true,
  async run({ engine, options }) {
    const networks = await engine.networks.list(options.filter);
    if (options.quiet && options.format === undefined) {
      print(networks.map(({ network }) => `${network.name}\n`).join(""));
      return;
    }
    const { podmanDocument } = await import("../../network/list.ts");
    print(
      formatRows({
        rows: networks.map((summary) => networkRow(summary, options.noTrunc ?? false)),
        columns: [
          { header: "NETWORK ID", template: "{{.ID}}" },
          { header: "NAME", template: "{{.Name}}" },
          { header: "DRIVER", template: "{{.Driver}}" },
          { header: "SCOPE", template: "{{.Scope}}" },
        ],
        headers: { IPv6: "IPV6", Internal: "INTERNAL", Labels: "LABELS", CreatedAt: "CREATED AT" },
        format: options.format,
        noHeading: options.noHeading,
        json: () => networks.map(({ network }) => podmanDocument(network)),
      }),
    );
  },
});

/** The fields of both peers' templates. */
function networkRow({ network }: NetworkSummary, isWhole: boolean) {
  return {
    ID: isWhole ? network.id : network.id.slice(0, 12),
    Id: network.id,
    Name: network.name,
    Driver: network.driver,
    Scope: "local",
    IPv4: network.subnets.some(({ subnet }) => !subnet.includes(":")),
    IPv6: network.hasIpv6,
    IPv6Enabled: network.hasIpv6,
    Internal: network.isInternal,
    DNSEnabled: network.dnsEnabled,
    NetworkInterface: network.interfaceName,
    Subnets: subnetRows(network),
    Labels: network.labels,
    Label: (key: string) => network.labels[key] ?? "",
    Options: network.options,
    IPAMOptions: { driver: network.ipam },
    CreatedAt: new Date(network.createdAt).toISOString(),
    Created: new Date(network.createdAt).toISOString(),
  };
}

const subnetRows = ({ subnets }: Network) =>
  subnets.map(({ subnet, gateway }) => ({ Subnet: subnet, Gateway: gateway ?? "" }));

export const exists = defineCommand({
  summary: "Tell by the exit status whether a network exists",
  usage: "NETWORK",
  options: {},
  args: { min: 1, max: 1 },
  completes: "network",
  staysOutside: true,
  run: async ({ engine, args }) => ((await engine.networks.exists(args[0] ?? "")) ? 0 : 1),
});

export const rm = defineCommand({
  summary: "Remove networks",
  usage: "NETWORK [NETWORK...]",
  options: {
    force: {
      flag: "--force",
      short: "-f",
      type: flagSwitch,
      help: "With the ended containers in it; one that is missing is no error",
    },
    time: {
      flag: "--time",
      short: "-t",
      type: integer,
      help: "How long containers may take to end",
      refuse: "containers that run are not ended for it: use cooper rm -f",
    },
  },
  args: { min: 1 },
  completes: "network",
  async run({ engine, args, options, forEach }) {
    const exit = new RemovalStatus();
    const status = await forEach(args, async (name) => {
      try {
        return await engine.networks.remove(name, { force: options.force ?? false });
      } catch (error) {
        const isMissing = error instanceof CooperError && error.code === "no-such-network";
        if (isMissing && options.force) return undefined;
        return exit.note(error);
      }
    });
    return exit.of(status);
  },
});

export const prune = defineCommand({
  summary: "Remove networks that no container is in",
  usage: "",
  options: {
    filter,
    force: { flag: "--force", short: "-f", type: flagSwitch, help: "Do not ask" },
  },
  args: { min: 0, max: 0 },
  async run({ engine, options }) {
    if (
      !options.force &&
      !(await isConfirmed("This removes all networks that no container is in."))
    )
      return;
    print((await engine.networks.prune(options.filter)).map((name) => `${name}\n`).join(""));
  },
});

export const update = defineCommand({
  summary: "Change the resolvers of a network",
  usage: "NETWORK",
  options: {
    dnsAdd: { flag: "--dns-add", type: listOf(address), help: "Ask this resolver too" },
    dnsDrop: { flag: "--dns-drop", type: listOf(address), help: "Ask this resolver no more" },
  },
  args: { min: 1, max: 1 },
  completes: "network",
  async run({ engine, args, options }) {
    const name = args[0] ?? "";
    if (options.dnsAdd.length + options.dnsDrop.length === 0)
      throw new CooperError("invalid-argument", "nothing to change: use --dns-add or --dns-drop");
    const listed = (texts: readonly string[]) => texts.flatMap((text) => text.split(","));
    await engine.networks.update(name, {
      add: listed(options.dnsAdd),
      drop: listed(options.dnsDrop),
    });
    print(`${name}\n`);
  },
});

export const connect = defineCommand({
  summary: "Put a container into a network",
  usage: "NETWORK CONTAINER",
  examples: ["cooper network connect --alias db --ip 10.89.0.20 web postgres"],
  options: {
    alias: {
      flag: "--alias",
      type: listOf({ ...string, placeholder: "NAME" }),
      help: "Another name in this network",
    },
    driverOpt: {
      flag: "--driver-opt",
      type: listOf(string),
      help: "Option of the driver",
      refuse: "the drivers have none for a connection",
    },
    gwPriority: {
      flag: "--gw-priority",
      type: integer,
      help: "Which network gives the default route",
      refuse: "the container's first network with a gateway gives it",
    },
    ip: { flag: "--ip", type: address, help: "IPv4 address" },
    ip6: { flag: "--ip6", type: address, help: "IPv6 address" },
    link: {
      flag: "--link",
      type: listOf(string),
      help: "Link to another container",
      refuse: "containers in one network find each other by name",
    },
    linkLocalIp: {
      flag: "--link-local-ip",
      type: listOf(string),
      help: "A link-local address",
      refuse: "addresses come from the subnets of the network",
    },
    macAddress: {
      flag: "--mac-address",
      type: { ...string, placeholder: "MAC", parse: parseMac },
      help: "MAC address",
    },
  },
  args: { min: 2, max: 2 },
  completes: "network",
  async run({ engine, args, options }) {
    const [network = "", container = ""] = args;
    const { networking } = emptySpec();
    try {
      if (options.ip !== undefined) addAddress(networking, options.ip, 4);
      if (options.ip6 !== undefined) addAddress(networking, options.ip6, 6);
      options.alias.forEach(parseAlias);
    } catch (cause) {
      throw new CooperError("invalid-argument", cause instanceof Error ? cause.message : "", {
        cause,
      });
    }
    await engine.networks.connect(network, container, {
      name: network,
      addresses: networking.addresses,
      macAddress: options.macAddress ?? null,
      aliases: [...options.alias],
      interfaceName: null,
      hostInterfaceName: null,
      options: {},
    });
  },
});

export const disconnect = defineCommand({
  summary: "Take a container out of a network",
  usage: "NETWORK CONTAINER",
  options: {
    force: {
      flag: "--force",
      short: "-f",
      type: flagSwitch,
      help: "A container that is not in it is no error",
    },
  },
  args: { min: 2, max: 2 },
  completes: "network",
  async run({ engine, args, options }) {
    const [network = "", container = ""] = args;
    await engine.networks.disconnect(network, container, options.force ?? false);
  },
});

export const reload = defineCommand({
  summary: "Put back what others took from containers",
  usage: "[CONTAINER...]",
  options: { all, latest },
  args: { min: 0 },
  completes: "running-container",
  async run({ engine, args, options }) {
    const names = await selectContainers(engine, args, options);
    const ids: string[] = [];
    for (const name of names) ids.push((await engine.containers.get(name)).id);
    print((await engine.networks.reload(ids)).map((id) => `${id}\n`).join(""));
  },
});
