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
  removeDirectory,
  removeFile,
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
  const copy = new TreeCopy(false);
  copy.directory(source, Buffer.from(target).toString("latin1"), "", 0);
  return { files: copy.files, bytes: copy.bytes, warnings: [...copy.warnings] };
}

/** What a file was when it was copied. */
export type CopiedFile = Pick<BigIntStats, "ino" | "ctimeNs">;

/** A copy of a tree that was changed meanwhile: it may be no tree that ever was. */
export interface Draft {
  /**
   * Copies again what has changed, while nobody changes the tree any more.
   *
   * @param isSuspect tells of a file whose change time says nothing, though it is what it was
   */
  finish(isSuspect: (file: CopiedFile) => boolean): CopiedTree;
}

/** As copyTree(), of a tree that others write to; the descriptor is read again by `finish`. */
export function draftCopy(source: number, target: string): Draft {
  const copy = new TreeCopy(true);
  const at = Buffer.from(target).toString("latin1");
  copy.directory(source, at, "", 0);
  return {
    finish(isSuspect) {
      copy.directoryAgain(source, at, "", 0, isSuspect);
      return { files: copy.files, bytes: copy.bytes, warnings: [...copy.warnings] };
    },
  };
}

/** A copy under way. Paths are byte strings. */
class TreeCopy {
  files = 0;
  bytes = 0;
  readonly warnings = new Set<string>();
  /** The first copy of each file that has several names, by device and inode. */
  private readonly linked = new Map<string, string>();
  /** What each entry was, by its place in the copy; empty unless there is to be another time. */
  private readonly copied = new Map<string, CopiedFile & { readonly isDirectory: boolean }>();
  private readonly isDraft: boolean;

  constructor(isDraft: boolean) {
    this.isDraft = isDraft;
  }

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
    if (this.isDraft) {
      const { ino, ctimeNs } = stat; // from before it was read: a change during that shows
      this.copied.set(target, { ino, ctimeNs, isDirectory: stat.isDirectory() });
    }
    this.files++;
  }

  /** Brings a directory of the copy up to date; files are told by inode and change time (inode(7), ctime). */
  directoryAgain(
    source: number,
    target: string,
    path: string,
    depth: number,
    isSuspect: (file: CopiedFile) => boolean,
  ): void {
    if (depth === 0) this.linked.clear(); // a first copy that is outdated is none to link to
    const here = `/proc/self/fd/${source}`;
    const names = new Set(readdirSync(here, { encoding: "latin1" }));
    for (const name of readdirSync(latin1(target), { encoding: "latin1" }))
      if (!names.has(name)) remove(`${target}/${name}`);
    for (const name of names) {
      const from = `${here}/${name}`;
      this.entryAgain(from, `${target}/${name}`, `${path}/${shown(name)}`, depth, isSuspect);
    }
    this.attributes(source, target, fstatSync(source, { bigint: true }), path);
  }

  private entryAgain(
    source: string,
    target: string,
    path: string,
    depth: number,
    isSuspect: (file: CopiedFile) => boolean,
  ): void {
    const stat = ifThere(() => lstatSync(latin1(source), { bigint: true }), path);
    const before = this.copied.get(target);
    if (stat?.isDirectory() && before?.isDirectory && !hasMore(target, source)) {
      this.opened(source, constants.O_DIRECTORY, path, (descriptor) =>
        this.directoryAgain(descriptor, target, path, depth + 1, isSuspect),
      );
      return;
    }
    const isSame =
      stat !== undefined &&
      before !== undefined &&
      !stat.isDirectory() &&
      stat.ino === before.ino &&
      stat.ctimeNs === before.ctimeNs &&
      !isSuspect(stat);
    if (!isSame) {
      if (before !== undefined) remove(target);
      return this.entry(source, target, path, depth);
    }
    const identity = `${stat.dev}:${stat.ino}`;
    if (stat.nlink > 1n && !this.linked.has(identity)) this.linked.set(identity, target);
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

/** Whether the copy has attributes that the original has lost since. */
function hasMore(target: string, source: string): boolean {
  const now = new Set(listXattrs(source));
  return listXattrs(target).some((name) => !now.has(name));
}

/** Takes away what is in the copy, which is nobody else's. */
function remove(path: string): void {
  if (lstatSync(latin1(path)).isDirectory()) {
    for (const name of readdirSync(latin1(path), { encoding: "latin1" })) remove(`${path}/${name}`);
    must(removeDirectory(path), shown(path));
  } else must(removeFile(path), shown(path));
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
