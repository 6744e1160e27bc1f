/**
 * Making the entries of a tree. Names are bytes, not text (path_resolution(7)): they are carried as
 * "byte strings", one character for each byte (latin1), and never pass through UTF-8.
 */
import { check, lastErrno, libc } from "./libc.ts";

const calls = libc({
  open: { args: ["ptr", "i32", "u32"], returns: "i32" },
  mkdir: { args: ["ptr", "u32"], returns: "i32" },
  symlink: { args: ["ptr", "ptr"], returns: "i32" },
  link: { args: ["ptr", "ptr"], returns: "i32" },
  mknod: { args: ["ptr", "u32", "u64"], returns: "i32" },
  unlink: { args: ["ptr"], returns: "i32" },
  rmdir: { args: ["ptr"], returns: "i32" },
  openat: { args: ["i32", "ptr", "i32", "u32"], returns: "i32" },
  renameat: { args: ["i32", "ptr", "i32", "ptr"], returns: "i32" },
  lchown: { args: ["ptr", "u32", "u32"], returns: "i32" },
  fchown: { args: ["i32", "u32", "u32"], returns: "i32" },
  chmod: { args: ["ptr", "u32"], returns: "i32" },
  fchmod: { args: ["i32", "u32"], returns: "i32" },
  utimensat: { args: ["i32", "ptr", "ptr", "i32"], returns: "i32" },
  futimens: { args: ["i32", "ptr"], returns: "i32" },
  lsetxattr: { args: ["ptr", "ptr", "ptr", "u64", "i32"], returns: "i32" },
  fsetxattr: { args: ["i32", "ptr", "ptr", "u64", "i32"], returns: "i32" },
});

const atCwd = -100;
const noFollow = 0x100;
const times = new BigInt64Array(4); // two struct timespec: access, modification

/** What a byte string means to people. */
export function shown(name: string): string {
  return Buffer.from(name, "latin1").toString("utf8");
}

/** A path for a system call. The caller has refused NUL bytes. */
function bytes(path: string): Buffer {
  return Buffer.from(`${path}\0`, "latin1");
}

/** `""` on success, else errno's name: the caller decides what each means. */
export type Outcome = string;

const outcome = (result: number): Outcome => (result === 0 ? "" : lastErrno());

// O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC; O_NOFOLLOW differs on arm64, and O_EXCL implies it
const newFile = 0o1 | 0o100 | 0o200 | 0o2000000;

/** Makes a new file for writing, never opening what is there already: a descriptor, or errno's name. */
export function createFile(path: string): number | string {
  const descriptor = calls.open(bytes(path), newFile, 0o600);
  return descriptor < 0 ? lastErrno() : descriptor;
}

/** As createFile(), in an open directory, which may be outside of this process's root. */
export function createFileIn(directory: number, name: string): number | string {
  const descriptor = calls.openat(directory, bytes(name), newFile, 0o600);
  return descriptor < 0 ? lastErrno() : descriptor;
}

/** Moves what is at a path, not following it, into an open directory on the same file system. */
export const moveInto = (path: string, directory: number, name: string): Outcome =>
  outcome(calls.renameat(atCwd, bytes(path), directory, bytes(name)));

export const makeDirectory = (path: string, mode: number): Outcome =>
  outcome(calls.mkdir(bytes(path), mode));

export const makeSymlink = (target: string, path: string): Outcome =>
  outcome(calls.symlink(bytes(target), bytes(path)));

/** link(2): a symbolic link as `target` is linked itself, not followed. */
export const makeHardLink = (target: string, path: string): Outcome =>
  outcome(calls.link(bytes(target), bytes(path)));

/** S_IFMT bits and so on as in stat(2). */
export const nodeType = { fifo: 0o010000, character: 0o020000, block: 0o060000 } as const;

/** mknod(2); the mode holds the type. */
export function makeNode(path: string, mode: number, major: number, minor: number): Outcome {
  return outcome(calls.mknod(bytes(path), mode, deviceNumber(major, minor)));
}

/** makedev(3), glibc's layout of 64 bits. */
function deviceNumber(major: number, minor: number): bigint {
  const [a, b] = [BigInt(major), BigInt(minor)];
  return (b & 0xffn) | ((a & 0xfffn) << 8n) | ((b & ~0xffn) << 12n) | ((a & ~0xfffn) << 32n);
}

export const removeFile = (path: string): Outcome => outcome(calls.unlink(bytes(path)));

export const removeDirectory = (path: string): Outcome => outcome(calls.rmdir(bytes(path)));

/** Changes the owner of a path (not following a symbolic link) or of an open file. */
export function setOwner(at: string | number, uid: number, gid: number): Outcome {
  return outcome(
    typeof at === "number" ? calls.fchown(at, uid, gid) : calls.lchown(bytes(at), uid, gid),
  );
}

/** Changes the mode; a path must not be a symbolic link, since chmod(2) follows. */
export function setMode(at: string | number, mode: number): void {
  const result = typeof at === "number" ? calls.fchmod(at, mode) : calls.chmod(bytes(at), mode);
  check(result, `change the mode of ${typeof at === "number" ? "a file" : shown(at)}`);
}

/** Sets access and modification time to the same, to the nanosecond; not following a symbolic link. */
export function setTime(at: string | number, seconds: number, nanoseconds: number): void {
  times[0] = times[2] = BigInt(seconds);
  times[1] = times[3] = BigInt(nanoseconds);
  const result =
    typeof at === "number"
      ? calls.futimens(at, times)
      : calls.utimensat(atCwd, bytes(at), times, noFollow);
  check(result, `change the time of ${typeof at === "number" ? "a file" : shown(at)}`);
}

/** lsetxattr(2), or fsetxattr(2) on an open file. */
export function setXattr(at: string | number, name: string, value: Uint8Array): Outcome {
  const nonEmpty = value.length === 0 ? new Uint8Array(1) : value; // FFI refuses an empty array
  return outcome(
    typeof at === "number"
      ? calls.fsetxattr(at, bytes(name), nonEmpty, BigInt(value.length), 0)
      : calls.lsetxattr(bytes(at), bytes(name), nonEmpty, BigInt(value.length), 0),
  );
}
