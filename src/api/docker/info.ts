/** What `/info` and `/version` say. Pure. */
import type { EngineInfo } from "../../store/info.ts";
import { version } from "../../version.ts";
import { newestVersion, oldestVersion, versionText } from "../versions.ts";
import { shownLogDriver } from "./container.ts";

/** Moby's system.Info, as far as it means something without a daemon. */
export function dockerInfo(info: EngineInfo) {
  const { runtime } = info;
  return {
    ID: "",
    Name: info.hostname,
    ServerVersion: version,
    Containers: info.containers.all,
    ContainersRunning: info.containers.running,
    ContainersPaused: info.containers.paused,
    ContainersStopped: info.containers.all - info.containers.running - info.containers.paused,
    Images: info.images,
    Driver: info.storageDriver,
    DriverStatus: [["Backing Filesystem", info.fileSystem]],
    DockerRootDir: info.root,
    Plugins: {
      Volume: ["local"],
      Network: ["bridge", "host", "ipvlan", "macvlan", "null"],
      Authorization: null,
      Log: ["k8s-file", "none"],
    },
    MemoryLimit: info.canLimit,
    SwapLimit: info.canLimit,
    CpuCfsPeriod: info.canLimit,
    CpuCfsQuota: info.canLimit,
    PidsLimit: info.canLimit,
    IPv4Forwarding: true,
    LoggingDriver: info.logDriver,
    CgroupDriver: info.cgroupManager,
    CgroupVersion: `${info.cgroupVersion}`,
    KernelVersion: info.kernel,
    OperatingSystem: info.distribution.name,
    OSVersion: info.distribution.version,
    OSType: "linux",
    Architecture: { amd64: "x86_64", arm64: "aarch64" }[info.architecture] ?? info.architecture,
    NCPU: info.cpus,
    MemTotal: info.memoryBytes,
    IndexServerAddress: "https://index.docker.io/v1/",
    Labels: [],
    ExperimentalBuild: false,
    Debug: false,
    LiveRestoreEnabled: true, // nothing of ours runs that a container could lose
    Runtimes: { [runtime.name]: { path: runtime.path } },
    DefaultRuntime: runtime.name,
    Swarm: { LocalNodeState: "inactive", ControlAvailable: false },
    SecurityOptions: [
      ...(info.hasAppArmor ? ["name=apparmor"] : []),
      ...(info.hasSeccomp ? ["name=seccomp,profile=builtin"] : []),
      ...(info.isRootless ? ["name=rootless"] : []),
      ...(info.cgroupVersion === 2 ? ["name=cgroupns"] : []),
    ],
    Warnings: [],
  };
}

/** What an API client reads besides. */
export function infoForApi(info: EngineInfo, version: number): Record<string, unknown> {
  return {
    ...dockerInfo(info),
    LoggingDriver: shownLogDriver(info.logDriver),
    Plugins: { ...dockerInfo(info).Plugins, Log: ["journald", "json-file", "local", "none"] },
    ...(version < 42 && { KernelMemory: false }),
    ...(version < 52 && { KernelMemoryTCP: false }),
    CPUShares: info.canLimit,
    CPUSet: info.canLimit,
    ...(version < 50 && { BridgeNfIptables: false, BridgeNfIp6tables: false }),
    ...(version >= 44 && { CDISpecDirs: ["/etc/cdi", "/var/run/cdi"] }),
    ...(version >= 49 && { FirewallBackend: { Driver: "nftables" } }),
    NFd: 0,
    OomKillDisable: info.cgroupVersion === 1 && info.canLimit,
    NGoroutines: 0,
    SystemTime: new Date().toISOString(),
    NEventsListener: 0,
    RegistryConfig: {
      InsecureRegistryCIDRs: ["127.0.0.0/8"],
      IndexConfigs: {
        "docker.io": { Name: "docker.io", Mirrors: [], Secure: true, Official: true },
      },
      Mirrors: null,
    },
    GenericResources: null,
    HttpProxy: "",
    HttpsProxy: "",
    NoProxy: "",
    Isolation: "",
    InitBinary: "catatonit",
    ...Object.fromEntries(
      ["ContainerdCommit", "RuncCommit", "InitCommit"].map((name) => [
        name,
        { ID: "", ...(version < 49 && { Expected: "" }) },
      ]),
    ),
    Swarm: {
      NodeID: "",
      NodeAddr: "",
      LocalNodeState: "inactive",
      ControlAvailable: false,
      Error: "",
      RemoteManagers: null,
    },
    Warnings: null,
  };
}

/** `/version`, which costs nothing. */
export function versionDocument(host: {
  readonly kernel: string;
  readonly architecture: string;
  readonly isExperimental: boolean;
}) {
  const common = {
    ApiVersion: versionText(newestVersion),
    MinAPIVersion: versionText(oldestVersion),
    GitCommit: "",
    GoVersion: "",
    Os: "linux",
    Arch: host.architecture,
    KernelVersion: host.kernel,
    BuildTime: "",
  };
  return {
    Platform: { Name: "Cooper" },
    Components: [
      {
        Name: "Engine",
        Version: version,
        Details: { ...common, Experimental: `${host.isExperimental}` },
      },
    ],
    Version: version,
    ...(host.isExperimental && { Experimental: true }),
    ...common,
  };
}
