/** Verbs on snapshots of containers, each loading its file on first use. */
import type { ForkOptions } from "../container/fork.ts";
import type { ContainerRecord } from "../container/record.ts";
import type { RollbackOptions } from "../container/rollback.ts";
import type { SnapshotOptions } from "../container/snapshot.ts";
import type { SnapshotSummary } from "../container/snapshot-list.ts";
import type { Host } from "../host.ts";
import type { Change } from "../layer/changes.ts";
import type { Snapshot } from "../records/snapshots.ts";

/** Verbs on snapshots, which users name CONTAINER:NAME, or by id. */
export class Snapshots {
  private readonly host: Host;

  constructor(host: Host) {
    this.host = host;
  }

  async create(container: string, options: SnapshotOptions): Promise<Snapshot> {
    return (await import("../container/snapshot.ts")).createSnapshot(this.host, container, options);
  }

  /** Those that all filters let through, oldest first. */
  async list(filters: readonly string[]): Promise<SnapshotSummary[]> {
    return (await import("../container/snapshot-list.ts")).summarizeSnapshots(this.host, filters);
  }

  /** Resolves to its id. */
  async remove(name: string): Promise<string> {
    return (await import("../container/snapshot.ts")).removeSnapshot(this.host, name);
  }

  /** To another snapshot of the container, or to its files as they are now (null). */
  async changes(from: string, to: string | null): Promise<Change[]> {
    return (await import("../container/snapshot-changes.ts")).snapshotChanges(this.host, from, to);
  }

  /** Resolves to the container's id. */
  async rollback(container: string, snapshot: string, options: RollbackOptions): Promise<string> {
    const { rollbackContainer } = await import("../container/rollback.ts");
    return rollbackContainer(this.host, container, snapshot, options);
  }

  /** @param source a container, or CONTAINER:SNAPSHOT */
  async fork(source: string, options: ForkOptions): Promise<ContainerRecord> {
    return (await import("../container/fork.ts")).forkContainer(this.host, source, options);
  }

  /** Removes the files of frozen trees that nothing needs any more. */
  async sweep(): Promise<void> {
    return (await import("../image/sweep.ts")).sweepFrozen(this.host);
  }
}
