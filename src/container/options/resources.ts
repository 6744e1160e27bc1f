/** Limits. */
import { byteSize, decimal, flagSwitch, integer, listOf, string } from "../../option.ts";
import type { ContainerSpec, DeviceLimit, Resources, Ulimit } from "../spec.ts";
import { option, refused, type SpecOption, splitPair } from "./declare.ts";

const windows = "it is for Windows only";

type NumberKey = {
  [K in keyof Resources]: Resources[K] extends number | null ? K : never;
}[keyof Resources];
type LimitKey = {
  [K in keyof Resources]: Resources[K] extends DeviceLimit[] ? K : never;
}[keyof Resources];

function bytes(
  flag: `--${string}`,
  key: NumberKey,
  help: string,
  api: string,
  more: Partial<SpecOption> = {},
): SpecOption {
  return option(
    flag,
    byteSize,
    help,
    (spec, value) => {
      spec.resources[key] = value;
    },
    { ...(more as object), api },
  );
}

function count(
  flag: `--${string}`,
  key: NumberKey,
  help: string,
  api: string,
  range: { min: number; max?: number },
  more: Partial<SpecOption> = {},
): SpecOption {
  return option(
    flag,
    integer,
    help,
    (spec, value) => {
      if (value < range.min || value > (range.max ?? Number.MAX_SAFE_INTEGER)) {
        throw new Error(
          range.max === undefined
            ? `must be at least ${range.min}`
            : `must be from ${range.min} to ${range.max}`,
        );
      }
      spec.resources[key] = value;
    },
    { ...(more as object), api },
  );
}

function rate(
  flag: `--${string}`,
  key: LimitKey,
  help: string,
  parse: (text: string) => number,
): SpecOption {
  return option(flag, listOf({ ...string, placeholder: "DEVICE:RATE" }), help, (spec, text) => {
    const at = text.lastIndexOf(":");
    const path = text.slice(0, at);
    if (at < 0 || !path.startsWith("/dev/")) throw new Error("must be /dev/NAME:RATE");
    const value = parse(text.slice(at + 1));
    if (value < 0) throw new Error("a rate is not negative");
    (spec.resources[key] as DeviceLimit[]).push({ path, value });
  });
}

const cpuList = {
  ...string,
  placeholder: "LIST",
  parse(text: string) {
    if (!/^\d+(-\d+)?(,\d+(-\d+)?)*$/.test(text)) throw new Error("must be a list such as 0-2,4");
    return text;
  },
};

const memorySwap = {
  ...byteSize,
  parse: (text: string) => (text === "-1" ? -1 : byteSize.parse(text)),
};

const limitNames = [
  "core",
  "cpu",
  "data",
  "fsize",
  "locks",
  "memlock",
  "msgqueue",
  "nice",
  "nofile",
  "nproc",
  "rss",
  "rtprio",
  "rttime",
  "sigpending",
  "stack",
  "as",
];

/** `nofile=1024:2048`; `host` keeps the caller's. */
export function parseUlimit(text: string): Ulimit {
  const [name, values] = splitPair(text.toLowerCase().replace(/^rlimit_/, ""));
  if (!limitNames.includes(name))
    throw new Error(`"${name}" is no resource limit (${limitNames.join(", ")})`);
  const number = (part: string) => {
    if (part === "-1" || part === "unlimited") return -1;
    if (!/^\d+$/.test(part)) throw new Error(`"${part}" is not a whole number`);
    return Number(part);
  };
  const [soft = "", hard = soft, ...more] = values.split(":");
  if (more.length > 0) throw new Error("must be NAME=SOFT[:HARD]");
  const limit = { name, soft: number(soft), hard: number(hard) };
  if (limit.hard >= 0 && (limit.soft < 0 || limit.soft > limit.hard))
    throw new Error("the soft limit is above the hard one");
  return limit;
}

export const resourceOptions: readonly SpecOption[] = [
  bytes("--memory", "memoryBytes", "Memory limit", "HostConfig.Memory", {
    short: "-m",
    compose: "mem_limit",
    quadlet: "Memory",
  }),
  bytes(
    "--memory-reservation",
    "memoryReservationBytes",
    "Memory kept for it when memory is short",
    "HostConfig.MemoryReservation",
  ),
  option(
    "--memory-swap",
    memorySwap,
    "Memory and swap together; -1: no limit of swap",
    (spec, value) => {
      spec.resources.memorySwapBytes = value;
    },
    { api: "HostConfig.MemorySwap", compose: "memswap_limit" },
  ),
  count(
    "--memory-swappiness",
    "memorySwappiness",
    "How willingly it is swapped out",
    "HostConfig.MemorySwappiness",
    { min: -1, max: 100 },
  ),
  option(
    "--oom-kill-disable",
    flagSwitch,
    "Do not kill it when memory runs out",
    (spec, isOn) => {
      spec.resources.oomKillDisable = isOn;
    },
    { api: "HostConfig.OomKillDisable" },
  ),
  count(
    "--oom-score-adj",
    "oomScoreAdjust",
    "How likely it is killed when memory runs out",
    "HostConfig.OomScoreAdj",
    { min: -1000, max: 1000 },
    { compose: "oom_score_adj" },
  ),
  count(
    "--cpu-shares",
    "cpuShares",
    "Weight among others",
    "HostConfig.CpuShares",
    { min: 0 },
    { short: "-c", compose: "cpu_shares" },
  ),
  count(
    "--cpu-period",
    "cpuPeriodMicroseconds",
    "Period of the CPU quota in microseconds",
    "HostConfig.CpuPeriod",
    { min: 0 },
  ),
  count(
    "--cpu-quota",
    "cpuQuotaMicroseconds",
    "CPU time in a period in microseconds",
    "HostConfig.CpuQuota",
    { min: -1 },
  ),
  count(
    "--cpu-rt-period",
    "cpuRealtimePeriodMicroseconds",
    "Real-time period in microseconds (cgroup v1)",
    "HostConfig.CpuRealtimePeriod",
    { min: 0 },
  ),
  count(
    "--cpu-rt-runtime",
    "cpuRealtimeRuntimeMicroseconds",
    "Real-time CPU time in microseconds (cgroup v1)",
    "HostConfig.CpuRealtimeRuntime",
    { min: 0 },
  ),
  option("--cpus", { ...decimal, placeholder: "NUMBER" }, "How many CPUs' worth of time", setCpus, {
    api: "HostConfig.NanoCpus",
    compose: "cpus",
  }),
  option(
    "--cpuset-cpus",
    cpuList,
    "CPUs that it may run on",
    (spec, text) => {
      spec.resources.cpusetCpus = text;
    },
    { api: "HostConfig.CpusetCpus", compose: "cpuset" },
  ),
  option(
    "--cpuset-mems",
    cpuList,
    "Memory nodes that it may use",
    (spec, text) => {
      spec.resources.cpusetMems = text;
    },
    { api: "HostConfig.CpusetMems" },
  ),
  count("--blkio-weight", "blkioWeight", "Weight of its block I/O", "HostConfig.BlkioWeight", {
    min: 10,
    max: 1000,
  }),
  rate("--blkio-weight-device", "blkioWeightDevice", "Weight for a device", (text) =>
    integer.parse(text),
  ),
  rate("--device-read-bps", "deviceReadBps", "Bytes a second read from a device", (text) =>
    byteSize.parse(text),
  ),
  rate("--device-write-bps", "deviceWriteBps", "Bytes a second written to a device", (text) =>
    byteSize.parse(text),
  ),
  rate("--device-read-iops", "deviceReadIops", "Reads a second from a device", (text) =>
    integer.parse(text),
  ),
  rate("--device-write-iops", "deviceWriteIops", "Writes a second to a device", (text) =>
    integer.parse(text),
  ),
  count(
    "--pids-limit",
    "pidsLimit",
    "How many processes; -1: no limit",
    "HostConfig.PidsLimit",
    { min: -1 },
    { defaultText: "2048", compose: "pids_limit", quadlet: "PidsLimit" },
  ),
  option(
    "--cgroup-conf",
    listOf({ ...string, placeholder: "FILE=VALUE" }),
    "Write into a file of its cgroup (v2)",
    (spec, text) => {
      const [name, value] = splitPair(text);
      if (!/^[a-z0-9_.]+$/.test(name)) throw new Error(`"${name}" is no file of a cgroup`);
      spec.resources.unified[name] = value;
    },
  ),
  option(
    "--ulimit",
    listOf({ ...string, placeholder: "NAME=SOFT[:HARD]" }),
    "Resource limit",
    (spec, text) => {
      if (text === "host") spec.resources.ulimits = [{ name: "host", soft: -1, hard: -1 }];
      else spec.resources.ulimits.push(parseUlimit(text));
    },
    { api: "HostConfig.Ulimits", compose: "ulimits", quadlet: "Ulimit" },
  ),
  bytes("--shm-size", "shmSizeBytes", "Size of /dev/shm", "HostConfig.ShmSize", {
    defaultText: "64m",
    compose: "shm_size",
    quadlet: "ShmSize",
  }),
  bytes(
    "--shm-size-systemd",
    "shmSizeSystemdBytes",
    "Size of the tmpfs on /run and /run/lock for systemd",
    "HostConfig.ShmSizeSystemd",
  ),
  option(
    "--rdt-class",
    { ...string, placeholder: "CLASS" },
    "Class of resource control (resctrl)",
    (spec, name) => {
      spec.resources.rdtClass = name;
    },
  ),
  refused("--cpu-count", integer, "CPUs", windows),
  refused("--cpu-percent", integer, "CPU percent", windows),
  refused("--io-maxbandwidth", byteSize, "I/O bandwidth", windows),
  refused("--io-maxiops", integer, "I/O operations", windows),
  {
    flag: "--kernel-memory",
    type: byteSize,
    help: "Kernel memory limit",
    ignored: "the kernel has no such limit any more",
  },
];

function setCpus(spec: ContainerSpec, cpus: number): void {
  if (cpus < 0) throw new Error("must not be negative");
  if (cpus === 0) return; // no limit, as both peers have it
  spec.resources.cpuPeriodMicroseconds = 100_000;
  spec.resources.cpuQuotaMicroseconds = Math.round(cpus * 100_000);
}
