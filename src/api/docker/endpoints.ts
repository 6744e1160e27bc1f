/** NetworkingConfig and NetworkMode in the words of `--network`. Pure. */
import { CooperError } from "../../errors.ts";
import { Document } from "../document.ts";

/** Modes that are no network. */
const modes = /^(host|none|private|pasta|slirp4netns|container:.*|ns:.*)$/;

/** One text for each network; none: the default. */
export function networkTexts(mode: string, networking: Document): string[] {
  if (modes.test(mode)) return [mode];
  const endpoints = new Map(
    networking.map("EndpointsConfig").map(([name, value]) => [name, endpointOf(value)]),
  );
  const first = mode === "" || mode === "default" ? "default" : mode;
  const main = endpoints.get(first) ?? (first === "default" ? endpoints.get("bridge") : undefined);
  const others = [...endpoints].filter(
    ([name]) => name !== first && !(first === "default" && name === "bridge"),
  );
  const hasMain = first !== "default" || main !== undefined || others.length === 0;
  const isPlain = first === "default" && (main === undefined || main.length === 0);
  const mainTexts =
    isPlain && others.length === 0
      ? []
      : hasMain
        ? [text(first === "default" ? "bridge" : first, main ?? [])]
        : [];
  return [...mainTexts, ...others.map(([name, words]) => text(name, words))];
}

/** A container that is to be found by another name too. */
export interface Link {
  readonly network: string;
  readonly target: string;
  readonly alias: string;
}

/** `CONTAINER[:ALIAS]` of a body of create: those of HostConfig are of its first network. @throws CooperError */
export function linksOf(body: Document): Link[] {
  const host = body.document("HostConfig");
  const mode = host.string("NetworkMode");
  const endpoints = body.document("NetworkingConfig").map("EndpointsConfig");
  const first = !["", "default"].includes(mode) ? mode : (endpoints[0]?.[0] ?? "bridge");
  const own = host.strings("Links");
  if (own.length > 0 && modes.test(mode))
    throw new CooperError(
      "invalid-argument",
      `conflicting options: links are of networks, and the network mode is ${mode}`,
    );
  return [
    ...own.map((text) => linkOf(first, text)),
    ...endpoints.flatMap(([network, value]) => endpointLinks(network, value)),
  ];
}

/** Those of one network. */
export function endpointLinks(network: string, value: unknown): Link[] {
  const endpoint = new Document(value ?? {}, "EndpointsConfig");
  return endpoint.strings("Links").map((text) => linkOf(network, text));
}

function linkOf(network: string, text: string): Link {
  const [target = "", alias = target.replace(/^\//, ""), more] = text.split(":");
  if (target === "" || more !== undefined)
    throw new CooperError("invalid-argument", `bad format for links: ${text}`);
  if (!/^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,62}$/.test(alias))
    throw new CooperError("invalid-argument", `bad format for links: ${alias} is no name`);
  return { network, target: target.replace(/^\//, ""), alias };
}

const text = (name: string, words: readonly string[]) =>
  words.length === 0 ? name : `${name}:${words.join(",")}`;

/** What an endpoint asks for, as options of a network. */
function endpointOf(value: unknown): string[] {
  const endpoint = new Document(value ?? {}, "EndpointsConfig");
  const addresses = endpoint.document("IPAMConfig");
  const words: string[] = [];
  if (addresses.string("IPv4Address") !== "") words.push(`ip=${addresses.string("IPv4Address")}`);
  if (addresses.string("IPv6Address") !== "") words.push(`ip6=${addresses.string("IPv6Address")}`);
  if (addresses.strings("LinkLocalIPs").length > 0)
    throw new CooperError(
      "not-supported",
      "LinkLocalIPs is not supported: addresses come from the subnets of networks",
    );
  const mac = endpoint.string("MacAddress");
  if (mac !== "") words.push(`mac=${mac}`);
  for (const alias of endpoint.strings("Aliases")) words.push(`alias=${alias}`);
  for (const [key, option] of Object.entries(endpoint.pairs("DriverOpts")))
    words.push(`driver-opt=${key}=${option}`);
  return words;
}
