/** What this process may and may not hand on: resource limits, capabilities, id mappings. */
import { readFileSync, readlinkSync } from "node:fs";
import { capabilitySet } from "./process.ts";

/** Names of proc(5), /proc/PID/limits, by their RLIMIT name. */
const limitNames: Record<string, string> = {
  "Max cpu time": "cpu",
  "Max file size": "fsize",
  "Max data size": "data",
  "Max stack size": "stack",
  "Max core file size": "core",
  "Max resident set": "rss",
  "Max processes": "nproc",
  "Max open files": "nofile",
  "Max locked memory": "memlock",
  "Max address space": "as",
  "Max file locks": "locks",
  "Max pending signals": "sigpending",
  "Max msgqueue size": "msgqueue",
  "Max nice priority": "nice",
  "Max realtime priority": "rtprio",
  "Max realtime timeout": "rttime",
};

/** Our own resource limits; -1 is unlimited. */
export function ownRlimits(): Record<string, { soft: number; hard: number }> {
  const number = (text: string | undefined) =>
    text === "unlimited" || text === undefined ? -1 : Number(text);
  const limits: Record<string, { soft: number; hard: number }> = {};
  for (const line of readFileSync("/proc/self/limits", "latin1").split("\n").slice(1)) {
    const name = limitNames[line.slice(0, 25).trim()];
    if (name !== undefined)
      limits[name] = {
        soft: number(line.slice(26, 46).trim()),
        hard: number(line.slice(47, 67).trim()),
      };
  }
  return limits;
}

/** capabilities(7), in the order of their numbers. */
const capabilityNames = (
  "CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE " +
  "NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN " +
  "SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE " +
  "MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE"
).split(" ");

/** The names of the capabilities that can be given to a container at all. */
export function boundingCapabilities(): string[] {
  const set = capabilitySet("CapPrm");
  return capabilityNames
    .filter((_, number) => (set >> BigInt(number)) & 1n)
    .map((name) => `CAP_${name}`);
}

/** A line of a file of user_namespaces(7). */
export interface IdRange {
  readonly inside: number;
  readonly outside: number;
  readonly size: number;
}

/** Our own uid_map or gid_map. */
export function idMap(file: "uid_map" | "gid_map"): IdRange[] {
  return parseIdMap(readFileSync(`/proc/self/${file}`, "latin1"));
}

/** How many ids our own user namespace has, from 0 on. */
export function idCount(file: "uid_map" | "gid_map"): number {
  return idMap(file).reduce((most, { inside, size }) => Math.max(most, inside + size), 0);
}

/** The text of such a file. */
export function parseIdMap(text: string): IdRange[] {
  return text
    .trim()
    .split("\n")
    .map((line) => {
      const [inside = 0, outside = 0, size = 0] = line.trim().split(/\s+/).map(Number);
      return { inside, outside, size };
    });
}

/** Our own oom_score_adj. */
export function ownOomScoreAdjust(): number {
  return Number(readFileSync("/proc/self/oom_score_adj", "latin1"));
}

/**
 * Whether a new procfs can be mounted. Within a container whose own one is partly covered the kernel
 * refuses it to a user namespace (mount_namespaces(7), "mount_too_revealing").
 */
export function canMountProc(isInUserNamespace: boolean): boolean {
  if (!isInUserNamespace) return true;
  return !readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .some((line) => {
      const path = line.split(" ")[4] ?? "";
      // what is on a directory that is always empty covers nothing
      return path.startsWith("/proc/") && path !== "/proc/sys/fs/binfmt_misc";
    });
}

/** Whether somebody's container is around us (linux/proc_ns.h, PROC_PID_INIT_INO). */
export function isInContainer(): boolean {
  return readNamespace("pid") !== "pid:[4026531836]";
}

function readNamespace(kind: string): string {
  return readlinkSync(`/proc/self/ns/${kind}`);
}

/** Whether only one id is mapped here, so that no owner can be kept (user_namespaces(7), uid_map). */
export function mapsSingleId(): boolean {
  const lengths = readFileSync("/proc/self/uid_map", "latin1")
    .trim()
    .split("\n")
    .map((line) => Number(line.trim().split(/\s+/)[2]));
  return lengths.reduce((sum, length) => sum + length, 0) <= 1;
}
