/** How much disk a container takes. */
import { existsSync } from "node:fs";
import type { Host } from "../host.ts";
import { treeUsage } from "../system/tree-usage.ts";
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
      const sizeOf = (path: string) => treeUsage(path).fileBytes;
      const { upper, tree } = host.paths.container(record.id);
      const image = layerSize.get(record.id)?.size ?? 0;
      // a copy (driver vfs) holds both; files that layers share are in it once
      const writable = existsSync(tree) ? Math.max(0, sizeOf(tree) - image) : sizeOf(upper);
      return [record.id, { writable, total: writable + image }];
    }),
  );
}
