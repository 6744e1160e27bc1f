/** The short verbs on a container: pause, unpause, wait, rename, restart, prune, and the exit command. */
import { CooperError } from "../errors.ts";
import type { Host } from "../host.ts";
import {
  changeContainer,
  getContainer,
  lastExitCode,
  listContainers,
  resolveContainer,
} from "../records/containers.ts";
import { getHealth } from "../records/health.ts";
import { mustCallRuntime } from "../runtime/oci-runtime.ts";
import { withBallast } from "../system/ballast.ts";
import type { FileLock } from "../system/lock.ts";
import { waitForEnd } from "../system/process.ts";
import { treeUsage } from "../system/tree-usage.ts";
import { afterEnd, restartByPolicy } from "./after-end.ts";
import { exitCodeOf } from "./attach.ts";
import { settleContainer } from "./cleanup.ts";
import { emitContainer } from "./events.ts";
import { isAlive, isRestarting, liveState } from "./live-state.ts";
import { assertContainerName } from "./names.ts";
import type { ContainerRecord, ContainerState } from "./record.ts";
import { removeSettled } from "./remove.ts";
import { wantsRestart } from "./restart-policy.ts";
import { chooseRuntime } from "./runtime-choice.ts";
import { startContainer } from "./start.ts";
import { type StopOptions, stopContainer } from "./stop.ts";

/** Freezes all processes of a container. */
export async function pauseContainer(host: Host, nameOrId: string): Promise<string> {
  return freeze(host, nameOrId, "pause");
}

/** Lets the processes of a paused container go on. */
export async function unpauseContainer(host: Host, nameOrId: string): Promise<string> {
  return freeze(host, nameOrId, "resume");
}

async function freeze(host: Host, nameOrId: string, verb: "pause" | "resume"): Promise<string> {
  const { id } = resolveContainer(host.database, nameOrId);
  using _lock = await host.locks.container(id);
  const container = await settleContainer(host, id);
  const wanted = verb === "pause" ? "running" : "paused";
  if (container === undefined || !isAlive(container) || container.intent !== wanted) {
    throw new CooperError(
      "wrong-state",
      `cannot ${verb === "pause" ? "pause" : "unpause"} container ${nameOrId}: it is not ${wanted}`,
    );
  }
  if (host.isRootless && container.resolved.cgroupManager === "cgroupfs" && !host.canLimit) {
    throw new CooperError(
      "not-supported",
      `cannot pause container ${nameOrId}: without systemd an ordinary user has no cgroup to freeze`,
    );
  }
  mustCallRuntime(await chooseRuntime(host, container), [verb, id]);
  changeContainer(host.database, id, { intent: verb === "pause" ? "paused" : "running" });
  emitContainer(host, container, verb === "pause" ? "pause" : "unpause");
  return id;
}

/**
 * Resolves, once the container is in one of the states, to its exit code (-1 while it has none).
 *
 * @param signal ends the wait, which then resolves to -1
 */
export async function waitContainer(
  host: Host,
  nameOrId: string,
  conditions: readonly string[],
  signal?: AbortSignal,
): Promise<number> {
  const before = resolveContainer(host.database, nameOrId);
  const { id } = before;
  const wanted = conditions.length === 0 ? ["stopped", "exited"] : conditions;
  assertConditions(wanted);
  const waitsForEnd = wanted.every((word) =>
    ["stopped", "exited", "not-running", "next-exit", "removed"].includes(word),
  );
  while (!signal?.aborted) {
    const container = getContainer(host.database, id);
    if (container === undefined) return lastExitCode(host.database, id) ?? 0;
    const { state, exit } = liveState(host, container);
    const health = state === "running" ? getHealth(host.database, id)?.status : undefined;
    if (health !== undefined && wanted.includes(health)) return -1;
    // the end that was there already is not the next one
    const isNews = isAlive(before) || container.finishedAt !== before.finishedAt;
    if (matches(state, isNews ? wanted : wanted.filter((word) => word !== "next-exit")))
      return exit === undefined ? -1 : exitCodeOf(host, id);
    if (waitsForEnd && isAlive(container))
      await waitForEnd(container.pid, container.pidIdentity, 1000);
    else await Bun.sleep(20);
  }
  return -1;
}

const waitConditions = [
  ...["configured", "created", "exited", "healthy", "initialized", "paused", "removing", "running"],
  ...["stopped", "stopping", "unhealthy", "not-running", "next-exit", "removed"],
];

function assertConditions(words: readonly string[]): void {
  const unknown = words.find((word) => !waitConditions.includes(word));
  if (unknown === undefined) return;
  throw new CooperError("invalid-argument", `unknown condition "${unknown}"`, {
    hint: waitConditions.join(", "),
  });
}

/** A state by the words that users wait for (podman-wait(1), Docker's API). */
function matches(state: ContainerState, wanted: readonly string[]): boolean {
  if (wanted.includes(state)) return true;
  if (state === "exited" || state === "restarting")
    return wanted.some((word) => ["exited", "stopped", "not-running", "next-exit"].includes(word));
  return state === "created" && wanted.includes("configured");
}

/** Gives a container another name. */
export async function renameContainer(host: Host, nameOrId: string, name: string): Promise<void> {
  assertContainerName(name);
  const container = resolveContainer(host.database, nameOrId);
  changeContainer(host.database, container.id, { name });
  const renamed = { ...container, name };
  if (isAlive(container) && container.resolved.networkMode === "bridge") {
    const { announceNames } = await import("./network-names.ts");
    const { liveConnections } = await import("./live-connections.ts");
    await announceNames(host, renamed, liveConnections(host, container.id));
  }
  emitContainer(host, renamed, "rename", { oldName: container.name });
}

/** Stops a container that runs, and starts it. */
export async function restartContainer(
  host: Host,
  nameOrId: string,
  options: StopOptions,
): Promise<string> {
  const container = resolveContainer(host.database, nameOrId);
  const { id } = container;
  // a --rm container must not be removed between stop and start
  await stopContainer(host, id, { ...options, keeps: true });
  await startContainer(host, id, { isForeground: false });
  emitContainer(host, container, "restart");
  return id;
}

/** What went, and what it took on the disk. */
export interface PrunedContainers {
  readonly ids: readonly string[];
  readonly reclaimedBytes: number;
  /** By id. */
  readonly bytes: ReadonlyMap<string, number>;
}

/** Removes all that do not run and that `keeps` does not spare. */
export async function pruneContainers(
  host: Host,
  keeps: (container: ContainerRecord) => boolean,
): Promise<PrunedContainers> {
  const ids: string[] = [];
  const bytes = new Map<string, number>();
  let reclaimedBytes = 0;
  for (const { id } of listContainers(host.database)) {
    const { diskBytes } = treeUsage(host.paths.container(id).directory);
    const isGone = await withBallast(host.paths.ballast, () => pruneOne(host, id, keeps));
    if (!isGone) continue;
    ids.push(id);
    bytes.set(id, diskBytes);
    reclaimedBytes += diskBytes;
  }
  return { ids, reclaimedBytes, bytes };
}

async function pruneOne(
  host: Host,
  id: string,
  keeps: (container: ContainerRecord) => boolean,
): Promise<boolean> {
  using lock = host.locks.tryContainer(id);
  if (lock === undefined) return false; // somebody works on it right now
  const container = await settleContainer(host, id);
  if (container === undefined || isAlive(container) || keeps(container)) return false;
  if (isRestarting(host, container)) return false;
  await removeSettled(host, container);
  return true;
}

/**
 * conmon's exit command: notes the end, gives everything back, and then removes the container or
 * starts it again. One that is gone, or cleaned up already, is fine.
 */
export async function cleanupContainer(host: Host, id: string): Promise<void> {
  const known = getContainer(host.database, id);
  if (known === undefined) return;
  const mayRestart = known.spec.restart.policy !== "no";
  // from before the end is noted, so that nobody takes it for the last one
  using _restart = mayRestart ? await announceRestart(host, id) : undefined;
  if (isAlive(known)) await waitForEnd(known.pid, known.pidIdentity, 2000);
  let ended: ContainerRecord | undefined;
  {
    using _lock = await host.locks.container(id);
    ended = await settleContainer(host, id);
    if (ended === undefined) return host.locks.forgetContainer(id);
    await afterEnd(host, ended);
  }
  if (wantsRestart(ended)) await restartByPolicy(host, ended);
}

/** Undefined where another exit command waits already; who only looks whether one does is soon gone. */
async function announceRestart(host: Host, id: string): Promise<FileLock | undefined> {
  for (let tries = 0; tries < 5; tries++) {
    const held = host.locks.tryRestart(id);
    if (held !== undefined) return held;
    await Bun.sleep(5);
  }
  return undefined;
}
