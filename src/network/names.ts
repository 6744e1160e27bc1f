/**
 * The configuration of aardvark-dns, which answers containers that look each other up: a file a network.
 * Pure. Its first line is `LISTEN[,LISTEN] [UPSTREAM,…]`, each other `ID IPV4,… IPV6,… NAME,… [UPSTREAM,…]`;
 * the server reads them again on SIGHUP.
 */
import type { Attachment, LiveAttachment, Network } from "./model.ts";

/** The domain that every name is in, too; the server knows it by this name alone. */
export const namesDomain = "dns.podman";

/** A container's entry in one network. */
export interface NamesEntry {
  readonly containerId: string;
  readonly addresses: readonly string[];
  /** As they are looked up, without repetition. */
  readonly names: readonly string[];
  /** Resolvers that this container's other questions go to, instead of the network's. */
  readonly upstreams: readonly string[];
}

/** Whether the network answers for names: it must have a bridge with an address to ask. */
export function hasNames(network: Network): boolean {
  return network.dnsEnabled && network.driver === "bridge" && listenAddresses(network).length > 0;
}

/** Where containers of the network ask. */
export function listenAddresses(network: Network): string[] {
  return network.subnets.flatMap(({ gateway }) => (gateway === null ? [] : [gateway]));
}

/** What a container is called in a network: its name, the beginning of its id, and its aliases there. */
export function namesEntry(
  container: { readonly id: string; readonly name: string; readonly dns: readonly string[] },
  attachment: Attachment,
  live: LiveAttachment,
): NamesEntry {
  const names = [container.name, ...attachment.aliases, container.id.slice(0, 12)];
  return {
    containerId: container.id,
    addresses: live.addresses.map(({ address }) => address),
    // names are compared without case (RFC 1035, 2.3.3), and some servers only look for small letters
    names: [...new Set(names.map((name) => name.toLowerCase()))],
    upstreams: container.dns.filter((server) => server !== "none"),
  };
}

/** The first line of a network's file. */
export function headLine(network: Network, upstreams: readonly string[]): string {
  const listen = listenAddresses(network).join(",");
  return upstreams.length === 0 ? listen : `${listen} ${upstreams.join(",")}`;
}

function entryLine({ containerId, addresses, names, upstreams }: NamesEntry): string {
  const ipv4 = addresses.filter((address) => !address.includes(":")).join(",");
  const ipv6 = addresses.filter((address) => address.includes(":")).join(",");
  const line = `${containerId} ${ipv4} ${ipv6} ${names.join(",")}`;
  return upstreams.length === 0 ? line : `${line} ${upstreams.join(",")}`;
}

/** The whole file of a network; undefined when nobody is in it, and it should not be there. */
export function namesFile(head: string, entries: readonly NamesEntry[]): string | undefined {
  if (entries.length === 0) return undefined;
  return `${[head, ...entries.map(entryLine)].join("\n")}\n`;
}

/** A file with one container's entry put in, or changed, or (null) taken out. */
export function withEntry(
  text: string | undefined,
  head: string,
  containerId: string,
  entry: NamesEntry | null,
): string | undefined {
  const others = (text ?? "")
    .split("\n")
    .slice(1)
    .filter((line) => line !== "" && !line.startsWith(`${containerId} `));
  const lines = entry === null ? others : [...others, entryLine(entry)];
  return lines.length === 0 ? undefined : `${[head, ...lines].join("\n")}\n`;
}
