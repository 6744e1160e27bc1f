/** What `info` shows, under the names that scripts of both peers ask for. */
import { dockerInfo } from "../api/docker/info.ts";
import type { EngineInfo } from "../store/info.ts";
import { version } from "../version.ts";
import { humanDuration } from "./human.ts";

/**
 * podman-info(1)'s document, and beside it the fields of docker-info(1). Templates name Podman's fields
 * as its Go structs do (`.Host.OCIRuntime.Name`), and JSON as it encodes them (`ociRuntime`): the former
 * are there for whoever asks, and are not listed.
 */
export function infoDocument(info: EngineInfo): Record<string, unknown> {
  const document = { ...podmanFields(info), ...dockerInfo(info) };
  for (const name of ["host", "store", "version", "registries"] as const) {
    const value = goNamed(document[name]);
    Object.defineProperty(document, goName(name), { value, enumerable: false });
  }
  return document;
}

/** The document that is printed where nothing else is asked for. */
export function podmanFields(info: EngineInfo) {
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
    version: {
      APIVersion: version,
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
    uptime: humanDuration(info.uptimeSeconds * 1000),
  };
}

/** Names of Podman's fields that do not follow from those in JSON by a capital letter. */
const goNames: Readonly<Record<string, string>> = {
  os: "OS",
  cpus: "CPUs",
  cgroupVersion: "CgroupsVersion",
  idMappings: "IDMappings",
  gidmap: "GIDMap",
  uidmap: "UIDMap",
  ociRuntime: "OCIRuntime",
  apparmorEnabled: "AppArmorEnabled",
  capabilities: "DefaultCapabilities",
  seccompEnabled: "SECCOMPEnabled",
  seccompProfilePath: "SECCOMPProfilePath",
  selinuxEnabled: "SELinuxEnabled",
};

const goName = (name: string): string =>
  goNames[name] ?? `${name.slice(0, 1).toUpperCase()}${name.slice(1)}`;

/** The same value with the names of Go's structs; maps of texts keep their keys. */
function goNamed(value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, field]) => [
      goName(name),
      name === "graphStatus" || name === "graphOptions" ? field : goNamed(field),
    ]),
  );
}
