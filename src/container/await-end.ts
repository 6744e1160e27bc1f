/** Waiting for the end of a container, as whoever stays with it: cleans up at once, as a foreground run does. */
import type { Host } from "../host.ts";
import { getContainer, lastExitCode, resolveContainer } from "../records/containers.ts";
import { waitForEnd } from "../system/process.ts";
import { endForeground, exitCodeOf } from "./attach.ts";
import { isAlive } from "./live-state.ts";
import type { PendingStarts } from "./pending-starts.ts";

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
        const exitCode = await endForeground(host, container, undefined);
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
