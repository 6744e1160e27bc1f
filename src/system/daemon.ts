/**
 * Helper programs that live beside containers. Each is found again by its pid file, and told from a
 * stranger with a recycled pid by a path of ours that stands in its command line.
 */
import { readFileSync, rmSync } from "node:fs";
import { CooperError } from "../errors.ts";
import { processIdentity, sendSignal, startTime, waitForEnd } from "./process.ts";

/** Where a helper is noted, and what only its command line holds. */
export interface Daemon {
  readonly pidFile: string;
  readonly mark: string;
}

/** The pid of a helper that lives; undefined when it was never started or has ended. */
export function daemonPid({ pidFile, mark }: Daemon): number | undefined {
  try {
    const pid = Number(readFileSync(pidFile, "utf8").trim());
    if (!(pid > 1) || startTime(pid) === undefined) return undefined;
    const words = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
    return words.includes(mark) ? pid : undefined;
  } catch {
    return undefined; // no pid file yet, or the process is gone
  }
}

/** Ends a helper: asks, waits, forces. One that is gone already is fine. */
export async function endDaemon(daemon: Daemon): Promise<void> {
  const pid = daemonPid(daemon);
  if (pid !== undefined) {
    const identity = processIdentity(pid);
    sendSignal(pid, 15);
    if (!(await waitForEnd(pid, identity, 1000))) {
      sendSignal(pid, 9);
      if (!(await waitForEnd(pid, identity, 10_000)))
        throw new CooperError("timeout", `the helper process ${pid} does not end even when killed`);
    }
  }
  rmSync(daemon.pidFile, { force: true });
}

/** The environment of a helper: nothing of the caller's that it does not need. */
export function helperEnvironment(): Record<string, string> {
  return { PATH: process.env.PATH ?? "/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL: "C" };
}
