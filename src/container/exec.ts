/** Running one more process in a container. */
import { closeSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { constants as os } from "node:os";
import { join } from "node:path";
import { CooperError } from "../errors.ts";
import type { Host } from "../host.ts";
import type { ProcessSpec, RuntimeSpec } from "../oci/runtime-spec.ts";
import { type MonitorOptions, startFailure, startMonitor } from "../runtime/monitor.ts";
import { type OciRuntime, runtimeMessage } from "../runtime/oci-runtime.ts";
import { anticipateMove } from "../system/cgroup.ts";
import { boundingCapabilities } from "../system/own-limits.ts";
import { connectPackets } from "../system/pipe.ts";
import { pidfdOrEnded, processIdentity, waitForEnd } from "../system/process.ts";
import { needProgram } from "../system/program.ts";
import { randomHex } from "../system/random.ts";
import { readInRoot } from "../system/rooted.ts";
import { isTerminal, RawMode, type TerminalSize, terminalSize } from "../system/terminal.ts";
import { callerEnvironment } from "../system/userns.ts";
import { carryStreams } from "./attach-streams.ts";
import { enterOwnScope } from "./cgroup-place.ts";
import { isMonitorOf } from "./cleanup.ts";
import { defaultDetachKeys, parseDetachKeys } from "./detach-keys.ts";
import { emitContainer } from "./events.ts";
import { ExecRoom } from "./exec-room.ts";
import { resolveUser } from "./identity.ts";
import { isAlive, readPid } from "./live-state.ts";
import { monitorVariables } from "./monitor-variables.ts";
import type { ContainerRecord } from "./record.ts";
import { resolveStarted } from "./resolve-started.ts";
import { chooseRuntime } from "./runtime-choice.ts";
import { execProcess } from "./runtime-config.ts";
import { followSize } from "./terminal-size.ts";

export interface ExecOptions {
  readonly command: readonly string[];
  readonly env: readonly string[];
  readonly user: string | null;
  readonly workdir: string | null;
  readonly hasTty: boolean;
  readonly hasStdin: boolean;
  readonly isPrivileged: boolean;
  readonly isDetached: boolean;
  readonly detachKeys: string | null;
  readonly preservedDescriptors: readonly number[];
  /** Of a terminal that is not ours. */
  readonly size?: TerminalSize;
}

/** Resolves to the exit code of the process; with `isDetached` to the session's id. */
export async function execInContainer(
  host: Host,
  nameOrId: string,
  options: ExecOptions,
): Promise<number | string> {
  const container = await resolveStarted(host, nameOrId);
  assertCanExec(container, nameOrId);
  if (host.canLimit) anticipateMove();
  const entered = enterOwnScope(host, container);
  const session = randomHex(32);
  using room = new ExecRoom(host, container.id, session);
  const { directory } = room;
  const file = join(directory, "process.json");
  writeFileSync(file, JSON.stringify(processOf(host, container, options)), { mode: 0o600 });
  const runtime = await chooseRuntime(host, container);
  const words = options.command.join(" ");
  emitContainer(host, container, "exec_create", { execID: session, command: words });
  emitContainer(host, container, "exec_start", { execID: session, command: words });
  await entered;
  try {
    return await runSession(host, runtime, container, { session, directory, file }, options);
  } catch (error) {
    const { explained } = await import("./explain.ts");
    const { command, user } = options;
    const tree = `/proc/${container.pid}/root`;
    throw await explained(host, container, error, { tree, command, user, isGoing: true });
  }
}

async function runSession(
  host: Host,
  runtime: OciRuntime,
  container: ContainerRecord,
  place: ExecPlace,
  options: ExecOptions,
): Promise<number | string> {
  const { session, directory, file } = place;
  if (!options.hasTty && !options.isDetached) {
    const exitCode = await execDirectly(runtime, container, file, directory, options);
    emitContainer(host, container, "exec_die", { execID: session, exitCode: `${exitCode}` });
    return exitCode;
  }
  return execMonitored(host, runtime, container, place, options);
}

/** @throws CooperError wrong-state with the words that the user typed */
export function assertCanExec(container: ContainerRecord, nameOrId: string): void {
  if (!isAlive(container) || container.intent === "initialized") {
    throw new CooperError(
      "wrong-state",
      `cannot exec in container ${nameOrId}: it is not running`,
      {
        hint: `cooper start ${nameOrId}`,
      },
    );
  }
  if (container.intent === "paused") {
    throw new CooperError("wrong-state", `cannot exec in container ${nameOrId}: it is paused`, {
      hint: `cooper unpause ${nameOrId}`,
    });
  }
}

/** The process of a session, from the config that the container runs with. */
export function processOf(
  host: Host,
  container: ContainerRecord,
  options: ExecOptions,
): ProcessSpec {
  const { config: file, merged } = host.paths.container(container.id);
  const config = JSON.parse(readFileSync(file, "utf8")) as RuntimeSpec;
  const user =
    options.user === null
      ? undefined
      : resolveUser(
          options.user,
          readInRoot(merged, "/etc/passwd") ?? "",
          readInRoot(merged, "/etc/group") ?? "",
        );
  return execProcess(config, {
    command: options.command,
    env: options.env,
    workdir: options.workdir,
    hasTty: options.hasTty,
    terminalSize: options.isDetached ? null : (options.size ?? terminalSize(1) ?? null),
    isPrivileged: options.isPrivileged,
    engineCapabilities: boundingCapabilities(),
    ...(user !== undefined && { user }),
  });
}

/**
 * In the foreground without a terminal the runtime itself is the best client: it takes our own
 * descriptors, so that output needs no copying, and its exit code is the process's.
 */
async function execDirectly(
  runtime: OciRuntime,
  container: ContainerRecord,
  file: string,
  directory: string,
  options: ExecOptions,
): Promise<number> {
  const log = join(directory, "log");
  const preserved = options.preservedDescriptors;
  const child = Bun.spawn(
    [
      runtime.path,
      ...runtime.globalArgs,
      `--log=${log}`,
      "--log-format=json",
      "exec",
      "--process",
      file,
      ...(preserved.length > 0 ? ["--preserve-fds", `${preserved.length}`] : []),
      container.id,
    ],
    { stdio: [options.hasStdin ? "inherit" : "ignore", "inherit", "inherit", ...preserved] },
  );
  const forward = passSignalsTo(child);
  try {
    const exitCode = await child.exited;
    if (exitCode === 0) return 0;
    const message = failureIn(log);
    if (message !== "") throw startFailure(runtime.name, message);
    return exitCode;
  } finally {
    forward[Symbol.dispose]();
  }
}

/** Only a failure to start leaves an error in the runtime's log. */
function failureIn(log: string): string {
  try {
    return runtimeMessage(readFileSync(log, "utf8"));
  } catch {
    return ""; // it logged nothing: the exit code is the process's own
  }
}

/** The runtime hands signals on to the process (runc-exec(8)); we must not die before it. */
function passSignalsTo(child: Bun.Subprocess): Disposable {
  const handlers = (["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2"] as const).map(
    (name) => {
      const handler = () => child.kill(os.signals[name]);
      process.on(name, handler);
      return { name, handler };
    },
  );
  return {
    [Symbol.dispose]() {
      for (const { name, handler } of handlers) process.off(name, handler);
    },
  };
}

/** With a terminal, or left alone: conmon keeps the session as it keeps a container. */
async function execMonitored(
  host: Host,
  runtime: OciRuntime,
  container: ContainerRecord,
  place: ExecPlace,
  options: ExecOptions,
): Promise<number | string> {
  const { session, directory } = place;
  const exits = join(directory, "exits");
  const conmonPidFile = join(directory, "conmon.pid");
  let socket = -1;
  const pid = await startMonitor(runtime, {
    ...execMonitor(host, container, place, options),
    exitCommand: options.isDetached ? [needProgram("rm"), "-rf", directory] : [],
    ...(!options.isDetached && {
      onAttachable() {
        socket = connectPackets(join(directory, "attach"));
      },
    }),
  });
  if (options.isDetached) return session;
  const exitFile = join(exits, container.id); // conmon names it so, in a directory of the session's own
  const identity = processIdentity(pid);
  const pidfd = pidfdOrEnded(pid);
  const keys = parseDetachKeys(options.detachKeys ?? host.settings.detachKeys ?? defaultDetachKeys);
  {
    using _raw = options.hasStdin && isTerminal(0) ? new RawMode(0) : undefined;
    using _size = isTerminal(1) ? followSize(join(directory, "ctl"), 1) : undefined;
    const end = await carryStreams(socket, {
      stdin: options.hasStdin,
      stdout: true,
      stderr: true,
      hasTty: options.hasTty,
      detachKeys: isTerminal(0) ? keys : new Uint8Array(),
      pidfd,
      hasEnded: () =>
        exitIn(exitFile) !== undefined || !isMonitorOf(readPid(conmonPidFile), session),
    }).finally(() => closeSync(pidfd));
    if (end === "detached") return 0;
  }
  await waitForEnd(pid, identity, 10_000);
  const exitCode = await exitOf(exitFile, () => isMonitorOf(readPid(conmonPidFile), session));
  emitContainer(host, container, "exec_die", { execID: session, exitCode: `${exitCode}` });
  rmSync(directory, { recursive: true, force: true });
  return exitCode;
}

/** Where a session keeps what belongs to it. */
export interface ExecPlace {
  readonly session: string;
  readonly directory: string;
  /** What the runtime is to run, as JSON. */
  readonly file: string;
}

/** What conmon is told for a session, besides how it is attached and what follows its end. */
export function execMonitor(
  host: Host,
  container: ContainerRecord,
  { session, directory, file }: ExecPlace,
  options: Pick<ExecOptions, "hasTty" | "hasStdin" | "preservedDescriptors">,
): Omit<MonitorOptions, "exitCommand" | "onAttachable"> {
  return {
    conmon: host.settings.conmonPath,
    id: container.id,
    session,
    name: container.name,
    bundle: directory,
    pidFile: join(directory, "pid"),
    conmonPidFile: join(directory, "conmon.pid"),
    exitDirectory: join(directory, "exits"),
    runtimeLog: join(directory, "log"),
    log: "none",
    logMaxBytes: null,
    olderLogs: 0,
    logTag: null,
    hasTty: options.hasTty,
    hasStdin: options.hasStdin,
    leavesStdinOpen: false,
    isSystemd: container.resolved.cgroupManager === "systemd",
    timeoutSeconds: 0,
    exitDelaySeconds: 0,
    syncsLog: false,
    extraEnv: { ...callerEnvironment(), ...monitorVariables(host.settings) },
    execProcess: file,
    preservedDescriptors: options.preservedDescriptors,
  };
}

/** conmon writes it a moment after the process has ended; killed before that, nobody knows. */
export async function exitOf(file: string, isMonitored: () => boolean): Promise<number> {
  for (;;) {
    const lives = isMonitored(); // asked first, so that its last word is not missed
    const exitCode = exitIn(file);
    if (exitCode !== undefined) return exitCode;
    if (!lives) return 255;
    await Bun.sleep(1);
  }
}

/** What conmon has written down; undefined before. */
export function exitIn(file: string): number | undefined {
  try {
    const text = readFileSync(file, "utf8").trim();
    return /^\d+$/.test(text) ? Number(text) : undefined;
  } catch {
    return undefined; // not written yet
  }
}
