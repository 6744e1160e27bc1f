/**
 * Helper programs that live beside containers. Each is found again by its pid file, and told from a
 * stranger with a recycled pid by a path of ours that stands in its command line.
 */
import { readFileSync, rmSync } from "node:fs";
import { CooperError } from "../errors.ts";
import {
  isEnding,
  processIdentity,
  sendSignal,
  startTime,
  waitForEnd,
  waitForExiting,
} from "./process.ts";

/** Where a helper is noted, and what only its command line holds. */
export interface Daemon {
  readonly pidFile: string;
  readonly mark: string;
}

/** The pid of a helper that lives; undefined when it was never started, has ended or is about to. */
export function daemonPid(daemon: Daemon): number | undefined {
  const pid = notedPid(daemon);
  return pid !== undefined && isMarked(pid, daemon) && !isEnding(pid) ? pid : undefined;
}

/** What the pid file says, if there is a process of that number. */
function notedPid({ pidFile }: Daemon): number | undefined {
  try {
    const pid = Number(readFileSync(pidFile, "utf8").trim());
    return pid > 1 && startTime(pid) !== undefined ? pid : undefined;
  } catch {
    return undefined; // no pid file yet
  }
}

function isMarked(pid: number, { mark }: Daemon): boolean {
  return wordsOf(pid).includes(mark);
}

function wordsOf(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
  } catch {
    return []; // it is gone
  }
}

/** The words that a helper which lives was started with; none otherwise. */
export function daemonWords(daemon: Daemon): readonly string[] {
  const pid = daemonPid(daemon);
  return pid === undefined ? [] : wordsOf(pid);
}

/**
 * Ends a helper: asks, waits, forces. One that is gone already is fine; one that somebody has killed is
 * waited for, so that what it held (ports, addresses) can be taken by the next.
 */
export async function endDaemon(daemon: Daemon): Promise<void> {
  const pid = notedPid(daemon);
  if (pid !== undefined) {
    const identity = processIdentity(pid);
    if (isEnding(pid)) {
      await waitForEnd(pid, identity, 10_000); // a stranger's end, if the number was given away
    } else if (isMarked(pid, daemon)) {
      sendSignal(pid, 15);
      if (!(await waitForEnd(pid, identity, 1000))) {
        sendSignal(pid, 9);
        if (!(await waitForEnd(pid, identity, 10_000))) throw unending(pid);
      }
    }
  }
  rmSync(daemon.pidFile, { force: true });
}

/**
 * Ends a helper that has nothing to save and holds nothing that others wait for. Resolves as soon as it runs
 * no more: taking its devices apart costs the kernel some 30 ms.
 */
export async function forceDaemon(daemon: Daemon): Promise<void> {
  const pid = daemonPid(daemon);
  if (pid !== undefined) {
    const identity = processIdentity(pid);
    sendSignal(pid, 9);
    if (!(await waitForExiting(pid, identity, 10_000))) throw unending(pid);
  }
  rmSync(daemon.pidFile, { force: true });
}

function unending(pid: number): CooperError {
  return new CooperError("timeout", `the helper process ${pid} does not end even when killed`);
}

/** The environment of a helper: nothing of the caller's that it does not need. */
export function helperEnvironment(): Record<string, string> {
  return { PATH: process.env.PATH ?? "/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL: "C" };
}
