/** What follows the end of a container: its removal (`--rm`), or a new start (`--restart`). */
import { CooperError, messageOf } from "../errors.ts";
import type { Host } from "../host.ts";
import { changeContainer, getContainer } from "../records/containers.ts";
import type { ContainerRecord } from "./record.ts";
import { removeSettled } from "./remove.ts";
import { restartDelayMs, wantsRestart } from "./restart-policy.ts";

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

/** One that ran longer than this has not failed because of how it was started. */
const wellMs = 10_000;
/** How often a start that fails is tried; the last pause is then a minute. */
const mostFailedStarts = 10;

/**
 * Starts a container again when its policy wants that, and tries again when the start fails; called
 * without its lock by the exit command, which lives as long as the pauses last.
 */
export async function restartByPolicy(host: Host, ended: ContainerRecord): Promise<void> {
  const hasRunWell = ended.finishedAt - ended.startedAt > wellMs;
  let quickEnds = hasRunWell ? 0 : ended.quickEnds;
  for (let failures = 0; ; ) {
    if (!(await isStillWanted(host, ended.id, restartDelayMs(quickEnds)))) return;
    quickEnds++;
    try {
      return await startAgain(host, ended.id, quickEnds);
    } catch (error) {
      // conmon shows nobody what its exit command says: `inspect` does
      changeContainer(host.database, ended.id, { error: `restart failed: ${messageOf(error)}` });
      if (++failures === mostFailedStarts) throw error;
    }
  }
}

/** How often whoever waits looks whether it is still wanted. */
const lookMs = 500;

/** False as soon as somebody has stopped, started or removed it meanwhile. */
async function isStillWanted(host: Host, id: string, delayMs: number): Promise<boolean> {
  for (let left = delayMs; left > 0; left -= lookMs) {
    await Bun.sleep(Math.min(left, lookMs));
    const container = getContainer(host.database, id);
    if (container === undefined || !wantsRestart(container)) return false;
  }
  return true;
}

/** One that was stopped or removed meanwhile stays as it is. */
async function startAgain(host: Host, id: string, quickEnds: number): Promise<void> {
  using _lock = await host.locks.container(id);
  const container = getContainer(host.database, id);
  if (container === undefined || !wantsRestart(container)) return;
  changeContainer(host.database, id, { restartCount: container.restartCount + 1, quickEnds });
  const { startLocked } = await import("./start.ts");
  await startLocked(host, container, { isForeground: false });
}
