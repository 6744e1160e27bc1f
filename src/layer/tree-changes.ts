/** Looking at, and clearing, places in the tree that a layer is being unpacked into (the root of this process). */
import { lstatSync, readdirSync, type Stats } from "node:fs";
import { CooperError, errnoName } from "../errors.ts";
import { makeDirectory, removeDirectory, removeFile } from "../system/tree.ts";
import { printable } from "./entry-path.ts";

/** What is at a path, not following it; undefined when there is nothing, or what leads there is no directory. */
export function lookAt(path: string): Stats | undefined {
  try {
    return lstatSync(Buffer.from(path, "latin1"), { throwIfNoEntry: false });
  } catch (error) {
    if (["ENOENT", "ENOTDIR", "ELOOP"].includes(errnoName(error) ?? "")) return undefined;
    throw error;
  }
}

/** A character device 0/0: overlayfs's way of saying "not there". */
export function isWhiteout(stats: Stats): boolean {
  return stats.isCharacterDevice() && stats.rdev === 0;
}

/**
 * Makes the directories that lead to a path. A whiteout in the way gives way to a directory that hides
 * the lower one (`hide`); anything else in the way is refused. Directories that the tar does not list get
 * the mode and owner that peers give them.
 */
export function makeParents(path: string, hide: (directory: string) => void): void {
  for (let at = path.indexOf("/", 1); at > 0; at = path.indexOf("/", at + 1)) {
    const parent = path.slice(0, at);
    const made = makeDirectory(parent, 0o755);
    if (made === "") continue;
    if (made !== "EEXIST") throw fail(made, parent);
    const there = lookAt(parent);
    if (there !== undefined && isWhiteout(there)) {
      const cleared = removeFile(parent) || makeDirectory(parent, 0o755);
      if (cleared !== "") throw fail(cleared, parent);
      hide(parent);
    } else if (there !== undefined && !there.isDirectory() && !there.isSymbolicLink()) {
      throw new CooperError(
        "hostile",
        `the layer has an entry below what is no directory: ${printable(path)}`,
      );
    }
  }
}

/** Removes what is at a path. */
export function clearPlace(path: string): void {
  if (lookAt(path)?.isDirectory()) return removeTree(path);
  const removed = removeFile(path);
  if (removed !== "" && removed !== "ENOENT") throw fail(removed, path);
}

/** The names in a directory, as byte strings. */
export function namesIn(path: string): string[] {
  return readdirSync(Buffer.from(path, "latin1"), { encoding: "buffer" }).map((name) =>
    name.toString("latin1"),
  );
}

/** Removes a directory with all in it; names are bytes, so node's own would not do. */
export function removeTree(path: string): void {
  for (const name of namesIn(path)) {
    const child = `${path}/${name}`;
    if (lookAt(child)?.isDirectory()) removeTree(child);
    else {
      const removed = removeFile(child);
      if (removed !== "") throw fail(removed, child);
    }
  }
  const removed = removeDirectory(path);
  if (removed !== "") throw fail(removed, path);
}

/** The error of a system call on an entry, in words. */
export function fail(errno: string, path: string): CooperError {
  const where = printable(path);
  if (errno === "ENOSPC" || errno === "EDQUOT") {
    return new CooperError("no-space", `no space left on the device while unpacking ${where}`, {
      hint: "free some with: cooper image prune",
    });
  }
  if (errno === "EFBIG") {
    return new CooperError(
      "hostile",
      `the layer has a file that is too large for this file system: ${where}`,
    );
  }
  if (errno === "ENAMETOOLONG" || errno === "ELOOP" || errno === "ENOTDIR" || errno === "EMLINK") {
    return new CooperError(
      "hostile",
      `the layer has an entry that cannot be made: ${where} (${errno})`,
    );
  }
  return new CooperError("internal", `cannot unpack ${where}: ${errno}`);
}
