/** What Podman's SpecGenerator says of namespaces, networks and ports, as texts of options. Pure. */
import { CooperError } from "../../errors.ts";
import { Document } from "../document.ts";
import { shownNetwork } from "./network.ts";

/** `{nsmode, value}`; none: the default. */
export function namespaceTexts(at: Document, name: string): string[] {
  const text = modeText(at.document(name));
  return text === "" || text === "default" ? [] : [text];
}

function modeText(namespace: Document): string {
  const mode = namespace.string("nsmode");
  const value = namespace.string("value");
  if (mode === "pod") throw new CooperError("not-supported", "there are no pods yet");
  if (mode === "path") return `ns:${value}`;
  return value === "" ? mode : `${mode}:${value}`;
}

/** With mappings of its own it is private anyway. */
export function usernsTexts(at: Document, name: string): string[] {
  const texts = namespaceTexts(at, name).map((text) => text.replace(/^no-map$/, "nomap"));
  const maps = at.document("idmappings");
  const isMapped = ["UIDMap", "GIDMap"].some((key) => maps.documents(key).length > 0);
  return isMapped && texts[0] === "private" ? [] : texts;
}

/** One text for each network; none: the default. */
export function networkTexts(body: Document): string[] {
  const text = modeText(body.document("netns"));
  const networks = body.map("Networks");
  if (text !== "" && text !== "default" && text !== "bridge") {
    const words = text.includes(":") ? [] : body.document("network_options").strings(text);
    return [words.length === 0 ? text : `${text}:${words.join(",")}`];
  }
  if (networks.length === 0) return text === "bridge" ? ["bridge"] : [];
  return networks.map(([name, value]) => {
    const words = endpointWords(new Document(value ?? {}, `Networks.${name}`));
    const shown = name === "default" || name === shownNetwork("cooper") ? "bridge" : name;
    return words.length === 0 ? shown : `${shown}:${words.join(",")}`;
  });
}

/** What it asks of one network, as options of `--network`. */
function endpointWords(endpoint: Document): string[] {
  const word = (key: string, text: string) => (text === "" ? [] : [`${key}=${text}`]);
  return [
    ...endpoint
      .strings("static_ips")
      .map((address) => `${address.includes(":") ? "ip6" : "ip"}=${address}`),
    ...word("mac", endpoint.string("static_mac")),
    ...endpoint.strings("aliases").map((alias) => `alias=${alias}`),
    ...word("interface_name", endpoint.string("interface_name")),
    ...Object.entries(endpoint.pairs("options")).map(([key, value]) => `${key}=${value}`),
  ];
}

/** Ports as they are published, each a range of them. */
export function publishTexts(at: Document, name: string): string[] {
  return at.documents(name).map((port) => {
    const address = port.string("host_ip");
    const count = Math.max(port.number("range") ?? 1, 1);
    const range = (first: number) => (count === 1 ? `${first}` : `${first}-${first + count - 1}`);
    const outside = port.number("host_port") ?? 0;
    const shown = address.includes(":") ? `[${address}]` : address;
    const host = outside === 0 ? "" : range(outside);
    const head = shown !== "" ? `${shown}:${host}:` : host === "" ? "" : `${host}:`;
    return `${head}${range(port.number("container_port") ?? 0)}/${port.string("protocol") || "tcp"}`;
  });
}
