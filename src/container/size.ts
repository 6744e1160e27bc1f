/** How much disk a container takes. */
import { lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { Host } from "../host.ts";
import type { ContainerSummary } from "./summary.ts";

/** Bytes of its own files, and of those with its image's layers. */
export function containerSizes(
  host: Host,
  containers: readonly ContainerSummary[],
): Map<string, { writable: number; total: number }> {
  const layerSize = host.database.query<{ size: number }, [string]>(
    "select coalesce(sum(size), 0) as size from layer join container_layer on layer_id = id where container_id = ?",
  );
  return new Map(
    containers.map(({ record }) => {
      const writable = treeSize(host.paths.container(record.id).upper);
      return [record.id, { writable, total: writable + (layerSize.get(record.id)?.size ?? 0) }];
    }),
  );
}

/** Sum of the files' lengths; one that goes meanwhile, or that we may not see, counts nothing. */
function treeSize(directory: string): number {
  let bytes = 0;
  let entries: string[];
  try {
    entries = readdirSync(directory);
  } catch {
    return 0; // not started yet
  }
  for (const name of entries) {
    const path = join(directory, name);
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (stat?.isDirectory()) bytes += treeSize(path);
    else if (stat?.isFile()) bytes += stat.size;
  }
  return bytes;
}
