/** Rows of snapshots: a name for what the files of a container were. They go with their container. */
import type { Database } from "bun:sqlite";
import { CooperError } from "../errors.ts";

/** A snapshot of a container's files. */
export interface Snapshot {
  /** 25 hexadecimal digits. */
  readonly id: string;
  readonly containerId: string;
  readonly containerName: string;
  /** One of its kind among those of its container. */
  readonly name: string;
  /** The topmost frozen tree; null: the files are those of the image. */
  readonly frozenId: string | null;
  readonly message: string;
  /** ms since 1970 */
  readonly createdAt: number;
}

interface Row {
  id: string;
  container_id: string;
  container_name: string;
  name: string;
  frozen_id: string | null;
  message: string;
  created_at: number;
}

const select = `select s.id, s.container_id, c.name as container_name, s.name, s.frozen_id, s.message, s.created_at
  from snapshot s join container c on c.id = s.container_id`;

function toSnapshot(row: Row): Snapshot {
  return {
    id: row.id,
    containerId: row.container_id,
    containerName: row.container_name,
    name: row.name,
    frozenId: row.frozen_id,
    message: row.message,
    createdAt: row.created_at,
  };
}

/** @throws CooperError name-in-use */
export function insertSnapshot(
  database: Database,
  snapshot: Omit<Snapshot, "containerName">,
): void {
  const { id, containerId, name, frozenId, message, createdAt } = snapshot;
  const added = database
    .query(
      "insert or ignore into snapshot (id, container_id, name, frozen_id, message, created_at) values (?, ?, ?, ?, ?, ?)",
    )
    .run(id, containerId, name, frozenId, message, createdAt);
  if (added.changes > 0) return;
  throw new CooperError("name-in-use", `the container has a snapshot "${name}" already`, {
    hint: "see cooper snapshot ls, and choose another name",
  });
}

/** All snapshots, oldest first. */
export function listSnapshots(database: Database): Snapshot[] {
  return database.query<Row, []>(`${select} order by s.created_at, s.id`).all().map(toSnapshot);
}

/** Those of one container, oldest first. */
export function snapshotsOf(database: Database, containerId: string): Snapshot[] {
  return database
    .query<Row, [string]>(`${select} where s.container_id = ? order by s.created_at, s.id`)
    .all(containerId)
    .map(toSnapshot);
}

/** The snapshot with exactly this id. */
export function getSnapshot(database: Database, id: string): Snapshot | undefined {
  const row = database.query<Row, [string]>(`${select} where s.id = ?`).get(id);
  return row === null ? undefined : toSnapshot(row);
}

/** Snapshots whose id begins like that; at most two. */
export function snapshotsById(database: Database, prefix: string): Snapshot[] {
  if (!/^[0-9a-f]{1,25}$/.test(prefix)) return [];
  return database
    .query<Row, [string, string]>(`${select} where s.id >= ? and s.id < ? limit 2`)
    .all(prefix, `${prefix}g`)
    .map(toSnapshot);
}

/** Snapshots of that name, of whatever container; at most two. */
export function snapshotsByName(database: Database, name: string): Snapshot[] {
  return database
    .query<Row, [string]>(`${select} where s.name = ? limit 2`)
    .all(name)
    .map(toSnapshot);
}

/** Forgets a snapshot; false when it is gone already. */
export function deleteSnapshot(database: Database, id: string): boolean {
  return database.query("delete from snapshot where id = ?").run(id).changes > 0;
}
