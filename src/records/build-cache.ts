/** Rows of the build cache: layers by what went into them, and digests of files that have been read before. */
import type { Database } from "bun:sqlite";

/** A step, and the layer that it came to. */
export interface CachedStep {
  readonly key: string;
  readonly layerId: string;
  readonly title: string;
  /** ms */
  readonly createdAt: number;
}

/** The layer that a step with this key came to, if it is still in the store, and when (ms). */
export function cachedLayer(
  database: Database,
  key: string,
): { readonly layerId: string; readonly createdAt: number } | undefined {
  const row = database
    .query<{ layer_id: string; created_at: number }, [string]>(
      "select layer_id, created_at from build_cache where key = ?",
    )
    .get(key);
  return row === null ? undefined : { layerId: row.layer_id, createdAt: row.created_at };
}

/** Keeps what steps came to; a step that came to something else before is replaced. */
export function insertCachedSteps(database: Database, steps: readonly CachedStep[]): void {
  const insert = database.query(
    `insert into build_cache (key, layer_id, title, created_at, used_at) values (?1, ?2, ?3, ?4, ?4)
     on conflict (key) do update set layer_id = ?2, title = ?3, created_at = ?4, used_at = ?4`,
  );
  for (const { key, layerId, title, createdAt } of steps)
    insert.run(key, layerId, title, createdAt);
}

/** Notes that steps have been used now, which decides who goes first when space is wanted. */
export function touchCachedSteps(database: Database, keys: readonly string[]): void {
  database
    .query("update build_cache set used_at = ? where key in (select value from json_each(?))")
    .run(Date.now(), JSON.stringify(keys));
}

/** All steps, with whether an image or a container has the layer too. */
export function listCachedSteps(
  database: Database,
): (CachedStep & { readonly usedAt: number; readonly isShared: boolean })[] {
  const rows = database
    .query<
      {
        key: string;
        layer_id: string;
        title: string;
        created_at: number;
        used_at: number;
        is_shared: number;
      },
      []
    >(
      `select key, layer_id, title, created_at, used_at,
         exists (select 1 from image_layer where image_layer.layer_id = build_cache.layer_id)
         or exists (select 1 from container_layer where container_layer.layer_id = build_cache.layer_id)
         as is_shared
       from build_cache order by used_at, key`,
    )
    .all();
  return rows.map((row) => ({
    key: row.key,
    layerId: row.layer_id,
    title: row.title,
    createdAt: row.created_at,
    usedAt: row.used_at,
    isShared: row.is_shared !== 0,
  }));
}

/** Forgets what steps came to. Their layers stay as long as somebody else has them. */
export function deleteCachedSteps(database: Database, keys: readonly string[]): void {
  database
    .query("delete from build_cache where key in (select value from json_each(?))")
    .run(JSON.stringify(keys));
}

/** Names of containers in which steps of builds run, or ran. */
export function stepContainers(database: Database): string[] {
  return database
    .query<{ name: string }, []>(
      `select name from container where name glob 'build-*'
       and json_extract(record, '$.resolved.buildDirectories') is not null`,
    )
    .all()
    .map(({ name }) => name);
}

/** A file by what the kernel says of it. */
export interface FileIdentity {
  readonly device: number;
  readonly inode: number;
  readonly size: number;
  /** ms, as the next. */
  readonly modified: number;
  readonly changed: number;
}

export interface FileDigest extends FileIdentity {
  readonly digest: string;
}

/** All that is remembered of a device, by inode. */
export function fileDigests(database: Database, device: number): Map<number, FileDigest> {
  const rows = database
    .query<FileDigest, [number]>(
      "select device, inode, size, modified, changed, digest from file_digest where device = ?",
    )
    .all(device);
  return new Map(rows.map((row) => [row.inode, row]));
}

/** Remembers digests. */
export function insertFileDigests(database: Database, files: readonly FileDigest[]): void {
  const insert = database.query(
    "insert or replace into file_digest (device, inode, size, modified, changed, digest) values (?, ?, ?, ?, ?, ?)",
  );
  const all = database.transaction(() => {
    for (const file of files)
      insert.run(file.device, file.inode, file.size, file.modified, file.changed, file.digest);
  });
  all.immediate();
}
