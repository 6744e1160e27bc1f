/** Looks at this machine. Starts no program. */
import {
  accessSync,
  constants,
  existsSync,
  readdirSync,
  readFileSync,
  statfsSync,
  statSync,
} from "node:fs";
import { release } from "node:os";
import { dirname } from "node:path";
import { cgroupVersion, ownCgroup } from "../system/cgroup.ts";
import { ownRlimits } from "../system/own-limits.ts";
import { findProgram } from "../system/program.ts";
import { subordinateRanges, userName } from "../system/subordinate-ids.ts";
import { caller } from "../system/userns.ts";
import { readXattr } from "../system/xattr.ts";
import {
  type DeviceState,
  type DiskFacts,
  type HelperProgram,
  type HostFacts,
  helperPrograms,
  type SysctlName,
  sysctlNames,
} from "./host-facts.ts";

/** Where to look, and what the caller knows already. */
export interface HostPlaces {
  readonly root: string;
  readonly run: string;
  readonly canLimit: boolean;
}

/** What can be told without trying. */
export function probeHost({ root, run, canLimit }: HostPlaces): HostFacts {
  const who = caller();
  const user = userName(who.uid);
  const limits = ownRlimits();
  const subordinate = (file: string) =>
    subordinateRanges(text(file), user, who.uid).reduce((sum, { size }) => sum + size, 0);
  const programs = Object.fromEntries(
    helperPrograms.map((name) => [name, findProgram(name) ?? null]),
  ) as Record<HelperProgram, string | null>;
  return {
    isRootless: who.isRootless,
    user,
    kernel: release(),
    sysctls: Object.fromEntries(sysctlNames.map((name) => [name, sysctl(name)])) as Record<
      SysctlName,
      number | null
    >,
    subordinateUids: subordinate("/etc/subuid"),
    subordinateGids: subordinate("/etc/subgid"),
    programs,
    powerless: [programs.newuidmap, programs.newgidmap].filter(
      (path) => path !== null && !hasPower(path),
    ) as string[],
    cgroups: cgroupVersion(),
    controllers: controllers(who.isRootless, who.uid),
    canLimit,
    hasSystemd: existsSync("/run/systemd/system"),
    hasUserSystemd: existsSync(`/run/user/${who.uid}/systemd/private`),
    lingers: existsSync(`/var/lib/systemd/linger/${user}`),
    tun: device("/dev/net/tun"),
    fuse: device("/dev/fuse"),
    hasSeccomp: /^Seccomp:/m.test(text("/proc/self/status")),
    store: disk(root),
    run: disk(run),
    emulated: names("/proc/sys/fs/binfmt_misc").filter((name) => name.startsWith("qemu-")),
    filesLimit: limits.nofile?.soft ?? -1,
    processesLimit: limits.nproc?.soft ?? -1,
    clockBehindSeconds: Math.max(0, newestSystemFile() - Date.now() / 1000),
    tried: null,
  };
}

function text(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return ""; // not on this machine, or not for us to read
  }
}

function names(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return []; // as above
  }
}

function sysctl(name: SysctlName): number | null {
  const value = text(`/proc/sys/${name.replaceAll(".", "/")}`).trim();
  return /^\d+$/.test(value) ? Number(value) : null;
}

/** capabilities(7), "File capabilities"; setuid root does as well. */
function hasPower(path: string): boolean {
  const { mode, uid } = statSync(path);
  return (
    (uid === 0 && (mode & 0o4000) !== 0) || readXattr(path, "security.capability") !== undefined
  );
}

function device(path: string): DeviceState {
  try {
    accessSync(path, constants.R_OK | constants.W_OK);
    return "usable";
  } catch {
    return existsSync(path) ? "forbidden" : "missing";
  }
}

/** Where systemd, or the cgroup that we are in ourselves, has them. */
function controllers(isRootless: boolean, uid: number): string[] {
  if (cgroupVersion() === 1) {
    const rows = text("/proc/cgroups")
      .split("\n")
      .filter((line) => /^\w/.test(line));
    return rows.flatMap((line) => {
      const [name = "", , , isEnabled] = line.split(/\s+/);
      return isEnabled === "1" ? [name] : [];
    });
  }
  const users = `/user.slice/user-${uid}.slice/user@${uid}.service`;
  const place = !isRootless ? "" : existsSync(`/sys/fs/cgroup${users}`) ? users : ownCgroup();
  return text(`/sys/fs/cgroup${place}/cgroup.controllers`).split(/\s+/).filter(Boolean);
}

function disk(path: string): DiskFacts {
  let nearest = path;
  while (!existsSync(nearest)) nearest = dirname(nearest);
  const { type, bavail, bsize, ffree, files } = statfsSync(nearest);
  return {
    path: nearest,
    type,
    isWritable: isWritable(nearest),
    isNoExec: mountOptions(nearest).includes("noexec"),
    freeBytes: bavail * bsize,
    freeInodes: ffree,
    inodes: files,
  };
}

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false; // read-only, or somebody else's
  }
}

/** Of the mount that a path is in (proc(5), /proc/PID/mountinfo). */
function mountOptions(path: string): string[] {
  const inner = text("/proc/self/mountinfo")
    .split("\n")
    .map((line) => line.split(" "))
    .filter(
      ([, , , , point = "/nowhere"]) =>
        path === point || path.startsWith(point === "/" ? "/" : `${point}/`),
    )
    .sort((a, b) => (b[4] ?? "").length - (a[4] ?? "").length)[0];
  return inner?.[5]?.split(",") ?? [];
}

/** Files that are older than now on every machine whose clock is right. */
function newestSystemFile(): number {
  const files = ["/etc/ld.so.cache", "/var/lib/dpkg/status", "/etc/machine-id", "/etc/passwd"];
  const times = files.map((file) => statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0);
  return Math.max(...times) / 1000;
}
