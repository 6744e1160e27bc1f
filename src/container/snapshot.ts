/** Snapshots: what the files of a container were, under a name; to look at, to go back to, to fork from. */
import { CooperError } from "../errors.ts";
import type { Host } from "../host.ts";
import { sweepFrozen } from "../image/sweep.ts";
import { resolveContainer } from "../records/containers.ts";
import {
  deleteSnapshot,
  insertSnapshot,
  type Snapshot,
  snapshotsById,
  snapshotsByName,
  snapshotsOf,
} from "../records/snapshots.ts";
import { randomHex } from "../system/random.ts";
import { settleContainer } from "./cleanup.ts";
import { emitContainer } from "./events.ts";
import { type FreezeOptions, freezeFiles } from "./frozen.ts";
import type { ContainerRecord } from "./record.ts";

export interface SnapshotOptions extends FreezeOptions {
  /** null: the next number. */
  readonly name: string | null;
  readonly message: string;
}

/** Keeps the files of a container as they are now. */
export async function createSnapshot(
  host: Host,
  nameOrId: string,
  { name, message, pauses }: SnapshotOptions,
): Promise<Snapshot> {
  if (name !== null) assertName(name);
  const { id } = resolveContainer(host.database, nameOrId);
  using _lock = await host.locks.container(id);
  const container = await mustSettle(host, id, nameOrId);
  assertFree(host, container, name);
  const made: { snapshot?: Snapshot } = {};
  await freezeFiles(host, container, { pauses, syncs: true }, (frozenId) => {
    made.snapshot = addSnapshot(host, container, { name, message, frozenId });
  });
  emitContainer(host, container, "snapshot");
  if (made.snapshot === undefined) throw new RangeError("a snapshot was not made");
  return made.snapshot;
}

/** Adds the row; to be called in the transaction that makes the frozen tree a known one. */
export function addSnapshot(
  host: Host,
  container: ContainerRecord,
  asked: Pick<Snapshot, "frozenId" | "message"> & { readonly name: string | null },
): Snapshot {
  const snapshot: Snapshot = {
    ...asked,
    id: randomHex(16).slice(0, 25),
    containerId: container.id,
    containerName: container.name,
    name: asked.name ?? nextNumber(snapshotsOf(host.database, container.id)),
    createdAt: Date.now(),
  };
  insertSnapshot(host.database, snapshot);
  return snapshot;
}

function nextNumber(there: readonly Snapshot[]): string {
  const numbers = there.flatMap(({ name }) => (/^\d{1,9}$/.test(name) ? [Number(name)] : []));
  return `${Math.max(0, ...numbers) + 1}`;
}

/** @throws CooperError invalid-argument */
export function assertName(name: string): void {
  if (/^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}$/.test(name)) return;
  throw new CooperError("invalid-argument", `invalid name of a snapshot: ${JSON.stringify(name)}`, {
    hint: "up to 128 letters, digits, and . _ - after the first",
  });
}

/** @throws CooperError name-in-use. Before the files are moved or copied; the row's own constraint decides in the end. */
export function assertFree(host: Host, container: ContainerRecord, name: string | null): void {
  const isTaken = snapshotsOf(host.database, container.id).some((one) => one.name === name);
  if (isTaken) {
    throw new CooperError(
      "name-in-use",
      `container ${container.name} has a snapshot "${name}" already`,
      { hint: `remove it with: cooper snapshot rm ${container.name}:${name}` },
    );
  }
}

/**
 * Finds a snapshot as the user names it: CONTAINER:NAME; its name, where no other container has one of
 * that name; its id, or the beginning of it.
 */
export function resolveSnapshot(host: Host, text: string): Snapshot {
  const colon = text.indexOf(":");
  if (colon >= 0) {
    const container = resolveContainer(host.database, text.slice(0, colon));
    return resolveWithin(host, container, text.slice(colon + 1));
  }
  const named = snapshotsByName(host.database, text);
  const [found, second] = named.length > 0 ? named : snapshotsById(host.database, text);
  if (found === undefined) throw noSnapshot(text);
  if (second === undefined) return found;
  throw new CooperError("invalid-argument", `several snapshots are meant by "${text}"`, {
    hint: `name its container too: ${found.containerName}:${found.name}`,
  });
}

/** A snapshot of this container: its name, its id, or the beginning of it. */
export function resolveWithin(host: Host, container: ContainerRecord, text: string): Snapshot {
  const own = snapshotsOf(host.database, container.id);
  const named = own.find(({ name }) => name === text);
  if (named !== undefined) return named;
  const byId = own.filter(({ id }) => text !== "" && id.startsWith(text));
  const [found] = byId;
  if (found !== undefined && byId.length === 1) return found;
  throw noSnapshot(`${container.name}:${text}`);
}

function noSnapshot(text: string): CooperError {
  return new CooperError("no-such-object", `no such snapshot: ${text}`, {
    hint: "see cooper snapshot ls",
  });
}

/** Forgets it. Files that a container, a fork or another snapshot stands on stay for these. Resolves to its id. */
export async function removeSnapshot(host: Host, text: string): Promise<string> {
  const snapshot = resolveSnapshot(host, text);
  using _lock = await host.locks.container(snapshot.containerId);
  if (!deleteSnapshot(host.database, snapshot.id)) throw noSnapshot(text);
  await sweepFrozen(host);
  return snapshot.id;
}

/** The container, settled; its lock is held. */
export async function mustSettle(host: Host, id: string, shown: string): Promise<ContainerRecord> {
  const container = await settleContainer(host, id);
  if (container !== undefined) return container;
  throw new CooperError("no-such-container", `no such container: ${shown}`);
}
