/** The mounts that every container has: /proc, /dev, /sys, /dev/shm and what belongs into them. */
import type { RuntimeMount } from "../../oci/runtime-spec.ts";
import { runsSystemd } from "./command.ts";
import type { RuntimeInput } from "./input.ts";
import { isUnmasked } from "./kernel-paths.ts";
import { hasCgroupNamespace, hasUserNamespace, isMapped, sharesSys } from "./namespaces.ts";

/** In the order that Podman writes them. */
export function defaultMounts(input: RuntimeInput): RuntimeMount[] {
  return [
    proc(input),
    mount("/dev", "tmpfs", ["nosuid", "noexec", "strictatime", "mode=755", "size=65536k"]),
    ...sys(input),
    mount("/dev/pts", "devpts", [
      "nosuid",
      "noexec",
      "newinstance",
      "ptmxmode=0666",
      "mode=0620",
      ...(hasTtyGroup(input) ? ["gid=5"] : []),
    ]),
    ...mqueue(input),
  ];
}

/** The host's where its pid namespace is shared, or where the kernel refuses a new one. */
function proc(input: RuntimeInput): RuntimeMount {
  const { spec, canMountProc, isRootless, namespaces: joined } = input;
  const isForeign =
    spec.pid.kind === "host" && joined.pid === undefined && (isRootless || hasUserNamespace(input));
  const hardened = ["nosuid", "noexec", "nodev"];
  if (isForeign || !canMountProc) return bind("/proc", "/proc", ["rbind", ...hardened]);
  const positive: Record<string, string> = { nosuid: "suid", noexec: "exec", nodev: "dev" };
  const kept = hardened.filter((option) => !spec.procOptions.includes(positive[option] ?? ""));
  return mount("/proc", "proc", [...new Set([...kept, ...spec.procOptions])]);
}

function sys(input: RuntimeInput): RuntimeMount[] {
  const hardened = ["nosuid", "noexec", "nodev"];
  const access = input.spec.isPrivileged ? "rw" : "ro";
  if (sharesSys(input)) return [bind("/sys", "/sys", ["rprivate", ...hardened, access, "rbind"])];
  return [mount("/sys", "sysfs", [...hardened, access]), cgroup(input)];
}

/** Writable for who may do all, and for systemd, which manages its own part of the tree. */
function cgroup(input: RuntimeInput): RuntimeMount {
  const { spec, cgroup: place } = input;
  const target = "/sys/fs/cgroup";
  const isUnified = place.version === 2;
  if (isUnified && runsSystemd(spec, input.image)) {
    return hasCgroupNamespace(input)
      ? { destination: target, type: "cgroup", source: "cgroup", options: ["private", "rw"] }
      : bind(target, target, ["bind", "private", "rw"]);
  }
  const isWritable = spec.isPrivileged || (isUnified && isUnmasked(spec.unmask, target));
  return mount(target, "cgroup", [
    "rprivate",
    "nosuid",
    "noexec",
    "nodev",
    "relatime",
    isWritable ? "rw" : "ro",
  ]);
}

function mqueue(input: RuntimeInput): RuntimeMount[] {
  const { spec, isRootless, hasMqueue, namespaces: joined } = input;
  if (!hasMqueue) return [];
  const hardened = ["nosuid", "noexec", "nodev"];
  const isForeign =
    spec.ipc.kind === "host" && joined.ipc === undefined && (isRootless || hasUserNamespace(input));
  return [
    isForeign
      ? bind("/dev/mqueue", "/dev/mqueue", ["bind", ...hardened])
      : mount("/dev/mqueue", "mqueue", hardened),
  ];
}

/** devpts refuses a group that has no meaning in the user namespace. */
function hasTtyGroup({ idMappings, engineIdMappings }: RuntimeInput): boolean {
  const mappings = idMappings ?? engineIdMappings;
  return mappings === null || isMapped(mappings.gids, 5);
}

/** /dev/shm: the engine's, which others can join, or a new one; with `--ipc none` none at all. */
export function sharedMemory({ spec, settings, shmPath }: RuntimeInput): RuntimeMount[] {
  const hardened = ["nosuid", "noexec", "nodev"];
  if (spec.ipc.kind === "none") return [];
  if (shmPath !== null) return [bind(shmPath, "/dev/shm", ["bind", "rprivate", ...hardened])];
  const size = spec.resources.shmSizeBytes ?? settings.shmSizeBytes;
  return [
    {
      destination: "/dev/shm",
      type: "tmpfs",
      source: "shm",
      options: [...hardened, "mode=1777", `size=${size}`],
    },
  ];
}

function mount(destination: string, type: string, options: readonly string[]): RuntimeMount {
  return { destination, type, source: type, options };
}

function bind(source: string, destination: string, options: readonly string[]): RuntimeMount {
  return { destination, type: "bind", source, options };
}
