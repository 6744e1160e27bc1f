/** A ContainerSpec as the body of `POST /containers/create`: the inverse of `spec.ts`. Pure. */
import {
  type ContainerSpec,
  type NamespaceMode,
  type NetworkRequest,
  type PortRequest,
  plainNetworkRequest,
} from "../../container/spec.ts";
import { signalName } from "../../oci/signals.ts";
import { askedMounts, askedTmpfs, bindsOf } from "./mounts.ts";
import type { Json } from "./reading.ts";

/** Null, the empty list and the empty map mean that it was not asked, and are left out. */
function asked(fields: Readonly<Record<string, unknown>>): Json {
  return Object.fromEntries(
    Object.entries(fields).filter(
      ([, value]) =>
        value !== null &&
        value !== undefined &&
        value !== "" &&
        value !== false &&
        !(typeof value === "object" && Object.keys(value).length === 0),
    ),
  );
}

const nanoseconds = (seconds: number | null | undefined) =>
  seconds === null || seconds === undefined ? null : Math.round(seconds * 1e9);

/** The whole body. What it cannot hold is missing in it: `specOf(bodyOf(spec))` tells what that is. */
export function bodyOf(spec: ContainerSpec): Json {
  const { health } = spec;
  const anonymous = spec.mounts.flatMap((mount) =>
    mount.kind === "volume" && mount.name === null ? [[mount.target, {}]] : [],
  );
  const attaches = (stream: "stdin" | "stdout" | "stderr") =>
    spec.attach?.includes(stream) ?? false;
  return asked({
    Hostname: spec.hostname,
    Domainname: spec.domainname,
    User: spec.user,
    AttachStdin: attaches("stdin"),
    AttachStdout: attaches("stdout"),
    AttachStderr: attaches("stderr"),
    Tty: spec.hasTty,
    OpenStdin: spec.hasStdin,
    StdinOnce: spec.closesStdin ?? false,
    Env: [...spec.env, ...spec.unsetEnv],
    Cmd: spec.command,
    Image: spec.image,
    Volumes: Object.fromEntries(anonymous),
    WorkingDir: spec.workdir,
    // an empty list is left out: Docker's word for none is one empty word
    Entrypoint: spec.entrypoint?.length === 0 ? [""] : spec.entrypoint,
    Labels: spec.labels,
    StopSignal: spec.stopSignal,
    StopTimeout: spec.stopTimeoutSeconds,
    Healthcheck: asked({
      Test: health.test,
      Interval: nanoseconds(health.intervalSeconds),
      Timeout: nanoseconds(health.timeoutSeconds),
      StartPeriod: nanoseconds(health.startPeriodSeconds),
      StartInterval: nanoseconds(health.startIntervalSeconds),
      Retries: health.retries,
    }),
    ExposedPorts: Object.fromEntries(
      [
        ...spec.networking.expose.map(withProtocol),
        ...bindingsOf(spec.networking.ports).keys(),
      ].map((port) => [port, {}]),
    ),
    HostConfig: hostConfigOf(spec),
    NetworkingConfig: networkingOf(spec),
  });
}

const withProtocol = (port: string) => (port.includes("/") ? port : `${port}/tcp`);

function hostConfigOf(spec: ContainerSpec): Json {
  const { networking, resources } = spec;
  // volumes without a name stand in the body's Volumes
  const named = {
    spec: { ...spec, mounts: spec.mounts.filter(isNamed) },
    resolved: { volumes: [] },
  };
  const isAsked = named as unknown as Parameters<typeof bindsOf>[0];
  const { policy, maxRetries } = spec.restart;
  const fields = asked({
    Binds: bindsOf(isAsked),
    Mounts: askedMounts(isAsked),
    Tmpfs: askedTmpfs(isAsked),
    PortBindings: Object.fromEntries(bindingsOf(networking.ports)),
    PublishAllPorts: networking.publishAll,
    NetworkMode: networkModeOf(spec),
    RestartPolicy: policy === "no" ? null : { Name: policy, MaximumRetryCount: maxRetries },
    AutoRemove: spec.removesItself,
    VolumesFrom: spec.volumesFrom,
    VolumeDriver: spec.volumeDriver,
    CapAdd: spec.capAdd,
    CapDrop: spec.capDrop,
    Dns: networking.dns,
    DnsOptions: networking.dnsOptions,
    DnsSearch: networking.dnsSearch,
    ExtraHosts: networking.extraHosts,
    GroupAdd: spec.groups,
    CgroupnsMode: modeText(spec.cgroup),
    IpcMode: modeText(spec.ipc),
    PidMode: modeText(spec.pid),
    UTSMode: modeText(spec.uts),
    UsernsMode: spec.userns?.kind === "host" ? "host" : null,
    CgroupParent: spec.cgroupParent,
    Privileged: spec.isPrivileged,
    ReadonlyRootfs: spec.isReadOnly,
    SecurityOpt: securityOf(spec),
    Sysctls: spec.sysctls,
    Runtime: spec.runtime,
    Annotations: spec.annotations,
    StorageOpt: Object.fromEntries(spec.storageOptions.map((text) => text.split(/=(.*)/s, 2))),
    LogConfig: asked({ Type: spec.log.driver, Config: spec.log.options }),
    Devices: spec.devices.filter(isDevice).map(({ source, target, access }) => ({
      PathOnHost: source,
      PathInContainer: target,
      CgroupPermissions: access,
    })),
    DeviceCgroupRules: spec.deviceCgroupRules,
    DeviceRequests: [...gpuRequests(spec), ...cdiRequests(spec)],
    Memory: resources.memoryBytes,
    MemoryReservation: resources.memoryReservationBytes,
    MemorySwap: resources.memorySwapBytes,
    MemorySwappiness: resources.memorySwappiness,
    OomKillDisable: resources.oomKillDisable,
    OomScoreAdj: resources.oomScoreAdjust,
    CpuShares: resources.cpuShares,
    CpuPeriod: resources.cpuPeriodMicroseconds,
    CpuQuota: resources.cpuQuotaMicroseconds,
    CpuRealtimePeriod: resources.cpuRealtimePeriodMicroseconds,
    CpuRealtimeRuntime: resources.cpuRealtimeRuntimeMicroseconds,
    CpusetCpus: resources.cpusetCpus,
    CpusetMems: resources.cpusetMems,
    BlkioWeight: resources.blkioWeight,
    BlkioWeightDevice: rates(resources.blkioWeightDevice, "Weight"),
    BlkioDeviceReadBps: rates(resources.deviceReadBps, "Rate"),
    BlkioDeviceWriteBps: rates(resources.deviceWriteBps, "Rate"),
    BlkioDeviceReadIOps: rates(resources.deviceReadIops, "Rate"),
    BlkioDeviceWriteIOps: rates(resources.deviceWriteIops, "Rate"),
    PidsLimit: resources.pidsLimit,
    Ulimits: resources.ulimits.map(({ name, soft, hard }) => ({
      Name: name,
      Soft: soft,
      Hard: hard,
    })),
    ShmSize: resources.shmSizeBytes,
  });
  return {
    ...fields,
    // here false and empty lists say something
    ...(spec.init !== null && { Init: spec.init }),
    ...(spec.unmask.includes("ALL") && { MaskedPaths: [], ReadonlyPaths: [] }),
  };
}

const isNamed = (mount: ContainerSpec["mounts"][number]) =>
  mount.kind !== "volume" || mount.name !== null;

const rates = (limits: readonly { path: string; value: number }[], key: "Rate" | "Weight") =>
  limits.map(({ path, value }) => ({ Path: path, [key]: value }));

/** A CDI name is no path. */
const isDevice = ({ source }: { source: string }) => source.startsWith("/");

function gpuRequests({ gpus }: ContainerSpec): Json[] {
  return gpus.map((name) => ({
    Driver: "",
    Count: name === "all" ? -1 : 0,
    DeviceIDs: name === "all" ? null : [name],
    Capabilities: [["gpu"]],
    Options: {},
  }));
}

function cdiRequests({ devices }: ContainerSpec): Json[] {
  const names = devices.filter((device) => !isDevice(device)).map(({ source }) => source);
  return names.length === 0 ? [] : [{ Driver: "cdi", DeviceIDs: names }];
}

function modeText(mode: NamespaceMode | null): string | null {
  if (mode === null) return null;
  return mode.kind === "container"
    ? `container:${mode.of}`
    : mode.kind === "path"
      ? null
      : mode.kind;
}

function securityOf(spec: ContainerSpec): string[] {
  return [
    ...(spec.noNewPrivileges ? ["no-new-privileges"] : []),
    ...(spec.seccomp === "unconfined" || spec.seccomp === "default"
      ? [`seccomp=${spec.seccomp}`]
      : []),
    ...(spec.apparmor === null ? [] : [`apparmor=${spec.apparmor}`]),
    ...spec.labelOptions.map((text) => `label=${text}`),
    ...(spec.mask.length > 0 ? [`mask=${spec.mask.join(":")}`] : []),
    ...spec.unmask.filter((path) => path !== "ALL").map((path) => `unmask=${path}`),
    ...(spec.procOptions.length > 0 ? [`proc-opts=${spec.procOptions.join(",")}`] : []),
  ];
}

/** Bindings by port; a range becomes its ports. */
function bindingsOf(ports: readonly PortRequest[]): Map<string, Json[]> {
  const bindings = new Map<string, Json[]>();
  for (const port of ports.flatMap(singlePorts)) {
    const key = `${port.containerPort}/${port.protocol}`;
    const first = port.hostPort;
    const HostPort =
      first === null ? "" : port.choices > 1 ? `${first}-${first + port.choices - 1}` : `${first}`;
    bindings.set(key, [...(bindings.get(key) ?? []), { HostIp: port.hostAddress ?? "", HostPort }]);
  }
  return bindings;
}

/** A range as its ports, each by itself. */
export function singlePorts(port: PortRequest): PortRequest[] {
  return Array.from({ length: port.count }, (_, at) => ({
    ...port,
    count: 1,
    containerPort: port.containerPort + at,
    hostPort: port.hostPort === null ? null : port.hostPort + at,
  }));
}

function networkModeOf({ networking }: ContainerSpec): string | null {
  const { mode, networks } = networking;
  if (mode.kind === "container") return `container:${mode.of}`;
  if (mode.kind === "path") return `ns:${mode.of}`;
  if (mode.kind === "default") return null;
  return mode.kind === "bridge" ? (networks[0]?.name ?? "bridge") : mode.kind;
}

/** Addresses and names that were asked for the one network, or for all. */
function networkingOf({ networking }: ContainerSpec): Json {
  const { networks, addresses, macAddress, aliases, mode } = networking;
  const hasOwn = addresses.length > 0 || macAddress !== null || aliases.length > 0;
  const first: NetworkRequest | undefined =
    networks[0] ?? (hasOwn && mode.kind === "default" ? plainNetworkRequest("default") : undefined);
  const all = first === undefined ? [] : [first, ...networks.slice(1)];
  const endpoints = all.map((request, at) => [
    request.name,
    endpointOf({
      ...request,
      addresses: at === 0 ? [...request.addresses, ...addresses] : request.addresses,
      macAddress: request.macAddress ?? (at === 0 ? macAddress : null),
      aliases: [...request.aliases, ...aliases],
    }),
  ]);
  return endpoints.length === 0 ? {} : { EndpointsConfig: Object.fromEntries(endpoints) };
}

/** An endpoint's settings; `POST /networks/{id}/connect` takes them too. */
export function endpointOf(request: NetworkRequest): Json {
  const { addresses, macAddress, aliases, interfaceName } = request;
  return asked({
    IPAMConfig: asked({
      IPv4Address: addresses.find((text) => !text.includes(":")),
      IPv6Address: addresses.find((text) => text.includes(":")),
    }),
    MacAddress: macAddress,
    Aliases: aliases,
    DriverOpts:
      interfaceName === null ? null : { "com.docker.network.endpoint.ifname": interfaceName },
  });
}

/**
 * The body of `POST /containers/{id}/update`: limits and the restart policy.
 *
 * @param setsRestart whether the policy was asked for: `no` is also that of who asks for none
 */
export function updateBodyOf(spec: ContainerSpec, setsRestart: boolean): Json {
  const { policy, maxRetries } = spec.restart;
  const limits = Object.entries(hostConfigOf(spec)).filter(([name]) =>
    /^(Cpu|Cpuset|Memory|Blkio|Pids)/.test(name),
  );
  return {
    ...Object.fromEntries(limits),
    ...(setsRestart && { RestartPolicy: { Name: policy, MaximumRetryCount: maxRetries ?? 0 } }),
  };
}

export const signalText = (number: number | null): string | null =>
  number === null ? null : signalName(number);
