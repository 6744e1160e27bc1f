/** Writing on top of a tree: what was written becomes a layer, where it is if the kernel stacks layers here. */
import { constants, existsSync, mkdirSync, openSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { StagedLayer } from "../../image/publish.ts";
import { openDifference } from "../../layer/difference.ts";
import { copyMerged } from "../../layer/merge-copy.ts";
import { openChanges } from "../../layer/name-marks-view.ts";
import { type PackOptions, packTree } from "../../layer/pack.ts";
import { sealLayer } from "../../layer/seal.ts";
import { openMerged } from "../../layer/union.ts";
import { unpackLayer } from "../../layer/unpack.ts";
import { hexOf } from "../../oci/digest.ts";
import { isOverlayRefused, mountOverlay, unmount } from "../../system/mount.ts";
import { OpenDirectory, type ReadableDirectory } from "../../system/tree-read.ts";
import { isInUserNamespace } from "../../system/userns.ts";
import { fileTime } from "../epoch.ts";
import type { BuildSession, BuiltTree } from "../session.ts";

/** Where something was written: what changed in `diff/`, or the whole tree in `tree/`. */
type Written = string;

/**
 * Hands over the root of a writable tree, by a descriptor: the mount has no place in the file system, so
 * that it is gone with us, and nothing is ever removed through it.
 *
 * @returns for seal()
 */
export async function writeOn(
  session: BuildSession,
  base: BuiltTree,
  write: (root: OpenDirectory) => Promise<void>,
): Promise<Written> {
  const directory = session.stage.next("layer");
  mkdirSync(directory, { mode: 0o700 });
  using root = openWritable(session, base, directory);
  await write(root);
  return directory;
}

function openWritable(session: BuildSession, base: BuiltTree, directory: string): OpenDirectory {
  if (!session.copies) {
    const root = mountWritable(session, base, directory);
    if (root !== undefined) return root;
    session.beginCopying();
  }
  const tree = join(directory, "tree");
  copyMerged(session.directories(base), tree);
  return OpenDirectory.at(tree);
}

/** undefined: the kernel stacks nothing here. */
function mountWritable(
  session: BuildSession,
  base: BuiltTree,
  directory: string,
): OpenDirectory | undefined {
  const [upper, work, target, empty] = ["diff", "work", "merged", "empty"].map((name) =>
    join(directory, name),
  ) as [string, string, string, string];
  for (const path of [work, target]) mkdirSync(path, { mode: 0o700 });
  for (const path of [upper, empty]) mkdirSync(path, { mode: 0o755 });
  const lower = session.directories(base);
  try {
    mountOverlay(target, {
      lower: lower.length === 0 ? [empty] : lower,
      upper,
      work,
      userXattr: isInUserNamespace(),
      isVolatile: true, // made durable when it is published, with all other layers at once
    });
  } catch (error) {
    if (!isOverlayRefused(error, target)) throw error;
    for (const path of [upper, work, target, empty]) rmSync(path, { recursive: true });
    return undefined;
  }
  try {
    return new OpenDirectory(openSync(target, constants.O_RDONLY | constants.O_DIRECTORY));
  } finally {
    unmount(target);
  }
}

/** Makes a layer of what was written. Resolves to the tree with it on top. */
export async function seal(
  session: BuildSession,
  base: BuiltTree,
  directory: Written,
): Promise<BuiltTree> {
  const { epoch } = session.options;
  const options: SealOptions = {
    ...(epoch !== null && { mtimeOf: (seconds: number) => fileTime(epoch, seconds) }),
    warn: (message) => session.host.warn(message),
    signal: session.signal,
  };
  const layer = isInOverlayForm(session, directory)
    ? await sealInPlace(directory, options)
    : await sealApart(session, base, directory, options);
  session.bench.addMade(layer);
  return { layers: [...base.layers, layer.id] };
}

type SealOptions = Omit<PackOptions, "kind">;

/** What fuse-overlayfs writes may say in its own way what is hidden. */
function isInOverlayForm(session: BuildSession, directory: Written): boolean {
  if (session.copies || session.host.storageDriver() === "fuse-overlayfs") return false;
  return !existsSync(join(directory, "tree"));
}

async function sealInPlace(directory: Written, options: SealOptions): Promise<StagedLayer> {
  const { diffId, size, tarSize } = await sealLayer(directory, options);
  for (const name of ["work", "merged", "empty"])
    rmSync(join(directory, name), { recursive: true, force: true });
  const blobs = [{ digest: diffId, size: tarSize, compression: "none" as const }];
  return { id: hexOf(diffId), size, tarSize, isExact: true, directory, blobs };
}

/** The changes are looked for, or read in whichever form they are, and unpacked as a layer that came from elsewhere. */
async function sealApart(
  session: BuildSession,
  base: BuiltTree,
  directory: Written,
  options: SealOptions,
): Promise<StagedLayer> {
  using changes = changesIn(session, base, directory);
  const layer = session.stage.next("layer");
  const chunks = packTree(changes, { ...options, kind: "changeset" });
  const unpacked = await unpackLayer({ kind: "stream", chunks }, layer, session.signal);
  rmSync(directory, { recursive: true, force: true });
  const { diffId, size, tarSize, isExact } = unpacked;
  const blobs = [{ digest: diffId, size: tarSize, compression: "none" as const }];
  return { id: hexOf(diffId), size, tarSize, isExact, directory: layer, blobs };
}

function changesIn(session: BuildSession, base: BuiltTree, directory: Written): ReadableDirectory {
  const tree = join(directory, "tree");
  if (!existsSync(tree)) return openChanges(join(directory, "diff"));
  const below = session.directories(base);
  if (below.length === 0) return OpenDirectory.at(tree);
  using before = openMerged(below);
  return openDifference(before, OpenDirectory.at(tree));
}
