/** What libpod's `/info` and `/version` say. Pure. */
import type { EngineInfo } from "../../store/info.ts";
import { version } from "../../version.ts";
import { libpodVersion, oldestLibpodVersion } from "./versions.ts";

/** podman-info(1)'s document. */
export function podmanInfo(info: EngineInfo) {
  return {
    host: hostFields(info),
    store: {
      configFile: "",
      containerStore: {
        number: info.containers.all,
        paused: info.containers.paused,
        running: info.containers.running,
        stopped: stopped(info),
      },
      graphDriverName: info.storageDriver,
      graphOptions: {},
      graphRoot: info.root,
      graphRootAllocated: info.diskBytes,
      graphRootUsed: info.usedDiskBytes,
      graphStatus: { "Backing Filesystem": info.fileSystem },
      imageStore: { number: info.images },
      maxSize: info.maxStorageBytes,
      runRoot: info.run,
      transientStore: false,
      volumePath: info.volumes,
    },
    registries: {},
    plugins: {
      volume: ["local"],
      network: ["bridge", "ipvlan", "macvlan"],
      log: ["k8s-file", "none"],
      authorization: null,
    },
    version: {
      APIVersion: libpodVersion,
      Version: version,
      GoVersion: "",
      GitCommit: "",
      BuiltTime: "",
      Built: 0,
      OsArch: `linux/${info.architecture}`,
      Os: "linux",
    },
  };
}

const stopped = ({ containers }: EngineInfo) =>
  containers.all - containers.running - containers.paused;

function hostFields(info: EngineInfo) {
  return {
    arch: info.architecture,
    cgroupManager: info.cgroupManager,
    cgroupVersion: `v${info.cgroupVersion}`,
    cgroupControllers: info.cgroupControllers,
    canLimit: info.canLimit,
    conmon: { package: "", ...info.conmon },
    cpus: info.cpus,
    databaseBackend: "sqlite",
    distribution: { distribution: info.distribution.id, version: info.distribution.version },
    eventLogger: info.eventLogger,
    hostname: info.hostname,
    idMappings: {
      gidmap: info.idMappings?.gids ?? null,
      uidmap: info.idMappings?.uids ?? null,
    },
    kernel: info.kernel,
    logDriver: info.logDriver,
    memFree: info.freeMemoryBytes,
    memTotal: info.memoryBytes,
    ociRuntime: { package: "", ...info.runtime },
    os: "linux",
    remoteSocket: { path: "", exists: false },
    rootlessNetworkCmd: "",
    security: {
      apparmorEnabled: info.hasAppArmor,
      capabilities: info.capabilities.map((name) => `CAP_${name.replace(/^CAP_/, "")}`).join(","),
      rootless: info.isRootless,
      seccompEnabled: info.hasSeccomp,
      seccompProfilePath: "",
      selinuxEnabled: info.hasSelinux,
    },
    serviceIsRemote: false,
    swapFree: info.freeSwapBytes,
    swapTotal: info.swapBytes,
    uptime: uptimeText(info.uptimeSeconds),
  };
}

/** `6h 22m 43.00s (Approximately 0.25 days)`, as podman-info(1) has it. */
export function uptimeText(seconds: number): string {
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor((seconds % 3600) / 60);
  const days = hours < 1 ? "" : ` (Approximately ${(hours / 24).toFixed(2)} days)`;
  return `${hours}h ${minutes}m ${(Math.floor(seconds) % 60).toFixed(2)}s${days}`;
}

/** `/version`. */
export function libpodVersionDocument(host: {
  readonly kernel: string;
  readonly architecture: string;
}) {
  const common = {
    // Go's clients parse a time here
    BuildTime: "1970-01-01T00:00:00Z",
    GitCommit: "",
    GoVersion: "",
    KernelVersion: host.kernel,
    Os: "linux",
    Arch: host.architecture,
  };
  return {
    Platform: { Name: "Cooper" },
    Components: [
      {
        // clients look for this name to learn the version of the API
        Name: "Podman Engine",
        Version: version,
        Details: {
          ...common,
          APIVersion: libpodVersion,
          MinAPIVersion: oldestLibpodVersion,
          Experimental: "false",
        },
      },
    ],
    Version: version,
    ApiVersion: libpodVersion,
    MinAPIVersion: oldestLibpodVersion,
    ...common,
  };
}
