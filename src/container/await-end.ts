/** Waiting for the end of a container, as whoever stays with it: cleans up at once, as a foreground run does. */
import type { Host } from "../host.ts";
import { getContainer, lastExitCode, resolveContainer } from "../records/containers.ts";
import { waitForEnd } from "../system/process.ts";
import { endForeground, exitCodeOf } from "./attach.ts";
import { isAlive } from "./live-state.ts";
import type { PendingStarts } from "./pending-starts.ts";
import type { ContainerRecord } from "./record.ts";

/** The exit command notes the end of one that it may start again, which ends if we clean up before it. */
async function noteOfEnd(host: Host, { id, pid, pidIdentity }: ContainerRecord): Promise<number> {
  for (let waits = 0; waits < noteLooks; waits++) {
    const now = getContainer(host.database, id);
    if (now === undefined || now.pid !== pid || now.pidIdentity !== pidIdentity) break;
    await Bun.sleep(10);
  }
  return lastExitCode(host.database, id) ?? exitCodeOf(host, id);
}

/** Ten seconds. */
const noteLooks = 1000;

/** What is waited for, in the words of Docker's API. */
export type EndCondition = "not-running" | "next-exit" | "removed";

/** How often one is looked at that somebody else may start or remove. */
const lookMs = 50;

/**
 * Begins to wait at once; the promise gives the exit code.
 *
 * @param signal ends the wait, which then resolves to -1
 */
export function awaitEnd(
  host: Host,
  starts: PendingStarts,
  nameOrId: string,
  condition: EndCondition,
  signal: AbortSignal,
): { readonly exitCode: Promise<number> } {
  const { id, finishedAt } = resolveContainer(host.database, nameOrId);
  let wake: () => void = () => undefined;
  const pending = starts.add(id, { onStarted: () => wake() });
  const look = () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, lookMs);
    wake = resolve;
    return promise.finally(() => clearTimeout(timer));
  };
  const wait = async (): Promise<number> => {
    let last = finishedAt;
    for (;;) {
      if (signal.aborted) return -1;
      const container = getContainer(host.database, id);
      if (container === undefined) return lastExitCode(host.database, id) ?? 0;
      if (isAlive(container)) {
        const hasEnded = await waitForEnd(container.pid, container.pidIdentity, 1000);
        if (signal.aborted) return -1; // nobody stays with it, so it is not ours to clean up
        if (!hasEnded) continue;
        const exitCode =
          container.spec.restart.policy === "no"
            ? await endForeground(host, container, undefined)
            : await noteOfEnd(host, container);
        if (condition !== "removed") return exitCode;
        last = -1;
        continue;
      }
      const isStarting = container.intent === "starting";
      if (!isStarting && condition === "not-running") return exitCodeOf(host, id);
      if (!isStarting && condition === "next-exit" && container.finishedAt !== last)
        return exitCodeOf(host, id);
      await look();
    }
  };
  return { exitCode: wait().finally(() => pending[Symbol.dispose]()) };
}
