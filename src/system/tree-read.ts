/**
 * Reading a tree that a stranger fills, perhaps right now: from one open directory to the next, never
 * along a path, so that no symbolic link put in the way leads anywhere. Names are byte strings, as in
 * tree.ts.
 */
import {
  closeSync,
  constants,
  lstatSync,
  openSync,
  readdirSync,
  readlinkSync,
  type Stats,
} from "node:fs";
import { errnoName } from "../errors.ts";
import { lastErrno, libc, SystemCallError } from "./libc.ts";

const calls = libc({
  llistxattr: { args: ["ptr", "ptr", "u64"], returns: "i64" },
  lgetxattr: { args: ["ptr", "ptr", "ptr", "u64"], returns: "i64" },
  lseek: { args: ["i32", "i64", "i32"], returns: "i64" },
});

/** A directory of a tree as those see it who only read: see OpenDirectory, which is one. */
export interface ReadableDirectory extends Disposable {
  names(): string[];
  look(name: string): Stats | undefined;
  identity(name: string): string;
  enter(name: string): ReadableDirectory | undefined;
  openFile(name: string): number | undefined;
  readLink(name: string): string | undefined;
  xattrs(name: string): Map<string, Buffer>;
}

/** A directory that is held open; its entries are reached through it. */
export class OpenDirectory implements ReadableDirectory {
  readonly descriptor: number;
  private readonly prefix: string;

  /** The descriptor becomes this object's to close. */
  constructor(descriptor: number) {
    this.descriptor = descriptor;
    // the kernel takes this for the directory itself, whatever is at its path by now (proc(5))
    this.prefix = `/proc/self/fd/${descriptor}/`;
  }

  /** A directory of ours, by its path. */
  static at(path: string): OpenDirectory {
    return new OpenDirectory(openSync(path, constants.O_RDONLY | constants.O_DIRECTORY));
  }

  [Symbol.dispose](): void {
    closeSync(this.descriptor);
  }

  /** A path to an entry for one system call that does not follow it; `.` is the directory itself. */
  private path(name: string): Buffer {
    return Buffer.from(`${this.prefix}${name}`, "latin1");
  }

  /** In the order of their bytes. */
  names(): string[] {
    return readdirSync(this.prefix, { encoding: "buffer" })
      .map((name) => name.toString("latin1"))
      .sort();
  }

  /** What an entry is; undefined when there is none (any more). */
  look(name: string): Stats | undefined {
    try {
      return lstatSync(this.path(name), { throwIfNoEntry: false });
    } catch (error) {
      if (errnoName(error) === "ENOTDIR" || errnoName(error) === "ENOENT") return undefined;
      throw error;
    }
  }

  /** Device and inode as text: what hard links share. */
  identity(name: string): string {
    const { dev, ino } = lstatSync(this.path(name), { bigint: true });
    return `${dev}:${ino}`;
  }

  /** A directory in it; undefined when it is none (any more). */
  enter(name: string): OpenDirectory | undefined {
    const descriptor = this.open(name, constants.O_DIRECTORY);
    return descriptor === undefined ? undefined : new OpenDirectory(descriptor);
  }

  /** A file in it, to read, not waiting for whoever writes to a FIFO. The caller closes it. */
  openFile(name: string): number | undefined {
    return this.open(name, constants.O_NONBLOCK | constants.O_NOCTTY);
  }

  private open(name: string, flags: number): number | undefined {
    try {
      return openSync(this.path(name), constants.O_RDONLY | constants.O_NOFOLLOW | flags);
    } catch (error) {
      if (["ENOENT", "ENOTDIR", "ELOOP"].includes(errnoName(error) ?? "")) return undefined;
      throw error;
    }
  }

  /** Where a symbolic link points; undefined when it is none (any more), or points at somebody's process. */
  readLink(name: string): string | undefined {
    try {
      return readlinkSync(this.path(name), { encoding: "buffer" }).toString("latin1");
    } catch (error) {
      if (["ENOENT", "EINVAL", "EACCES"].includes(errnoName(error) ?? "")) return undefined;
      throw error;
    }
  }

  /** Extended attributes by name; none where the file system has none. */
  xattrs(name: string): Map<string, Buffer> {
    const path = Buffer.concat([this.path(name), Buffer.alloc(1)]);
    const found = new Map<string, Buffer>();
    const size = Number(calls.llistxattr(path, null, 0n));
    if (size === 0) return found;
    const names =
      size < 0
        ? undefined
        : attempt((buffer) => calls.llistxattr(path, buffer, BigInt(buffer.length)));
    if (names === undefined) {
      const errno = lastErrno();
      if (["EOPNOTSUPP", "ENOENT", "EPERM", "EACCES"].includes(errno)) return found;
      throw new SystemCallError(errno, "list extended attributes");
    }
    for (const key of names.toString("latin1").split("\0")) {
      if (key === "") continue;
      const keyBytes = Buffer.from(`${key}\0`, "latin1");
      const value = attempt((buffer) =>
        calls.lgetxattr(path, keyBytes, buffer, BigInt(buffer.length)),
      );
      if (value !== undefined) found.set(key, value); // else it went meanwhile, or is not ours to read
    }
    return found;
  }
}

/** XATTR_SIZE_MAX and XATTR_LIST_MAX of linux/limits.h. */
const maxXattrBytes = 65536;
const scratch = Buffer.alloc(maxXattrBytes);

/** The bytes that a call put into the buffer; undefined when it failed. */
function attempt(call: (buffer: Buffer) => number | bigint): Buffer | undefined {
  const size = Number(call(scratch));
  return size < 0 ? undefined : Buffer.from(scratch.subarray(0, size));
}

/** A piece of a file that holds data; what is between pieces is holes. */
export interface DataPiece {
  readonly offset: number;
  readonly length: number;
}

/** The pieces of a file of this size (lseek(2), SEEK_DATA and SEEK_HOLE); one piece where nobody knows of holes. */
export function dataPieces(descriptor: number, size: number): DataPiece[] {
  const [seekData, seekHole] = [3, 4];
  const pieces: DataPiece[] = [];
  for (let at = 0; at < size; ) {
    const offset = Number(calls.lseek(descriptor, BigInt(at), seekData));
    if (offset < 0) {
      if (lastErrno() === "ENXIO") break; // nothing but a hole to the end
      return [{ offset: 0, length: size }];
    }
    const end = Math.min(Number(calls.lseek(descriptor, BigInt(offset), seekHole)), size);
    if (offset >= size || end <= offset) break;
    pieces.push({ offset, length: end - offset });
    at = end;
  }
  return pieces;
}
