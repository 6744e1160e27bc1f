/** All mounts of a container in the order in which they are done: parents before what is in them. */
import { posix } from "node:path";
import { CooperError } from "../../errors.ts";
import type { RuntimeMount } from "../../oci/runtime-spec.ts";
import { initTarget, runsSystemd, wantsInit } from "./command.ts";
import { defaultMounts, sharedMemory } from "./default-mounts.ts";
import type { RuntimeInput } from "./input.ts";
import { userMount } from "./user-mounts.ts";

/**
 * The defaults, the files made for the container, and the user's. Of several with the same target the
 * strongest stays: the user's, then those of --read-only and systemd, then ours.
 */
export function mounts(input: RuntimeInput): RuntimeMount[] {
  const own = input.mounts.map((mount) => userMount(input, mount));
  refuseDoubles(own);
  const byTarget = new Map<string, RuntimeMount>();
  const layers = [
    defaultMounts(input),
    sharedMemory(input),
    fileMounts(input),
    initMount(input),
    deviceMounts(input),
    writableMounts(input),
    notifyMount(input),
    systemdMounts(input),
    own,
    input.edits.mounts,
  ];
  for (const mount of layers.flat()) byTarget.set(mount.destination, mount);
  const hidden = own.some(({ destination, type }) => destination === "/dev" && type === "bind");
  return [...byTarget.values()]
    .filter((mount) => !hidden || own.includes(mount) || !mount.destination.startsWith("/dev/"))
    .map((mount, index) => ({ mount, index, depth: mount.destination.split("/").length }))
    .sort((a, b) => a.depth - b.depth || a.index - b.index)
    .map(({ mount }) => mount);
}

function refuseDoubles(own: readonly RuntimeMount[]): void {
  const seen = new Set<string>();
  for (const { destination } of own) {
    if (seen.has(destination)) {
      throw new CooperError("invalid-argument", `two mounts have the same target ${destination}`);
    }
    seen.add(destination);
  }
}

/** The names, resolvers and accounts that are the container's own. */
function fileMounts({ files, spec }: RuntimeInput): RuntimeMount[] {
  const inEtc: readonly (readonly [string, string | null | undefined])[] = [
    ["/etc/hosts", files.hosts],
    ["/etc/resolv.conf", files.resolvConf],
    ["/etc/hostname", files.hostname],
    ["/etc/passwd", files.passwd],
    ["/etc/group", files.group],
    ["/etc/localtime", files.localtime],
  ];
  const roots = [
    "",
    ...spec.chrootDirectories.map((directory) => posix.join("/", directory).replace(/\/$/, "")),
  ];
  const all = [
    ...inEtc.flatMap(([target, source]) =>
      roots.map((root): readonly [string, typeof source] => [`${root}${target}`, source]),
    ),
    ["/run/.containerenv", files.containerEnv] as const,
  ];
  const access = spec.isReadOnly ? ["ro", "nosuid", "noexec", "nodev"] : [];
  return all.flatMap(([target, source]) => {
    if (source === null || source === undefined) return [];
    // the zone of the host is not the container's to change
    const own = target.endsWith("/etc/localtime") ? ["ro", "nosuid", "noexec", "nodev"] : access;
    return [bind(source, target, ["bind", "rprivate", ...own])];
  });
}

function initMount(input: RuntimeInput): RuntimeMount[] {
  if (!wantsInit(input)) return [];
  if (input.initPath === null) {
    throw new CooperError("missing-helper", "no init program was found for --init", {
      hint: "apt-get install catatonit",
    });
  }
  return [bind(input.initPath, initTarget, ["bind", "ro", "nosuid", "nodev"])];
}

/** Device nodes cannot be made in a user namespace (mknod(2)): those of the host are bound. */
function deviceMounts({ isRootless, devices }: RuntimeInput): RuntimeMount[] {
  if (!isRootless) return [];
  return devices.map(({ source, path, access }) =>
    bind(source, path, ["slave", "nosuid", "noexec", access.includes("w") ? "rw" : "ro", "rbind"]),
  );
}

const tmpfsOptions = ["rw", "rprivate", "nosuid", "nodev", "tmpcopyup"];

/** --read-only leaves the places where every program wants to write. */
function writableMounts({ spec }: RuntimeInput): RuntimeMount[] {
  if (!spec.isReadOnly || !spec.readOnlyTmpfs) return [];
  return ["/run", "/tmp", "/var/tmp"].map((target) => tmpfs(target, tmpfsOptions));
}

/** sd_notify(3) of the container leads to conmon's socket. */
function notifyMount({ notifyDirectory }: RuntimeInput): RuntimeMount[] {
  if (notifyDirectory === null) return [];
  return [bind(notifyDirectory, "/run/notify", ["bind", "rprivate", "nosuid", "noexec", "nodev"])];
}

/** What systemd asks of a container manager (systemd.io, "Container Interface"). */
function systemdMounts(input: RuntimeInput): RuntimeMount[] {
  const { spec, cgroup } = input;
  if (!runsSystemd(spec, input.image)) return [];
  const size = spec.resources.shmSizeSystemdBytes;
  const sized = size === null || size === 0 ? tmpfsOptions : [...tmpfsOptions, `size=${size}`];
  const temporary = [
    ...["/run", "/run/lock"].map((target) => tmpfs(target, sized)),
    ...["/tmp", "/var/log/journal"].map((target) => tmpfs(target, tmpfsOptions)),
  ];
  if (cgroup.version === 2 || cgroup.hasSystemdHierarchy !== true) return temporary;
  const systemd = "/sys/fs/cgroup/systemd";
  return [...temporary, bind(systemd, systemd, ["bind", "rprivate", "nosuid", "noexec", "nodev"])];
}

function bind(source: string, destination: string, options: readonly string[]): RuntimeMount {
  return { destination, type: "bind", source, options };
}

function tmpfs(destination: string, options: readonly string[]): RuntimeMount {
  return { destination, type: "tmpfs", source: "tmpfs", options };
}
