/** The files that are made for a container and bound over the image's: names, resolvers, accounts. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { errnoName } from "../errors.ts";
import type { Host } from "../host.ts";
import type { JoinedNetworks } from "./join-networks.ts";
import type { ContainerRecord } from "./record.ts";

/** Paths on the host; null: the image's own file stays. */
export interface EtcFiles {
  readonly hosts: string | null;
  readonly resolvConf: string | null;
  readonly hostname: string | null;
  readonly containerEnv: string | null;
}

/** Writes the files anew at each start: the host's resolvers may have changed since. */
export function writeEtcFiles(
  host: Host,
  container: ContainerRecord,
  hostname: string,
  network: JoinedNetworks,
): EtcFiles {
  const { files } = host.paths.container(container.id);
  mkdirSync(files, { recursive: true, mode: 0o755 });
  const { networking } = container.spec;
  const write = (name: string, text: string) => {
    const file = join(files, name);
    writeFileSync(file, text, { mode: 0o644 });
    return file;
  };
  return {
    hosts:
      (networking.managesHosts ?? true)
        ? write("hosts", hostsText(container, hostname, network))
        : null,
    resolvConf: networking.dns.includes("none")
      ? null
      : write("resolv.conf", resolvText(container, hostResolvers())),
    hostname: networking.managesHostname ? write("hostname", `${hostname}\n`) : null,
    containerEnv: write("containerenv", containerEnvText(host, container)),
  };
}

/** hosts(5): the base file's lines, what was asked for, and the container's own name. */
export function hostsText(
  container: ContainerRecord,
  hostname: string,
  { connections }: Pick<JoinedNetworks, "connections">,
): string {
  const { networking } = container.spec;
  const lines = baseHosts(networking.hostsFile);
  const addresses = connections.flatMap(({ live }) => live.addresses);
  for (const extra of networking.extraHosts) {
    const colon = extra.indexOf(":");
    const names = extra.slice(0, colon).split(";");
    const address = extra.slice(colon + 1);
    // without a network of its own the host is the container's own loopback
    const gateway = addresses.find((one) => one.gateway !== null)?.gateway ?? "127.0.0.1";
    lines.push(`${address === "host-gateway" ? gateway : address}\t${names.join(" ")}`);
  }
  const own =
    networking.mode.kind === "host"
      ? [`127.0.1.1\t${hostname} ${container.name}`]
      : addresses.length > 0
        ? addresses.map(({ address }) => `${address}\t${hostname} ${container.name}`)
        : [`127.0.0.1\t${hostname} ${container.name}`];
  if (!lines.some((line) => /^127\.0\.0\.1\s.*\blocalhost\b/.test(line))) {
    lines.push("127.0.0.1\tlocalhost", "::1\tlocalhost ip6-localhost ip6-loopback");
  }
  return `${[...lines, ...own].join("\n")}\n`;
}

function baseHosts(file: string | null): string[] {
  if (file === "none" || file === "image") return [];
  try {
    return readFileSync(file ?? "/etc/hosts", "utf8")
      .split("\n")
      .filter((line) => line.trim() !== "");
  } catch (error) {
    if (file === null && errnoName(error) === "ENOENT") return [];
    throw error;
  }
}

/** resolv.conf(5): the host's, with what was asked for in its place. */
export function resolvText(container: ContainerRecord, hostText: string): string {
  const { dns, dnsOptions, dnsSearch, mode } = container.spec.networking;
  const lines = hostText.split("\n").map((line) => line.trim());
  const valuesOf = (keyword: string) =>
    lines
      .filter((line) => line.startsWith(`${keyword} `))
      .map((line) => line.slice(keyword.length).trim());
  // a resolver on the host's loopback answers nobody in another network namespace
  const isShared = mode.kind === "host";
  const servers =
    dns.length > 0
      ? dns
      : valuesOf("nameserver").filter((server) => isShared || !/^(127\.|::1$)/.test(server));
  const search = dnsSearch.includes(".")
    ? []
    : dnsSearch.length > 0
      ? dnsSearch
      : valuesOf("search").flatMap((text) => text.split(/\s+/));
  const options =
    dnsOptions.length > 0 ? dnsOptions : valuesOf("options").flatMap((text) => text.split(/\s+/));
  return [
    ...(search.length > 0 ? [`search ${search.join(" ")}`] : []),
    ...servers.map((server) => `nameserver ${server}`),
    ...(options.length > 0 ? [`options ${options.join(" ")}`] : []),
    "",
  ].join("\n");
}

/** systemd-resolved's stub is a loopback address; its real servers are in another file. */
function hostResolvers(): string {
  for (const file of ["/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"]) {
    try {
      const text = readFileSync(file, "utf8");
      const isStub =
        /^nameserver\s+127\.0\.0\.53\s*$/m.test(text) && !/^nameserver\s+(?!127\.)/m.test(text);
      if (!isStub) return text;
    } catch {
      // not there: the next one, or none
    }
  }
  return "";
}

/** /run/.containerenv: how programs find out that they run in a container, and in which. */
function containerEnvText(host: Host, container: ContainerRecord): string {
  if (!container.spec.isPrivileged) return "";
  return [
    'engine="cooper"',
    `name="${container.name}"`,
    `id="${container.id}"`,
    `image="${container.resolved.imageName}"`,
    `imageid="${container.imageId ?? ""}"`,
    `rootless=${host.isRootless ? 1 : 0}`,
    "",
  ].join("\n");
}
