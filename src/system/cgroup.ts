/** How control groups are laid out on this host (cgroups(7)). */
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  statfsSync,
  writeFile,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { errnoName } from "../errors.ts";

/** statfs(2) f_type of cgroup2. */
const cgroup2Magic = 0x63677270;

let version: 1 | 2 | undefined;

/** 2 on unified hosts; 1 also on hybrid ones, where the controllers are in the first version. */
export function cgroupVersion(): 1 | 2 {
  version ??= isUnified() ? 2 : 1;
  return version;
}

function isUnified(): boolean {
  try {
    return statfsSync(mountPoint).type === cgroup2Magic;
  } catch {
    return false; // not mounted: nothing can be limited either way
  }
}

const mountPoint = "/sys/fs/cgroup";

/** The cgroup of this process in the unified hierarchy, as a path below the mount point. */
export function ownCgroup(): string {
  return cgroupOf("self");
}

/**
 * The cgroup of a process, as a path below the mount point; with the first version that of its memory
 * controller. Empty where there is none, or no such process.
 */
export function cgroupOf(pid: number | "self"): string {
  let lines: string[];
  try {
    lines = readFileSync(`/proc/${pid}/cgroup`, "latin1").split("\n");
  } catch {
    return ""; // it has ended
  }
  const prefix = cgroupVersion() === 2 ? /^0::/ : /^\d+:([^:]+,)?memory(,[^:]+)?:/;
  const line = lines.find((text) => prefix.test(text));
  return line?.replace(prefix, "") ?? "";
}

/** Where the processes go that were in a cgroup before it was divided. */
const supervisor = "supervisor";

/**
 * Divides the cgroup that this process is in: all in it move to a part of it, since in the second
 * version only leaves may hold processes. Returns the path of the whole, for the other parts.
 */
export function splitOwnCgroup(): string {
  const own = ownCgroup();
  if (basename(own) === supervisor) return dirname(own);
  const processes = readFileSync(join(mountPoint, own, "cgroup.procs"), "latin1");
  for (const pid of processes.split("\n").filter(Boolean))
    moveToCgroup(join(own, supervisor), Number(pid));
  return own;
}

/** Moves a process to a cgroup of the unified hierarchy, made where it is not there. */
export function moveToCgroup(path: string, pid: number): void {
  const directory = join(mountPoint, path);
  mkdirSync(directory, { recursive: true, mode: 0o755 });
  writeFileSync(join(directory, "cgroup.procs"), `${pid}`);
}

/**
 * Takes away a cgroup that nobody is in any more, in all hierarchies that have it. Processes that were
 * killed a moment ago are waited for.
 */
export async function removeCgroup(path: string): Promise<void> {
  const roots =
    cgroupVersion() === 2
      ? [mountPoint]
      : readdirSync(mountPoint).map((name) => join(mountPoint, name));
  for (const root of roots) {
    for (let waits = 0; !removeIfEmpty(join(root, path)) && waits < 50; waits++) await Bun.sleep(2);
  }
}

/** Takes away a cgroup of the unified hierarchy, unless somebody is in it. */
export function removeCgroupIfEmpty(path: string): void {
  removeIfEmpty(join(mountPoint, path));
}

/** Whether it is gone; one that holds others stays. */
function removeIfEmpty(directory: string): boolean {
  try {
    rmdirSync(directory);
    return true;
  } catch (error) {
    const errno = errnoName(error) ?? "";
    if (errno === "EBUSY") return false;
    if (["ENOENT", "ENOTEMPTY", "EROFS", "ENOTDIR", "EPERM"].includes(errno)) return true;
    throw error;
  }
}

/** The most bytes of memory that a cgroup has had; null where its kernel does not tell, or it is gone. */
export function memoryPeak(path: string): number | null {
  const file =
    cgroupVersion() === 2
      ? join(mountPoint, path, "memory.peak")
      : join(mountPoint, "memory", path, "memory.max_usage_in_bytes");
  try {
    return Number(readFileSync(file, "latin1")) || null;
  } catch {
    return null; // before Linux 5.19, or removed
  }
}

/** Whether cgroups can be made below this one. */
export function isWritableCgroup(path: string): boolean {
  return isWritable(join(mountPoint, path));
}

/**
 * Begins a wait that the kernel would make the OCI runtime wait for. Moving a process into a cgroup
 * takes a lock whose first taker in a while waits for an RCU grace period (percpu_rw_semaphore,
 * `cgroup_attach_lock()`): 8 ms here, of 30 that a container needs. Whoever follows within 12 ms gets it
 * at once. So, while conmon still loads, we move ourselves to where we are already, on another thread.
 */
export function anticipateMove(): void {
  writeFile(`${ownCgroupDirectory()}/cgroup.procs`, "0", { flag: "r+" }, () => {
    // where we may not write, the runtime just waits itself
  });
}

/** A directory of the cgroup of this process: in the second version, or of one controller of the first. */
function ownCgroupDirectory(): string {
  if (cgroupVersion() === 2) return `/sys/fs/cgroup${ownCgroup()}`;
  const pids = /^\d+:pids:(.*)$/m.exec(readFileSync("/proc/self/cgroup", "latin1"))?.[1] ?? "/";
  return `/sys/fs/cgroup/pids${pids}`;
}

/** Whether limits can be set: as root where cgroups are writable, as a user where systemd delegated them. */
export function canLimit(isRootless: boolean, manager: "systemd" | "cgroupfs"): boolean {
  if (!existsSync(mountPoint)) return false;
  if (!isRootless) return isWritable(cgroupVersion() === 2 ? mountPoint : `${mountPoint}/pids`);
  if (cgroupVersion() === 1) return false;
  return manager === "systemd" || isWritableCgroup(ownCgroup());
}

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false; // read-only mount, or not ours
  }
}
