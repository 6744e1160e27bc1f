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
  if (endpoint.strings("Links").length > 0)
    throw new CooperError(
      "not-supported",
      "Links is not supported: containers in one network find each other by name",
    );
  const mac = endpoint.string("MacAddress");
  if (mac !== "") words.push(`mac=${mac}`);
  for (const alias of endpoint.strings("Aliases")) words.push(`alias=${alias}`);
  for (const [key, option] of Object.entries(endpoint.pairs("DriverOpts")))
    words.push(`driver-opt=${key}=${option}`);
  return words;
}
