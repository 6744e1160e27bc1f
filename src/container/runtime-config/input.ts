/**
 * What config.json is made from. Everything that has to be looked up on the host has been looked up:
 * paths are absolute and exist, users and devices are numbers.
 */
import type { ImageConfig } from "../../oci/image-config.ts";
import type { RuntimeHooks, RuntimeMount } from "../../oci/runtime-spec.ts";
import type { Settings } from "../../settings.ts";
import type { TerminalSize } from "../../system/terminal.ts";
import type { ResolvedUser } from "../identity.ts";
import type { ConfiguredSpec, IdMapping, Propagation } from "../spec.ts";

/** Everything runtimeConfig() looks at. */
export interface RuntimeInput {
  readonly id: string;
  readonly name: string;
  readonly spec: ConfiguredSpec;
  readonly image: ImageConfig | null;
  readonly settings: Settings;
  /** The name that the process sees: the host's own with `--uts host`. Left out, it follows from spec and id. */
  readonly hostname?: string;
  /** Absolute path of the mounted root file system. */
  readonly rootfsPath: string;
  readonly user: ResolvedUser;
  /** Of the terminal that its own is shown on; null: none, or not known. */
  readonly terminalSize: TerminalSize | null;
  /** Whose `spec.mounts` were; they take the place of default mounts with the same target. */
  readonly mounts: readonly ResolvedMount[];
  /** `NAME=VALUE` of secrets: they win over everything. */
  readonly secretEnv?: readonly string[];
  readonly files: BoundFiles;
  /** A tmpfs that the engine has mounted for /dev/shm, so that others can share it; null: the runtime mounts one. */
  readonly shmPath: string | null;
  readonly network: RuntimeNetwork;
  /** Namespaces of others to join (`container:`, `ns:`), as paths of /proc/PID/ns/* or bind mounts. */
  readonly namespaces: JoinedNamespaces;
  /** null: no user namespace of its own. `outside` counts in the engine's own user namespace. */
  readonly idMappings: IdMappings | null;
  readonly devices: readonly ResolvedDevice[];
  /** A directory with a socket to tell the service manager by; null: there is none. */
  readonly notifyDirectory: string | null;
  /** What CDI devices add besides their files. */
  readonly edits: DeviceEdits;
  /** Numbers of the block devices that weights and rates name, by path. */
  readonly blockDevices: Readonly<
    Record<string, { readonly major: number; readonly minor: number }>
  >;
  readonly cgroup: RuntimeCgroup;
  /** Whether ids are mapped by a user namespace that we are already in. */
  readonly isRootless: boolean;
  /** The user namespace we are in, by what it maps; null: all ids (we are in the first one). */
  readonly engineIdMappings: IdMappings | null;
  /** Our own limits by name (`nofile`); hard limits are clamped to them without CAP_SYS_RESOURCE. -1 is unlimited. */
  readonly ownRlimits: Readonly<Record<string, { readonly soft: number; readonly hard: number }>>;
  readonly canRaiseRlimits: boolean;
  /** Capabilities that can be given at all (`CapBnd` of /proc/self/status), with the `CAP_` prefix. */
  readonly engineCapabilities: readonly string[];
  /** Our own oom_score_adj: without CAP_SYS_RESOURCE it can only be raised (proc(5)). */
  readonly ownOomScoreAdjust: number;
  /** catatonit on the host; needed only when an init was asked for. */
  readonly initPath: string | null;
  /** Whether a new procfs may be mounted: not below a container that masks parts of its own (mount_namespaces(7)). */
  readonly canMountProc: boolean;
  /** As canMountProc, for sysfs. */
  readonly canMountSysfs: boolean;
  readonly hasMqueue: boolean;
  /** Not where a seccomp filter around us forbids it. */
  readonly canSetHostname: boolean;
  /** Entries of /sys/devices/system/cpu/cpuN/thermal_throttle and the like, masked besides the defaults. */
  readonly extraMaskedPaths: readonly string[];
  /** Our own environment, for `--env-host` in the settings and for proxies. */
  readonly hostEnv: Readonly<Record<string, string | undefined>>;
  /** The profile that `spec.seccomp` or the settings name, parsed; null: the built-in one. */
  readonly seccompProfile: unknown;
  /** GOARCH of the machine: amd64, arm64… */
  readonly architecture: string;
  /** uname(2) release, for the `minKernel` of profiles. */
  readonly kernelRelease: string;
  readonly hasApparmor: boolean;
  /** Labels that SELinux gives this container; null where it is off. */
  readonly selinux: { readonly process: string; readonly mount: string } | null;
}

/** How the container's network namespace comes to be. */
export type RuntimeNetwork =
  | { readonly kind: "host" }
  /** The runtime makes a new one. */
  | { readonly kind: "new" }
  /** One that the engine, or another container, has made. */
  | { readonly kind: "path"; readonly path: string };

/** By kind of namespace; what is missing follows from the spec. */
export interface JoinedNamespaces {
  readonly pid?: string;
  readonly ipc?: string;
  readonly uts?: string;
  readonly cgroup?: string;
  readonly user?: string;
}

/** Mappings of both kinds of ids. */
export interface IdMappings {
  readonly uids: readonly IdMapping[];
  readonly gids: readonly IdMapping[];
}

/** Files made for the container, by what they are bound over; null: the image's own stays. */
export interface BoundFiles {
  readonly hosts: string | null;
  readonly resolvConf: string | null;
  readonly hostname: string | null;
  readonly containerEnv: string | null;
  readonly passwd?: string | null;
  readonly group?: string | null;
  /** The zone file for /etc/localtime. */
  readonly localtime?: string | null;
}

/** A mount whose source is known. */
export type ResolvedMount =
  | {
      readonly kind: "bind";
      readonly target: string;
      readonly source: string;
      readonly readOnly: boolean;
      readonly isRecursive: boolean;
      readonly propagation: Propagation | null;
      /** As typed, besides what the other fields say: `nosuid`, `noexec`… */
      readonly options: readonly string[];
      /** An idmapped mount: with the container's own mappings, or with these. */
      readonly idmap?: "container" | IdMappings | null;
    }
  | {
      readonly kind: "tmpfs" | "ramfs" | "devpts";
      readonly target: string;
      readonly readOnly: boolean;
      readonly copiesUp: boolean;
      readonly options: readonly string[];
    };

/** A device of the host. */
export interface ResolvedDevice {
  /** Where it is on the host: bound from there when rootless. */
  readonly source: string;
  readonly path: string;
  readonly type: "b" | "c";
  readonly major: number;
  readonly minor: number;
  /** Permission bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Subset of `rwm`. */
  readonly access: string;
}

/** What the descriptions of CDI devices ask for (CDI SPEC.md, "containerEdits"). */
export interface DeviceEdits {
  /** `NAME=VALUE`. */
  readonly env: readonly string[];
  /** They take the place of mounts with the same target. */
  readonly mounts: readonly RuntimeMount[];
  readonly hooks: RuntimeHooks;
  readonly additionalGids: readonly number[];
  readonly rdtClass: string | null;
}

/** Those of no device. */
export const noEdits: DeviceEdits = {
  env: [],
  mounts: [],
  hooks: {},
  additionalGids: [],
  rdtClass: null,
};

/** How the container's cgroup is made. */
export interface RuntimeCgroup {
  readonly version: 1 | 2;
  readonly manager: "systemd" | "cgroupfs";
  /** `linux.cgroupsPath`: a path, or `SLICE:PREFIX:NAME` with systemd; null: the runtime chooses. */
  readonly path: string | null;
  /** Whether limits can be set at all. */
  readonly canLimit: boolean;
  /** With v1: whether /sys/fs/cgroup/systemd is there, which a systemd inside wants to own. */
  readonly hasSystemdHierarchy?: boolean;
}
