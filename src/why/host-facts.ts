/** What Cooper needs of a machine, and what is known of it: plain values, which the rules on hosts decide from. */

/** Whether a device is there and may be used. */
export type DeviceState = "usable" | "forbidden" | "missing";

/** Programs that Cooper calls. */
export const helperPrograms = [
  "conmon",
  "crun",
  "runc",
  "catatonit",
  "newuidmap",
  "newgidmap",
  "nsenter",
  "unshare",
  "setsid",
  "ip",
  "nft",
  "pasta",
  "slirp4netns",
  "aardvark-dns",
  "fuse-overlayfs",
] as const;

export type HelperProgram = (typeof helperPrograms)[number];

export interface HostFacts {
  readonly isRootless: boolean;
  /** The user's name. */
  readonly user: string;
  /** As uname(1) -r has it. */
  readonly kernel: string;
  /** sysctl(8) by name; null: this kernel has none of that name. */
  readonly sysctls: Readonly<Record<SysctlName, number | null>>;
  /** How many ids /etc/subuid and /etc/subgid give the user. */
  readonly subordinateUids: number;
  readonly subordinateGids: number;
  /** Absolute paths; null: missing. */
  readonly programs: Readonly<Record<HelperProgram, string | null>>;
  /** Of newuidmap and newgidmap those that are neither setuid nor have a capability. */
  readonly powerless: readonly string[];
  readonly cgroups: 1 | 2;
  /** In the cgroup that containers of this user get theirs in. */
  readonly controllers: readonly string[];
  readonly canLimit: boolean;
  readonly hasSystemd: boolean;
  readonly hasUserSystemd: boolean;
  readonly lingers: boolean;
  readonly tun: DeviceState;
  readonly fuse: DeviceState;
  readonly hasSeccomp: boolean;
  readonly store: DiskFacts;
  readonly run: DiskFacts;
  /** Processors that programs are emulated for (binfmt_misc), as their files are named. */
  readonly emulated: readonly string[];
  /** Our own limits of open files and processes; -1: none. */
  readonly filesLimit: number;
  readonly processesLimit: number;
  /** Seconds by which the clock is behind the system's own files. */
  readonly clockBehindSeconds: number;
  /** What was found by trying; null: it was not tried. */
  readonly tried: TriedFacts | null;
}

/** What only an attempt tells. */
export interface TriedFacts {
  /** Why the user's namespace cannot be entered; null: it can, or none is needed. */
  readonly namespace: string | null;
  /** The OCI runtime that works; null: none does. */
  readonly runtime: string | null;
  readonly runtimeFailure: string | null;
  /** Why the kernel mounts no overlay on the store; null: it does. */
  readonly overlay: string | null;
}

export const sysctlNames = [
  "kernel.unprivileged_userns_clone",
  "kernel.apparmor_restrict_unprivileged_userns",
  "user.max_user_namespaces",
  "net.ipv4.ip_unprivileged_port_start",
  "fs.inotify.max_user_instances",
  "fs.inotify.max_user_watches",
  "kernel.keys.maxkeys",
  "kernel.pid_max",
] as const;

export type SysctlName = (typeof sysctlNames)[number];

/** A directory, or the nearest one that there is, and its file system. */
export interface DiskFacts {
  readonly path: string;
  /** As statfs(2) numbers it. */
  readonly type: number;
  readonly isWritable: boolean;
  readonly isNoExec: boolean;
  readonly freeBytes: number;
  readonly freeInodes: number;
  /** 0 where the file system does not count. */
  readonly inodes: number;
}

/** What a rule says of one thing. */
export interface HostCheck {
  readonly id: string;
  /** `limits`: containers run, and something does without. `hinders`: they do not. */
  readonly status: "ok" | "limits" | "hinders";
  /** What was found, a sentence or a few words. */
  readonly found: string;
  /** Commands for a shell that mend it. */
  readonly cures: readonly string[];
  readonly advice: string | null;
}
