/** The files that are made for a container and bound over the image's: names, resolvers, its host name. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CooperError, errnoName, messageOf } from "../errors.ts";
import type { Host } from "../host.ts";
import { resolveContainer } from "../records/containers.ts";
import { readInRoot } from "../system/rooted.ts";
import { hostResolv } from "./host-resolvers.ts";
import { hostsText } from "./hosts-text.ts";
import type { NetworkFacts } from "./networkless.ts";
import type { ContainerRecord } from "./record.ts";
import { resolvText } from "./resolv-text.ts";

/** Paths on the host; null: the image's own file stays. */
export interface EtcFiles {
  readonly hosts: string | null;
  readonly resolvConf: string | null;
  readonly hostname: string | null;
  readonly containerEnv: string | null;
}

const shared = ["hosts", "resolv.conf"] as const;

/**
 * Where the files are, so that they can be bound; those that depend on the network are empty until
 * `writeNetworkFiles`. In another container's network its files are used, and change with it.
 */
export function placeEtcFiles(host: Host, container: ContainerRecord, hostname: string): EtcFiles {
  const { networking } = container.spec;
  const directory = filesOf(host, container);
  const write = (name: string, text: string) => {
    const file = join(directory, name);
    writeFileSync(file, text, { mode: 0o644 });
    return file;
  };
  const other =
    networking.mode.kind === "container"
      ? filesOf(host, resolveContainer(host.database, networking.mode.of))
      : undefined;
  const place = (name: (typeof shared)[number]) => {
    const theirs = other === undefined ? undefined : join(other, name);
    return theirs !== undefined && existsSync(theirs) ? theirs : write(name, "");
  };
  return {
    hosts: managesHosts(host, container) ? place("hosts") : null,
    resolvConf: networking.dns.includes("none") ? null : place("resolv.conf"),
    hostname: networking.managesHostname ? write("hostname", `${hostname}\n`) : null,
    containerEnv: write("containerenv", containerEnvText(host, container)),
  };
}

function filesOf(host: Host, { id }: ContainerRecord): string {
  const { files } = host.paths.container(id);
  mkdirSync(files, { recursive: true, mode: 0o755 });
  return files;
}

const managesHosts = (host: Host, { spec }: ContainerRecord) =>
  spec.networking.managesHosts ?? !host.settings.noHosts;

/**
 * Writes what depends on the network, in place, since the files are bound: anew at each start, because
 * the host's resolvers may have changed, and when a running container's networks change.
 */
export function writeNetworkFiles(
  host: Host,
  container: ContainerRecord,
  hostname: string,
  facts: NetworkFacts,
): void {
  const { networking } = container.spec;
  if (networking.mode.kind === "container") return; // they are the other's
  const directory = filesOf(host, container);
  const write = (name: (typeof shared)[number], text: string) => {
    writeFileSync(join(directory, name), text, { mode: 0o644 });
  };
  if (managesHosts(host, container)) {
    const { extraHosts, hostsFile } = networking;
    const base = baseHosts(hostsFile ?? host.settings.baseHostsFile, container, host);
    write("hosts", hostsText({ extraHosts, base, hostname, name: container.name, facts }));
  }
  if (!networking.dns.includes("none"))
    write("resolv.conf", resolvText(networking, host.settings, facts, hostResolv(facts.isShared)));
}

/** `none`, `image`, or a file; the host's own where nothing was asked. */
function baseHosts(file: string | null, container: ContainerRecord, host: Host): string {
  if (file === "none") return "";
  if (file === "image") return readInImage(host, container);
  try {
    return readFileSync(file === null || file === "" ? "/etc/hosts" : file, "utf8");
  } catch (error) {
    if ((file === null || file === "") && errnoName(error) === "ENOENT") return "";
    throw new CooperError("invalid-argument", `cannot read the hosts file: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

function readInImage(host: Host, container: ContainerRecord): string {
  return readInRoot(host.paths.container(container.id).merged, "/etc/hosts") ?? "";
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
