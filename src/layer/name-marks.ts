/**
 * What a layer hides, said by names as in its tar. An overlay lets nobody make what another overlay would
 * take for a whiteout (overlayfs, `ovl_mknod()`), so a store on one keeps its layers like that. Then the
 * kernel cannot stack them anyway; copyMerged() and fuse-overlayfs understand both forms.
 */
import { closeSync } from "node:fs";
import { createFile } from "../system/tree.ts";
import { opaqueName, whiteoutPrefix } from "./entry-path.ts";
import { fail, lookAt, makeParents } from "./tree-changes.ts";

/** Hides a name of lower layers; called when all that the layer has itself is there. */
export function hideByName(path: string): void {
  const there = lookAt(path);
  if (there?.isDirectory()) return markOpaqueByName(path);
  if (there !== undefined) return; // it takes the place of the lower one
  makeParents(path, () => undefined);
  const name = path.lastIndexOf("/") + 1;
  mark(`${path.slice(0, name)}${whiteoutPrefix}${path.slice(name)}`);
}

/** Hides all that lower layers have in a directory. */
export function markOpaqueByName(directory: string): void {
  mark(`${directory === "/" ? "" : directory}/${opaqueName}`);
}

function mark(path: string): void {
  const made = createFile(path);
  if (typeof made === "number") closeSync(made);
  else if (made !== "EEXIST") throw fail(made, path);
}
