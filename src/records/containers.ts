/** Rows of containers ↔ values. Every change is one short transaction. */
import type { Database } from "bun:sqlite";
import type { ContainerRecord, Intent } from "../container/record.ts";
import { CooperError } from "../errors.ts";
import type { Attachment } from "../network/model.ts";
import { touchImage } from "./images.ts";
import { addAttachment } from "./networks.ts";

interface Row {
  id: string;
  name: string;
  image_id: string | null;
  created_at: number;
  intent: Intent;
  record: string;
  pid: number;
  pid_start: string;
  conmon_pid: number;
  started_at: number;
  finished_at: number;
  exit_code: number;
  oom_killed: number;
  restart_count: number;
  quick_ends: number;
  stopped_by_user: number;
  error: string;
  frozen_id: string | null;
  freezing_id: string | null;
}

/** What changes while a container lives; the rest of its record is fixed when it is made. */
export type ContainerChange = Partial<
  Pick<
    ContainerRecord,
    | "intent"
    | "pid"
    | "pidIdentity"
    | "conmonPid"
    | "startedAt"
    | "finishedAt"
    | "exitCode"
    | "oomKilled"
    | "restartCount"
    | "quickEnds"
    | "stoppedBy"
    | "error"
    | "name"
    | "frozenId"
    | "freezingId"
  >
>;

const columns: Record<keyof ContainerChange, string> = {
  intent: "intent",
  pid: "pid",
  pidIdentity: "pid_start",
  conmonPid: "conmon_pid",
  startedAt: "started_at",
  finishedAt: "finished_at",
  exitCode: "exit_code",
  oomKilled: "oom_killed",
  restartCount: "restart_count",
  quickEnds: "quick_ends",
  stoppedBy: "stopped_by_user",
  error: "error",
  name: "name",
  frozenId: "frozen_id",
  freezingId: "freezing_id",
};

/** In the order of their numbers in the column. */
const stoppers = ["nobody", "user", "machine"] as const;

/** Adds a container with its layers, volumes and networks held. A name that is taken is an error. */
export function insertContainer(
  database: Database,
  container: ContainerRecord,
  attachments: readonly Attachment[] = [],
): void {
  const { id, resolved, spec } = container;
  const insert = database.transaction(() => {
    const holder = findByName(database, container.name);
    if (holder !== undefined) throw nameInUse(container.name, holder);
    database
      .query(
        `insert into container (id, name, image_id, created_at, intent, record, frozen_id)
         values (?, ?, ?, ?, ?, ?, ?)`,
      )
      .run(
        id,
        container.name,
        container.imageId,
        container.createdAt,
        container.intent,
        JSON.stringify({ spec, resolved }),
        container.frozenId,
      );
    const hold = database.query(
      "insert into container_layer (container_id, position, layer_id) values (?, ?, ?)",
    );
    resolved.layers.forEach((layer, position) => {
      hold.run(id, position, layer);
    });
    if (container.imageId !== null) touchImage(database, container.imageId);
    const use = database.query(
      "insert or ignore into container_volume (container_id, volume_name) values (?, ?)",
    );
    for (const volume of resolved.volumes) use.run(id, volume.name);
    for (const attachment of attachments) addAttachment(database, id, attachment);
  });
  insert.immediate();
}

function nameInUse(name: string, holder: string): CooperError {
  return new CooperError(
    "name-in-use",
    `the container name "${name}" is already in use by ${holder.slice(0, 12)}`,
    {
      hint: `remove it with: cooper rm ${name}, or take its place with --replace`,
    },
  );
}

function findByName(database: Database, name: string): string | undefined {
  return database
    .query<{ id: string }, [string]>("select id from container where name = ?")
    .get(name)?.id;
}

/** The containers that `--requires` one, oldest first. */
export function requiredBy(database: Database, id: string): { id: string; name: string }[] {
  return database
    .query<{ id: string; name: string }, [string]>(
      `select id, name from container
        where record like '%"requires":["%' -- hardly any: parsing all of them would take long
          and exists (select 1 from json_each(record, '$.spec.requires') where value = ?)
        order by created_at`,
    )
    .all(id);
}

/** Changes columns of one container; one that has been removed meanwhile stays removed. */
export function changeContainer(database: Database, id: string, change: ContainerChange): void {
  const keys = Object.keys(change) as (keyof ContainerChange)[];
  if (keys.length === 0) return;
  const values = keys.map((key) => {
    if (key === "stoppedBy") return stoppers.indexOf(change.stoppedBy ?? "nobody");
    const value = change[key];
    return typeof value === "boolean" ? Number(value) : (value ?? null);
  });
  if (change.name === undefined) {
    database
      .query(
        `update container set ${keys.map((key) => `${columns[key]} = ?`).join(", ")} where id = ?`,
      )
      .run(...values, id);
    return;
  }
  const name = change.name;
  const rename = database.transaction(() => {
    const holder = findByName(database, name);
    if (holder !== undefined && holder !== id) throw nameInUse(name, holder);
    database
      .query(
        `update container set ${keys.map((key) => `${columns[key]} = ?`).join(", ")} where id = ?`,
      )
      .run(...values, id);
  });
  rename.immediate();
}

/** Replaces what was asked of a container; its name, layers and volumes stay as they are. */
export function changeSpec(
  database: Database,
  id: string,
  record: Pick<ContainerRecord, "spec" | "resolved">,
): void {
  database
    .query("update container set record = ? where id = ?")
    .run(JSON.stringify({ spec: record.spec, resolved: record.resolved }), id);
}

/** How long the exit code of a container that is gone is kept for those who still wait for it. */
const endedKeptMs = 300_000;

/** Notes how a container ended, so that it is known even after its removal. */
export function recordEnd(
  database: Database,
  id: string,
  exitCode: number,
  finishedAt: number,
): void {
  database
    .query("insert or replace into ended (container_id, exit_code, finished_at) values (?, ?, ?)")
    .run(id, exitCode, finishedAt);
  database.query("delete from ended where finished_at < ?").run(Date.now() - endedKeptMs);
}

/** The exit code of the last end of a container; undefined when it has not ended, or long ago. */
export function lastExitCode(database: Database, id: string): number | undefined {
  return database
    .query<{ exit_code: number }, [string]>("select exit_code from ended where container_id = ?")
    .get(id)?.exit_code;
}

/** Several changes as one transaction, taken for writing at once. */
export function inTransaction(database: Database, act: () => void): void {
  database.transaction(act).immediate();
}

/**
 * Forgets a container, and with it what it held. Returns whether there are any frozen trees, which nothing
 * may need now.
 */
export function deleteContainer(database: Database, id: string): boolean {
  const forget = database.transaction(() => {
    const row = database
      .query<{ image_id: string | null }, [string]>("select image_id from container where id = ?")
      .get(id);
    if (row?.image_id) touchImage(database, row.image_id); // it was in use up to now
    database.query("delete from container where id = ?").run(id);
    return database.query("select 1 from frozen limit 1").get() !== null;
  });
  return forget.immediate();
}

/** The container with exactly this id, or undefined. */
export function getContainer(database: Database, id: string): ContainerRecord | undefined {
  const row = database.query<Row, [string]>("select * from container where id = ?").get(id);
  return row === null ? undefined : toRecord(row);
}

/** The container of exactly this name, or undefined. */
export function findContainerByName(database: Database, name: string): ContainerRecord | undefined {
  const row = database.query<Row, [string]>("select * from container where name = ?").get(name);
  return row === null ? undefined : toRecord(row);
}

/** Containers that somebody asked for, oldest first. Those of a build's steps are not among them. */
export function listContainers(database: Database): ContainerRecord[] {
  return listEveryContainer(database).filter((container) => !isOfBuild(container));
}

/** Whether a step of a build runs in it: then it is nobody's to name. */
export const isOfBuild = ({ resolved }: Pick<ContainerRecord, "resolved">) =>
  resolved.buildDirectories !== undefined;

/** All containers, oldest first. Sorted here: SQLite would write the records of many to a file to sort them. */
export function listEveryContainer(database: Database): ContainerRecord[] {
  return database
    .query<Row, []>("select * from container")
    .all()
    .sort((a, b) => a.created_at - b.created_at || (a.id < b.id ? -1 : 1))
    .map(toRecord);
}

/**
 * Finds a container as the user names it: name, id, or a unique beginning of an id.
 *
 * @throws CooperError no-such-container; invalid-argument when several ids begin like that
 */
export function resolveContainer(database: Database, nameOrId: string): ContainerRecord {
  const exact = database
    .query<Row, [string, string]>("select * from container where name = ? or id = ? limit 2")
    .all(nameOrId.replace(/^\//, ""), nameOrId);
  const found = exact[0] ?? byPrefix(database, nameOrId);
  if (found === undefined)
    throw new CooperError("no-such-container", `no such container: ${nameOrId}`);
  return toRecord(found);
}

function byPrefix(database: Database, prefix: string): Row | undefined {
  if (!/^[0-9a-f]{1,64}$/.test(prefix)) return undefined;
  const rows = database
    .query<Row, [string, string]>("select * from container where id >= ? and id < ? limit 3")
    .all(prefix, `${prefix}g`);
  if (rows.length > 1) {
    const ids = rows.map((row) => row.id.slice(0, 12)).join(", ");
    throw new CooperError(
      "invalid-argument",
      `several containers have an id that begins with ${prefix}: ${ids}`,
    );
  }
  return rows[0];
}

/** JSON is only parsed when something in it is asked for: `ps` of a thousand reads columns. */
function toRecord(row: Row): ContainerRecord {
  let parsed: Pick<ContainerRecord, "spec" | "resolved"> | undefined;
  const inside = () => {
    parsed ??= JSON.parse(row.record) as Pick<ContainerRecord, "spec" | "resolved">;
    return parsed;
  };
  return {
    id: row.id,
    name: row.name,
    imageId: row.image_id,
    createdAt: row.created_at,
    intent: row.intent,
    get spec() {
      return inside().spec;
    },
    get resolved() {
      return inside().resolved;
    },
    pid: row.pid,
    pidIdentity: row.pid_start,
    conmonPid: row.conmon_pid,
    startedAt: row.started_at,
    finishedAt: row.finished_at,
    exitCode: row.exit_code,
    oomKilled: row.oom_killed !== 0,
    restartCount: row.restart_count,
    quickEnds: row.quick_ends,
    stoppedBy: stoppers[row.stopped_by_user] ?? "nobody",
    error: row.error,
    frozenId: row.frozen_id,
    freezingId: row.freezing_id,
  };
}
