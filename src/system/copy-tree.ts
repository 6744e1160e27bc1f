/**
 * Copying a tree that somebody else may be changing at this moment: a volume that another engine's
 * container writes to. Every name is opened in its directory's descriptor and never followed when it
 * is a symbolic link (the races of CVE-2018-15664), so that the copy holds what is in the tree and
 * nothing else. Owners, modes, times, extended attributes, hard links and holes are kept; blocks are
 * shared with the source only where the file system copies them on write.
 */
import {
  type BigIntStats,
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readlinkSync,
} from "node:fs";
import { CooperError, errnoName } from "../errors.ts";
import { copyContents } from "./copy-contents.ts";
import {
  createFile,
  makeDirectory,
  makeHardLink,
  makeNode,
  makeSymlink,
  setMode,
  setOwner,
  setTime,
  setXattr,
  shown,
} from "./tree.ts";
import { listXattrs, readXattr } from "./xattr.ts";

/** What was copied. */
export interface CopiedTree {
  readonly files: number;
  /** Bytes in regular files. */
  readonly bytes: number;
  /** What could not be kept, in words. */
  readonly warnings: readonly string[];
}

/** One descriptor is open for each level. */
const maxDepth = 400;

/**
 * Copies the directory that `source` is open on to `target`, which is made here and must belong to
 * nobody else yet.
 *
 * @throws CooperError that names the path in the tree, on the first failure
 */
export function copyTree(source: number, target: string): CopiedTree {
  const copy = new TreeCopy();
  copy.directory(source, Buffer.from(target).toString("latin1"), "", 0);
  return { files: copy.files, bytes: copy.bytes, warnings: [...copy.warnings] };
}

/** A copy under way. Paths are byte strings. */
class TreeCopy {
  files = 0;
  bytes = 0;
  readonly warnings = new Set<string>();
  /** The first copy of each file that has several names, by device and inode. */
  private readonly linked = new Map<string, string>();

  directory(source: number, target: string, path: string, depth: number): void {
    if (depth > maxDepth)
      throw new CooperError("hostile", `the tree is more than ${maxDepth} directories deep`);
    must(makeDirectory(target, 0o700), path);
    // by the descriptor: whatever becomes of the names above, this is the directory
    const here = `/proc/self/fd/${source}`;
    for (const name of readdirSync(here, { encoding: "latin1" }))
      this.entry(`${here}/${name}`, `${target}/${name}`, `${path}/${shown(name)}`, depth);
    this.attributes(source, target, fstatSync(source, { bigint: true }), path);
  }

  private entry(source: string, target: string, path: string, depth: number): void {
    const stat = ifThere(() => lstatSync(latin1(source), { bigint: true }), path);
    if (stat === undefined) return; // it has been removed meanwhile
    const identity = stat.nlink > 1n && !stat.isDirectory() ? `${stat.dev}:${stat.ino}` : null;
    const first = identity === null ? undefined : this.linked.get(identity);
    if (first !== undefined) must(makeHardLink(first, target), path);
    else if (!this.make(source, target, stat, path, depth)) return;
    if (identity !== null && first === undefined) this.linked.set(identity, target);
    this.files++;
  }

  /** false: it was left out. */
  private make(
    source: string,
    target: string,
    stat: BigIntStats,
    path: string,
    depth: number,
  ): boolean {
    if (stat.isDirectory())
      return this.opened(source, constants.O_DIRECTORY, path, (descriptor) =>
        this.directory(descriptor, target, path, depth + 1),
      );
    if (stat.isFile())
      return this.opened(source, constants.O_NONBLOCK, path, (descriptor) =>
        this.file(descriptor, target, path),
      );
    if (stat.isSymbolicLink()) {
      const link = ifThere(() => readlinkSync(latin1(source), { encoding: "latin1" }), path);
      if (link === undefined) return false;
      must(makeSymlink(link, target), path);
    } else {
      const made = makeNode(target, Number(stat.mode), ...deviceOf(stat.rdev));
      if (made === "EPERM") {
        this.warnings.add("device files were left out, since only root can make them");
        return false;
      }
      must(made, path);
    }
    this.attributes(source, target, stat, path);
    return true;
  }

  /** Opens without following; false when it is gone, or has become something else meanwhile. */
  private opened(
    source: string,
    flags: number,
    path: string,
    act: (descriptor: number) => void,
  ): boolean {
    const descriptor = ifThere(
      () => openSync(latin1(source), constants.O_RDONLY | constants.O_NOFOLLOW | flags),
      path,
    );
    if (descriptor === undefined) return false;
    try {
      act(descriptor);
      return true;
    } finally {
      closeSync(descriptor);
    }
  }

  private file(source: number, target: string, path: string): void {
    const stat = fstatSync(source, { bigint: true });
    if (!stat.isFile()) throw new CooperError("conflict", `${path} is being changed by somebody`);
    const made = createFile(target);
    if (typeof made === "string") throw failed(made, path);
    try {
      this.bytes += copyContents(source, made);
      this.attributes(source, made, stat, path);
    } catch (error) {
      throw failed(errnoName(error) ?? "", path, error);
    } finally {
      closeSync(made);
    }
  }

  /** The owner first, since chown(2) takes set-id bits and capabilities away; the time last. */
  private attributes(
    source: string | number,
    target: string | number,
    stat: BigIntStats,
    path: string,
  ): void {
    must(setOwner(target, Number(stat.uid), Number(stat.gid)), path);
    if (!stat.isSymbolicLink()) setMode(target, Number(stat.mode & 0o7777n));
    for (const name of listXattrs(source)) {
      const value = readXattr(source, name);
      if (value === undefined) continue;
      const outcome = setXattr(target, name, value);
      if (outcome === "") continue;
      // labels of a security module belong to the place; what users have set is theirs
      if (name.startsWith("user.")) throw failed(outcome, path);
      this.warnings.add(`the extended attribute ${name} was not kept (${outcome})`);
    }
    const seconds = stat.mtimeNs / 1_000_000_000n;
    setTime(target, Number(seconds), Number(stat.mtimeNs - seconds * 1_000_000_000n));
  }
}

const latin1 = (path: string): Buffer => Buffer.from(path, "latin1");

/** makedev(3), glibc's layout, taken apart. */
function deviceOf(device: bigint): [major: number, minor: number] {
  const major = ((device >> 8n) & 0xfffn) | ((device >> 32n) & ~0xfffn);
  const minor = (device & 0xffn) | ((device >> 12n) & ~0xffn);
  return [Number(major), Number(minor & 0xffffffffn)];
}

/** undefined when it is not there any more, or is something else now. */
function ifThere<T>(act: () => T, path: string): T | undefined {
  try {
    return act();
  } catch (error) {
    const errno = errnoName(error) ?? "";
    if (["ENOENT", "ELOOP", "ENOTDIR", "ENXIO"].includes(errno)) return undefined;
    throw failed(errno, path, error);
  }
}

function must(outcome: string, path: string): void {
  if (outcome !== "") throw failed(outcome, path);
}

function failed(errno: string, path: string, cause?: unknown): CooperError {
  if (cause instanceof CooperError) return cause;
  const where = JSON.stringify(path === "" ? "/" : path);
  if (errno === "ENOSPC" || errno === "EDQUOT")
    return new CooperError("no-space", `there is no space left for ${where}`, { cause });
  if (errno === "EINVAL")
    return new CooperError(
      "invalid-argument",
      `${where} belongs to an id that is not mapped in your user namespace`,
      { cause },
    );
  const code = errno === "EACCES" || errno === "EPERM" ? "permission-denied" : "internal";
  return new CooperError(code, `cannot copy ${where} (${errno || "unknown error"})`, { cause });
}
