/** What state a container is in: its record says what is wanted, the kernel says what is. */
import { existsSync, readFileSync } from "node:fs";
import type { Host } from "../host.ts";
import type { ContainerPaths } from "../paths.ts";
import { getContainer } from "../records/containers.ts";
import {
  bootTime,
  isOfThisBoot,
  isSameProcess,
  processIdentity,
  startTime,
} from "../system/process.ts";
import type { ContainerRecord, ContainerState } from "./record.ts";
import { wantsRestart } from "./restart-policy.ts";

/** How a container's process ended, as conmon wrote it down. */
export interface ExitReport {
  readonly exitCode: number;
  readonly finishedAt: number;
  readonly oomKilled: boolean;
}

/** The state now, and how it ended where that is not in the record yet. */
export interface LiveState {
  readonly state: ContainerState;
  readonly pid: number;
  readonly exit: ExitReport | undefined;
}

/** Looks at the record and, only where a process should be, at the kernel. Changes nothing. */
export function liveState(host: Host, container: ContainerRecord): LiveState {
  switch (container.intent) {
    case "created":
      return { state: "created", pid: 0, exit: undefined };
    case "removing":
      return { state: "removing", pid: 0, exit: undefined };
    case "stopped":
      return {
        state: isRestarting(host, container) ? "restarting" : "exited",
        pid: 0,
        exit: {
          exitCode: container.exitCode,
          finishedAt: container.finishedAt,
          oomKilled: container.oomKilled,
        },
      };
    case "starting":
      return startingState(host, container);
    default:
      return runningState(host, container);
  }
}

/** Whether its first process lives (also paused, or waiting for its start). */
export function isAlive(container: ContainerRecord): boolean {
  return container.pid > 0 && isSameProcess(container.pid, container.pidIdentity);
}

function runningState(host: Host, container: ContainerRecord): LiveState {
  if (isAlive(container)) {
    const state =
      container.intent === "paused"
        ? "paused"
        : container.intent === "initialized" && isHeld(host, container.id)
          ? "initialized"
          : "running";
    return { state, pid: container.pid, exit: undefined };
  }
  const exit = awaitExit(host, container) ?? awaitRecord(host, container) ?? lostExit(container);
  const ended = { ...container, intent: "stopped", exitCode: exit.exitCode } as const;
  return { state: isRestarting(host, ended) ? "restarting" : "exited", pid: 0, exit };
}

/** Whether one that has ended is about to be started again: its policy wants that, and somebody waits to do it. */
export function isRestarting(host: Host, container: ContainerRecord): boolean {
  return wantsRestart(container) && host.locks.awaitsRestart(container.id);
}

/**
 * For a container whose end nobody saw, because its monitor was killed or the machine went down: the
 * exit code that Docker shows then. One of an earlier boot has ended by this boot's beginning.
 */
export function lostExit(container: ContainerRecord): ExitReport {
  const isEarlier = container.pidIdentity !== "" && !isOfThisBoot(container.pidIdentity);
  return { exitCode: 255, finishedAt: isEarlier ? bootTime() : Date.now(), oomKilled: false };
}

/**
 * Somebody starts it right now, or died doing so. The bundle is in the run directory, which a reboot
 * empties, so a pid found in it is of this boot.
 */
function startingState(host: Host, container: ContainerRecord): LiveState {
  const paths = host.paths.container(container.id);
  const pid = readPid(paths.pidFile);
  if (pid > 0 && existsSync(paths.config) && isContainerProcess(pid, container.id)) {
    return { state: isHeld(host, container.id) ? "initialized" : "running", pid, exit: undefined };
  }
  const exit = readExit(paths, container.id);
  if (exit !== undefined) return { state: "exited", pid: 0, exit };
  return container.startedAt === 0
    ? { state: "created", pid: 0, exit: undefined }
    : {
        state: "exited",
        pid: 0,
        exit: { exitCode: container.exitCode, finishedAt: container.finishedAt, oomKilled: false },
      };
}

/** Between the end of the process and conmon's note of it there is a moment, which we wait for. */
function awaitExit(host: Host, container: ContainerRecord): ExitReport | undefined {
  const paths = host.paths.container(container.id);
  for (let waits = 0; ; waits++) {
    // asked first, so that its last word is not missed
    const isMonitored = container.conmonPid > 0 && startTime(container.conmonPid) !== undefined;
    const exit = readExit(paths, container.id);
    if (exit !== undefined || !isMonitored || waits >= 50) return exit;
    Bun.sleepSync(1);
  }
}

/**
 * Whoever cleans up takes conmon's note away a moment before the record has it. One that nobody cleans
 * up any more is waited for in vain, for a tenth of a second.
 */
function awaitRecord(host: Host, { id, pidIdentity }: ContainerRecord): ExitReport | undefined {
  if (!isOfThisBoot(pidIdentity)) return undefined;
  for (let waits = 0; waits < 20; waits++) {
    const now = getContainer(host.database, id);
    if (now === undefined) return undefined;
    const { exitCode, finishedAt, oomKilled } = now;
    if (now.intent === "stopped") return { exitCode, finishedAt, oomKilled };
    Bun.sleepSync(5);
  }
  return undefined;
}

/** Whether its process still waits for its start: crun and runc remove this FIFO when they let it run. */
function isHeld(host: Host, id: string): boolean {
  return existsSync(`${host.paths.runtimeState}/${id}/exec.fifo`);
}

/** The pid in a file; 0 where there is none. */
export function readPid(file: string): number {
  try {
    return Number(readFileSync(file, "utf8").trim()) || 0;
  } catch {
    return 0; // not written yet
  }
}

/** A pid from a file may have been given to another process since: its monitor must be its parent. */
function isContainerProcess(pid: number, id: string): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    const parent = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1];
    return (
      readFileSync(`/proc/${parent}/cmdline`, "utf8").includes(id) && processIdentity(pid) !== ""
    );
  } catch {
    return false; // it has ended
  }
}

/** What conmon wrote when the container ended; undefined while it runs, or when conmon was killed. */
export function readExit(paths: ContainerPaths, id: string): ExitReport | undefined {
  try {
    const text = readFileSync(`${paths.exits}/${id}`, "utf8").trim();
    if (!/^-?\d+$/.test(text)) return undefined;
    const finishedAt = Math.floor(Bun.file(`${paths.exits}/${id}`).lastModified);
    return { exitCode: Number(text), finishedAt, oomKilled: existsSync(paths.oomFile) };
  } catch {
    return undefined; // no such file
  }
}
