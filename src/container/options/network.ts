/** Network, names and published ports. */
import { flagSwitch, listOf, path, string } from "../../option.ts";
import type { Networking } from "../spec.ts";
import { option, refused, type SpecOption } from "./declare.ts";

const needsBridge =
  "it needs a bridge network, which this version does not have; use --network host";

/** The modes that need no network of ours; others are named in the error. */
export function parseNetwork(text: string): Networking["mode"] {
  const [kind = "", of = ""] = text.split(/:(.*)/s, 2);
  if (kind === "container" && of !== "") return { kind: "container", of };
  if (kind === "ns" && of.startsWith("/")) return { kind: "path", of };
  if (text === "none" || text === "host" || text === "private") return { kind: text };
  throw new Error(`only none, host, container:NAME and ns:PATH are supported yet`);
}

const address = /^([0-9]{1,3}(\.[0-9]{1,3}){3}|[0-9a-fA-F:]*:[0-9a-fA-F:.]*(%[\w.-]+)?)$/;

export const networkOptions: readonly SpecOption[] = [
  option(
    "--network",
    { ...string, placeholder: "MODE" },
    "Its network: none, host, container:NAME or ns:PATH",
    (spec, text) => {
      spec.networking.mode = parseNetwork(text);
    },
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
      if (!/^\d{1,5}(-\d{1,5})?(\/(tcp|udp|sctp))?$/.test(text))
        throw new Error("must be PORT[/tcp|udp|sctp]");
      spec.networking.expose.push(text);
    },
    { api: "Config.ExposedPorts", compose: "expose", quadlet: "ExposeHostPort" },
  ),
  refused("--publish", listOf(string), "Publish a port", needsBridge, { short: "-p" }),
  refused("--publish-all", flagSwitch, "Publish all exposed ports", needsBridge, { short: "-P" }),
  refused("--ip", string, "Its IPv4 address", needsBridge),
  refused("--ip6", string, "Its IPv6 address", needsBridge),
  refused("--link-local-ip", listOf(string), "A link-local address", needsBridge),
  refused("--mac-address", string, "Its MAC address", needsBridge),
  refused("--network-alias", listOf(string), "Another name in its network", needsBridge, {
    aliases: ["--net-alias"],
  }),
  refused("--link", listOf(string), "Link to another container", needsBridge),
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
