/** Containers as Docker shows them: in a list, and one by one. Pure. */
import type { ContainerRecord } from "../../container/record.ts";
import type { ContainerSummary } from "../../container/summary.ts";
import { signalName } from "../../oci/signals.ts";
import { askedMounts, askedTmpfs, bindsOf, mountPoints } from "./mounts.ts";
import { imageId, shownName } from "./names.ts";
import { shownNetwork } from "./network.ts";

type Json = Readonly<Record<string, unknown>>;

/** Docker has fewer states. */
export function stateWord(state: string): string {
  if (state === "initialized" || state === "stopping") return "created";
  return state;
}

/** An item of `/containers/json`. */
export function listItem(
  summary: ContainerSummary,
  volumePath: (name: string) => string,
  size: { readonly writable: number; readonly total: number } | undefined,
  version: number,
): Json {
  const { record } = summary;
  const { spec, resolved } = record;
  return {
    Id: record.id,
    Names: [`/${record.name}`],
    Image: shownName(spec.image ?? resolved.imageName),
    ImageID: imageId(record.imageId),
    Command: commandText(summary.command),
    Created: Math.floor(record.createdAt / 1000),
    Ports: portList(summary),
    ...(size !== undefined && { SizeRw: size.writable, SizeRootFs: size.total }),
    Labels: { ...resolved.imageConfig?.config?.Labels, ...spec.labels },
    State: stateWord(summary.state),
    Status: pausedText(summary),
    HostConfig: {
      NetworkMode: networkModeOf(record),
      ...(version >= 46 && { Annotations: spec.annotations }),
    },
    ...(version >= 52 && {
      Health: {
        Status: summary.health ?? "none",
        FailingStreak: summary.health === null ? 0 : summary.failingStreak,
      },
    }),
    NetworkSettings: { Networks: shownNetworks(summary.endpoints) },
    Mounts: mountPoints(record, volumePath),
  };
}

/** docker-ps(1) writes `Up 3 minutes (Paused)`, which clients read. */
const pausedText = (summary: ContainerSummary) =>
  summary.state === "paused" ? `Up ${summary.upFor} (Paused)` : summary.status;

/** Words as a line; those with blanks in quotes, as Docker does. */
function commandText(words: readonly string[]): string {
  return words.map((word) => (/\s/.test(word) ? `'${word}'` : word)).join(" ");
}

function portList(summary: ContainerSummary): Json[] {
  const published = summary.publishedPorts;
  const list: Json[] = published.flatMap(
    ({ hostAddress, hostPort, containerPort, count, protocol }) =>
      Array.from({ length: count }, (_, at) => ({
        IP: hostAddress,
        PrivatePort: containerPort + at,
        PublicPort: hostPort + at,
        Type: protocol,
      })),
  );
  const { spec, resolved } = summary.record;
  const exposed = [
    ...Object.keys(resolved.imageConfig?.config?.ExposedPorts ?? {}),
    ...spec.networking.expose,
  ];
  for (const port of new Set(exposed)) {
    const [number = "", protocol = "tcp"] = port.split("/");
    const isPublished = list.some(
      (one) => one.PrivatePort === Number(number) && one.Type === protocol,
    );
    if (/^\d+$/.test(number) && !isPublished)
      list.push({ PrivatePort: Number(number), Type: protocol });
  }
  return list;
}

function networkModeOf({ spec, resolved }: ContainerRecord): string {
  const { mode, networks } = spec.networking;
  if (mode.kind === "container") return `container:${mode.of}`;
  if (mode.kind === "path") return `ns:${mode.of}`;
  if (resolved.networkMode !== "bridge") return resolved.networkMode;
  return shownNetwork(networks[0]?.name ?? "bridge");
}

/** By the names that Docker's users know. */
function shownNetworks(endpoints: Json): Json {
  return Object.fromEntries(
    Object.entries(endpoints).map(([name, endpoint]) => [shownNetwork(name), endpoint]),
  );
}

const orNull = <T>(list: readonly T[]) => (list.length > 0 ? list : null);
const capabilities = (names: readonly string[]) => orNull(names);

/**
 * `/containers/{id}/json`.
 *
 * @param document what `inspect` of the engine says: it has Docker's names for most
 */
export function inspected(
  record: ContainerRecord,
  document: Json,
  volumePath: (name: string) => string,
  version: number,
): Json {
  const { spec, resolved } = record;
  const state = document.State as Json;
  const shown = { ...document };
  for (const name of ofPodman) delete shown[name];
  return {
    ...shown,
    Name: `/${record.name}`,
    Image: imageId(record.imageId),
    State: stateOf(state),
    Mounts: mountPoints(record, volumePath),
    Config: configOf(record, document.Config as Json, version),
    HostConfig: hostConfigOf(record, document.HostConfig as Json, version),
    NetworkSettings: networkSettingsOf(document.NetworkSettings as Json, version),
    ...(resolved.imageName === "" ? {} : { Platform: "linux" }),
    ...(spec.rootfs !== null && { Image: "" }),
  };
}

/** Since 1.52 addresses stand with their networks alone. */
function networkSettingsOf(settings: Json, version: number): Json {
  const Networks = shownNetworks(settings.Networks as Json);
  if (version < 52)
    return { ...settings, Networks, SecondaryIPAddresses: null, SecondaryIPv6Addresses: null };
  const { SandboxID, SandboxKey, Ports } = settings;
  return { SandboxID, SandboxKey, Ports, Networks };
}

/** Fields of the engine's document that Docker does not have. */
const ofPodman = [
  "ImageDigest",
  "ImageName",
  "Rootfs",
  "Pod",
  "StaticDir",
  "OCIConfigPath",
  "OCIRuntime",
  "ConmonPidFile",
  "PidFile",
  "EffectiveCaps",
  "BoundingCaps",
  "Dependencies",
  "Namespace",
  "IsInfra",
  "IsService",
];

function stateOf(state: Json): Json {
  const health = state.Health as Json | undefined;
  const hasHealth = health !== undefined && health.Status !== "";
  return {
    Status: stateWord(String(state.Status)),
    Running: state.Running,
    Paused: state.Paused,
    Restarting: state.Restarting,
    OOMKilled: state.OOMKilled,
    Dead: state.Dead,
    Pid: state.Pid,
    ExitCode: state.ExitCode,
    Error: state.Error,
    StartedAt: state.StartedAt,
    FinishedAt: state.FinishedAt,
    ...(hasHealth && { Health: { ...health, Log: health.Log ?? [] } }),
  };
}

function configOf({ spec, resolved }: ContainerRecord, config: Json, version: number): Json {
  const image = resolved.imageConfig?.config;
  const ports = [
    ...Object.keys(image?.ExposedPorts ?? {}),
    ...spec.networking.expose.map((port) => (port.includes("/") ? port : `${port}/tcp`)),
    ...spec.networking.ports.flatMap(({ containerPort, count, protocol }) =>
      Array.from({ length: count }, (_, at) => `${containerPort + at}/${protocol}`),
    ),
  ];
  const anonymous = resolved.volumes.filter((volume) => volume.isAnonymous);
  const isAsked = (stream: "stdin" | "stdout" | "stderr") => spec.attach?.includes(stream) ?? false;
  return {
    Hostname: config.Hostname,
    Domainname: config.Domainname,
    User: config.User,
    AttachStdin: isAsked("stdin"),
    AttachStdout: isAsked("stdout"),
    AttachStderr: isAsked("stderr"),
    ...(ports.length > 0 && { ExposedPorts: Object.fromEntries(ports.map((port) => [port, {}])) }),
    Tty: spec.hasTty,
    OpenStdin: spec.hasStdin,
    StdinOnce: spec.closesStdin ?? false,
    Env: askedEnv([...(image?.Env ?? []), ...spec.env], spec.unsetEnv),
    Cmd: config.Cmd,
    ...(config.Healthcheck !== null && { Healthcheck: config.Healthcheck }),
    Image: shownName(spec.image ?? ""),
    Volumes:
      anonymous.length > 0 ? Object.fromEntries(anonymous.map(({ target }) => [target, {}])) : null,
    WorkingDir: spec.workdir ?? image?.WorkingDir ?? "",
    Entrypoint: config.Entrypoint,
    ...(version < 44 &&
      spec.networking.macAddress !== null && { MacAddress: spec.networking.macAddress }),
    ...((version < 52 || config.OnBuild !== null) && { OnBuild: config.OnBuild }),
    Labels: config.Labels,
    ...((spec.stopSignal ?? image?.StopSignal ?? "") !== "" && {
      StopSignal: signalName(resolved.stopSignal),
    }),
    ...(spec.stopTimeoutSeconds !== null && { StopTimeout: spec.stopTimeoutSeconds }),
  };
}

/** What was asked over what the image has; what the runtime adds besides is not shown by Docker. */
function askedEnv(env: readonly string[], unset: readonly string[]): string[] {
  const byName = new Map(env.map((entry) => [entry.split("=", 1)[0] ?? "", entry]));
  for (const name of unset) byName.delete(name);
  return [...byName.values()];
}

/** What was asked is what is shown. */
function hostConfigOf(record: ContainerRecord, host: Json, version: number): Json {
  const { spec, resolved } = record;
  const { resources, networking } = spec;
  const mounts = askedMounts(record);
  const tmpfs = askedTmpfs(record);
  const mode = (value: ContainerRecord["spec"]["pid"]) =>
    value.kind === "container"
      ? `container:${value.of}`
      : value.kind === "private"
        ? ""
        : value.kind;
  const shown = { ...host };
  for (const name of hostOfPodman) delete shown[name];
  return {
    ...shown,
    Binds: orNull(bindsOf(record)),
    LogConfig: { Type: shownLogDriver(resolved.logDriver), Config: spec.log.options },
    NetworkMode: networkModeOf(record),
    Annotations: spec.annotations,
    CapAdd: capabilities(spec.capAdd),
    CapDrop: capabilities(spec.capDrop),
    CgroupnsMode: host.CgroupMode,
    DnsOptions: networking.dnsOptions,
    ExtraHosts: orNull(networking.extraHosts),
    GroupAdd: orNull(spec.groups),
    IpcMode: spec.ipc.kind === "container" ? `container:${spec.ipc.of}` : spec.ipc.kind,
    Cgroup: "",
    PidMode: mode(spec.pid),
    UTSMode: mode(spec.uts),
    SecurityOpt: orNull(host.SecurityOpt as unknown[]),
    ...(tmpfs !== null && { Tmpfs: tmpfs }),
    ...(mounts.length > 0 && { Mounts: mounts }),
    ...(Object.keys(spec.sysctls).length === 0 ? {} : { Sysctls: spec.sysctls }),
    NanoCpus: host.NanoCpus,
    CpuQuota: host.NanoCpus === 0 ? (resources.cpuQuotaMicroseconds ?? 0) : 0,
    CpuPeriod: host.NanoCpus === 0 ? (resources.cpuPeriodMicroseconds ?? 0) : 0,
    DeviceRequests: orNull(
      spec.gpus.map((name) => ({
        Driver: "",
        Count: name === "all" ? -1 : 0,
        DeviceIDs: name === "all" ? null : [name],
        Capabilities: [["gpu"]],
        Options: {},
      })),
    ),
    MemorySwappiness: resources.memorySwappiness,
    OomKillDisable: resources.oomKillDisable,
    PidsLimit: resources.pidsLimit,
    Init: spec.init,
    Ulimits: resources.ulimits.map(({ name, soft, hard }) => ({
      Name: name,
      Soft: soft,
      Hard: hard,
    })),
    ...(version < 52 && { KernelMemoryTCP: 0 }),
    ...(version >= 56 && spec.umask !== null && { Umask: Number.parseInt(spec.umask, 8) }),
    ...(spec.unmask.includes("ALL") && { MaskedPaths: [], ReadonlyPaths: [] }),
  };
}

/** Clients read the logs of drivers that they know: what is kept in a file of ours goes by the name of Docker's. */
export const shownLogDriver = (name: string) => (name === "k8s-file" ? "json-file" : name);

const hostOfPodman = [
  "CgroupManager",
  "CgroupMode",
  "Cgroups",
  "CgroupConf",
  "DiskQuota",
  "Tmpfs",
  "Sysctls",
];
