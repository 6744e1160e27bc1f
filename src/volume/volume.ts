/** Named and anonymous volumes: directories that outlive containers. */
import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { CooperError } from "../errors.ts";
import type { Host } from "../host.ts";

/** What was asked when the volume was made. */
export interface VolumeRecord {
  readonly name: string;
  readonly isAnonymous: boolean;
  readonly labels: Readonly<Record<string, string>>;
  readonly options: Readonly<Record<string, string>>;
  readonly createdAt: number;
}

/** Makes the volume unless it exists. Resolves to the directory with its files. */
export async function ensureVolume(
  host: Host,
  volume: Pick<VolumeRecord, "name" | "isAnonymous" | "labels" | "options">,
): Promise<string> {
  if (!/^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/.test(volume.name)) {
    throw new CooperError(
      "invalid-argument",
      `invalid volume name "${volume.name}": it may have letters, digits and _ . -`,
    );
  }
  const directory = host.paths.volume(volume.name);
  if (Object.keys(volume.options).length > 0) {
    throw new CooperError(
      "not-supported",
      `volume ${volume.name}: driver options are not supported yet`,
    );
  }
  mkdirSync(directory, { recursive: true, mode: 0o755 });
  const made = host.database
    .query(
      "insert or ignore into volume (name, is_anonymous, record, created_at) values (?, ?, ?, ?)",
    )
    .run(
      volume.name,
      volume.isAnonymous ? 1 : 0,
      JSON.stringify({ labels: volume.labels, options: volume.options }),
      Date.now(),
    );
  if (made.changes > 0)
    host.events.emit({ type: "volume", action: "create", id: volume.name, name: volume.name });
  return directory;
}

/** Removes a volume that no container uses any more; one that is used stays. */
export async function removeVolumeIfUnused(host: Host, name: string): Promise<void> {
  using _lock = await host.locks.volume(name);
  const removed = host.database
    .query(
      "delete from volume where name = ? and not exists (select 1 from container_volume where volume_name = ?)",
    )
    .run(name, name);
  if (removed.changes === 0) return;
  rmSync(dirname(host.paths.volume(name)), { recursive: true, force: true });
  host.events.emit({ type: "volume", action: "destroy", id: name, name });
}

/** Whether nothing has been put into the volume yet. */
export function isPristine(directory: string): boolean {
  return readdirSync(directory).length === 0;
}
