/**
 * Files inside a tree that a stranger filled: resolved by the kernel with that tree as the root
 * (openat2(2), RESOLVE_IN_ROOT), so that no symbolic link leads out of it.
 */
import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { errnoName } from "../errors.ts";
import { check, cString, libc } from "./libc.ts";

const { syscall } = libc({
  // openat2 has no wrapper in glibc; its number is the same on all architectures
  syscall: { args: ["i64", "i32", "ptr", "ptr", "u64"], returns: "i64" },
});
const sysOpenat2 = 437;
const resolveInRoot = 0x10;
const resolveNoMagicLinks = 0x02;

/**
 * Opens `path` within `root`; magic links (/proc/PID/fd) are not followed. The caller closes it. A path
 * as bytes is for names that are no UTF-8, and must hold no NUL.
 */
export function openInRoot(root: string, path: string | Buffer, flags: number): number {
  const directory = openSync(root, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    // struct open_how: flags, mode, resolve
    const how = BigUint64Array.from([
      BigInt(flags | closeOnExec),
      0n,
      BigInt(resolveInRoot | resolveNoMagicLinks),
    ]);
    const name = typeof path === "string" ? cString(path) : Buffer.concat([path, Buffer.alloc(1)]);
    for (let tries = 1; ; tries++) {
      try {
        return check(syscall(sysOpenat2, directory, name, how, 24), `open ${path.toString()}`);
      } catch (error) {
        // a `..` met a rename or mount anywhere on the machine, and the kernel cannot tell whether it
        // led out (openat2(2), EAGAIN); they are frequent where containers start, and over at once
        if (errnoName(error) !== "EAGAIN" || tries >= mostTries) throw error;
      }
    }
  } finally {
    closeSync(directory);
  }
}

/** Somebody who renames without end must not hold us up. */
const mostTries = 128;

const closeOnExec = 0o2000000;
const pathOnly = 0o10000000;

/** The text of a regular file within `root`; undefined when there is none. Longer than `maxBytes` is cut. */
export function readInRoot(root: string, path: string, maxBytes = 1 << 20): string | undefined {
  return readBytesInRoot(root, path, maxBytes)?.toString("utf8");
}

/** As readInRoot(), the bytes as they are. */
export function readBytesInRoot(root: string, path: string, maxBytes: number): Buffer | undefined {
  let descriptor: number;
  try {
    // not waiting: it may be a FIFO (CVE-2024-9676)
    descriptor = openInRoot(
      root,
      path,
      constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY,
    );
  } catch (error) {
    if (["ENOENT", "ENOTDIR", "ELOOP", "ENXIO", "EACCES"].includes(errnoName(error) ?? ""))
      return undefined;
    throw error;
  }
  try {
    if (!fstatSync(descriptor).isFile()) return undefined;
    return readFromStart(descriptor, Math.min(maxBytes, fstatSync(descriptor).size + 1));
  } finally {
    closeSync(descriptor);
  }
}

/** The first bytes of an open file, at most so many; fewer where it ends before. */
export function readFromStart(descriptor: number, maxBytes: number): Buffer {
  const buffer = Buffer.allocUnsafe(maxBytes);
  let size = 0;
  while (size < buffer.length) {
    const count = readSync(descriptor, buffer, size, buffer.length - size, size);
    if (count === 0) break;
    size += count;
  }
  return buffer.subarray(0, size);
}

/** What is at `path` within `root`, as a descriptor that names it (O_PATH); undefined when there is none. */
export function findInRoot(root: string, path: string): number | undefined {
  try {
    return openInRoot(root, path, pathOnly);
  } catch (error) {
    if (["ENOENT", "ENOTDIR", "ELOOP"].includes(errnoName(error) ?? "")) return undefined;
    throw error;
  }
}
