/**
 * Layers as one tree without a mount: the driver `vfs`. Each layer is copied over those below it, and
 * takes away what it hides. No file of the copy is a hard link to one of a layer.
 */
import { mkdirSync, readdirSync } from "node:fs";
import { CooperError } from "../errors.ts";
import { needProgram } from "../system/program.ts";
import { removeFile } from "../system/tree.ts";
import { readXattr } from "../system/xattr.ts";
import { opaqueName, whiteoutPrefix } from "./entry-path.ts";
import { clearPlace, isWhiteout, lookAt, removeTree } from "./tree-changes.ts";

/**
 * Copies the merged tree into a new directory. Nobody else may have it yet.
 *
 * @param directories in overlay form, topmost first
 */
export function copyMerged(directories: readonly string[], target: string): void {
  mkdirSync(target, { mode: 0o755 });
  for (const directory of directories.toReversed()) {
    const marks: string[] = [];
    makeRoom(byteString(directory), byteString(target), "", marks);
    copyTree(directory, target);
    // what says "not there" has been copied along
    for (const mark of marks) removeFile(`${byteString(target)}${mark}`);
  }
}

/** Names are bytes: see tree.ts. */
const byteString = (path: string) => Buffer.from(path).toString("latin1");

/**
 * Clears in the target what a directory of the layer hides or replaces. Going down only where the target
 * has a directory itself, never a symbolic link to one, nothing outside of it is ever named.
 */
function makeRoom(layer: string, target: string, at: string, marks: string[]): void {
  const names = readdirSync(Buffer.from(`${layer}${at}`, "latin1"), { encoding: "buffer" }).map(
    (name) => name.toString("latin1"),
  );
  if (isOpaque(`${layer}${at}`, names)) clearBelow(`${target}${at}`);
  for (const name of names) {
    const path = `${at}/${name}`;
    if (name.startsWith(whiteoutPrefix)) {
      marks.push(path);
      if (name !== opaqueName) clear(`${target}${at}/${name.slice(whiteoutPrefix.length)}`);
      continue;
    }
    const own = lookAt(`${layer}${path}`);
    if (own !== undefined && isWhiteout(own)) {
      marks.push(path);
      clear(`${target}${path}`);
      continue;
    }
    const isDirectory = own?.isDirectory() ?? false;
    const there = lookAt(`${target}${path}`);
    if (there !== undefined && !(isDirectory && there.isDirectory())) clear(`${target}${path}`);
    if (isDirectory) makeRoom(layer, target, path, marks);
  }
}

function isOpaque(directory: string, names: readonly string[]): boolean {
  if (names.includes(opaqueName)) return true;
  const isMarked = (name: string) => readXattr(directory, name)?.toString() === "y";
  return isMarked("user.overlay.opaque") || isMarked("trusted.overlay.opaque");
}

function clear(path: string): void {
  if (lookAt(path) !== undefined) clearPlace(path);
}

function clearBelow(directory: string): void {
  if (!lookAt(directory)?.isDirectory()) return;
  for (const name of readdirSync(Buffer.from(directory, "latin1"), { encoding: "buffer" })) {
    const path = `${directory}/${name.toString("latin1")}`;
    if (lookAt(path)?.isDirectory()) removeTree(path);
    else removeFile(path);
  }
}

/** With blocks shared where the file system copies them on write. */
function copyTree(source: string, target: string): void {
  const copy = Bun.spawnSync(
    [needProgram("cp"), "-a", "--reflink=auto", "--", `${source}/.`, target],
    { stdio: ["ignore", "ignore", "pipe"] },
  );
  if (copy.success) return;
  throw new CooperError(
    /space/i.test(copy.stderr.toString()) ? "no-space" : "helper-failed",
    `cannot copy a layer: ${copy.stderr.toString().trim().split("\n")[0]}`,
  );
}
