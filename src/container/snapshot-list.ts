/** `snapshot ls`: snapshots with what their files take. */
import { type FilterTests, filterBy, filterPattern } from "../filter.ts";
import type { Host } from "../host.ts";
import { listSnapshots, type Snapshot } from "../records/snapshots.ts";
import { frozenUsage } from "./frozen-usage.ts";

/** A snapshot as a listing shows it. */
export interface SnapshotSummary {
  readonly snapshot: Snapshot;
  /** On the disk, of what was changed since the tree below it was frozen. */
  readonly bytes: number;
}

const tests: FilterTests<Snapshot> = {
  id: ({ id }, value) => id.startsWith(value),
  name: ({ name }, value) => filterPattern(value).test(name),
  container: ({ containerId, containerName }, value) =>
    containerName === value || containerId.startsWith(value),
};

/** Those that all filters let through, oldest first. */
export function summarizeSnapshots(host: Host, filters: readonly string[]): SnapshotSummary[] {
  const isWanted = filterBy(filters, tests);
  const found = listSnapshots(host.database).filter(isWanted);
  const usage = frozenUsage(host, new Set(found.flatMap(({ frozenId }) => frozenId ?? [])));
  return found.map((snapshot) => ({ snapshot, bytes: usage.get(snapshot.frozenId ?? "") ?? 0 }));
}
