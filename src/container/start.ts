/** Starting a container: from a record to a running process under its monitor. */
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  readFileSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { CooperError } from "../errors.ts";
import type { Host } from "../host.ts";
import type { RuntimeSpec } from "../oci/runtime-spec.ts";
import { ownCommand } from "../own-command.ts";
import { changeContainer, resolveContainer } from "../records/containers.ts";
import { startMonitor } from "../runtime/monitor.ts";
import { startCreated } from "../runtime/oci-runtime.ts";
import { anticipateMove } from "../system/cgroup.ts";
import { connectPackets } from "../system/pipe.ts";
import { isSameProcess, processIdentity } from "../system/process.ts";
import { makeSpreadDirectory } from "../system/spread.ts";
import { terminalSize } from "../system/terminal.ts";
import { callerEnvironment } from "../system/userns.ts";
import { placeMonitor } from "./cgroup-place.ts";
import type { RestoreRequest } from "./checkpoint/request.ts";
import { abortStart, settleContainer } from "./cleanup.ts";
import { copyUpVolumes } from "./copy-up.ts";
import { placeEtcFiles, writeNetworkFiles } from "./etc-files.ts";
import { emitContainer } from "./events.ts";
import { withHooks } from "./hooks.ts";
import { isAlive, readPid } from "./live-state.ts";
import { logTarget } from "./log-target.ts";
import { monitorVariables } from "./monitor-variables.ts";
import { needsLinks } from "./needs-links.ts";
import { isNetworkless, type JoinedNetworks, networkless } from "./networkless.ts";
import { notifySocket, tellManager } from "./notify.ts";
import type { ContainerRecord } from "./record.ts";
import { mountRootfs, releaseMount } from "./rootfs.ts";
import { chooseRuntime, forbiddenHere } from "./runtime-choice.ts";
import { runtimeConfig } from "./runtime-config.ts";
import { gatherRuntimeInput, hostnameOf } from "./runtime-input.ts";
import { assertSupported } from "./runtime-support.ts";
import type { ContainerSpec } from "./spec.ts";
import { mountVolumes } from "./volumes.ts";

export interface StartOptions {
  /**
   * Whether the caller stays, carries the streams and cleans up at the end: the exit command then
   * gives it a moment before it does the same.
   */
  readonly isForeground: boolean;
  /** From a checkpoint, instead of from its beginning. */
  readonly restore?: RestoreRequest;
  /** Descriptors of ours that the container's process inherits, from 3 on. */
  readonly preservedDescriptors?: readonly number[];
  /** Connect to its streams before its first byte is written. */
  readonly attaches?: boolean;
  /** With the log driver `passthrough`: a descriptor of ours that takes its output, instead of our own streams. */
  readonly outputDescriptor?: number;
  /** Its streams can be opened by now (connectAttach()), and its process waits for this to resolve. */
  readonly beforeRun?: (pid: number) => Promise<void>;
  /** More of its environment (`NAME=value`), which no record may keep. */
  readonly hiddenEnv?: readonly string[];
}

/** A container whose process runs. */
export interface Started {
  readonly id: string;
  /** Whether it was running before. */
  readonly wasRunning?: boolean;
  readonly pid: number;
  /** Connected attach socket, if it was asked for; the caller closes it. */
  readonly socket: number | null;
}

/** Starts a created or stopped container; resolves once its own process runs. A running one is fine. */
export async function startContainer(
  host: Host,
  nameOrId: string,
  options: StartOptions,
): Promise<Started> {
  const { id, spec } = resolveContainer(host.database, nameOrId);
  await startRequired(host, spec);
  using _lock = await host.locks.container(id);
  const container = await settleContainer(host, id);
  if (container === undefined)
    throw new CooperError("no-such-container", `no such container: ${nameOrId}`);
  if (isAlive(container) && container.intent !== "initialized") {
    if (container.intent === "paused") {
      throw new CooperError("wrong-state", `container ${nameOrId} is paused`, {
        hint: `cooper unpause ${nameOrId}`,
      });
    }
    const socket = options.attaches ? connectAttach(host, container) : null;
    return { id, pid: container.pid, socket, wasRunning: true };
  }
  changeContainer(host.database, id, { stoppedBy: "nobody", restartCount: 0, quickEnds: 0 });
  return startLocked(host, container, options);
}

/** Most have none, and load nothing for it. */
function mayHaveHealthCheck({ spec, resolved }: ContainerRecord): boolean {
  return spec.health.test !== null || (resolved.imageConfig?.config?.Healthcheck ?? null) !== null;
}

/**
 * `--requires`: those run before. They were there when this one was made, so that they lead in no
 * circle; each is started without a lock of this one, since they may wait for each other's.
 */
export async function startRequired(
  host: Host,
  { requires }: Pick<ContainerSpec, "requires">,
): Promise<void> {
  for (const id of requires) await startContainer(host, id, { isForeground: false });
}

/** Makes the container known to the runtime, with everything mounted, but does not let it run yet. */
export async function initContainer(host: Host, nameOrId: string): Promise<string> {
  const { id } = resolveContainer(host.database, nameOrId);
  using _lock = await host.locks.container(id);
  const container = await settleContainer(host, id);
  if (container === undefined)
    throw new CooperError("no-such-container", `no such container: ${nameOrId}`);
  if (isAlive(container))
    throw new CooperError("wrong-state", `container ${nameOrId} has been initialized already`);
  const held = await initialize(host, container, { isForeground: false });
  changeContainer(host.database, id, { ...held, intent: "initialized" });
  emitContainer(host, container, "init");
  return id;
}

/**
 * Starts one that is not running; the caller holds its lock and has settled it. The process is let go
 * first and recorded then: whoever finds `starting` without a holder looks whether it runs.
 */
export async function startLocked(
  host: Host,
  container: ContainerRecord,
  options: StartOptions,
): Promise<Started> {
  const { id } = container;
  const held = isAlive(container) ? container : await initialize(host, container, options);
  const { pid, pidIdentity, conmonPid } = held;
  let socket: number | null = null;
  try {
    if (options.attaches) socket = connectAttach(host, container);
    await options.beforeRun?.(pid);
    if (options.restore === undefined) {
      const runtime = await chooseRuntime(host, container);
      await startCreated(runtime, id, () => isSameProcess(pid, pidIdentity));
    }
    const startedAt = Date.now();
    const process = { pid, pidIdentity, conmonPid };
    changeContainer(host.database, id, { ...process, intent: "running", startedAt, error: "" });
    emitContainer(host, container, "start");
    tellManager(host, container, conmonPid);
    if (mayHaveHealthCheck(container)) {
      const { beginHealth } = await import("./health/check.ts");
      const { ensureKeeper } = await import("./health/keeper.ts");
      if (beginHealth(host, container)) ensureKeeper(host);
    }
    return { id, pid, socket };
  } catch (error) {
    if (socket !== null) closeSync(socket);
    await abortStart(host, container);
    throw error;
  }
}

/** What a container has that waits for its start. */
type Held = Pick<ContainerRecord, "pid" | "pidIdentity" | "conmonPid">;

/** Everything up to the process that waits for its start; unwound when a step fails. */
async function initialize(
  host: Host,
  container: ContainerRecord,
  options: StartOptions,
): Promise<Held> {
  changeContainer(host.database, container.id, { intent: "starting" });
  try {
    const pid = await createProcess(host, container, options);
    const conmonPid = readPid(host.paths.container(container.id).conmonPidFile);
    return { pid, pidIdentity: processIdentity(pid), conmonPid };
  } catch (error) {
    // as long as its files are mounted
    const { explained } = await import("./explain.ts");
    const told = await explained(host, container, error, {
      tree: host.paths.container(container.id).merged,
      isGoing: options.isForeground && container.spec.removesItself,
    });
    await abortStart(host, container);
    noteFailure(host, container.id, told);
    throw told;
  }
}

/** Docker's and Podman's exit code of a container whose command could not be started. */
function noteFailure(host: Host, id: string, error: unknown): void {
  const code = error instanceof CooperError ? error.code : "internal";
  const exitCode =
    code === "command-not-found" ? 127 : code === "command-not-executable" ? 126 : 125;
  changeContainer(host.database, id, {
    error: error instanceof Error ? error.message : String(error),
    exitCode,
  });
}

async function createProcess(
  host: Host,
  container: ContainerRecord,
  options: StartOptions,
): Promise<number> {
  const { spec, resolved } = container;
  const paths = host.paths.container(container.id);
  releaseMount(host, container); // `cooper mount` may have it; the same directory is mounted again below
  makeSpreadDirectory(host.paths.bundles, 0o700);
  makeSpreadDirectory(host.paths.runtimeState, 0o700);
  mkdirSync(paths.bundle, { recursive: true, mode: 0o700 });
  if (resolved.idMappings !== null) {
    // root of its user namespace is nobody here, and must get to its root file system
    for (const directory of [host.paths.run, host.paths.bundles, paths.bundle])
      chmodSync(directory, 0o711);
  }
  const runtime = await chooseRuntime(host, container);
  assertSupported(runtime, spec);
  const restarts = spec.restart.policy !== "no";
  const makesKeyring = host.settings.keyring && !forbiddenHere(host, runtime).includes("keyring");
  using network = await joinedNetworks(host, container);
  const monitor = {
    conmon: host.settings.conmonPath,
    id: container.id,
    name: container.name,
    bundle: paths.bundle,
    pidFile: paths.pidFile,
    conmonPidFile: paths.conmonPidFile,
    exitDirectory: paths.exits,
    runtimeLog: `${paths.bundle}/runtime.log`,
    ...logTarget(host, container),
    hasTty: spec.hasTty,
    hasStdin: spec.hasStdin,
    leavesStdinOpen: spec.hasStdin && !(spec.closesStdin ?? options.isForeground),
    isSystemd: resolved.cgroupManager === "systemd",
    timeoutSeconds: spec.timeoutSeconds,
    exitCommand: ownCommand(host, "container", "cleanup", container.id),
    exitDelaySeconds: options.isForeground && !restarts ? 2 : 0,
    syncsLog: false,
    extraEnv: { ...callerEnvironment(), ...monitorVariables(host.settings) },
    notifySocket: notifySocket(host, container),
    restoreFrom: options.restore?.directory ?? null,
    createFlags: options.restore?.flags ?? (makesKeyring ? [] : ["--no-new-keyring"]),
    noPivot: host.settings.noPivotRoot,
    preservedDescriptors: options.preservedDescriptors ?? [],
    ...(options.outputDescriptor !== undefined && { outputDescriptor: options.outputDescriptor }),
    heldDescriptors: network.heldDescriptors,
  };
  if (host.canLimit) anticipateMove();
  const writeNetwork = async () =>
    writeNetworkFiles(host, container, hostnameOf(host, container), await network.facts);
  const fill = async (conmonPid: number) => {
    await Promise.all([
      fillBundle(host, container, network, options),
      placeMonitor(host, container, conmonPid),
    ]);
    // what is known already is written while conmon still loads
    if (isNetworkless(container)) await writeNetwork();
  };
  let pid: number;
  try {
    pid = await startMonitor(runtime, monitor, fill, network.ready);
  } catch (error) {
    // what is being plumbed is taken down by who undoes the start, so not before it is there
    await Promise.allSettled([network.ready]);
    throw error;
  } finally {
    options.restore?.settled();
  }
  await network.afterCreate(pid);
  if (!isNetworkless(container)) await writeNetwork();
  writePidFiles(container, pid, paths.conmonPidFile);
  return pid;
}

async function joinedNetworks(host: Host, container: ContainerRecord): Promise<JoinedNetworks> {
  if (isNetworkless(container)) return networkless(container);
  return (await import("./join-networks.ts")).joinNetworks(host, container);
}

/** Mounts everything, and writes down what the runtime is to run. */
async function fillBundle(
  host: Host,
  container: ContainerRecord,
  network: JoinedNetworks,
  options: StartOptions,
): Promise<void> {
  const { spec } = container;
  const paths = host.paths.container(container.id);
  await mountRootfs(host, container);
  await mountVolumes(host, container);
  await copyUpVolumes(host, container);
  const { input, hostname } = await gatherRuntimeInput(
    host,
    container,
    network.runtime,
    options.attaches ? terminalSize(1) : undefined,
  );
  const files = placeEtcFiles(host, container, hostname);
  const { config, warnings } = runtimeConfig({ ...input, files: { ...input.files, ...files } });
  for (const warning of warnings) host.warn(warning);
  const whole = withEnvironment(config, options.hiddenEnv ?? []);
  const final = await withHooks(host.settings.hooksDirectories, spec, whole);
  writeFileSync(paths.config, JSON.stringify(final), { mode: 0o600 });
  const runsAtOnce = options.restore !== undefined;
  await (runsAtOnce || needsLinks(final) ? network.ready : network.namespace);
  await options.restore?.prepare();
}

function withEnvironment(config: RuntimeSpec, env: readonly string[]): RuntimeSpec {
  if (env.length === 0) return config;
  return { ...config, process: { ...config.process, env: [...config.process.env, ...env] } };
}

function writePidFiles(container: ContainerRecord, pid: number, conmonPidFile: string): void {
  const { pidFile, conmonPidFile: asked } = container.spec;
  if (pidFile !== null) writeFileSync(pidFile, `${pid}`);
  if (asked === null) return;
  if (existsSync(asked)) unlinkSync(asked);
  writeFileSync(asked, readFileSync(conmonPidFile));
}

/** Connects to the streams of a container that lives. */
export function connectAttach(host: Host, container: ContainerRecord): number {
  return connectPackets(host.paths.container(container.id).attachSocket);
}
