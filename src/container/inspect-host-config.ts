/** The HostConfig part of `inspect`: what was asked about the host's side of a container. */
import type { Host } from "../host.ts";
import { cgroupVersion } from "../system/cgroup.ts";
import { logLimits } from "./log-limits.ts";
import type { ContainerRecord } from "./record.ts";
import type { DeviceLimit, Mount, NamespaceMode, UserNamespaceMode } from "./spec.ts";

function logConfig(host: Host, { spec, resolved }: ContainerRecord): Record<string, unknown> {
  const { options } = spec.log;
  const { fileBytes } = logLimits(options, host.settings.logMaxBytes);
  return {
    Type: resolved.logDriver,
    Config: Object.keys(options).length > 0 ? options : null,
    Path: resolved.logPath,
    Tag: options.tag ?? "",
    Size: `${fileBytes ?? 0}B`,
  };
}

/** Names, and the meaning of 0 and "", are Docker's (API `HostConfig`). */
export function hostConfig(host: Host, container: ContainerRecord): Record<string, unknown> {
  const { spec, resolved } = container;
  const { resources } = spec;
  const limits = (list: readonly DeviceLimit[]) =>
    list.map(({ path, value }) => ({ Path: path, Rate: value }));
  return {
    Binds: bindsOf(host, container),
    CgroupManager: resolved.cgroupManager,
    CgroupMode: cgroupMode(host, container),
    ContainerIDFile: "",
    LogConfig: logConfig(host, container),
    NetworkMode: networkMode(container),
    PortBindings: askedBindings(container),
    RestartPolicy: { Name: spec.restart.policy, MaximumRetryCount: spec.restart.maxRetries },
    AutoRemove: spec.removesItself,
    Annotations: spec.annotations,
    VolumeDriver: "",
    VolumesFrom: spec.volumesFrom.length > 0 ? spec.volumesFrom : null,
    CapAdd: spec.capAdd,
    CapDrop: spec.capDrop,
    Dns: spec.networking.dns,
    DnsOptions: spec.networking.dnsOptions,
    DnsSearch: spec.networking.dnsSearch,
    ExtraHosts: spec.networking.extraHosts,
    GroupAdd: spec.groups,
    IpcMode: modeText(spec.ipc),
    Cgroup: "",
    Cgroups: spec.cgroups === "enabled" || spec.cgroups === null ? "default" : spec.cgroups,
    Links: null,
    OomScoreAdj: resources.oomScoreAdjust ?? 0,
    PidMode: modeText(spec.pid),
    Privileged: spec.isPrivileged,
    PublishAllPorts: spec.networking.publishAll,
    ReadonlyRootfs: spec.isReadOnly,
    SecurityOpt: securityOptions(container),
    Tmpfs: Object.fromEntries(
      spec.mounts.flatMap((mount) =>
        mount.kind === "tmpfs" ? [[mount.target, tmpfsOptions(mount)]] : [],
      ),
    ),
    UTSMode: modeText(spec.uts),
    UsernsMode: userMode(spec.userns),
    ...(spec.userns?.kind === "keep-id" && spec.userns.reason !== undefined
      ? { UsernsReason: spec.userns.reason }
      : {}),
    ShmSize: resources.shmSizeBytes ?? host.settings.shmSizeBytes,
    Runtime: spec.runtime ?? "oci",
    ConsoleSize: [0, 0],
    Isolation: "",
    CpuShares: resources.cpuShares ?? 0,
    Memory: resources.memoryBytes ?? 0,
    NanoCpus: nanoCpus(resources.cpuQuotaMicroseconds, resources.cpuPeriodMicroseconds),
    CgroupParent: spec.cgroupParent ?? "",
    BlkioWeight: resources.blkioWeight ?? 0,
    BlkioWeightDevice: resources.blkioWeightDevice.map(({ path, value }) => ({
      Path: path,
      Weight: value,
    })),
    BlkioDeviceReadBps: limits(resources.deviceReadBps),
    BlkioDeviceWriteBps: limits(resources.deviceWriteBps),
    BlkioDeviceReadIOps: limits(resources.deviceReadIops),
    BlkioDeviceWriteIOps: limits(resources.deviceWriteIops),
    CpuPeriod: resources.cpuPeriodMicroseconds ?? 0,
    CpuQuota: resources.cpuQuotaMicroseconds ?? 0,
    CpuRealtimePeriod: resources.cpuRealtimePeriodMicroseconds ?? 0,
    CpuRealtimeRuntime: resources.cpuRealtimeRuntimeMicroseconds ?? 0,
    CpusetCpus: resources.cpusetCpus ?? "",
    CpusetMems: resources.cpusetMems ?? "",
    Devices: spec.devices.map(({ source, target, access }) => ({
      PathOnHost: source,
      PathInContainer: target,
      CgroupPermissions: access,
    })),
    DeviceCgroupRules: spec.deviceCgroupRules.length > 0 ? spec.deviceCgroupRules : null,
    DiskQuota: 0,
    KernelMemory: 0,
    MemoryReservation: resources.memoryReservationBytes ?? 0,
    MemorySwap: resources.memorySwapBytes ?? (resources.memoryBytes ?? 0) * 2,
    MemorySwappiness: resources.memorySwappiness ?? -1,
    OomKillDisable: resources.oomKillDisable,
    Init: spec.init ?? host.settings.init,
    PidsLimit: resources.pidsLimit ?? host.settings.pidsLimit,
    Ulimits: resources.ulimits.map(({ name, soft, hard }) => ({
      Name: `RLIMIT_${name.toUpperCase()}`,
      Soft: soft,
      Hard: hard,
    })),
    Sysctls: spec.sysctls,
    CgroupConf: Object.keys(resources.unified).length > 0 ? resources.unified : null,
    CpuCount: 0,
    CpuPercent: 0,
    IOMaximumIOps: 0,
    IOMaximumBandwidth: 0,
  };
}

/** With v1 a container sees the host's cgroups unless it asks not to. */
function cgroupMode(host: Host, { spec }: ContainerRecord): string {
  if (spec.cgroup !== null) return modeText(spec.cgroup);
  return host.settings.cgroupNamespace ?? (cgroupVersion() === 2 ? "private" : "host");
}

function tmpfsOptions({
  options,
  readOnly,
  copiesUp,
}: Extract<Mount, { kind: "tmpfs" | "ramfs" | "devpts" }>): string {
  const access = readOnly ? "ro" : "rw";
  const all = [
    ...options,
    access,
    "rprivate",
    "nosuid",
    "nodev",
    ...(copiesUp ? ["tmpcopyup"] : []),
  ];
  return [...new Set(all)].join(",");
}

function bindsOf(host: Host, container: ContainerRecord): string[] {
  return container.spec.mounts.flatMap((mount) => {
    const access = mount.readOnly ? "ro" : "rw";
    if (mount.kind === "bind")
      return [
        `${mount.source}:${mount.target}:${[access, mount.propagation ?? "rprivate", "rbind"].join(",")}`,
      ];
    if (mount.kind === "volume")
      return [
        `${mount.name ?? host.paths.volumes}:${mount.target}:${access},rprivate,nosuid,nodev,rbind`,
      ];
    return [];
  });
}

/** What was asked; a port that is chosen at each start has an empty number. */
function askedBindings({ spec }: ContainerRecord) {
  const bindings: Record<string, { HostIp: string; HostPort: string }[]> = {};
  for (const request of spec.networking.ports) {
    for (let at = 0; at < request.count; at++) {
      const key = `${request.containerPort + at}/${request.protocol}`;
      const first = request.hostPort;
      const last = first === null || request.choices === 1 ? "" : `-${first + request.choices - 1}`;
      const HostPort = first === null ? "" : `${first + at}${last}`;
      bindings[key] = [...(bindings[key] ?? []), { HostIp: request.hostAddress ?? "", HostPort }];
    }
  }
  return bindings;
}

function networkMode(container: ContainerRecord): string {
  const { mode } = container.spec.networking;
  if (mode.kind === "container") return `container:${mode.of}`;
  if (mode.kind === "path") return `ns:${mode.of}`;
  if (container.resolved.networkMode !== "bridge") return container.resolved.networkMode;
  // as in Docker, a container of a network of the user's goes by the network's name
  return container.spec.networking.networks[0]?.name ?? "bridge";
}

function modeText(mode: NamespaceMode): string {
  if (mode.kind === "container") return `container:${mode.of}`;
  return mode.kind === "path" ? `ns:${mode.of}` : mode.kind;
}

function userMode(mode: UserNamespaceMode | null): string {
  if (mode === null) return "";
  if (mode.kind === "container") return `container:${mode.of}`;
  if (mode.kind === "keep-id" && mode.uid !== null)
    return `keep-id:uid=${mode.uid},gid=${mode.gid ?? mode.uid}`;
  return mode.kind === "path" ? `ns:${mode.of}` : mode.kind;
}

function securityOptions({ spec }: ContainerRecord): string[] {
  return [
    ...(spec.noNewPrivileges ? ["no-new-privileges"] : []),
    ...(spec.seccomp === null ? [] : [`seccomp=${spec.seccomp}`]),
    ...(spec.apparmor === null ? [] : [`apparmor=${spec.apparmor}`]),
    ...spec.labelOptions.map((option) => `label=${option}`),
    ...(spec.mask.length > 0 ? [`mask=${spec.mask.join(":")}`] : []),
    ...(spec.unmask.length > 0 ? [`unmask=${spec.unmask.join(":")}`] : []),
  ];
}

function nanoCpus(quota: number | null, period: number | null): number {
  return quota === null || quota <= 0 ? 0 : Math.round((quota / (period ?? 100_000)) * 1e9);
}
