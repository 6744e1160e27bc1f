/** The document that `inspect` shows: Podman's, with the names that Docker's users look for beside them. */

import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Host } from "../host.ts";
import type { RuntimeSpec } from "../oci/runtime-spec.ts";
import { resolveContainer } from "../records/containers.ts";
import { getHealth } from "../records/health.ts";
import { cgroupOf } from "../system/cgroup.ts";
import { frozenStack } from "./frozen-stack.ts";
import { healthCheckOf } from "./health/state.ts";
import { hostConfig } from "./inspect-host-config.ts";
import { networkSettings } from "./inspect-network.ts";
import { liveState } from "./live-state.ts";
import { commandOf, labelsOf } from "./process-of.ts";
import type { ContainerRecord } from "./record.ts";
import { runtimeName } from "./runtime-choice.ts";
import { allCapabilities, mergeCapabilities } from "./runtime-config/capabilities.ts";
import type { Mount } from "./spec.ts";
import { driverName } from "./storage.ts";

/** Everything about one container, as plain JSON. */
export function inspectContainer(host: Host, nameOrId: string): Record<string, unknown> {
  const container = resolveContainer(host.database, nameOrId);
  const { spec, resolved } = container;
  const paths = host.paths.container(container.id);
  const [path = "", ...args] = commandOf(spec, resolved.imageConfig);
  const config = readConfig(paths.config);
  return {
    Id: container.id,
    Created: new Date(container.createdAt).toISOString(),
    Path: path,
    Args: args,
    State: stateOf(host, container),
    Image: container.imageId ?? "",
    ImageDigest: resolved.imageDigest,
    ImageName: resolved.imageName,
    Rootfs: spec.rootfs?.path ?? "",
    Pod: "",
    ResolvConfPath: `${paths.files}/resolv.conf`,
    HostnamePath: `${paths.files}/hostname`,
    HostsPath: `${paths.files}/hosts`,
    StaticDir: paths.directory,
    OCIConfigPath: paths.config,
    OCIRuntime: runtimeName(host, spec.runtime),
    ConmonPidFile: spec.conmonPidFile ?? paths.conmonPidFile,
    PidFile: spec.pidFile ?? paths.pidFile,
    LogPath: ["k8s-file", "json-file"].includes(resolved.logDriver) ? resolved.logPath : "",
    Name: container.name,
    RestartCount: container.restartCount,
    Driver: existsSync(host.paths.container(container.id).tree) ? "vfs" : driverName(host),
    Platform: "linux",
    MountLabel: "",
    ProcessLabel: "",
    AppArmorProfile: config?.process.apparmorProfile ?? "",
    ...capabilitiesOf(host, container, config),
    ExecIDs: [],
    GraphDriver: graphDriver(host, container),
    Mounts: spec.mounts.flatMap((mount) => describeMount(host, mount)),
    Dependencies: spec.requires,
    NetworkSettings: networkSettings(host, container),
    Namespace: "",
    IsInfra: false,
    IsService: false,
    Config: configOf(host, container, config),
    HostConfig: hostConfig(host, container),
  };
}

/** What it was started with, while it is: the best answer to what it has. */
function readConfig(file: string): RuntimeSpec | undefined {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as RuntimeSpec;
  } catch {
    return undefined; // it does not run, or is being started right now
  }
}

function capabilitiesOf(
  host: Host,
  { spec, resolved }: ContainerRecord,
  config: RuntimeSpec | undefined,
): { EffectiveCaps: readonly string[] | null; BoundingCaps: readonly string[] | null } {
  const orNull = (names: readonly string[]) => (names.length > 0 ? names : null);
  if (config !== undefined) {
    const { effective, bounding } = config.process.capabilities;
    return { EffectiveCaps: orNull(effective), BoundingCaps: orNull(bounding) };
  }
  const merged = (defaults: readonly string[]) =>
    mergeCapabilities(defaults, spec.capAdd, spec.capDrop, allCapabilities);
  const bounding = spec.isPrivileged
    ? [...allCapabilities].sort()
    : merged(host.settings.defaultCapabilities);
  const user = spec.user ?? resolved.imageConfig?.config?.User ?? "";
  const isRoot = /^(0|root)?(:|$)/.test(user);
  return {
    BoundingCaps: orNull(bounding),
    EffectiveCaps: orNull(
      isRoot ? bounding : mergeCapabilities([], spec.capAdd, [], allCapabilities),
    ),
  };
}

function stateOf(host: Host, container: ContainerRecord) {
  const live = liveState(host, container);
  const isRunning = live.state === "running";
  return {
    OciVersion: "1.0.2",
    Status: live.state,
    Running: isRunning || live.state === "paused" || live.state === "restarting", // as Docker sees it
    Paused: live.state === "paused",
    Restarting: live.state === "restarting",
    OOMKilled: live.exit?.oomKilled ?? container.oomKilled,
    Dead: false,
    Pid: live.pid,
    ConmonPid: live.pid === 0 ? 0 : container.conmonPid,
    ExitCode: live.exit?.exitCode ?? (live.state === "created" ? container.exitCode : 0),
    Error: container.error,
    StartedAt: goTime(container.startedAt),
    FinishedAt: goTime(live.exit?.finishedAt ?? container.finishedAt),
    CgroupPath: cgroupPathOf(live.pid),
    StoppedByUser: container.stoppedBy === "user",
    Health: healthDocument(host, container),
    ...checkpointOf(host, container, live.pid),
    RestoredAt: goTime(0),
  };
}

/** The checkpoint that `restore` would go on from. */
function checkpointOf(host: Host, { id }: ContainerRecord, pid: number) {
  const { checkpoint } = host.paths.container(id);
  const made = statSync(join(checkpoint, "inventory.img"), { throwIfNoEntry: false });
  return {
    ...(made !== undefined && { Checkpointed: pid === 0, CheckpointPath: checkpoint }),
    CheckpointedAt: goTime(Math.floor(made?.mtimeMs ?? 0)),
  };
}

/** As both peers show it; Podman's scripts read an empty status where there is no check. */
function healthDocument(host: Host, container: ContainerRecord) {
  const state = getHealth(host.database, container.id);
  if (state === undefined) return { Status: "", FailingStreak: 0, Log: null };
  return {
    Status: state.status,
    FailingStreak: state.failingStreak,
    Log: state.log.map(({ startedAt, endedAt, exitCode, output }) => ({
      Start: new Date(startedAt).toISOString(),
      End: new Date(endedAt).toISOString(),
      ExitCode: exitCode,
      Output: output,
    })),
  };
}

/** Its check with every default, in nanoseconds; null where it has none. */
function healthConfig({ spec, resolved }: ContainerRecord) {
  const check = healthCheckOf(spec, resolved.imageConfig);
  if (check === null) return spec.health.test === null ? null : { Test: spec.health.test };
  const nanoseconds = (ms: number) => Math.round(ms * 1e6);
  return {
    Test: spec.health.test ?? resolved.imageConfig?.config?.Healthcheck?.Test ?? [],
    Interval: nanoseconds(check.intervalMs),
    Timeout: nanoseconds(check.timeoutMs),
    StartPeriod: nanoseconds(check.startPeriodMs),
    StartInterval: nanoseconds(check.startIntervalMs),
    Retries: check.retries,
  };
}

/** Of its first process; crun puts it into a part of the container's cgroup. */
function cgroupPathOf(pid: number): string {
  return pid === 0 ? "" : cgroupOf(pid).replace(/\/container$/, "");
}

/** Go prints a time that never was as the year 1. */
function goTime(ms: number): string {
  return ms === 0 ? "0001-01-01T00:00:00Z" : new Date(ms).toISOString();
}

function graphDriver(host: Host, container: ContainerRecord) {
  const paths = host.paths.container(container.id);
  const { directories, isWhole } = frozenStack(host, container.frozenId);
  const layers = container.resolved.layers.map((id) => host.paths.layer(id).diff).reverse();
  const lower = isWhole ? directories : [...directories, ...layers];
  if (existsSync(paths.tree)) return { Name: "vfs", Data: { dir: paths.tree } };
  return {
    Name: driverName(host),
    Data: {
      LowerDir: lower.join(":"),
      MergedDir: paths.merged,
      UpperDir: paths.upper,
      WorkDir: paths.work,
    },
  };
}

function describeMount(host: Host, mount: Mount) {
  const options = (...words: string[]) => [...new Set([...mount.options, ...words])];
  const common = {
    Destination: mount.target,
    Driver: "",
    Mode: "",
    RW: !mount.readOnly,
    Propagation: "rprivate",
  };
  if (mount.kind === "bind") {
    const Options = options(mount.isRecursive ? "rbind" : "bind");
    const Propagation = mount.propagation ?? "rprivate";
    return [{ Type: "bind", Source: mount.source, ...common, Options, Propagation }];
  }
  if (mount.kind === "volume") {
    const name = mount.name ?? "";
    const Options = options("nosuid", "nodev", "rbind");
    const Source = host.paths.volume(name);
    return [{ Type: "volume", Name: name, Source, ...common, Driver: "local", Options }];
  }
  return mount.kind === "image"
    ? [{ Type: "image", Source: mount.image, ...common, Options: options() }]
    : [];
}

function configOf(host: Host, container: ContainerRecord, config: RuntimeSpec | undefined) {
  const { spec, resolved } = container;
  const image = resolved.imageConfig?.config;
  const imageVolumes = Object.keys(image?.Volumes ?? {});
  const attaches = (stream: "stdin" | "stdout" | "stderr") =>
    spec.attach?.includes(stream) ?? false;
  return {
    Hostname: spec.hostname ?? container.id.slice(0, 12),
    Domainname: spec.domainname ?? "",
    User: spec.user ?? image?.User ?? "",
    AttachStdin: attaches("stdin"),
    AttachStdout: attaches("stdout"),
    AttachStderr: attaches("stderr"),
    Tty: spec.hasTty,
    OpenStdin: spec.hasStdin,
    StdinOnce: false,
    Env: config?.process.env ?? mergedEnv([...(image?.Env ?? []), ...spec.env]),
    Cmd: spec.command ?? (spec.entrypoint === null ? (image?.Cmd ?? null) : null),
    Image: spec.image ?? "",
    Volumes:
      imageVolumes.length > 0 ? Object.fromEntries(imageVolumes.map((path) => [path, {}])) : null,
    WorkingDir: spec.workdir ?? (image?.WorkingDir || "/"),
    Entrypoint: spec.entrypoint ?? image?.Entrypoint ?? null,
    OnBuild: image?.OnBuild ?? null,
    Labels: labelsOf(spec, resolved.imageConfig),
    Annotations: spec.annotations,
    StopSignal: resolved.stopSignal,
    Healthcheck: healthConfig(container),
    HealthcheckOnFailureAction: spec.health.onFailure ?? "none",
    ExposedPorts: image?.ExposedPorts ?? null,
    CreateCommand: resolved.createCommand,
    Umask: spec.umask ?? host.settings.umask,
    Timezone: spec.timezone ?? "",
    Timeout: spec.timeoutSeconds,
    StopTimeout: resolved.stopTimeoutSeconds,
    Passwd: spec.managesPasswd,
    sdNotifyMode: spec.sdnotify ?? "container",
  };
}

/** Later values of a name take the place of earlier ones. */
function mergedEnv(env: readonly string[]): string[] {
  const byName = new Map(env.map((entry) => [entry.split("=", 1)[0] ?? "", entry]));
  return [...byName.values()];
}
