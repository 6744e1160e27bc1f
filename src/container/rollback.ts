/** `rollback`: the files of a container as they were, by standing on other frozen trees. */
import { openSync } from "node:fs";
import { CooperError } from "../errors.ts";
import type { Host } from "../host.ts";
import { ownCommand } from "../own-command.ts";
import { changeContainer, inTransaction, resolveContainer } from "../records/containers.ts";
import { deleteFrozen } from "../records/frozen.ts";
import { ownVariables } from "../runtime/monitor.ts";
import { needProgram } from "../system/program.ts";
import { callerEnvironment } from "../system/userns.ts";
import { emitContainer } from "./events.ts";
import { assertNotMounted, changesOf, moveChanges } from "./frozen.ts";
import { isAlive } from "./live-state.ts";
import type { ContainerRecord } from "./record.ts";
import { addSnapshot, assertFree, assertName, mustSettle, resolveWithin } from "./snapshot.ts";
import { startContainer } from "./start.ts";
import { stopContainer } from "./stop.ts";

export interface RollbackOptions {
  /** One that runs is stopped before, and started again. */
  readonly restarts: boolean;
  /** The files as they are now become a snapshot of that name first; null: what no snapshot has is gone. */
  readonly keepsAs: string | null;
}

/** The files of a container become again what they were in one of its snapshots. Resolves to its id. */
export async function rollbackContainer(
  host: Host,
  nameOrId: string,
  snapshot: string,
  { restarts, keepsAs }: RollbackOptions,
): Promise<string> {
  const { id } = resolveContainer(host.database, nameOrId);
  if (keepsAs !== null) assertName(keepsAs);
  targetOf(host, resolveContainer(host.database, id), snapshot); // complains before anything is stopped
  const wasAlive = restarts && isAlive(resolveContainer(host.database, id));
  // a --rm container must not be removed between stop and start
  if (wasAlive) await stopContainer(host, id, { graceSeconds: null, signal: null, keeps: true });
  {
    using _lock = await host.locks.container(id);
    await goBack(host, await mustSettle(host, id, nameOrId), snapshot, keepsAs);
  }
  if (wasAlive) await startContainer(host, id, { isForeground: false });
  return id;
}

/** `CONTAINER:NAME` is as good as the name. */
function targetOf(host: Host, container: ContainerRecord, text: string) {
  const prefix = `${container.name}:`;
  return resolveWithin(host, container, text.startsWith(prefix) ? text.slice(prefix.length) : text);
}

async function goBack(
  host: Host,
  container: ContainerRecord,
  text: string,
  keepsAs: string | null,
): Promise<void> {
  const { id, name } = container;
  if (isAlive(container)) {
    throw new CooperError("wrong-state", `cannot roll back container ${name}: it runs`, {
      hint: `have it stopped and started again: cooper rollback --restart ${name} ${text}`,
    });
  }
  assertNotMounted(host, container);
  const { frozenId } = targetOf(host, container, text);
  if (keepsAs !== null) assertFree(host, container, keepsAs);
  const keep = (now: string | null) => {
    if (keepsAs !== null)
      addSnapshot(host, container, { name: keepsAs, message: "", frozenId: now });
    changeContainer(host.database, id, { frozenId });
  };
  const source = changesOf(host, container);
  if (source === undefined) inTransaction(host.database, () => keep(container.frozenId));
  else {
    await moveChanges(host, container, source, (moved) => {
      keep(moved);
      if (keepsAs === null) deleteFrozen(host.database, moved);
    });
    if (keepsAs === null) sweepInBackground(host);
  }
  emitContainer(host, container, "rollback");
}

/** To remove many files takes longer than all the rest; a child does it, and if that dies the next sweep. */
function sweepInBackground(host: Host): void {
  const nowhere = openSync("/dev/null", "r+");
  const child = Bun.spawn([needProgram("setsid"), ...ownCommand(host, "__sweep")], {
    cwd: "/",
    env: { ...ownVariables(), ...callerEnvironment() },
    stdio: [nowhere, nowhere, nowhere],
  });
  child.unref();
}
