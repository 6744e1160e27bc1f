/** Writing on top of a tree: what was written becomes a layer where it is. */

import type { Stats } from "node:fs";
import { constants, mkdirSync, openSync, rmSync } from "node:fs";
import { join } from "node:path";
import { sealLayer } from "../../layer/seal.ts";
import { hexOf } from "../../oci/digest.ts";
import { mountOverlay, unmount } from "../../system/mount.ts";
import { OpenDirectory } from "../../system/tree-read.ts";
import { isInUserNamespace } from "../../system/userns.ts";
import { fileTime } from "../epoch.ts";
import type { BuildSession, BuiltTree } from "../session.ts";

/**
 * Hands over the root of a writable tree, by a descriptor: the mount has no place in the file system, so
 * that it is gone with us, and nothing is ever removed through it.
 *
 * @returns the directory that holds the changes in `diff/`
 */
export async function writeOn(
  session: BuildSession,
  base: BuiltTree,
  write: (root: OpenDirectory) => Promise<void>,
): Promise<string> {
  const directory = session.stage.next("layer");
  const [upper, work, target] = ["diff", "work", "merged"].map((name) => join(directory, name)) as [
    string,
    string,
    string,
  ];
  for (const path of [directory, work, target]) mkdirSync(path, { mode: 0o700 });
  mkdirSync(upper, { mode: 0o755 });
  const lower = [...session.directories(base)];
  if (lower.length === 0) {
    const empty = join(directory, "empty");
    mkdirSync(empty, { mode: 0o755 });
    lower.push(empty);
  }
  mountOverlay(target, {
    lower,
    upper,
    work,
    userXattr: isInUserNamespace(),
    isVolatile: true, // made durable when it is published, with all other layers at once
  });
  let root: OpenDirectory;
  try {
    root = new OpenDirectory(openSync(target, constants.O_RDONLY | constants.O_DIRECTORY));
  } finally {
    unmount(target);
  }
  try {
    await write(root);
  } finally {
    root[Symbol.dispose]();
  }
  return directory;
}

/** Makes a layer of the changes in a directory's `diff/`. Resolves to the tree with it on top. */
export async function seal(
  session: BuildSession,
  base: BuiltTree,
  directory: string,
  leavesOut?: (path: string, stats: Stats) => boolean,
): Promise<BuiltTree> {
  const { epoch } = session.options;
  const { diffId, size, tarSize } = await sealLayer(directory, {
    ...(leavesOut !== undefined && { leavesOut }),
    ...(epoch !== null && { mtimeOf: (seconds: number) => fileTime(epoch, seconds) }),
    warn: (message) => session.host.warn(message),
    signal: session.signal,
  });
  for (const name of ["work", "merged", "empty"])
    rmSync(join(directory, name), { recursive: true, force: true });
  const id = hexOf(diffId);
  const blobs = [{ digest: diffId, size: tarSize, compression: "none" as const }];
  session.addMade({ id, size, tarSize, isExact: true, directory, blobs });
  return { layers: [...base.layers, id] };
}
