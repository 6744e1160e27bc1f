/** Ending the process of a container: ask, wait, force. */
import { CooperError } from "../errors.ts";
import type { Host } from "../host.ts";
import { signalName } from "../oci/signals.ts";
import { changeContainer, resolveContainer } from "../records/containers.ts";
import { callRuntime } from "../runtime/oci-runtime.ts";
import { sendSignal, waitForEnd } from "../system/process.ts";
import { afterEnd } from "./after-end.ts";
import { settleContainer } from "./cleanup.ts";
import { emitContainer } from "./events.ts";
import { isAlive, isRestarting } from "./live-state.ts";
import type { ContainerRecord } from "./record.ts";
import { resolveStarted } from "./resolve-started.ts";
import { chooseRuntime } from "./runtime-choice.ts";

export interface StopOptions {
  /** How long it may take to end by itself before it is killed; null: its own setting; -1: for ever. */
  readonly graceSeconds: number | null;
  /** Instead of its stop signal. */
  readonly signal: number | null;
  /** Whether a `--rm` container stays, since it is to be started again. */
  readonly keeps?: boolean;
  /** Who wants it; without: the user. */
  readonly stoppedBy?: ContainerRecord["stoppedBy"];
}

const sigKill = 9;

/** Stops a container; one that does not run is fine. Resolves to its id. */
export async function stopContainer(
  host: Host,
  nameOrId: string,
  options: StopOptions,
): Promise<string> {
  const { id } = resolveContainer(host.database, nameOrId);
  using _lock = await host.locks.container(id);
  const container = await settleContainer(host, id);
  if (container === undefined)
    throw new CooperError("no-such-container", `no such container: ${nameOrId}`);
  // also for one that waits to be started again by its restart policy
  changeContainer(host.database, id, { stoppedBy: options.stoppedBy ?? "user" });
  if (!isAlive(container)) return id;
  const grace = options.graceSeconds ?? container.resolved.stopTimeoutSeconds;
  await endProcess(
    host,
    container,
    grace < 0 ? Number.MAX_SAFE_INTEGER : grace,
    options.signal ?? container.resolved.stopSignal,
  );
  const ended = await settleContainer(host, id);
  emitContainer(host, container, "stop");
  if (ended !== undefined && !options.keeps) await afterEnd(host, ended);
  return id;
}

/** Ends the process of a container that lives; the caller holds its lock. */
export async function endProcess(
  host: Host,
  container: ContainerRecord,
  graceSeconds: number,
  signal = container.resolved.stopSignal,
): Promise<void> {
  const { pid, pidIdentity } = container;
  if (container.intent === "paused") await resume(host, container);
  if (container.intent !== "initialized" && graceSeconds > 0) {
    sendSignal(pid, signal);
    if (await waitForEnd(pid, pidIdentity, Math.min(graceSeconds * 1000, 2 ** 50))) return;
    host.warn(
      `${container.name} did not end within ${graceSeconds} seconds of ${signalName(signal)}: it is killed`,
    );
  }
  await killAll(host, container);
  if (!(await waitForEnd(pid, pidIdentity, 10_000))) {
    throw new CooperError(
      "timeout",
      `the process of ${container.name} (pid ${pid}) does not end even when killed`,
      {
        hint: "it probably waits for a device or network file system: see `cat /proc/PID/stack`",
      },
    );
  }
}

/** Without a pid namespace of its own the first process takes nobody with it. */
async function killAll(host: Host, container: ContainerRecord): Promise<void> {
  if (container.spec.pid.kind !== "private") {
    callRuntime(await chooseRuntime(host, container), ["kill", "--all", container.id, "KILL"]);
  }
  sendSignal(container.pid, sigKill);
}

async function resume(host: Host, container: ContainerRecord): Promise<void> {
  callRuntime(await chooseRuntime(host, container), ["resume", container.id]);
  changeContainer(host.database, container.id, { intent: "running" });
}

/**
 * Sends a signal to the first process of a container. Takes no lock, so that it also gets through to
 * one that somebody is stopping.
 */
export async function killContainer(host: Host, nameOrId: string, signal: number): Promise<string> {
  const container = await resolveStarted(host, nameOrId);
  if (isRestarting(host, container)) {
    changeContainer(host.database, container.id, { stoppedBy: "user" });
    return container.id;
  }
  if (!isAlive(container)) {
    throw new CooperError("wrong-state", `cannot kill container ${nameOrId}: it is not running`);
  }
  if (signal === sigKill || signal === container.resolved.stopSignal) {
    changeContainer(host.database, container.id, { stoppedBy: "user" });
  }
  emitContainer(host, container, "kill", { signal: `${signal}` });
  if (signal === sigKill) {
    await killAll(host, container);
    // the answer of `ps` after a kill shall be that it has ended
    await waitForEnd(container.pid, container.pidIdentity, 10_000);
  } else {
    sendSignal(container.pid, signal);
  }
  return container.id;
}
