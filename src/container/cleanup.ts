/**
 * Gives back what a container held while it ran. One clean-up serves the failed start, stop, the end
 * of a foreground run, conmon's exit command and recovery after a crash: every step may be done
 * already, or half, and is done again without harm.
 */
import { existsSync, lstatSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Host } from "../host.ts";
import { changeContainer, getContainer, inTransaction, recordEnd } from "../records/containers.ts";
import { stopChecks } from "../records/health.ts";
import { unmount } from "../system/mount.ts";
import {
  isSameProcess,
  processIdentity,
  sendSignal,
  startTime,
  waitForEnd,
} from "../system/process.ts";
import { emitContainer } from "./events.ts";
import { isAlive, liveState, lostExit, readExit, readPid } from "./live-state.ts";
import { isNetworkless } from "./networkless.ts";
import type { ContainerRecord } from "./record.ts";
import { chooseRuntime } from "./runtime-choice.ts";
import type { ConfiguredSpec } from "./spec.ts";
import { releaseVolumes } from "./volumes.ts";

export interface SettleOptions {
  /** Whether a `--rm` container that has ended goes at once, in fewer steps than afterEnd() needs. */
  readonly removesEnded?: boolean;
}

/**
 * Brings record and reality together; the caller holds the container's lock. A container whose
 * process lives is left alone. Returns the record as it is now; undefined when it is gone.
 */
export async function settleContainer(
  host: Host,
  id: string,
  { removesEnded = false }: SettleOptions = {},
): Promise<ContainerRecord | undefined> {
  const found = getContainer(host.database, id);
  const container = found?.freezingId ? await putBack(host, found) : found;
  if (container === undefined) {
    host.locks.forgetContainer(id); // taking it has made its file anew
    return undefined;
  }
  switch (container.intent) {
    case "created":
    case "stopped":
      return container;
    case "removing": {
      const { removeSettled } = await import("./remove.ts");
      await removeSettled(host, container);
      return undefined;
    }
    case "starting":
      return settleStarting(host, container);
    default:
      if (isAlive(container)) return container;
      return finish(host, container, removesEnded && isJustRemoved(container.spec));
  }
}

/** Whoever froze its files died over it. */
async function putBack(host: Host, container: ContainerRecord) {
  return (await import("./frozen.ts")).undoFreeze(host, container);
}

/** `--rm` and nothing more: with `--rmi` the image goes too, which is afterEnd()'s work. */
const isJustRemoved = ({ removesItself, removesImage }: ConfiguredSpec) =>
  removesItself && !removesImage;

/** Its starter died: a process that got past its start is adopted, anything less is undone. */
async function settleStarting(
  host: Host,
  container: ContainerRecord,
): Promise<ContainerRecord | undefined> {
  const { state, pid } = liveState(host, container);
  const { isWaitingToStart } = await import("../runtime/oci-runtime.ts");
  if (
    state === "running" &&
    !isWaitingToStart(await chooseRuntime(host, container), container.id)
  ) {
    changeContainer(host.database, container.id, {
      intent: "running",
      pid,
      pidIdentity: processIdentity(pid),
      conmonPid: readPid(host.paths.container(container.id).conmonPidFile),
      startedAt: Date.now(),
    });
    return getContainer(host.database, container.id);
  }
  await abortStart(host, container);
  return getContainer(host.database, container.id);
}

/** Undoes a start that did not come to its end. */
export async function abortStart(host: Host, container: ContainerRecord): Promise<void> {
  const paths = host.paths.container(container.id);
  const pid = readPid(paths.pidFile);
  const monitor = readPid(paths.conmonPidFile);
  if (monitor > 0 && isMonitorOf(monitor, container.id)) {
    sendSignal(-monitor, 9); // first, so that it runs no exit command
    if (pid > 0) await killAndWait(pid);
  }
  await releaseResources(host, container);
  const { removeLeftCgroup } = await import("./cgroup-place.ts");
  await removeLeftCgroup(host, container);
  changeContainer(host.database, container.id, {
    intent: container.startedAt === 0 ? "created" : "stopped",
    pid: 0,
    pidIdentity: "",
    conmonPid: 0,
  });
  await releaseVolumes(host, container);
}

async function killAndWait(pid: number): Promise<void> {
  const identity = processIdentity(pid);
  if (!isSameProcess(pid, identity)) return;
  sendSignal(pid, 9);
  await waitForEnd(pid, identity, 10_000);
}

/** Whether that pid is (still) the conmon of this container. */
export function isMonitorOf(pid: number, id: string): boolean {
  if (startTime(pid) === undefined) return false;
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(id);
  } catch {
    return false; // it has ended
  }
}

/** Its process has ended: notes how, and gives everything back. */
async function finish(
  host: Host,
  container: ContainerRecord,
  removes: boolean,
): Promise<ContainerRecord | undefined> {
  const paths = host.paths.container(container.id);
  const exit = await exitReport(host, container);
  const monitor = container.conmonPid || readPid(paths.conmonPidFile);
  // it and the child that it forked only wait to run the exit command, which is what we are doing here:
  // all but starting it again
  const mayRestart = container.spec.restart.policy !== "no" && container.stoppedBy === "nobody";
  if (monitor > 0 && !mayRestart && monitor !== process.ppid && isMonitorOf(monitor, container.id))
    sendSignal(-monitor, 9);
  const peak = exit.oomKilled ? (await import("./cgroup-place.ts")).peakOf(host, container) : null;
  if (container.spec.removesItself && exit.exitCode !== 0 && container.stoppedBy === "nobody") {
    const { keepEnd } = await import("./explain.ts");
    await keepEnd(host, { ...container, ...exit, intent: "stopped", pid: 0 });
  }
  // one that goes is released as a part of its removal, which somebody else can end if we are killed
  if (!removes) await releaseResources(host, container);
  const intent = removes ? "removing" : "stopped";
  inTransaction(host.database, () => {
    changeContainer(host.database, container.id, {
      intent,
      pid: 0,
      pidIdentity: "",
      conmonPid: 0,
      exitCode: exit.exitCode,
      finishedAt: exit.finishedAt,
      oomKilled: exit.oomKilled,
    });
    recordEnd(host.database, container.id, exit.exitCode, exit.finishedAt);
    stopChecks(host.database, container.id);
  });
  if (exit.oomKilled)
    emitContainer(host, container, "oom", peak === null ? {} : { memoryPeak: `${peak}` });
  emitContainer(host, container, "die", { exitCode: `${exit.exitCode}` });
  if (removes) {
    const { removeSettled } = await import("./remove.ts");
    await removeSettled(host, { ...container, intent });
    return undefined;
  }
  await releaseVolumes(host, container);
  return getContainer(host.database, container.id);
}

/** conmon writes the status a moment after the process has ended. Without conmon nobody knows it. */
async function exitReport(host: Host, container: ContainerRecord) {
  const paths = host.paths.container(container.id);
  for (let pause = 0.2; ; pause = Math.min(pause * 2, 10)) {
    const exit = readExit(paths, container.id);
    if (exit !== undefined) return exit;
    const monitor = container.conmonPid;
    if (monitor <= 0 || !isMonitorOf(monitor, container.id)) break;
    await Bun.sleep(pause);
  }
  return readExit(paths, container.id) ?? lostExit(container);
}

/** Runtime state, mounts and the bundle. What cannot be given back is an error, not forgotten. */
export async function releaseResources(host: Host, container: ContainerRecord): Promise<void> {
  const paths = host.paths.container(container.id);
  if (existsSync(join(host.paths.runtimeState, container.id))) {
    const { deleteFromRuntime } = await import("../runtime/oci-runtime.ts");
    const isSystemd = container.resolved.cgroupManager === "systemd";
    deleteFromRuntime(await chooseRuntime(host, container), container.id, isSystemd);
  }
  removeExecs(host, container.id);
  if (!isNetworkless(container)) {
    const { leaveNetworks } = await import("./join-networks.ts");
    await leaveNetworks(host, container);
  }
  unmount(paths.merged);
  unmount(paths.shm);
  unmountWithin(paths.bundle);
  rmSync(paths.bundle, { recursive: true, force: true });
}

/**
 * Overlays and images that are mounted for the container (resolve-mounts.ts), and whatever else is: to
 * remove the bundle with one of them in it would empty what is mounted there.
 */
function unmountWithin(bundle: string): void {
  const { dev } = lstatSync(bundle, { throwIfNoEntry: false }) ?? {};
  if (dev === undefined) return;
  for (const entry of readdirSync(bundle, { withFileTypes: true })) {
    if (!entry.isDirectory()) continue;
    const path = join(bundle, entry.name);
    if (/^(overlay|image)-\d+$/.test(entry.name) || lstatSync(path).dev !== dev) unmount(path);
  }
}

/** What exec sessions left whose client was killed; few, since each removes its own. */
function removeExecs(host: Host, id: string): void {
  if (!existsSync(host.paths.execs)) return;
  for (const name of readdirSync(host.paths.execs)) {
    if (name.startsWith(id.slice(0, 16)))
      rmSync(join(host.paths.execs, name), { recursive: true, force: true });
  }
}
