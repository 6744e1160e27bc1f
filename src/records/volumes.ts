/** Rows of volumes, and who uses them. */
import type { Database } from "bun:sqlite";
import { CooperError } from "../errors.ts";

/** What was asked when the volume was made. */
export interface VolumeRecord {
  readonly name: string;
  /** Without a name of its own: it goes with the container that it was made for. */
  readonly isAnonymous: boolean;
  readonly labels: Readonly<Record<string, string>>;
  /** Of the local driver: `type`, `device`, `o`. */
  readonly options: Readonly<Record<string, string>>;
  /** ms since 1970 */
  readonly createdAt: number;
  /** The directory of another engine that its contents were copied from. */
  readonly adoptedFrom?: string;
  /** Ids of the containers' user that was the caller outside when it was filled: see chosen-userns.ts. */
  readonly callerAs?: { readonly uid: number; readonly gid: number };
}

interface Row {
  readonly name: string;
  readonly is_anonymous: number;
  readonly record: string;
  readonly created_at: number;
}

function toVolume(row: Row): VolumeRecord {
  const {
    labels = {},
    options = {},
    adoptedFrom,
    callerAs,
  } = JSON.parse(row.record) as Partial<VolumeRecord>;
  return {
    name: row.name,
    isAnonymous: row.is_anonymous !== 0,
    labels,
    options,
    createdAt: row.created_at,
    ...(adoptedFrom !== undefined && { adoptedFrom }),
    ...(callerAs !== undefined && { callerAs }),
  };
}

/** Adds a row unless there is one of that name; tells whether it did. */
export function insertVolume(database: Database, volume: VolumeRecord): boolean {
  const { name, isAnonymous, createdAt, ...record } = volume;
  const added = database
    .query(
      "insert or ignore into volume (name, is_anonymous, record, created_at) values (?, ?, ?, ?)",
    )
    .run(name, isAnonymous ? 1 : 0, JSON.stringify(record), createdAt);
  return added.changes > 0;
}

/** Notes whose ids the files in a volume are, where that user was the caller outside. */
export function setCallerAs(
  database: Database,
  name: string,
  { uid, gid }: NonNullable<VolumeRecord["callerAs"]>,
): void {
  database
    .query("update volume set record = json_set(record, '$.callerAs', json(?)) where name = ?")
    .run(JSON.stringify({ uid, gid }), name);
}

/** The volume of exactly this name. */
export function getVolume(database: Database, name: string): VolumeRecord | undefined {
  const row = database
    .query<Row, [string]>("select * from volume where name = ? and is_going = 0")
    .get(name);
  return row === null ? undefined : toVolume(row);
}

/** All volumes, by name. */
export function listVolumes(database: Database): VolumeRecord[] {
  return database
    .query<Row, []>("select * from volume where is_going = 0 order by name")
    .all()
    .map(toVolume);
}

/**
 * Finds a volume as the user names it: its name, or a unique beginning of an anonymous one's.
 *
 * @throws CooperError no-such-object; invalid-argument when several names begin like that
 */
export function resolveVolume(database: Database, name: string): VolumeRecord {
  const exact = getVolume(database, name);
  if (exact !== undefined) return exact;
  const rows =
    name === ""
      ? []
      : database
          .query<Row, [number, string]>(
            "select * from volume where is_going = 0 and is_anonymous = 1 and substr(name, 1, ?) = ? limit 2",
          )
          .all(name.length, name);
  const [found, second] = rows;
  if (second !== undefined)
    throw new CooperError(
      "invalid-argument",
      `several volumes have a name that begins with ${name}`,
    );
  if (found === undefined) throw new CooperError("no-such-object", `no such volume: ${name}`);
  return toVolume(found);
}

/** Ids of the containers that use a volume, running or not. */
export function usersOfVolume(database: Database, name: string): string[] {
  return database
    .query<{ id: string }, [string]>(
      "select container_id as id from container_volume where volume_name = ?",
    )
    .all(name)
    .map(({ id }) => id);
}

/** Whether a container that runs, or is being started, uses it. */
export function isVolumeInUse(database: Database, name: string): boolean {
  const row = database
    .query<{ id: string }, [string]>(
      `select container.id as id from container_volume
       join container on container.id = container_volume.container_id
       where volume_name = ? and intent in ('starting', 'initialized', 'running', 'paused') limit 1`,
    )
    .get(name);
  return row !== null;
}

/** How many containers use each volume that is used at all. */
export function volumeUseCounts(database: Database): Map<string, number> {
  const rows = database
    .query<{ name: string; count: number }, []>(
      "select volume_name as name, count(*) as count from container_volume group by volume_name",
    )
    .all();
  return new Map(rows.map(({ name, count }) => [name, count]));
}

/** From now on a volume that no container uses is there for nobody; tells whether that is so. */
export function markVolumeGoing(database: Database, name: string): boolean {
  const marked = database
    .query(
      "update volume set is_going = 1 where name = ? and not exists (select 1 from container_volume where volume_name = ?)",
    )
    .run(name, name);
  return marked.changes > 0;
}

/** Names of the volumes whose removal has begun. */
export function goingVolumes(database: Database): string[] {
  const rows = database.query<{ name: string }, []>("select name from volume where is_going = 1");
  return rows.all().map(({ name }) => name);
}

/**
 * Removes the row of a volume that is going. One that a container was made with at the last moment comes
 * back, empty.
 */
export function deleteGoingVolume(database: Database, name: string): void {
  const forget = database.transaction(() => {
    database
      .query(
        "delete from volume where name = ? and is_going = 1 and not exists (select 1 from container_volume where volume_name = ?)",
      )
      .run(name, name);
    database.query("update volume set is_going = 0 where name = ?").run(name);
  });
  forget.immediate();
}
