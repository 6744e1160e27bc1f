/**
 * The keeper of health checks: one process for all containers of a user that have one, started with the
 * first of them and ended with the last. It holds nothing in memory that the database does not say, so
 * it may be killed at any time: the next command that meets a check that is overdue starts another.
 */
import { availableParallelism } from "node:os";
import { messageOf } from "../../errors.ts";
import type { Host } from "../../host.ts";
import { startDetached } from "../../own-command.ts";
import { dueChecks, nextDue } from "../../records/health.ts";
import { placeKeeper } from "../cgroup-place.ts";
import { runDueCheck } from "./check.ts";

/** It looks at the database at least this often: a check that was added meanwhile may be due first. */
const longestSleepMs = 500;
/** Checks that run at once; more are waiting for a processor anyway. */
const parallelChecks = 4 * availableParallelism();

/** Starts a keeper unless there is one. The check is on record before this is called. */
export function ensureKeeper(host: Host): void {
  const free = host.locks.tryKeeper();
  if (free === undefined) return; // it lives, and looks again before it ends
  free[Symbol.dispose]();
  startDetached(host, {}, "__keep-health");
}

/** Runs checks as they become due, until no container waits for one. */
export async function keepHealth(host: Host): Promise<void> {
  await placeKeeper(host);
  for (;;) {
    {
      using held = host.locks.tryKeeper();
      if (held === undefined) return; // another one was faster
      await untilNoneIsLeft(host);
    }
    // a check that came between our last look and the end of the lock: its starter took us for alive
    if (nextDue(host.database, 0) === null) return;
  }
}

async function untilNoneIsLeft(host: Host): Promise<void> {
  const running = new Map<string, Promise<void>>();
  for (;;) {
    const now = Date.now();
    // those that run are due as long as they do
    const due = dueChecks(host.database, now, parallelChecks + running.size).filter(
      (containerId) => !running.has(containerId),
    );
    for (const containerId of due.slice(0, Math.max(parallelChecks - running.size, 0))) {
      const check = runDueCheck(host, containerId)
        .catch((error: unknown) => host.warn(`health check: ${messageOf(error)}`))
        .finally(() => running.delete(containerId));
      running.set(containerId, check);
    }
    const next = nextDue(host.database, now);
    if (next === null && running.size === 0) return;
    const pause = Bun.sleep(Math.min(Math.max((next ?? Infinity) - now, 1), longestSleepMs));
    const isFull = running.size >= parallelChecks;
    await (isFull ? Promise.race([...running.values()]) : pause);
  }
}
