/** What containers.conf(5) can say, as one value. */

/** A limit of setrlimit(2) for every container; -1 is unlimited. */
export interface DefaultUlimit {
  readonly name: string;
  readonly soft: number;
  readonly hard: number;
}

/** The values that hold where nothing was asked for a container; see containers.conf(5) for each. */
export interface Settings {
  // [storage], which is Cooper's own table
  /** What layers of images may take on the disk, in bytes; null: no limit. */
  readonly storageMaxBytes: number | null;
  // [containers]
  readonly annotations: Readonly<Record<string, string>>;
  readonly apparmorProfile: string;
  /** A path, `image` or `none`; null: /etc/hosts. */
  readonly baseHostsFile: string | null;
  /** cgroup v2 files by name, for every container. */
  readonly cgroupConf: Readonly<Record<string, string>>;
  /** null: private with cgroup v2, the host's with v1. */
  readonly cgroupNamespace: "private" | "host" | null;
  readonly cgroups: "enabled" | "disabled" | "no-conmon" | "split";
  readonly containerNameAsHostname: boolean;
  /** Without the `CAP_` prefix or with it, as written. */
  readonly defaultCapabilities: readonly string[];
  readonly defaultSysctls: Readonly<Record<string, string>>;
  readonly defaultUlimits: readonly DefaultUlimit[];
  /** `SOURCE[:TARGET[:ACCESS]]`. */
  readonly devices: readonly string[];
  readonly dnsOptions: readonly string[];
  readonly dnsSearches: readonly string[];
  readonly dnsServers: readonly string[];
  readonly env: readonly string[];
  readonly envHost: boolean;
  /** An address or `none`; null: found out. */
  readonly hostContainersInternalIp: string | null;
  readonly httpProxy: boolean;
  readonly init: boolean;
  readonly initPath: string | null;
  readonly ipcNamespace: "host" | "none" | "private" | "shareable";
  /** Whether the process gets a kernel keyring of its own (keyrings(7)). */
  readonly keyring: boolean;
  readonly label: boolean;
  readonly logDriver: string;
  /** null: no limit. */
  readonly logMaxBytes: number | null;
  /** Directory with a directory for each container; null: in the store. */
  readonly logPath: string | null;
  readonly logTag: string | null;
  /** As the words of `--mount`. */
  readonly mounts: readonly string[];
  readonly networkNamespace: string;
  readonly noHosts: boolean;
  /** null: as our own. */
  readonly oomScoreAdjust: number | null;
  readonly pidNamespace: "private" | "host";
  /** 0 or less is unlimited. */
  readonly pidsLimit: number;
  readonly prepareVolumeOnCreate: boolean;
  readonly privileged: boolean;
  readonly readOnly: boolean;
  /** A path, or `unconfined`; null: the built-in profile. */
  readonly seccompProfile: string | null;
  readonly shmSizeBytes: number;
  readonly timezone: string | null;
  readonly umask: string;
  /** As the words of `--userns`; null: host. */
  readonly userNamespace: string | null;
  readonly userNamespaceSize: number;
  readonly utsNamespace: "private" | "host";
  /** `SOURCE:TARGET[:OPTIONS]`. */
  readonly volumes: readonly string[];

  // [engine]
  readonly cgroupManager: "systemd" | "cgroupfs";
  readonly compressionFormat: "gzip" | "zstd" | "zstd:chunked";
  readonly compressionLevel: number | null;
  readonly conmonEnv: readonly string[];
  /** The first path of `conmon_path` that exists; null: it is looked for. */
  readonly conmonPath: string | null;
  readonly detachKeys: string | null;
  /** Set for the engine itself. */
  readonly engineEnv: readonly string[];
  readonly eventsLogger: "file" | "journald" | "none" | null;
  readonly helperDirectories: readonly string[];
  readonly cdiDirectories: readonly string[];
  readonly hooksDirectories: readonly string[];
  readonly imageDefaultFormat: "oci" | "docker";
  readonly imageParallelCopies: number | null;
  readonly imageVolumeMode: "anonymous" | "tmpfs" | "ignore";
  readonly infraImage: string | null;
  readonly noPivotRoot: boolean;
  readonly podExitPolicy: "continue" | "stop";
  readonly pullPolicy: "always" | "missing" | "never" | "newer";
  readonly retry: number;
  /** A name from `runtimes`, or a path; null: the first of crun and runc that works. */
  readonly runtime: string | null;
  /** Where each runtime is looked for, by name. */
  readonly runtimes: Readonly<Record<string, readonly string[]>>;
  /** Global arguments for the runtime; only the command line sets them. */
  readonly runtimeFlags: readonly string[];
  readonly serviceTimeoutSeconds: number;
  readonly stopTimeoutSeconds: number;

  // [network]
  readonly defaultNetwork: string;
  readonly defaultSubnet: string;
  readonly defaultSubnetPools: readonly { readonly base: string; readonly size: number }[];
  readonly defaultRootlessNetworkCommand: "pasta" | "slirp4netns";
  readonly dnsBindPort: number | null;
  /** null: nftables, or iptables where that is all there is. `none`: somebody else cares for it. */
  readonly firewallDriver: "nftables" | "iptables" | "none" | null;
  readonly networkConfigDirectory: string | null;
  readonly pastaOptions: readonly string[];

  /** Keys that mean nothing to Cooper, for `--log-level debug`. */
  readonly ignoredKeys: readonly string[];
}
