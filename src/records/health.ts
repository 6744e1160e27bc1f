/** Health of containers: a row for each that has a check, made when it starts. */
import type { Database } from "bun:sqlite";
import type { HealthState } from "../container/health/state.ts";

/** Sets the state of a container, and when its next check is due; null: never. */
export function setHealth(
  database: Database,
  containerId: string,
  state: HealthState,
  dueAt: number | null,
): void {
  // a container that was removed meanwhile keeps nothing
  database
    .query(
      `insert or replace into health (container_id, state, due_at)
       select id, ?, ? from container where id = ?`,
    )
    .run(JSON.stringify(state), dueAt, containerId);
}

/** Undefined for a container without a check, or one that was never started. */
export function getHealth(database: Database, containerId: string): HealthState | undefined {
  const row = database
    .query<{ state: string }, [string]>("select state from health where container_id = ?")
    .get(containerId);
  return row === null ? undefined : (JSON.parse(row.state) as HealthState);
}

/** The status of every container that has a check, by id. */
export function healthStatuses(database: Database): Map<string, HealthSummary> {
  const rows = database
    .query<{ id: string } & HealthSummary, []>(
      "select container_id as id, json_extract(state, '$.status') as status, json_extract(state, '$.failingStreak') as failingStreak from health",
    )
    .all();
  return new Map(rows.map(({ id, ...summary }) => [id, summary]));
}

/** How a container with a check is, in short. */
export interface HealthSummary {
  /** `starting`, `healthy` or `unhealthy` */
  readonly status: string;
  /** Failures in a row. */
  readonly failingStreak: number;
}

/** Whether a check should have been run before then (ms since 1970): its keeper is gone. */
export function hasOverdueCheck(database: Database, before: number): boolean {
  return (
    database
      .query<{ id: string }, [number]>(
        "select container_id as id from health where due_at is not null and due_at < ? limit 1",
      )
      .get(before) !== null
  );
}

/** Containers whose check is due by then, the longest due first, at most so many. */
export function dueChecks(database: Database, by: number, most: number): string[] {
  return database
    .query<{ id: string }, [number, number]>(
      "select container_id as id from health where due_at is not null and due_at <= ? order by due_at limit ?",
    )
    .all(by, most)
    .map(({ id }) => id);
}

/** When the first check after then is due; null: none is. Times are ms since 1970. */
export function nextDue(database: Database, after: number): number | null {
  const row = database
    .query<{ next: number | null }, [number]>(
      "select min(due_at) as next from health where due_at is not null and due_at > ?",
    )
    .get(after);
  return row?.next ?? null;
}

/** No further checks: it has ended. What is known of its health stays. */
export function stopChecks(database: Database, containerId: string): void {
  database
    .query("update health set due_at = null where container_id = ? and due_at is not null")
    .run(containerId);
}
