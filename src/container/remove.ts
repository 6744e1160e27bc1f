/** Removing a container: its changes, its log, its anonymous volumes, its record. */
import { rmSync } from "node:fs";
import { CooperError } from "../errors.ts";
import type { Host } from "../host.ts";
import {
  changeContainer,
  deleteContainer,
  getContainer,
  requiredBy,
  resolveContainer,
} from "../records/containers.ts";
import { withBallast } from "../system/ballast.ts";
import { removeVolumeIfUnused } from "../volume/removal.ts";
import { releaseResources, settleContainer } from "./cleanup.ts";
import { emitContainer } from "./events.ts";
import { isAlive, isRestarting } from "./live-state.ts";
import type { ContainerRecord, ContainerState } from "./record.ts";
import { releaseMount } from "./rootfs.ts";
import { endProcess } from "./stop.ts";
import { releaseVolumes } from "./volumes.ts";

export interface RemoveOptions {
  /** Also one that runs, which is killed. */
  readonly force: boolean;
  /** Anonymous volumes go too; those of `--rm` containers always do. */
  readonly volumes: boolean;
  /** With force: how long a running one has to end by itself; null: none. */
  readonly graceSeconds: number | null;
  /** Those that require it go first; without, it stays as long as there are any. */
  readonly depend?: boolean;
}

/** Removes a container by name or id. Resolves to its id. */
export async function removeContainer(
  host: Host,
  nameOrId: string,
  options: RemoveOptions,
): Promise<string> {
  return withBallast(host.paths.ballast, () => removeNow(host, nameOrId, options));
}

async function removeNow(host: Host, nameOrId: string, options: RemoveOptions): Promise<string> {
  const { id, name } = resolveContainer(host.database, nameOrId);
  for (const dependent of requiredBy(host.database, id)) {
    if (!options.depend) throw isRequired(name, dependent.name);
    await removeContainer(host, dependent.id, options);
  }
  using _lock = await host.locks.container(id);
  const container = await settleContainer(host, id);
  if (container === undefined) return id; // somebody else was faster
  if (isAlive(container)) {
    // one that only waits for its start has not run yet
    if (!options.force && container.intent !== "initialized")
      throw stillRuns(name, container.intent === "paused" ? "paused" : "running");
    changeContainer(host.database, id, { stoppedBy: "user" });
    await endProcess(host, container, options.graceSeconds ?? 0);
    await settleContainer(host, id);
  } else if (!options.force && isRestarting(host, container)) {
    throw stillRuns(name, "restarting");
  }
  const settled = getContainer(host.database, id);
  if (settled !== undefined) await removeSettled(host, settled, options.volumes);
  return id;
}

function isRequired(name: string, by: string): CooperError {
  return new CooperError("conflict", `cannot remove container ${name}: ${by} requires it`, {
    hint: `remove both: cooper rm --depend ${name}`,
  });
}

function stillRuns(name: string, state: ContainerState): CooperError {
  return new CooperError("wrong-state", `cannot remove container ${name}: it is ${state}`, {
    hint: `stop it first, or remove it by force: cooper rm -f ${name}`,
  });
}

/**
 * Removes one whose process does not live; the caller holds its lock. Recorded first, so that a
 * removal that is killed goes on with the next command that meets the container.
 */
export async function removeSettled(
  host: Host,
  container: ContainerRecord,
  withVolumes = false,
): Promise<void> {
  const { id } = container;
  if (container.intent !== "removing") changeContainer(host.database, id, { intent: "removing" });
  // one that has settled has given everything back; one that was on its way out may not have
  if (container.intent === "removing") {
    await releaseResources(host, container);
    await releaseVolumes(host, container);
  } else {
    releaseMount(host, container);
  }
  rmSync(host.paths.container(id).directory, { recursive: true, force: true });
  host.locks.forgetContainer(id); // before the row: who has neither finds nothing of it any more
  const mayFree = deleteContainer(host.database, id);
  emitContainer(host, container, "destroy");
  if (withVolumes || container.spec.removesItself) {
    for (const volume of container.resolved.volumes) {
      if (volume.isAnonymous) await removeVolumeIfUnused(host, volume.name);
    }
  }
  if (mayFree) await (await import("../image/sweep.ts")).sweepFrozen(host);
}
