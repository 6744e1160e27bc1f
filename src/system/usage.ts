/** What processes use: read from their control group, or added up where they have none of their own. */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { cgroupVersion } from "./cgroup.ts";

/** Totals since the start; 0 where the kernel does not tell. */
export interface Usage {
  readonly cpuNanoseconds: number;
  /** Without what the kernel could drop at once (inactive page cache), as both peers count. */
  readonly memoryBytes: number;
  /** null: no limit but the machine's. */
  readonly memoryLimitBytes: number | null;
  readonly pids: number;
  readonly readBytes: number;
  readonly writtenBytes: number;
}

/** Bytes over all interfaces but the loopback, as seen from inside. */
export interface NetworkUsage {
  readonly receivedBytes: number;
  readonly sentBytes: number;
}

/** A cgroup v1 without a limit says the largest number that pages allow. */
const noLimit = 2 ** 60;

/**
 * The usage of the control group that process `pid` is in, given that its path names `id`; else, as for
 * an ordinary user without delegation, that of the processes in its pid namespace. Undefined when the
 * process has ended.
 */
export function usageOf(pid: number, id: string): Usage | undefined {
  const text = readOr(`/proc/${pid}/cgroup`);
  if (text === undefined) return undefined;
  const paths = cgroupPaths(text);
  const own = [...paths.values()].some((path) => path.includes(id));
  if (!own) return processUsage(pid);
  return cgroupVersion() === 2 ? unifiedUsage(paths.get("") ?? "/") : legacyUsage(paths);
}

/** proc(5), /proc/PID/cgroup: path by controller; "" is the unified hierarchy. */
export function cgroupPaths(text: string): Map<string, string> {
  const paths = new Map<string, string>();
  for (const line of text.split("\n")) {
    const [, controllers, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (controllers === undefined || path === undefined) continue;
    for (const name of controllers.split(",")) paths.set(name, path);
  }
  return paths;
}

function unifiedUsage(path: string): Usage {
  const at = (file: string) => readOr(`/sys/fs/cgroup${path}/${file}`) ?? "";
  const limit = at("memory.max").trim();
  return {
    cpuNanoseconds: numberAfter(at("cpu.stat"), "usage_usec") * 1000,
    memoryBytes: Math.max(
      Number(at("memory.current")) - numberAfter(at("memory.stat"), "inactive_file"),
      0,
    ),
    memoryLimitBytes: /^\d+$/.test(limit) ? Number(limit) : null,
    pids: Number(at("pids.current")),
    ...ioTotals(at("io.stat"), /\brbytes=(\d+)/g, /\bwbytes=(\d+)/g),
  };
}

function legacyUsage(paths: ReadonlyMap<string, string>): Usage {
  const at = (controller: string, file: string) =>
    readOr(`/sys/fs/cgroup/${controller}${paths.get(controller) ?? "/"}/${file}`) ?? "";
  const limit = Number(at("memory", "memory.limit_in_bytes"));
  const used = Number(at("memory", "memory.usage_in_bytes"));
  const inactive = numberAfter(at("memory", "memory.stat"), "total_inactive_file");
  return {
    cpuNanoseconds: Number(at("cpuacct", "cpuacct.usage")),
    memoryBytes: Math.max(used - inactive, 0),
    memoryLimitBytes: limit > 0 && limit < noLimit ? limit : null,
    pids: Number(at("pids", "pids.current")),
    ...ioTotals(at("blkio", "blkio.throttle.io_service_bytes"), /\bRead (\d+)/g, /\bWrite (\d+)/g),
  };
}

function ioTotals(text: string, reads: RegExp, writes: RegExp) {
  const sum = (pattern: RegExp) =>
    [...text.matchAll(pattern)].reduce((total, match) => total + Number(match[1]), 0);
  return { readBytes: sum(reads), writtenBytes: sum(writes) };
}

const nanosecondsPerTick = 10_000_000;
const pageBytes = 4096;

function processUsage(pid: number): Usage | undefined {
  const namespace = linkOr(`/proc/${pid}/ns/pid`);
  if (namespace === undefined) return undefined;
  let [cpuNanoseconds, memoryBytes, pids, readBytes, writtenBytes] = [0, 0, 0, 0, 0];
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name) || linkOr(`/proc/${name}/ns/pid`) !== namespace) continue;
    const stat = readOr(`/proc/${name}/stat`);
    if (stat === undefined) continue;
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    // proc(5): utime, stime, cutime and cstime are fields 14 to 17, num_threads 20, rss 24
    cpuNanoseconds +=
      fields.slice(11, 15).reduce((total, ticks) => total + Number(ticks), 0) * nanosecondsPerTick;
    pids += Number(fields[17]);
    memoryBytes += Number(fields[21]) * pageBytes;
    const io = readOr(`/proc/${name}/io`) ?? "";
    readBytes += numberAfter(io, "read_bytes:");
    writtenBytes += numberAfter(io, "write_bytes:");
  }
  return { cpuNanoseconds, memoryBytes, memoryLimitBytes: null, pids, readBytes, writtenBytes };
}

/** What went over the network of a process (proc(5), /proc/PID/net/dev). */
export function networkUsageOf(pid: number): NetworkUsage {
  return networkTotals(readOr(`/proc/${pid}/net/dev`) ?? "");
}

/** Adds up the lines of /proc/net/dev. */
export function networkTotals(text: string): NetworkUsage {
  let [receivedBytes, sentBytes] = [0, 0];
  for (const line of text.split("\n")) {
    const [, name, counters] = /^\s*([^:\s]+):\s*(.*)$/.exec(line) ?? [];
    if (name === undefined || name === "lo") continue;
    const fields = (counters ?? "").split(/\s+/);
    receivedBytes += Number(fields[0]);
    sentBytes += Number(fields[8]);
  }
  return { receivedBytes, sentBytes };
}

/** Memory of the whole machine. */
export function machineMemoryBytes(): number {
  return numberAfter(readOr("/proc/meminfo") ?? "", "MemTotal:") * 1024;
}

/** Time of all CPUs since the boot, idle or not (proc(5), /proc/stat). */
export function machineCpuNanoseconds(): number {
  const [line = ""] = (readOr("/proc/stat") ?? "").split("\n", 1);
  const ticks = line.trim().split(/\s+/).slice(1, 9);
  return ticks.reduce((total, count) => total + Number(count), 0) * nanosecondsPerTick;
}

/** The number behind a word at the beginning of a line. */
function numberAfter(text: string, word: string): number {
  const line = text.split("\n").find((each) => each.startsWith(`${word} `));
  return line === undefined ? 0 : Number.parseInt(line.slice(word.length), 10) || 0;
}

function readOr(file: string): string | undefined {
  try {
    return readFileSync(file, "latin1");
  } catch {
    return undefined; // it has ended, or the kernel has no such controller
  }
}

function linkOr(file: string): string | undefined {
  try {
    return readlinkSync(file);
  } catch {
    return undefined; // it has ended, or belongs to somebody else
  }
}
