/** Rows of secrets: what is known of them, and the sealed bytes of those that the file driver keeps. */
import type { Database } from "bun:sqlite";
import { CooperError } from "../errors.ts";

/** Who keeps the bytes of a secret. */
export const secretDrivers = ["file", "pass", "shell"] as const;
export type SecretDriver = (typeof secretDrivers)[number];

/** A secret without its bytes. */
export interface SecretRecord {
  /** 25 hexadecimal digits; a secret that is replaced gets another one. */
  readonly id: string;
  readonly name: string;
  readonly driver: SecretDriver;
  readonly driverOptions: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  /** ms since 1970 */
  readonly createdAt: number;
  readonly updatedAt: number;
}

interface Row {
  readonly id: string;
  readonly name: string;
  readonly record: string;
  readonly created_at: number;
  readonly updated_at: number;
}

const columns = "id, name, record, created_at, updated_at";

function toSecret(row: Row): SecretRecord {
  const { driver, driverOptions, labels } = JSON.parse(row.record) as SecretRecord;
  const { id, name, created_at: createdAt, updated_at: updatedAt } = row;
  return { id, name, driver, driverOptions, labels, createdAt, updatedAt };
}

/**
 * Adds a secret; `sealed` is null where its driver keeps the bytes elsewhere.
 *
 * @throws CooperError name-in-use
 */
export function insertSecret(
  database: Database,
  secret: SecretRecord,
  sealed: Uint8Array | null,
): void {
  const { id, name, driver, driverOptions, labels, createdAt, updatedAt } = secret;
  const added = database
    .query(
      "insert or ignore into secret (id, name, record, created_at, updated_at, sealed) values (?, ?, ?, ?, ?, ?)",
    )
    .run(id, name, JSON.stringify({ driver, driverOptions, labels }), createdAt, updatedAt, sealed);
  if (added.changes > 0) return;
  throw new CooperError("name-in-use", `the secret name "${name}" is already in use`, {
    hint: `remove it with: cooper secret rm ${name}, or take its place with --replace`,
  });
}

/** All secrets, by name. */
export function listSecrets(database: Database): SecretRecord[] {
  return database.query<Row, []>(`select ${columns} from secret order by name`).all().map(toSecret);
}

/** The secret of exactly this name or id. */
export function findSecret(database: Database, nameOrId: string): SecretRecord | undefined {
  const row = database
    .query<Row, [string, string, string]>(
      `select ${columns} from secret where name = ? or id = ? order by name = ? desc limit 1`,
    )
    .get(nameOrId, nameOrId, nameOrId);
  return row === null ? undefined : toSecret(row);
}

/**
 * Finds a secret by name, id, or a unique beginning of an id.
 *
 * @throws CooperError no-such-object; invalid-argument when several ids begin like that
 */
export function resolveSecret(database: Database, nameOrId: string): SecretRecord {
  const exact = findSecret(database, nameOrId);
  if (exact !== undefined) return exact;
  const rows = /^[0-9a-f]{1,25}$/.test(nameOrId)
    ? database
        .query<Row, [string, string]>(
          `select ${columns} from secret where id >= ? and id < ? limit 2`,
        )
        .all(nameOrId, `${nameOrId}g`)
    : [];
  const [found, second] = rows;
  if (second !== undefined)
    throw new CooperError(
      "invalid-argument",
      `several secrets have an id that begins with ${nameOrId}`,
    );
  if (found === undefined) throw new CooperError("no-such-object", `no such secret: ${nameOrId}`);
  return toSecret(found);
}

/** The sealed bytes that the file driver keeps. */
export function sealedBytes(database: Database, id: string): Uint8Array | undefined {
  return (
    database
      .query<{ sealed: Uint8Array | null }, [string]>("select sealed from secret where id = ?")
      .get(id)?.sealed ?? undefined
  );
}

/** Forgets a secret. */
export function deleteSecret(database: Database, id: string): void {
  database.query("delete from secret where id = ?").run(id);
}
