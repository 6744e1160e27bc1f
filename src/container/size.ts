/** How much disk a container takes. */
import type { Host } from "../host.ts";
import { treeSize } from "../system/tree-size.ts";
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
