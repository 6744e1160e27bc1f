/** How much disk a container takes. */
import { existsSync } from "node:fs";
import type { Host } from "../host.ts";
import { layersSize } from "../records/layers.ts";
import { treeUsage } from "../system/tree-usage.ts";
import { frozenStack } from "./frozen-stack.ts";
import type { ContainerSummary } from "./summary.ts";

/** Bytes of its own files with those that were frozen of them, and of those with its image's layers. */
export function containerSizes(
  host: Host,
  containers: readonly ContainerSummary[],
): Map<string, { writable: number; total: number }> {
  const known = new Map<string, number>(); // frozen trees may be below several of them
  const sizeOf = (path: string): number => {
    const size = known.get(path) ?? treeUsage(path).fileBytes;
    known.set(path, size);
    return size;
  };
  return new Map(
    containers.map(({ record }) => {
      const { upper, tree } = host.paths.container(record.id);
      const image = layersSize(host.database, record.id);
      // a copy (driver vfs) holds both; files that layers share are in it once
      const { directories, isWhole } = frozenStack(host, record.frozenId);
      const isCopy = existsSync(tree);
      const parts = isCopy ? [tree] : [upper, ...directories];
      const bytes = parts.reduce((sum, path) => sum + sizeOf(path), 0);
      const writable = isCopy || isWhole ? Math.max(0, bytes - image) : bytes;
      return [record.id, { writable, total: writable + image }];
    }),
  );
}
