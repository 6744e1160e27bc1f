/** How control groups are laid out on this host (cgroups(7)). */
import { accessSync, constants, existsSync, readFileSync, statfsSync, writeFile } from "node:fs";

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
    return statfsSync("/sys/fs/cgroup").type === cgroup2Magic;
  } catch {
    return false; // not mounted: nothing can be limited either way
  }
}

/** The cgroup of this process in the unified hierarchy, as a path below the mount point. */
export function ownCgroup(): string {
  const line = readFileSync("/proc/self/cgroup", "latin1")
    .split("\n")
    .find((text) => text.startsWith("0::"));
  return line?.slice(3) ?? "/";
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
  if (!existsSync("/sys/fs/cgroup")) return false;
  if (!isRootless) return isWritable("/sys/fs/cgroup") || cgroupVersion() === 1;
  if (cgroupVersion() === 1) return false;
  return manager === "systemd" || isWritable(`/sys/fs/cgroup${ownCgroup()}`);
}

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false; // read-only mount, or not ours
  }
}
