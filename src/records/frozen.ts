/**
 * Rows of frozen trees: what a container had changed at some moment, kept for all time. Each stands on the
 * one that was frozen before it, so that containers and snapshots name the topmost one alone.
 */
import type { Database } from "bun:sqlite";

/** A frozen tree. */
export interface FrozenTree {
  /** 16 hexadecimal digits. */
  readonly id: string;
  readonly parentId: string | null;
  /** A copy of everything, where the driver `vfs` made one: what is below it does not show. */
  readonly isWhole: boolean;
}

interface Row {
  id: string;
  parent_id: string | null;
  is_whole: number;
}

/** Adds one; its directory may come later. */
export function insertFrozen(database: Database, tree: FrozenTree): void {
  database
    .query("insert into frozen (id, parent_id, is_whole, created_at) values (?, ?, ?, ?)")
    .run(tree.id, tree.parentId, Number(tree.isWhole), Date.now());
}

/** Forgets one that nothing stands on. */
export function deleteFrozen(database: Database, id: string): void {
  database.query("delete from frozen where id = ?").run(id);
}

/** The frozen trees from this one down, as far as they show: topmost first. */
export function frozenChain(database: Database, id: string | null): FrozenTree[] {
  if (id === null) return [];
  return database
    .query<Row, [string]>(
      `with recursive chain (id, parent_id, is_whole, depth) as (
         select id, parent_id, is_whole, 0 from frozen where id = ?
         union all
         select f.id, f.parent_id, f.is_whole, depth + 1
           from chain join frozen f on f.id = chain.parent_id where chain.is_whole = 0
       ) select id, parent_id, is_whole from chain order by depth`,
    )
    .all(id)
    .map((row) => ({ id: row.id, parentId: row.parent_id, isWhole: row.is_whole !== 0 }));
}

/** Ids of all that have a row. */
export function allFrozenIds(database: Database): Set<string> {
  const rows = database.query<{ id: string }, []>("select id from frozen").all();
  return new Set(rows.map(({ id }) => id));
}

/** Forgets those that no container, no snapshot and no other tree needs. Their directories are rubbish from then on. */
export function forgetUnheldFrozen(database: Database): number {
  const forget = database.query(
    `delete from frozen where
       not exists (select 1 from container where frozen_id = frozen.id)
       and not exists (select 1 from container where freezing_id = frozen.id)
       and not exists (select 1 from snapshot where frozen_id = frozen.id)
       and not exists (select 1 from frozen f where f.parent_id = frozen.id)`,
  );
  // each round may free those below
  for (let total = 0; ; ) {
    const { changes } = forget.run();
    if (changes === 0) return total;
    total += changes;
  }
}

/** Bytes on the disk by id, for all; null: nobody has measured it. */
export function measuredFrozen(database: Database): Map<string, number | null> {
  const rows = database
    .query<{ id: string; disk_bytes: number | null }, []>("select id, disk_bytes from frozen")
    .all();
  return new Map(rows.map((row) => [row.id, row.disk_bytes]));
}

/** Notes what trees take. */
export function setFrozenMeasured(database: Database, bytes: ReadonlyMap<string, number>): void {
  const note = database.query("update frozen set disk_bytes = ? where id = ?");
  database
    .transaction(() => {
      for (const [id, size] of bytes) note.run(size, id);
    })
    .immediate();
}
