/**
 * Exec sessions of clients elsewhere: made first, started then, and asked about later, by whatever process
 * serves the client at the time. What is known of one stands in its directory, which goes with the container,
 * or some minutes after its end.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CooperError } from "../errors.ts";
import type { Host } from "../host.ts";
import { getContainer } from "../records/containers.ts";
import { startMonitor } from "../runtime/monitor.ts";
import { anticipateMove } from "../system/cgroup.ts";
import { processIdentity, sendSignal, waitForEnd } from "../system/process.ts";
import { randomHex } from "../system/random.ts";
import type { TerminalSize } from "../system/terminal.ts";
import { enterOwnScope } from "./cgroup-place.ts";
import { isMonitorOf } from "./cleanup.ts";
import { emitContainer } from "./events.ts";
import {
  assertCanExec,
  type ExecOptions,
  type ExecPlace,
  execMonitor,
  exitIn,
  exitOf,
  processOf,
} from "./exec.ts";
import { readPid } from "./live-state.ts";
import type { ContainerRecord } from "./record.ts";
import { resolveStarted } from "./resolve-started.ts";
import { chooseRuntime } from "./runtime-choice.ts";
import { type OutputSink, Streams } from "./streams.ts";
import { resizeTerminal } from "./terminal-size.ts";

/** What is asked of a session when it is made. */
export type ExecRequest = Omit<ExecOptions, "isDetached" | "preservedDescriptors" | "size"> & {
  readonly hasStdout: boolean;
  readonly hasStderr: boolean;
};

export interface ExecState {
  readonly id: string;
  readonly containerId: string;
  readonly request: ExecRequest;
  readonly isRunning: boolean;
  /** 0: it has not been started, or has ended. */
  readonly pid: number;
  /** null: it has not ended. */
  readonly exitCode: number | null;
}

/** How long one is kept that has ended, or was never started. */
const keptMs = 300_000;

interface Kept {
  readonly id: string;
  readonly containerId: string;
  readonly request: ExecRequest;
}

/** Makes a session; resolves to its id. */
export async function createExec(
  host: Host,
  nameOrId: string,
  request: ExecRequest,
): Promise<string> {
  const container = await resolveStarted(host, nameOrId);
  assertCanExec(container, nameOrId);
  forgetOld(host, container.id);
  const id = randomHex(32);
  const directory = directoryOf(host, container.id, id);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const kept: Kept = { id, containerId: container.id, request };
  writeFileSync(join(directory, "session.json"), JSON.stringify(kept), { mode: 0o600 });
  emitContainer(host, container, "exec_create", {
    execID: id,
    command: request.command.join(" "),
  });
  return id;
}

const directoryOf = (host: Host, containerId: string, id: string) =>
  join(host.paths.execs, `${containerId.slice(0, 16)}-${id.slice(0, 12)}`);

function sessionsIn(host: Host): string[] {
  try {
    return readdirSync(host.paths.execs);
  } catch {
    return []; // nobody has made one yet
  }
}

function forgetOld(host: Host, containerId: string): void {
  for (const name of sessionsIn(host)) {
    if (!name.startsWith(`${containerId.slice(0, 16)}-`)) continue;
    const directory = join(host.paths.execs, name);
    const file = exitFileIn(directory, containerId);
    const mark = [file, join(directory, "conmon.pid"), join(directory, "session.json")]
      .map((path) => statSync(path, { throwIfNoEntry: false }))
      .find((stats) => stats !== undefined);
    const isRunning = exitIn(file) === undefined && readPid(join(directory, "pid")) > 0;
    if (mark !== undefined && !isRunning && mark.mtimeMs < Date.now() - keptMs)
      rmSync(directory, { recursive: true, force: true });
  }
}

/** conmon names it by the container, in a directory of the session's own. */
const exitFileIn = (directory: string, containerId: string) =>
  join(directory, "exits", containerId);

/** @throws CooperError no-such-object */
function find(host: Host, id: string): { kept: Kept; directory: string } {
  const name = /^[0-9a-f]{12,64}$/.test(id)
    ? sessionsIn(host).find((one) => one.endsWith(`-${id.slice(0, 12)}`))
    : undefined;
  const directory = name === undefined ? undefined : join(host.paths.execs, name);
  try {
    if (directory !== undefined) {
      const kept = JSON.parse(readFileSync(join(directory, "session.json"), "utf8")) as Kept;
      if (kept.id.startsWith(id)) return { kept, directory };
    }
  } catch {
    // it has gone with its container, or belongs to a command line
  }
  throw new CooperError("no-such-object", `No such exec instance: ${id}`);
}

/** What is known of a session. */
export function inspectExec(host: Host, id: string): ExecState {
  const { kept, directory } = find(host, id);
  const pid = readPid(join(directory, "pid"));
  const conmon = readPid(join(directory, "conmon.pid"));
  const isMonitored = conmon > 0 && isMonitorOf(conmon, kept.id);
  const exitCode =
    exitIn(exitFileIn(directory, kept.containerId)) ??
    failedExit(directory) ??
    (conmon > 0 && !isMonitored ? 255 : null);
  const isRunning = isMonitored && exitCode === null && pid > 0;
  return { ...kept, isRunning, pid: isRunning ? pid : 0, exitCode };
}

/** Of one whose command could not be started. */
function failedExit(directory: string): number | undefined {
  return exitIn(join(directory, "failed"));
}

/** Sessions of a container that run now. */
export function runningExecs(host: Host, containerId: string): string[] {
  return sessionsIn(host)
    .filter((name) => name.startsWith(`${containerId.slice(0, 16)}-`))
    .flatMap((name) => {
      try {
        const state = inspectExec(host, name.slice(17));
        return state.isRunning ? [state.id] : [];
      } catch {
        return []; // of a command line, or gone
      }
    });
}

/** Sets the size of its terminal. @throws CooperError wrong-state when it does not run */
export function resizeExec(host: Host, id: string, { rows, columns }: TerminalSize): void {
  const { kept, directory } = find(host, id);
  if (!inspectExec(host, id).isRunning)
    throw new CooperError("wrong-state", `cannot resize exec ${id}: it is not running`);
  if (kept.request.hasTty && rows > 0 && columns > 0)
    resizeTerminal(join(directory, "ctl"), rows, columns);
}

/** A session that runs; disposing leaves it alone. */
export interface StartedExec extends Disposable {
  readonly hasTty: boolean;
  write(bytes: Uint8Array): Promise<void>;
  endInput(): Promise<void>;
  /** Resolves when it has written all that it ever will, and its exit code is known. */
  readonly ended: Promise<void>;
}

/** Takes a session to start it: once. @throws CooperError wrong-state when somebody has, or its container does not run */
export async function claimExec(host: Host, id: string): Promise<ExecState> {
  const { kept, directory } = find(host, id);
  const container = await resolveStarted(host, kept.containerId);
  assertCanExec(container, container.name);
  claim(directory, id);
  return inspectExec(host, id);
}

/**
 * Starts a session that was claimed.
 *
 * @param sink takes its output; null: nobody attaches
 */
export async function startExec(
  host: Host,
  id: string,
  sink: OutputSink | null,
  size: TerminalSize | undefined,
): Promise<StartedExec> {
  const { kept, directory } = find(host, id);
  const { request } = kept;
  const container = getContainer(host.database, kept.containerId);
  if (container === undefined)
    throw new CooperError("no-such-container", `no such container: ${kept.containerId}`);
  assertCanExec(container, container.name);
  const place: ExecPlace = { session: kept.id, directory, file: join(directory, "process.json") };
  const options: ExecOptions = {
    ...request,
    isDetached: sink === null,
    preservedDescriptors: [],
    ...(size !== undefined && { size }),
  };
  writeFileSync(place.file, JSON.stringify(processOf(host, container, options)), { mode: 0o600 });
  if (host.canLimit) anticipateMove();
  await enterOwnScope(host, container);
  const runtime = await chooseRuntime(host, container);
  const exitFile = exitFileIn(directory, container.id);
  const isMonitored = () => isMonitorOf(readPid(join(directory, "conmon.pid")), kept.id);
  let streams: Streams | undefined;
  let pid: number;
  try {
    pid = await startMonitor(runtime, {
      ...execMonitor(host, container, place, options),
      exitCommand: [],
      ...(sink !== null && {
        async onAttachable() {
          streams = await Streams.open(
            {
              attachSocket: join(directory, "attach"),
              hasTty: request.hasTty,
              hasEnded: () => exitIn(exitFile) !== undefined || !isMonitored(),
            },
            sink,
          );
        },
      }),
    });
  } catch (error) {
    streams?.[Symbol.dispose]();
    const code = error instanceof CooperError ? error.code : "internal";
    writeFileSync(
      join(directory, "failed"),
      `${code === "command-not-found" ? 127 : code === "command-not-executable" ? 126 : 255}`,
    );
    throw error;
  }
  emitContainer(host, container, "exec_start", {
    execID: kept.id,
    command: request.command.join(" "),
  });
  if (streams !== undefined) void streams.watch(pid);
  const ended = followEnd(host, container, kept.id, { pid, exitFile, isMonitored, streams });
  return {
    hasTty: request.hasTty,
    write: async (bytes) => streams?.write(bytes),
    endInput: async () => streams?.endInput(),
    ended,
    [Symbol.dispose]: () => streams?.[Symbol.dispose](),
  };
}

/**
 * Forgets a session.
 *
 * @param force ends one that runs. @throws CooperError wrong-state when it runs, without force
 */
export async function removeExec(host: Host, id: string, force: boolean): Promise<void> {
  const { directory } = find(host, id);
  const { isRunning, pid } = inspectExec(host, id);
  if (isRunning && !force)
    throw new CooperError("wrong-state", `cannot remove exec ${id}: it is running`);
  if (isRunning) {
    const identity = processIdentity(pid);
    sendSignal(pid, 9);
    await waitForEnd(pid, identity, 10_000);
  }
  rmSync(directory, { recursive: true, force: true });
}

/** Whoever makes the mark starts it. */
function claim(directory: string, id: string): void {
  try {
    writeFileSync(join(directory, "started"), "", { flag: "wx" });
  } catch {
    throw new CooperError("wrong-state", `Exec instance ${id} has been started already`);
  }
}

async function followEnd(
  host: Host,
  container: ContainerRecord,
  id: string,
  session: {
    readonly pid: number;
    readonly exitFile: string;
    readonly streams: Streams | undefined;
    isMonitored(): boolean;
  },
): Promise<void> {
  await session.streams?.ended;
  const identity = processIdentity(session.pid);
  while (!(await waitForEnd(session.pid, identity, 60_000)));
  const exitCode = await exitOf(session.exitFile, () => session.isMonitored());
  emitContainer(host, container, "exec_die", { execID: id, exitCode: `${exitCode}` });
}
