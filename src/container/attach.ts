/** Attaching to a running container, and what a foreground run does until its end. */
import { closeSync, openSync } from "node:fs";
import { constants as os } from "node:os";
import { CooperError } from "../errors.ts";
import type { Host } from "../host.ts";
import { getContainer, lastExitCode } from "../records/containers.ts";
import { yieldToEventLoop } from "../system/pipe.ts";
import { pidfdOrEnded, sendSignal, waitForEnd } from "../system/process.ts";
import { isTerminal, RawMode } from "../system/terminal.ts";
import { afterEnd } from "./after-end.ts";
import { type AttachEnd, carryStreams } from "./attach-streams.ts";
import { isMonitorOf, settleContainer } from "./cleanup.ts";
import { defaultDetachKeys, parseDetachKeys } from "./detach-keys.ts";
import { emitContainer } from "./events.ts";
import { isAlive, readExit } from "./live-state.ts";
import { notPassed } from "./passed-signals.ts";
import type { ContainerRecord } from "./record.ts";
import { resolveStarted } from "./resolve-started.ts";
import { connectAttach } from "./start.ts";
import { followSize } from "./terminal-size.ts";

export interface SessionOptions {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly detachKeys: string | null;
  /** Whether signals that we get are passed to the container's process. */
  readonly passesSignals: boolean;
}

/** What to tell the shell: the container's exit code, 0 after a detach, 141 (SIGPIPE) when nobody reads on. */
export interface SessionEnd {
  readonly end: AttachEnd;
  readonly exitCode: number;
}

/** Attaches to a container that runs already. */
export async function attachContainer(
  host: Host,
  nameOrId: string,
  options: SessionOptions,
): Promise<SessionEnd> {
  const container = await resolveStarted(host, nameOrId);
  if (!isAlive(container))
    throw new CooperError("wrong-state", `cannot attach to ${nameOrId}: it is not running`);
  if (container.intent === "paused") {
    throw new CooperError("wrong-state", `cannot attach to ${nameOrId}: it is paused`, {
      hint: `cooper unpause ${nameOrId}`,
    });
  }
  const socket = connectAttach(host, container);
  emitContainer(host, container, "attach");
  return runSession(host, container.id, socket, options);
}

/** Carries the streams of a connected socket until the container ends or the user detaches. */
export async function runSession(
  host: Host,
  id: string,
  socket: number,
  options: SessionOptions,
): Promise<SessionEnd> {
  const container = getContainer(host.database, id);
  if (container === undefined || container.pid === 0) {
    await drain(socket, options);
    return { end: "closed", exitCode: await exitCodeOf(host, id) };
  }
  const keys = parseDetachKeys(options.detachKeys ?? host.settings.detachKeys ?? defaultDetachKeys);
  const paths = host.paths.container(id);
  const { hasTty } = container.spec;
  const pidfd = pidfdOrEnded(container.pid);
  using _raw = hasTty && options.stdin && isTerminal(0) ? new RawMode(0) : undefined;
  using _size = hasTty && isTerminal(1) ? followSize(paths.ctl, 1) : undefined;
  using signals = options.passesSignals ? passSignals(container) : undefined;
  let exit = readExit(paths, id);
  const end = await carryStreams(socket, {
    stdin: options.stdin && container.spec.hasStdin,
    stdout: options.stdout,
    stderr: options.stderr,
    hasTty,
    detachKeys: hasTty && isTerminal(0) ? keys : new Uint8Array(),
    pidfd,
    isForced: () => signals?.isForced() ?? false,
    hasEnded: () => {
      exit ??= readExit(paths, id);
      return exit !== undefined || !isMonitorOf(container.conmonPid, id);
    },
  }).finally(() => closeSync(pidfd));
  if (end === "detached") return { end, exitCode: 0 };
  if (end === "unread") return { end, exitCode: 128 + os.signals.SIGPIPE };
  if (end === "forced") return { end, exitCode: 128 + os.signals.SIGINT };
  return { end, exitCode: await endForeground(host, container, exit?.exitCode) };
}

/**
 * It has ended so soon that somebody else has cleaned up already, such as the late exit command of a run
 * before this one: what it printed is in the socket all the same.
 */
async function drain(socket: number, { stdout, stderr }: SessionOptions): Promise<void> {
  const pidfd = openSync("/dev/null", "r"); // always ready, as that of an ended process
  await carryStreams(socket, {
    stdin: false,
    stdout,
    stderr,
    hasTty: false,
    detachKeys: new Uint8Array(),
    pidfd,
    hasEnded: () => true,
  }).finally(() => closeSync(pidfd));
}

/** As runSession(), for a container whose streams are not ours to carry: waits, and passes signals on. */
export async function waitSession(
  host: Host,
  id: string,
  options: Pick<SessionOptions, "passesSignals">,
): Promise<number> {
  const container = getContainer(host.database, id);
  if (container === undefined || container.pid === 0) return exitCodeOf(host, id);
  using _signals = options.passesSignals ? passSignals(container) : undefined;
  await waitUntilEnded(container);
  return endForeground(host, container, readExit(host.paths.container(id), id)?.exitCode);
}

/** The client is still there, so it cleans up itself; whoever was faster leaves nothing to do. */
export async function endForeground(
  host: Host,
  container: ContainerRecord,
  seen: number | undefined,
): Promise<number> {
  if (!(await waitForEnd(container.pid, container.pidIdentity, 10_000))) return 0;
  using _lock = await host.locks.container(container.id);
  const isLast = container.spec.restart.policy === "no";
  const removesEnded = isLast && !container.spec.removesImage; // with its image it takes afterEnd()
  const settled = await settleContainer(host, container.id, { removesEnded });
  const exitCode = settled?.exitCode ?? seen ?? lastExitCode(host.database, container.id) ?? 0;
  if (settled !== undefined && isLast) await afterEnd(host, settled);
  return exitCode;
}

/** How a container ended that is not there to be asked any more. */
export async function exitCodeOf(host: Host, id: string): Promise<number> {
  using _lock = await host.locks.container(id);
  const settled = await settleContainer(host, id);
  return settled?.exitCode ?? lastExitCode(host.database, id) ?? 0;
}

/** Passes signals on until it is disposed (`--sig-proxy`). */
interface PassedSignals extends Disposable {
  /**
   * Whether the user has asked for the end three times: a first process without a handler ignores what
   * would end any other (pid_namespaces(7)), and Ctrl-C must not be for nothing. As docker's client has it.
   */
  isForced(): boolean;
}

function passSignals(container: ContainerRecord): PassedSignals {
  let requests = 0;
  const handlers = Object.entries(os.signals)
    .filter(([name]) => !notPassed.has(name))
    .map(([name, number]) => {
      const handler = () => {
        if (name === "SIGINT" || name === "SIGTERM") requests++;
        if (isAlive(container)) sendSignal(container.pid, number);
      };
      process.on(name, handler);
      return { name, handler };
    });
  return {
    isForced: () => requests >= 3,
    [Symbol.dispose]() {
      for (const { name, handler } of handlers) process.off(name, handler);
    },
  };
}

/** Waits, without attaching, until a container that runs has ended; for `wait` and `start -a` without streams. */
export async function waitUntilEnded(container: ContainerRecord): Promise<void> {
  while (!(await waitForEnd(container.pid, container.pidIdentity, 60_000)))
    await yieldToEventLoop();
}
