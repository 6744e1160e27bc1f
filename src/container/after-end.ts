/** What follows the end of a container: its removal (`--rm`), or a new start (`--restart`). */
import { CooperError } from "../errors.ts";
import type { Host } from "../host.ts";
import { changeContainer, getContainer } from "../records/containers.ts";
import type { ContainerRecord } from "./record.ts";
import { removeSettled } from "./remove.ts";

/** Removes a `--rm` container that has ended; the caller holds its lock. */
export async function afterEnd(host: Host, container: ContainerRecord): Promise<void> {
  if (container.intent === "stopped" && container.spec.removesItself)
    await removeWithImage(host, container);
}

async function removeWithImage(host: Host, container: ContainerRecord): Promise<void> {
  await removeSettled(host, container);
  if (!container.spec.removesImage) return;
  const { removeImage } = await import("../image/remove.ts");
  try {
    await removeImage(host, container.resolved.imageName);
  } catch (error) {
    // podman-run(1), `--rmi`: it stays where others use it, or when somebody removed it before
    if (!(error instanceof CooperError)) throw error;
    host.debug(`the image stays: ${error.message}`);
  }
}

/** Whether its restart policy brings a container that has ended back (docker-run(1), `--restart`). */
export function wantsRestart(container: ContainerRecord): boolean {
  const { policy, maxRetries } = container.spec.restart;
  if (container.intent !== "stopped" || container.stoppedByUser) return false;
  if (policy === "always" || policy === "unless-stopped") return true;
  return (
    policy === "on-failure" &&
    container.exitCode !== 0 &&
    (maxRetries === 0 || container.restartCount < maxRetries)
  );
}

/** How long to wait before the next start: 100 ms, doubled each time up to a minute; as Docker does. */
export function restartDelayMs(container: ContainerRecord): number {
  const hasRunWell = container.finishedAt - container.startedAt > 10_000;
  return hasRunWell ? 100 : Math.min(100 * 2 ** container.restartCount, 60_000);
}

/**
 * Starts a container again as long as its policy wants that and the start fails; called without its
 * lock by the exit command, which lives as long as the pause lasts.
 */
export async function restartByPolicy(host: Host, ended: ContainerRecord): Promise<void> {
  await Bun.sleep(restartDelayMs(ended));
  using _lock = await host.locks.container(ended.id);
  const container = getContainer(host.database, ended.id);
  if (container === undefined || !wantsRestart(container)) return; // stopped or removed meanwhile
  changeContainer(host.database, container.id, { restartCount: container.restartCount + 1 });
  const { startLocked } = await import("./start.ts");
  await startLocked(host, container, { isForeground: false });
}
