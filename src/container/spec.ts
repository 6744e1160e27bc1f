/**
 * ContainerSpec: what was asked of a container, whoever asked (command line, REST body, compose
 * service, kube pod, unit file). Plain JSON; the record of a container holds it as it is, and
 * `runtimeConfig()` turns it, together with the image's config, into what the OCI runtime runs.
 *
 * `null` means "not asked": the image's, the configuration's or the engine's default then holds.
 */

/** Where a namespace comes from. `container` and `path` carry their object in `of`. */
export type NamespaceMode =
  | { kind: "private" | "host" | "none" | "shareable" }
  | { kind: "container" | "path"; of: string };

/** How ids inside map to ids outside (podman-run(1), `--userns`). */
export type UserNamespaceMode =
  | { kind: "host" | "nomap" | "private" }
  | { kind: "container" | "path"; of: string }
  | {
      kind: "keep-id";
      uid: number | null;
      gid: number | null;
      size: number | null;
      /** Why it was chosen, where nobody asked for it. */
      reason?: string;
    }
  | {
      kind: "auto";
      size: number | null;
      uidMappings: IdMappingRequest[];
      gidMappings: IdMappingRequest[];
    };

/** `size` ids from `inside` on are the ids from `outside` on, in the engine's own user namespace. */
export interface IdMapping {
  inside: number;
  outside: number;
  size: number;
}

/** A mapping as it is asked for (podman-run(1), `--uidmap`). */
export interface IdMappingRequest extends IdMapping {
  /** Which ids it is about; left out: both. */
  of?: "uid" | "gid";
  /** It takes the place of what the mappings before it say of the same ids. */
  replaces?: true;
  /** `outside` is an id of the namespace around the engine's: for an ordinary user, of the machine. */
  isParents?: true;
}

export type Propagation =
  | "private"
  | "rprivate"
  | "shared"
  | "rshared"
  | "slave"
  | "rslave"
  | "unbindable"
  | "runbindable";

interface MountCommon {
  /** Absolute path in the container. */
  target: string;
  readOnly: boolean;
  /** Further mount(8) options as given: `nosuid`, `noexec`, `nodev`, `size=64m`, `mode=1777`… */
  options: string[];
}

export type Mount =
  | (MountCommon & {
      kind: "bind";
      /** Absolute path on the host. */
      source: string;
      propagation: Propagation | null;
      isRecursive: boolean;
      /** `:U`: change the owner of the source to the container's user. */
      changesOwner: boolean;
      /** `:z` (shared) and `:Z` (private) SELinux relabelling. */
      relabel: "shared" | "private" | null;
      /** `idmap`, with mappings where given (`idmap=uids=…;gids=…`), as typed. */
      idmap: string | null;
      /** `:O`: an overlay on top of the source that is thrown away. */
      isOverlay: boolean;
      /** Directories of the host that keep what is written to it instead; null: none. */
      overlay: { upper: string; work: string } | null;
      /** Whether a missing source directory is made (`-v` does, `--mount type=bind` does not). */
      createsSource: boolean;
      subpath: string | null;
    })
  | (MountCommon & {
      kind: "volume";
      /** null: an anonymous volume. */
      name: string | null;
      copiesUp: boolean;
      changesOwner: boolean;
      driver: string | null;
      driverOptions: Record<string, string>;
      labels: Record<string, string>;
      isOverlay: boolean;
      overlay: { upper: string; work: string } | null;
      idmap: string | null;
      subpath: string | null;
    })
  | (MountCommon & { kind: "tmpfs" | "ramfs" | "devpts"; copiesUp: boolean })
  | (MountCommon & { kind: "image"; image: string; subpath: string | null })
  | (MountCommon & {
      /** Directories of the host, seen as one tree; what is written to it goes where `overlay` says. */
      kind: "tree";
      /** Topmost first. */
      lower: string[];
      overlay: { upper: string; work: string };
      subpath: string;
      /** What it is, for errors. */
      shown: string;
    });

export interface Device {
  /** Path on the host; or a CDI name such as `nvidia.com/gpu=all`. */
  source: string;
  target: string;
  /** Subset of `rwm`. */
  access: string;
}

export interface Ulimit {
  /** Name in lower case without RLIMIT_ (`nofile`). */
  name: string;
  /** -1 is unlimited. */
  soft: number;
  hard: number;
}

/** A secret that a container is given: as a file, or as a variable of its environment. */
export type SecretUse =
  | {
      kind: "mount";
      name: string;
      /** Absolute path in the container. */
      target: string;
      /** null: the container's user. */
      uid: number | null;
      gid: number | null;
      mode: number;
    }
  | { kind: "env"; name: string; target: string };

/** A per-device rate or weight. */
export interface DeviceLimit {
  path: string;
  value: number;
}

export interface Resources {
  memoryBytes: number | null;
  memoryReservationBytes: number | null;
  /** Memory plus swap; -1 is unlimited swap. */
  memorySwapBytes: number | null;
  memorySwappiness: number | null;
  oomKillDisable: boolean;
  oomScoreAdjust: number | null;
  cpuShares: number | null;
  cpuPeriodMicroseconds: number | null;
  cpuQuotaMicroseconds: number | null;
  cpuRealtimePeriodMicroseconds: number | null;
  cpuRealtimeRuntimeMicroseconds: number | null;
  cpusetCpus: string | null;
  cpusetMems: string | null;
  blkioWeight: number | null;
  blkioWeightDevice: DeviceLimit[];
  deviceReadBps: DeviceLimit[];
  deviceWriteBps: DeviceLimit[];
  deviceReadIops: DeviceLimit[];
  deviceWriteIops: DeviceLimit[];
  /** -1 is unlimited; null is the configured default (2048). */
  pidsLimit: number | null;
  /** cgroup v2 files by name (`--cgroup-conf memory.high=…`). */
  unified: Record<string, string>;
  ulimits: Ulimit[];
  shmSizeBytes: number | null;
  /** `--shm-size-systemd`. */
  shmSizeSystemdBytes: number | null;
  rdtClass: string | null;
}

/** A port to publish, as asked. */
export interface PortRequest {
  /** Canonical text; null: every address of the host. */
  hostAddress: string | null;
  /** null: any free one, chosen when the container starts. */
  hostPort: number | null;
  /** Of how many host ports in a row, from `hostPort` on, the first free one is taken (`8000-8009:80`). */
  choices: number;
  containerPort: number;
  /** How many ports in a row are published. */
  count: number;
  protocol: "tcp" | "udp" | "sctp";
}

/** One network that a container is to be in. */
export interface NetworkRequest {
  name: string;
  /** At most one a family, canonical. */
  addresses: string[];
  macAddress: string | null;
  aliases: string[];
  /** Name of the link inside; null: eth0, eth1… */
  interfaceName: string | null;
  hostInterfaceName: string | null;
  options: Record<string, string>;
}

/** A network in which nothing more is asked for. */
export const plainNetworkRequest = (name: string): NetworkRequest => ({
  name,
  addresses: [],
  macAddress: null,
  aliases: [],
  interfaceName: null,
  hostInterfaceName: null,
  options: {},
});

export interface Networking {
  /** `bridge`: in the networks named below; in the default one when there are none. */
  mode:
    | {
        kind: "default" | "none" | "host" | "private" | "bridge" | "slirp4netns" | "pasta";
      }
    | { kind: "container" | "path"; of: string };
  networks: NetworkRequest[];
  /** What follows `pasta:` and `slirp4netns:`, at its commas. */
  modeOptions: string[];
  /** For its one network (`--ip`, `--ip6`); canonical. */
  addresses: string[];
  /** For its one network. */
  macAddress: string | null;
  /** For all of its networks. */
  aliases: string[];
  ports: PortRequest[];
  publishAll: boolean;
  /** `80/tcp`. */
  expose: string[];
  dns: string[];
  dnsOptions: string[];
  dnsSearch: string[];
  /** `name:address`, or `name:host-gateway`. */
  extraHosts: string[];
  hostsFile: string | null;
  /** null: as configured (yes). */
  managesHosts: boolean | null;
  managesHostname: boolean;
}

export interface Health {
  /** As in the image config: `["NONE"]`, `["CMD", …]`, `["CMD-SHELL", text]`; null: the image's. */
  test: string[] | null;
  intervalSeconds: number | null;
  timeoutSeconds: number | null;
  startPeriodSeconds: number | null;
  retries: number | null;
  // what follows is left out in records from before it was known
  /** Between checks in the start period. */
  startIntervalSeconds?: number;
  onFailure?: "none" | "kill" | "restart" | "stop";
  maxLogCount?: number;
  maxLogBytes?: number;
  startup?: StartupHealth;
}

/** A check that must have succeeded before the others begin. */
export interface StartupHealth {
  test?: string[];
  intervalSeconds?: number;
  timeoutSeconds?: number;
  /** Failures in a row after which it is started again; 0: never. */
  retries?: number;
  /** Successes in a row that it takes. */
  successes?: number;
}

export interface ContainerSpec {
  /** As the user named it; null with `rootfs`. */
  image: string | null;
  /** `--rootfs PATH[:O]`: a directory of the host instead of an image. */
  rootfs: { path: string; isOverlay: boolean; idmap: string | null } | null;
  name: string | null;
  /** The words after the image; null: the image's Cmd. */
  command: string[] | null;
  /** null: the image's; []: none. */
  entrypoint: string[] | null;
  /** `KEY=VALUE`, later ones win; from `-e` and `--env-file`, in effect already merged. */
  env: string[];
  /** `--env-merge`: values that may refer to the image's ones (`PATH=$PATH:/x`). */
  envMerge: string[];
  unsetEnv: string[];
  unsetEnvAll: boolean;
  /** Whether http_proxy and its kin of the caller pass through; null: as configured (yes). */
  passesProxies: boolean | null;
  workdir: string | null;
  user: string | null;
  groups: string[];
  hasTty: boolean;
  /** Whether stdin is kept open (`-i`). */
  hasStdin: boolean;
  /** Whether its input ends with that of the first client that is attached; left out: with one that has started it. */
  closesStdin?: boolean;
  /** Which streams a foreground run attaches; null: the default. */
  attach: ("stdin" | "stdout" | "stderr")[] | null;
  init: boolean | null;
  initPath: string | null;
  umask: string | null;
  /** A zone name, or `local`. */
  timezone: string | null;
  hostname: string | null;
  domainname: string | null;
  stopSignal: string | null;
  stopTimeoutSeconds: number | null;
  /** After this many seconds the container is killed; 0: never. */
  timeoutSeconds: number;
  systemd: "true" | "false" | "always" | null;
  sdnotify: "container" | "conmon" | "healthy" | "ignore" | null;
  personality: string | null;
  /** Whether an entry for the user is added to /etc/passwd and /etc/group when it has none. */
  managesPasswd: boolean;
  passwdEntry: string | null;
  groupEntry: string | null;
  hostUsers: string[];

  mounts: Mount[];
  /** `NAME[:ro|rw|z|…]`. */
  volumesFrom: string[];
  volumeDriver: string | null;
  /** What becomes of the image's VOLUMEs. */
  imageVolumes: "anonymous" | "tmpfs" | "ignore" | null;
  /** null: as configured (no). */
  isReadOnly: boolean | null;
  /** Whether /tmp, /run and /var/tmp are tmpfs in a read-only container. */
  readOnlyTmpfs: boolean;
  chrootDirectories: string[];
  /** Left out in records from before there were any. */
  secrets?: SecretUse[];
  storageOptions: string[];

  capAdd: string[];
  capDrop: string[];
  /** null: as configured (no). */
  isPrivileged: boolean | null;
  noNewPrivileges: boolean;
  /** `default`, `unconfined`, or the path of a profile; null: as configured. */
  seccomp: string | null;
  seccompPolicy: "default" | "image" | null;
  apparmor: string | null;
  /** SELinux: `user:…`, `role:…`, `type:…`, `level:…`, `disable`, `nested`. */
  labelOptions: string[];
  /** Paths masked besides the defaults. */
  mask: string[];
  /** Paths taken out of the masked and read-only ones; `ALL`. */
  unmask: string[];
  procOptions: string[];
  devices: Device[];
  deviceCgroupRules: string[];
  gpus: string[];
  sysctls: Record<string, string>;

  resources: Resources;
  cgroupParent: string | null;
  cgroups: "enabled" | "disabled" | "no-conmon" | "split" | null;

  /** null: as configured, as for the next two. */
  pid: NamespaceMode | null;
  ipc: NamespaceMode | null;
  uts: NamespaceMode | null;
  cgroup: NamespaceMode | null;
  userns: UserNamespaceMode | null;
  uidMappings: IdMappingRequest[];
  gidMappings: IdMappingRequest[];
  subuidName: string | null;
  subgidName: string | null;
  networking: Networking;

  log: { driver: string | null; options: Record<string, string> };
  labels: Record<string, string>;
  annotations: Record<string, string>;
  restart: { policy: "no" | "on-failure" | "always" | "unless-stopped"; maxRetries: number };
  health: Health;
  /** `--rm`: removed as soon as it has ended. */
  removesItself: boolean;
  /** `--rmi`: and its image, unless others use it. */
  removesImage: boolean;
  requires: string[];
  platform: { os: string | null; architecture: string | null; variant: string | null };
  /** null: as configured (missing). */
  pull: "missing" | "always" | "never" | "newer" | null;
  pidFile: string | null;
  conmonPidFile: string | null;
  /** OCI runtime asked for this container alone. */
  runtime: string | null;
}

/**
 * A spec in which what was not asked is as the host is configured (containers.conf), where the answer
 * decides how a container is made. Other defaults are looked up at its start.
 */
export interface ConfiguredSpec extends ContainerSpec {
  isReadOnly: boolean;
  isPrivileged: boolean;
  pid: NamespaceMode;
  ipc: NamespaceMode;
  uts: NamespaceMode;
}

/** A spec in which nothing was asked. */
export function emptySpec(): ContainerSpec {
  return {
    image: null,
    rootfs: null,
    name: null,
    command: null,
    entrypoint: null,
    env: [],
    envMerge: [],
    unsetEnv: [],
    unsetEnvAll: false,
    passesProxies: null,
    workdir: null,
    user: null,
    groups: [],
    hasTty: false,
    hasStdin: false,
    attach: null,
    init: null,
    initPath: null,
    umask: null,
    timezone: null,
    hostname: null,
    domainname: null,
    stopSignal: null,
    stopTimeoutSeconds: null,
    timeoutSeconds: 0,
    systemd: null,
    sdnotify: null,
    personality: null,
    managesPasswd: true,
    passwdEntry: null,
    groupEntry: null,
    hostUsers: [],
    mounts: [],
    volumesFrom: [],
    volumeDriver: null,
    imageVolumes: null,
    isReadOnly: null,
    readOnlyTmpfs: true,
    chrootDirectories: [],
    storageOptions: [],
    capAdd: [],
    capDrop: [],
    isPrivileged: null,
    noNewPrivileges: false,
    seccomp: null,
    seccompPolicy: null,
    apparmor: null,
    labelOptions: [],
    mask: [],
    unmask: [],
    procOptions: [],
    devices: [],
    deviceCgroupRules: [],
    gpus: [],
    sysctls: {},
    resources: {
      memoryBytes: null,
      memoryReservationBytes: null,
      memorySwapBytes: null,
      memorySwappiness: null,
      oomKillDisable: false,
      oomScoreAdjust: null,
      cpuShares: null,
      cpuPeriodMicroseconds: null,
      cpuQuotaMicroseconds: null,
      cpuRealtimePeriodMicroseconds: null,
      cpuRealtimeRuntimeMicroseconds: null,
      cpusetCpus: null,
      cpusetMems: null,
      blkioWeight: null,
      blkioWeightDevice: [],
      deviceReadBps: [],
      deviceWriteBps: [],
      deviceReadIops: [],
      deviceWriteIops: [],
      pidsLimit: null,
      unified: {},
      ulimits: [],
      shmSizeBytes: null,
      shmSizeSystemdBytes: null,
      rdtClass: null,
    },
    cgroupParent: null,
    cgroups: null,
    pid: null,
    ipc: null,
    uts: null,
    cgroup: null,
    userns: null,
    uidMappings: [],
    gidMappings: [],
    subuidName: null,
    subgidName: null,
    networking: {
      mode: { kind: "default" },
      networks: [],
      modeOptions: [],
      addresses: [],
      macAddress: null,
      aliases: [],
      ports: [],
      publishAll: false,
      expose: [],
      dns: [],
      dnsOptions: [],
      dnsSearch: [],
      extraHosts: [],
      hostsFile: null,
      managesHosts: null,
      managesHostname: true,
    },
    log: { driver: null, options: {} },
    labels: {},
    annotations: {},
    restart: { policy: "no", maxRetries: 0 },
    health: {
      test: null,
      intervalSeconds: null,
      timeoutSeconds: null,
      startPeriodSeconds: null,
      retries: null,
    },
    removesItself: false,
    removesImage: false,
    requires: [],
    platform: { os: null, architecture: null, variant: null },
    pull: null,
    pidFile: null,
    conmonPidFile: null,
    runtime: null,
  };
}
