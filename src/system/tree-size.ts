/** How long the files of a tree are together. */
import { lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";

/** Sum of the files' lengths; one that goes meanwhile, or that we may not see, counts nothing. */
export function treeSize(directory: string): number {
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
