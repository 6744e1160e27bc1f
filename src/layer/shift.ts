/**
 * Layers for containers with a user namespace of their own: the files in a layer belong to the ids of
 * the image, and must belong to those that the namespace maps them to. The kernel cannot do that in an
 * overlay for an ordinary user (mount_setattr(2) wants the owner of the file system), so a copy with
 * shifted owners is kept beside the layer, once for each mapping, and goes with it.
 */
import {
  chmodSync,
  existsSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
} from "node:fs";
import { join } from "node:path";
import { CooperError } from "../errors.ts";
import type { LayerPaths } from "../paths.ts";
import { lock } from "../system/lock.ts";
import { needProgram } from "../system/program.ts";

/** Ids of both kinds: `inside` those of the image, `outside` those on disk. */
export interface ShiftMappings {
  readonly uids: readonly {
    readonly inside: number;
    readonly outside: number;
    readonly size: number;
  }[];
  readonly gids: readonly {
    readonly inside: number;
    readonly outside: number;
    readonly size: number;
  }[];
}

/**
 * The directory of the layer's files with owners shifted; made at the first use.
 *
 * @param onCopy told before it is made
 */
export async function shiftedLayer(
  layer: LayerPaths,
  lockFile: string,
  mappings: ShiftMappings,
  onCopy?: () => void,
): Promise<string> {
  const name = new Bun.CryptoHasher("sha256")
    .update(JSON.stringify(mappings))
    .digest("hex")
    .slice(0, 16);
  const target = join(layer.directory, `shift-${name}`);
  if (existsSync(target)) return target;
  using _lock = await lock(lockFile, "exclusive");
  if (existsSync(target)) return target;
  onCopy?.();
  const staged = `${target}.new`;
  rmSync(staged, { recursive: true, force: true });
  mkdirSync(staged, { mode: 0o755 });
  const copy = Bun.spawnSync(
    [needProgram("cp"), "-a", "--reflink=auto", "--", `${layer.diff}/.`, staged],
    { stdio: ["ignore", "ignore", "pipe"] },
  );
  if (!copy.success)
    throw new CooperError(
      "helper-failed",
      `cannot copy a layer: ${copy.stderr.toString().trim().split("\n")[0]}`,
    );
  shiftTree(staged, mappings);
  renameSync(staged, target);
  return target;
}

/** Nobody else has the tree yet, so names in it do not change under us; links are never followed. */
function shiftTree(path: string, mappings: ShiftMappings, seen = new Set<number>()): void {
  const { uid, gid, mode, nlink, ino } = lstatSync(path);
  const isDirectory = (mode & 0o170000) === 0o040000;
  if (!isDirectory && nlink > 1) {
    if (seen.has(ino)) return; // a hard link to what has been shifted already
    seen.add(ino);
  }
  lchownSync(path, shiftId(mappings.uids, uid), shiftId(mappings.gids, gid));
  // chown(2) takes setuid and setgid away
  const isLink = (mode & 0o170000) === 0o120000;
  if (!isLink && mode & 0o6000) chmodSync(path, mode & 0o7777);
  if (!isDirectory) return;
  for (const name of readdirSync(path)) shiftTree(join(path, name), mappings, seen);
}

function shiftId(mappings: ShiftMappings["uids"], id: number): number {
  const range = mappings.find(({ inside, size }) => id >= inside && id < inside + size);
  if (range === undefined) {
    throw new CooperError(
      "invalid-argument",
      `the image has files of id ${id}, which the container's user namespace does not map`,
      {
        hint: "use a larger range: --userns auto:size=65536",
      },
    );
  }
  return range.outside + (id - range.inside);
}
