/** What a restart policy asks for (pure; docker-run(1), `--restart`). */
import type { ContainerRecord } from "./record.ts";

/** Whether its restart policy brings a container that has ended back. */
export function wantsRestart(container: ContainerRecord): boolean {
  const { policy, maxRetries } = container.spec.restart;
  if (container.intent !== "stopped" || container.stoppedBy !== "nobody") return false;
  if (policy === "always" || policy === "unless-stopped") return true;
  return (
    policy === "on-failure" &&
    container.exitCode !== 0 &&
    (maxRetries === 0 || container.restartCount < maxRetries)
  );
}

/**
 * Whether it is to be started when the machine boots: with `always`, and with `unless-stopped` where the
 * user has not stopped it. One that was never started is not: nobody has asked for that yet.
 */
export function startsOnBoot(container: ContainerRecord): boolean {
  const { policy } = container.spec.restart;
  if (container.startedAt === 0) return false;
  return policy === "always" || (policy === "unless-stopped" && container.stoppedBy !== "user");
}

/** How long to wait before the next start: 100 ms, doubled for each quick end up to a minute; as Docker does. */
export function restartDelayMs(quickEnds: number): number {
  return Math.min(100 * 2 ** quickEnds, 60_000);
}
