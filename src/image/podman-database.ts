/** What Podman 5 and later record of volumes, in SQLite (libpod/sqlite_state_internal.go, VolumeConfig). */
import { Database } from "bun:sqlite";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CooperError, messageOf } from "../errors.ts";
import { readStoreFile } from "./foreign-store.ts";

const maxFileBytes = 256 << 20;

/**
 * The JSON of each volume by its name; undefined: this store has no such database. A copy is opened, as
 * even a reader of SQLite writes beside a database with a log.
 */
export function podmanVolumeRows(root: string): ReadonlyMap<string, string> | undefined {
  const file = readStoreFile(root, "db.sql", maxFileBytes);
  if (file === undefined) return undefined;
  const log = readStoreFile(root, "db.sql-wal", maxFileBytes);
  const directory = mkdtempSync(join(tmpdir(), "cooper-podman-"));
  try {
    const copy = join(directory, "db.sql");
    writeFileSync(copy, file, { mode: 0o600 });
    if (log !== undefined) writeFileSync(`${copy}-wal`, log, { mode: 0o600 });
    using database = new Database(copy, { readwrite: true });
    // Podman writes bytes into the column of texts, which SQLite keeps as they are
    const rows = database
      .query<{ Name: string; text: string }, []>(
        "select Name, cast(JSON as text) as text from VolumeConfig",
      )
      .all();
    return new Map(rows.map((row) => [`${row.Name}`, `${row.text}`]));
  } catch (cause) {
    throw new CooperError("corrupt", `${root}/db.sql cannot be read: ${messageOf(cause)}`, {
      cause,
    });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
