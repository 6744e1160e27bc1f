/** `info`: the engine and the machine, as facts. */
import { existsSync, readFileSync, statfsSync } from "node:fs";
import { cpus, freemem, hostname, release, totalmem, uptime } from "node:os";
import { findRuntime } from "../container/runtime-choice.ts";
import { driverName } from "../container/storage.ts";
import { summarize } from "../container/summary.ts";
import { messageOf } from "../errors.ts";
import type { Host } from "../host.ts";
import { hostPlatform } from "../oci/platform.ts";
import { listImages } from "../records/images.ts";
import { cgroupVersion } from "../system/cgroup.ts";
import { parseIdMap } from "../system/own-limits.ts";
import { findProgram } from "../system/program.ts";

/** A program that we stand on. */
export interface ProgramInfo {
  readonly path: string;
  /** Whatever it says of itself; empty where it is not there. */
  readonly version: string;
}

export interface EngineInfo {
  readonly architecture: string;
  readonly cgroupManager: "systemd" | "cgroupfs";
  readonly cgroupVersion: 1 | 2;
  readonly cgroupControllers: readonly string[];
  /** Whether limits can be set. */
  readonly canLimit: boolean;
  readonly conmon: ProgramInfo;
  readonly runtime: ProgramInfo & { readonly name: string };
  readonly cpus: number;
  readonly distribution: { readonly id: string; readonly version: string; readonly name: string };
  readonly eventLogger: string;
  readonly hostname: string;
  readonly kernel: string;
  readonly logDriver: string;
  readonly memoryBytes: number;
  readonly freeMemoryBytes: number;
  readonly swapBytes: number;
  readonly freeSwapBytes: number;
  readonly uptimeSeconds: number;
  readonly isRootless: boolean;
  readonly hasAppArmor: boolean;
  readonly hasSelinux: boolean;
  readonly hasSeccomp: boolean;
  readonly capabilities: readonly string[];
  readonly idMappings: {
    readonly uids: readonly IdRange[];
    readonly gids: readonly IdRange[];
  } | null;
  readonly root: string;
  readonly run: string;
  readonly volumes: string;
  readonly storageDriver: string;
  readonly fileSystem: string;
  /** Of the file system that holds the store. */
  readonly diskBytes: number;
  readonly usedDiskBytes: number;
  readonly images: number;
  readonly containers: { readonly running: number; readonly paused: number; readonly all: number };
  /** null: no limit. */
  readonly maxStorageBytes: number | null;
}

export interface IdRange {
  readonly container_id: number;
  readonly host_id: number;
  readonly size: number;
}

/** Looks around. Starts the runtime and conmon once each, to ask what they are. */
export async function engineInfo(host: Host): Promise<EngineInfo> {
  const containers = summarize(host);
  const count = (state: string) => containers.filter((one) => one.state === state).length;
  const memory = memoryInfo();
  const disk = statfsSync(existsSync(host.paths.root) ? host.paths.root : "/");
  return {
    architecture: hostPlatform().architecture,
    cgroupManager: host.settings.cgroupManager,
    cgroupVersion: cgroupVersion(),
    cgroupControllers: controllers(),
    canLimit: host.canLimit,
    conmon: programInfo(host.settings.conmonPath ?? findProgram("conmon")),
    runtime: await runtimeInfo(host),
    cpus: cpus().length,
    distribution: distribution(),
    eventLogger: host.settings.eventsLogger ?? "file",
    hostname: hostname(),
    kernel: release(),
    logDriver: host.settings.logDriver,
    memoryBytes: totalmem(),
    freeMemoryBytes: freemem(),
    swapBytes: (memory.SwapTotal ?? 0) * 1024,
    freeSwapBytes: (memory.SwapFree ?? 0) * 1024,
    uptimeSeconds: uptime(),
    isRootless: host.isRootless,
    hasAppArmor: existsSync("/sys/kernel/security/apparmor/profiles"),
    hasSelinux: existsSync("/sys/fs/selinux/enforce"),
    hasSeccomp: /^Seccomp:/m.test(readFileSync("/proc/self/status", "latin1")),
    capabilities: host.settings.defaultCapabilities,
    idMappings: host.isRootless ? idMappings(host) : null,
    root: host.paths.root,
    run: host.paths.run,
    volumes: host.paths.volumes,
    storageDriver: driverName(host),
    fileSystem: fileSystemName(disk.type),
    diskBytes: disk.blocks * disk.bsize,
    usedDiskBytes: (disk.blocks - disk.bfree) * disk.bsize,
    images: listImages(host.database).length,
    containers: { running: count("running"), paused: count("paused"), all: containers.length },
    maxStorageBytes: host.settings.storageMaxBytes,
  };
}

function programInfo(path: string | null | undefined): ProgramInfo {
  if (!path) return { path: "", version: "" };
  const asked = Bun.spawnSync([path, "--version"], { stdio: ["ignore", "pipe", "ignore"] });
  return { path, version: asked.success ? asked.stdout.toString().trim() : "" };
}

async function runtimeInfo(host: Host): Promise<EngineInfo["runtime"]> {
  try {
    const { name, path } = await findRuntime(host, null, host.settings.cgroupManager);
    return { name, ...programInfo(path) };
  } catch (error) {
    return { name: "none", path: "", version: messageOf(error) };
  }
}

function controllers(): string[] {
  const file = cgroupVersion() === 2 ? "/sys/fs/cgroup/cgroup.controllers" : "/proc/cgroups";
  const text = readOr(file, "");
  if (cgroupVersion() === 2) return text.trim().split(" ");
  const rows = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return rows.flatMap((line) => {
    const [name = "", , , isEnabled] = line.split("\t");
    return isEnabled === "1" ? [name] : [];
  });
}

/** os-release(5). */
function distribution(): EngineInfo["distribution"] {
  const text = readOr("/etc/os-release", readOr("/usr/lib/os-release", ""));
  const value = (key: string) =>
    new RegExp(`^${key}=(.*)$`, "m").exec(text)?.[1]?.replace(/^["']|["']$/g, "") ?? "";
  return {
    id: value("ID") || "unknown",
    version: value("VERSION_ID") || "unknown",
    name: value("PRETTY_NAME") || "Linux",
  };
}

/** proc(5), /proc/meminfo: in KiB. */
function memoryInfo(): Record<string, number> {
  const rows = readOr("/proc/meminfo", "").matchAll(/^(\w+):\s+(\d+)/gm);
  return Object.fromEntries([...rows].map(([, name = "", amount]) => [name, Number(amount)]));
}

/** Those of the namespace that containers of this user live in, once there is one. */
function idMappings(host: Host): EngineInfo["idMappings"] {
  const pid = readOr(host.paths.pausePid, "").split(" ")[0] || "self";
  const ranges = (kind: "uid" | "gid") =>
    parseIdMap(readOr(`/proc/${pid}/${kind}_map`, "")).map(({ inside, outside, size }) => ({
      container_id: inside,
      host_id: outside,
      size,
    }));
  return { uids: ranges("uid"), gids: ranges("gid") };
}

/** statfs(2), f_type, in the words of docker and podman. */
function fileSystemName(type: number): string {
  const names: Record<number, string> = {
    61267: "extfs",
    2435016766: "btrfs",
    1481003842: "xfs",
    16914836: "tmpfs",
    801189825: "zfs",
    2035054128: "overlayfs",
    4076150800: "f2fs",
    26985: "nfs",
  };
  return names[type] ?? `0x${type.toString(16)}`;
}

function readOr(file: string, otherwise: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return otherwise; // not on this machine, or not for us to read
  }
}
