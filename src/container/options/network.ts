/** Network, names and published ports. */
import { flagSwitch, listOf, path, string } from "../../option.ts";
import { option, refused, type SpecOption } from "./declare.ts";
import { addAddress, addNetwork, parseAlias, parseMac } from "./network-syntax.ts";
import { parseExposed, parsePublish } from "./port-syntax.ts";

const address = /^([0-9]{1,3}(\.[0-9]{1,3}){3}|[0-9a-fA-F:]*:[0-9a-fA-F:.]*(%[\w.-]+)?)$/;

export const networkOptions: readonly SpecOption[] = [
  option(
    "--network",
    listOf({ ...string, placeholder: "NETWORK[:OPTIONS]", completes: "network" as const }),
    "Its network: a name, bridge, none, host, private, pasta, slirp4netns, container:NAME or ns:PATH",
    (spec, text) => addNetwork(spec.networking, text),
    {
      aliases: ["--net"],
      api: "HostConfig.NetworkMode",
      compose: "network_mode",
      quadlet: "Network",
    },
  ),
  option(
    "--add-host",
    listOf({ ...string, placeholder: "NAME[;NAME]:ADDRESS" }),
    "Add a line to /etc/hosts",
    (spec, text) => {
      const colon = text.indexOf(":");
      const name = text.slice(0, colon);
      const target = text.slice(colon + 1).replace(/^\[(.*)\]$/, "$1");
      if (colon <= 0 || !/^[\w.;-]+$/.test(name)) throw new Error("must be NAME:ADDRESS");
      if (target !== "host-gateway" && !address.test(target))
        throw new Error(`"${target}" is no address`);
      spec.networking.extraHosts.push(`${name}:${target}`);
    },
    { api: "HostConfig.ExtraHosts", compose: "extra_hosts", quadlet: "AddHost" },
  ),
  option(
    "--dns",
    listOf({ ...string, placeholder: "ADDRESS" }),
    "Resolver; none keeps the image's resolv.conf",
    (spec, text) => {
      if (text !== "none" && !address.test(text)) throw new Error("not an address");
      spec.networking.dns.push(text);
    },
    { api: "HostConfig.Dns", compose: "dns", quadlet: "DNS" },
  ),
  option(
    "--dns-option",
    listOf(string),
    "Option of the resolver",
    (spec, text) => {
      spec.networking.dnsOptions.push(plain(text));
    },
    {
      aliases: ["--dns-opt"],
      api: "HostConfig.DnsOptions",
      compose: "dns_opt",
      quadlet: "DNSOption",
    },
  ),
  option(
    "--dns-search",
    listOf({ ...string, placeholder: "DOMAIN" }),
    "Domain in which short names are looked up; . for none",
    (spec, text) => {
      spec.networking.dnsSearch.push(plain(text));
    },
    { api: "HostConfig.DnsSearch", compose: "dns_search", quadlet: "DNSSearch" },
  ),
  option(
    "--hosts-file",
    { ...path, placeholder: "FILE" },
    "What /etc/hosts begins with: a file, none or image",
    (spec, text) => {
      spec.networking.hostsFile = text;
    },
  ),
  option("--no-hosts", flagSwitch, "Leave the image's /etc/hosts alone", (spec, isOn) => {
    spec.networking.managesHosts = !isOn;
  }),
  option("--no-hostname", flagSwitch, "Leave the image's /etc/hostname alone", (spec, isOn) => {
    spec.networking.managesHostname = !isOn;
  }),
  option(
    "--expose",
    listOf({ ...string, placeholder: "PORT[/PROTOCOL]" }),
    "Note a port that it listens on",
    (spec, text) => {
      parseExposed(text); // throws with what is wrong
      spec.networking.expose.push(text);
    },
    { api: "Config.ExposedPorts", compose: "expose", quadlet: "ExposeHostPort" },
  ),
  option(
    "--publish",
    listOf({ ...string, placeholder: "[[IP:]HOSTPORT:]PORT[/PROTOCOL]" }),
    "Make a port reachable through the host",
    (spec, text) => {
      spec.networking.ports.push(...parsePublish(text));
    },
    { short: "-p", api: "HostConfig.PortBindings", compose: "ports", quadlet: "PublishPort" },
  ),
  option(
    "--publish-all",
    flagSwitch,
    "Make every exposed port reachable through a free port of the host",
    (spec, isOn) => {
      spec.networking.publishAll = isOn;
    },
    { short: "-P", api: "HostConfig.PublishAllPorts" },
  ),
  option(
    "--ip",
    { ...string, placeholder: "ADDRESS" },
    "Its IPv4 address",
    (spec, text) => addAddress(spec.networking, text, 4),
    { api: "NetworkingConfig.IPAMConfig.IPv4Address", compose: "ipv4_address", quadlet: "IP" },
  ),
  option(
    "--ip6",
    { ...string, placeholder: "ADDRESS" },
    "Its IPv6 address",
    (spec, text) => addAddress(spec.networking, text, 6),
    { api: "NetworkingConfig.IPAMConfig.IPv6Address", compose: "ipv6_address", quadlet: "IP6" },
  ),
  refused(
    "--link-local-ip",
    listOf(string),
    "A link-local address",
    "addresses of containers come from the subnets of their networks; use --ip or --ip6",
  ),
  option(
    "--mac-address",
    { ...string, placeholder: "MAC" },
    "Its MAC address",
    (spec, text) => {
      spec.networking.macAddress = parseMac(text);
    },
    { api: "NetworkingConfig.MacAddress", compose: "mac_address" },
  ),
  option(
    "--network-alias",
    listOf({ ...string, placeholder: "NAME" }),
    "Another name in its networks",
    (spec, text) => {
      spec.networking.aliases.push(parseAlias(text));
    },
    { aliases: ["--net-alias"], compose: "aliases", quadlet: "NetworkAlias" },
  ),
  refused(
    "--link",
    listOf(string),
    "Link to another container",
    "containers in one network find each other by name: cooper network create NET, then --network NET",
  ),
  refused("--pod", string, "Its pod", "there are no pods yet"),
  refused("--pod-id-file", path, "File with the id of its pod", "there are no pods yet"),
  {
    flag: "--isolation",
    type: string,
    help: "Isolation technology",
    refuse: "it is for Windows only",
  },
  {
    flag: "--init-ctr",
    type: string,
    help: "Run it before the others of its pod",
    refuse: "there are no pods yet",
  },
];

function plain(text: string): string {
  if (/[\s\0]/.test(text)) throw new Error("must be one word");
  return text;
}
