/**
 * The bundle's config.json (OCI runtime-spec, config.md and config-linux.md): only what Cooper writes,
 * spelled as there.
 */

/** The whole of config.json. */
export interface RuntimeSpec {
  readonly ociVersion: string;
  readonly process: ProcessSpec;
  readonly root: { readonly path: string; readonly readonly: boolean };
  readonly hostname?: string;
  readonly domainname?: string;
  readonly mounts: readonly RuntimeMount[];
  readonly annotations: Readonly<Record<string, string>>;
  readonly hooks?: RuntimeHooks;
  readonly linux: LinuxSpec;
}

/** A process to run: the container's own, or that of an `exec` (`crun exec --process FILE`). */
export interface ProcessSpec {
  readonly terminal: boolean;
  /** In characters; the runtime sets it before the process runs. */
  readonly consoleSize?: { readonly height: number; readonly width: number };
  readonly user: ProcessUser;
  readonly args: readonly string[];
  readonly env: readonly string[];
  readonly cwd: string;
  readonly capabilities: CapabilitySets;
  readonly rlimits: readonly Rlimit[];
  readonly noNewPrivileges: boolean;
  readonly apparmorProfile?: string;
  readonly selinuxLabel?: string;
  readonly oomScoreAdj?: number;
}

/** Ids as they are inside of the container. */
export interface ProcessUser {
  readonly uid: number;
  readonly gid: number;
  readonly umask?: number;
  readonly additionalGids: readonly number[];
}

/** Names with the `CAP_` prefix (capabilities(7)). */
export interface CapabilitySets {
  readonly bounding: readonly string[];
  readonly effective: readonly string[];
  readonly permitted: readonly string[];
  readonly inheritable: readonly string[];
  readonly ambient: readonly string[];
}

/** `type` is `RLIMIT_NOFILE` and so on (getrlimit(2)). */
export interface Rlimit {
  readonly type: string;
  readonly hard: number;
  readonly soft: number;
}

/** A mount, done in the order of the list. */
export interface RuntimeMount {
  readonly destination: string;
  readonly type: string;
  readonly source: string;
  readonly options: readonly string[];
  readonly uidMappings?: readonly RuntimeIdMapping[];
  readonly gidMappings?: readonly RuntimeIdMapping[];
}

/** The moments at which hooks run, in their order (runtime-spec, config.md, "POSIX-platform Hooks"). */
export const hookStages = [
  "prestart",
  "createRuntime",
  "createContainer",
  "startContainer",
  "poststart",
  "poststop",
] as const;

export type HookStage = (typeof hookStages)[number];

/** A program that the runtime runs; `args` begins with its own name. */
export interface RuntimeHook {
  readonly path: string;
  readonly args?: readonly string[];
  readonly env?: readonly string[];
  /** In seconds. */
  readonly timeout?: number;
}

/** Hooks by stage, in the order in which they run. */
export type RuntimeHooks = Readonly<Partial<Record<HookStage, readonly RuntimeHook[]>>>;

/** The part that only Linux has. */
export interface LinuxSpec {
  readonly namespaces: readonly RuntimeNamespace[];
  readonly uidMappings?: readonly RuntimeIdMapping[];
  readonly gidMappings?: readonly RuntimeIdMapping[];
  readonly devices: readonly RuntimeDevice[];
  readonly cgroupsPath?: string;
  readonly resources?: RuntimeResources;
  readonly rootfsPropagation?: string;
  readonly seccomp?: Seccomp;
  readonly sysctl?: Readonly<Record<string, string>>;
  readonly maskedPaths: readonly string[];
  readonly readonlyPaths: readonly string[];
  readonly mountLabel?: string;
  readonly personality?: { readonly domain: string };
  readonly intelRdt?: { readonly closID: string };
}

/** With a path, the namespace to join; without, a new one. */
export interface RuntimeNamespace {
  readonly type: "pid" | "network" | "mount" | "ipc" | "uts" | "user" | "cgroup" | "time";
  readonly path?: string;
}

/** `size` ids from `containerID` on are those from `hostID` on. */
export interface RuntimeIdMapping {
  readonly containerID: number;
  readonly hostID: number;
  readonly size: number;
}

/** A device node that the runtime makes. */
export interface RuntimeDevice {
  readonly path: string;
  readonly type: "b" | "c" | "p" | "u";
  readonly major: number;
  readonly minor: number;
  readonly fileMode?: number;
  readonly uid?: number;
  readonly gid?: number;
}

/** A rule of the device cgroup; without major or minor it holds for all. */
export interface DeviceRule {
  readonly allow: boolean;
  readonly type?: "a" | "b" | "c";
  readonly major?: number;
  readonly minor?: number;
  readonly access: string;
}

/** A block device by its number. */
export interface DeviceNumber {
  readonly major: number;
  readonly minor: number;
}

/** Limits of the container's cgroup. */
export interface RuntimeResources {
  readonly devices?: readonly DeviceRule[];
  readonly memory?: {
    readonly limit?: number;
    readonly reservation?: number;
    readonly swap?: number;
    readonly swappiness?: number;
    readonly disableOOMKiller?: boolean;
  };
  readonly cpu?: {
    readonly shares?: number;
    readonly quota?: number;
    readonly period?: number;
    readonly realtimeRuntime?: number;
    readonly realtimePeriod?: number;
    readonly cpus?: string;
    readonly mems?: string;
  };
  readonly pids?: { readonly limit: number };
  readonly blockIO?: {
    readonly weight?: number;
    readonly weightDevice?: readonly (DeviceNumber & { readonly weight: number })[];
    readonly throttleReadBpsDevice?: readonly (DeviceNumber & { readonly rate: number })[];
    readonly throttleWriteBpsDevice?: readonly (DeviceNumber & { readonly rate: number })[];
    readonly throttleReadIOPSDevice?: readonly (DeviceNumber & { readonly rate: number })[];
    readonly throttleWriteIOPSDevice?: readonly (DeviceNumber & { readonly rate: number })[];
  };
  readonly unified?: Readonly<Record<string, string>>;
}

/** The system call filter as runtimes read it: no more conditions on capabilities or machines. */
export interface Seccomp {
  readonly defaultAction: string;
  readonly defaultErrnoRet?: number;
  readonly architectures?: readonly string[];
  readonly flags?: readonly string[];
  readonly listenerPath?: string;
  readonly listenerMetadata?: string;
  readonly syscalls: readonly SeccompRule[];
}

/** Holds for each of the named calls when all of `args` do. */
export interface SeccompRule {
  readonly names: readonly string[];
  readonly action: string;
  readonly errnoRet?: number;
  readonly args?: readonly SeccompArgument[];
}

/** seccomp_rule_add(3): with SCMP_CMP_MASKED_EQ `value` is the mask and `valueTwo` the datum. */
export interface SeccompArgument {
  readonly index: number;
  readonly value: number;
  readonly valueTwo?: number;
  readonly op: string;
}
