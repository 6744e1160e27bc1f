/** What `--network` and its kin take: `NAME:ip=…,mac=…,alias=…` (podman) and `name=NAME,ip=…` (docker). */
import { canonicalAddress, type Family, parseAddress } from "../../network/address.ts";
import { type Networking, type NetworkRequest, plainNetworkRequest } from "../spec.ts";

/** Names of the modes that stand alone, and of those that take options of their own. */
const alone = ["none", "host", "private", "default"] as const;
const helpers = ["pasta", "slirp4netns"] as const;

/** Reads one `--network` and adds it to what was given before. */
export function addNetwork(networking: Networking, text: string): void {
  const mode = parseMode(text);
  const isNetwork = mode.kind === "bridge";
  const isFirst = networking.mode.kind === "default" && networking.networks.length === 0;
  if (!isFirst && (!isNetwork || networking.mode.kind !== "bridge"))
    throw new Error("only networks can be given several times, not together with a mode");
  networking.mode = mode;
  if (isNetwork) networking.networks.push(parseRequest(text));
  if ((helpers as readonly string[]).includes(mode.kind))
    networking.modeOptions = optionWords(text.slice(mode.kind.length + 1));
}

function parseMode(text: string): Networking["mode"] {
  const colon = text.indexOf(":");
  const kind = colon < 0 ? text : text.slice(0, colon);
  const of = colon < 0 ? "" : text.slice(colon + 1);
  if (kind === "container") {
    if (of === "") throw new Error("must be container:NAME");
    return { kind, of };
  }
  if (kind === "ns") {
    if (!of.startsWith("/")) throw new Error("must be ns:/PATH");
    return { kind: "path", of };
  }
  const standing = alone.find((name) => name === text);
  if (standing !== undefined) return { kind: standing };
  const helper = helpers.find((name) => name === kind);
  return { kind: helper ?? "bridge" };
}

const optionWords = (text: string) => (text === "" ? [] : text.split(","));

/** Names as both peers allow them. */
const networkName = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/;

function parseRequest(text: string): NetworkRequest {
  const isDocker = text.includes("=") && !text.split("=", 1)[0]?.includes(":");
  const colon = text.indexOf(":");
  const words = isDocker
    ? optionWords(text)
    : [
        `name=${colon < 0 ? text : text.slice(0, colon)}`,
        ...optionWords(colon < 0 ? "" : text.slice(colon + 1)),
      ];
  const request = plainNetworkRequest("");
  for (const word of words) {
    const equals = word.indexOf("=");
    if (equals <= 0) throw new Error(`"${word}" is no option of a network`);
    readOption(request, word.slice(0, equals), word.slice(equals + 1));
  }
  if (!networkName.test(request.name)) throw new Error(`"${request.name}" is no name of a network`);
  return request;
}

function readOption(request: NetworkRequest, key: string, value: string): void {
  switch (key) {
    case "name":
      request.name = value;
      break;
    case "ip":
      pushAddress(request.addresses, value, 4);
      break;
    case "ip6":
      pushAddress(request.addresses, value, 6);
      break;
    case "mac":
    case "mac-address":
      request.macAddress = parseMac(value);
      break;
    case "alias":
      request.aliases.push(parseAlias(value));
      break;
    case "interface_name":
      request.interfaceName = parseLinkName(value);
      break;
    case "host_interface_name":
      request.hostInterfaceName = parseLinkName(value);
      break;
    case "driver-opt":
      readDriverOption(request, value);
      break;
    default:
      throw new Error(
        `unknown option "${key}" of a network: ip, ip6, mac, alias, interface_name, host_interface_name`,
      );
  }
}

/** Docker's only one that names something we have. */
function readDriverOption(request: NetworkRequest, text: string): void {
  const [key, value = ""] = text.split(/=(.*)/s, 2);
  if (key !== "com.docker.network.endpoint.ifname")
    throw new Error(`unknown driver option "${key}": com.docker.network.endpoint.ifname`);
  request.interfaceName = parseLinkName(value);
}

/** Adds `--ip` or `--ip6`. */
export function addAddress(networking: Networking, text: string, family: Family): void {
  pushAddress(networking.addresses, text, family);
}

function pushAddress(addresses: string[], text: string, family: Family): void {
  if (parseAddress(text).family !== family) throw new Error(`"${text}" is not IPv${family}`);
  if (addresses.some((other) => other.includes(":") === (family === 6)))
    throw new Error(`two IPv${family} addresses in one network`);
  addresses.push(canonicalAddress(text));
}

/** Six bytes; one for a group of stations names no link (IEEE 802: the lowest bit of the first). */
export function parseMac(text: string): string {
  const mac = text.toLowerCase().replaceAll("-", ":");
  if (!/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/.test(mac)) throw new Error(`"${text}" is no MAC address`);
  if ((Number.parseInt(mac.slice(0, 2), 16) & 1) === 1)
    throw new Error(`"${text}" is a multicast address`);
  return mac;
}

/** A name that others look up: what DNS calls a label, and the underscore that compose projects use. */
export function parseAlias(text: string): string {
  if (!/^[a-zA-Z0-9]([a-zA-Z0-9_.-]{0,62}[a-zA-Z0-9_])?$/.test(text))
    throw new Error(`"${text}" is no name that can be looked up`);
  return text;
}

/** The name of a link inside a container. */
export function parseLinkName(text: string): string {
  if (!/^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,14}$/.test(text))
    throw new Error(`"${text}" is no name of a link: at most 15 letters, digits and _ . -`);
  return text;
}
