/** resolv.conf(5) of a container. Pure. */
import { namesDomain } from "../network/names.ts";
import type { Settings } from "../settings.ts";
import type { NetworkFacts } from "./networkless.ts";
import type { Networking } from "./spec.ts";

/** What was asked, in place of what is configured, in place of the host's. */
export function resolvText(
  networking: Pick<Networking, "dns" | "dnsSearch" | "dnsOptions">,
  settings: Pick<Settings, "dnsServers" | "dnsSearches" | "dnsOptions">,
  facts: NetworkFacts,
  hostText: string,
): string {
  const first = (...lists: (readonly string[])[]) => lists.find((list) => list.length > 0) ?? [];
  const host = parseResolv(hostText);
  const asked = first(networking.dns, settings.dnsServers);
  // the names service is told of the asked servers, and asks them for what it does not know itself
  const servers = facts.hasNames
    ? (facts.resolvers ?? [])
    : first(asked, facts.resolvers ?? reachable(host.servers, facts.isShared));
  const search = searchDomains(
    first(networking.dnsSearch, settings.dnsSearches, host.search),
    facts.hasNames,
  );
  const options = first(networking.dnsOptions, settings.dnsOptions, host.options);
  return [
    ...(search.length > 0 ? [`search ${search.join(" ")}`] : []),
    ...servers.map((server) => `nameserver ${server}`),
    ...(options.length > 0 ? [`options ${options.join(" ")}`] : []),
    "",
  ].join("\n");
}

/** `.` stands for none. The names' own domain comes first, lest the host's ones are asked for a neighbour. */
function searchDomains(domains: readonly string[], knowsNames: boolean): readonly string[] {
  if (domains.includes(".")) return [];
  return knowsNames ? [namesDomain, ...domains] : domains;
}

/** The lines of a resolv.conf that matter. */
export function parseResolv(text: string): {
  readonly servers: readonly string[];
  readonly search: readonly string[];
  readonly options: readonly string[];
} {
  const lines = text.split("\n").map((line) => line.trim().split(/\s+/));
  const valuesOf = (keyword: string) =>
    lines.flatMap(([first, ...rest]) => (first === keyword ? [rest] : []));
  return {
    servers: valuesOf("nameserver").flatMap(([server]) => (server === undefined ? [] : [server])),
    // the last one holds (resolv.conf(5))
    search: valuesOf("search").at(-1) ?? [],
    options: valuesOf("options").flat(),
  };
}

/** A resolver on the host's loopback, or on one of its links alone, answers nobody in another namespace. */
export function reachable(servers: readonly string[], isShared: boolean): readonly string[] {
  return isShared ? servers : servers.filter((server) => !isLocal(server));
}

const isLocal = (server: string) => /^(127\.|::1$)/.test(server) || server.includes("%");
