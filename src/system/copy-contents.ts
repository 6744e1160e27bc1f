/** Copying what is in a file: holes stay holes, and blocks are shared where the file system copies on write. */
import { ftruncateSync, readSync, writeSync } from "node:fs";
import { check, lastErrno, libc, SystemCallError } from "./libc.ts";

const calls = libc({
  lseek: { args: ["i32", "i64", "i32"], returns: "i64" },
  copy_file_range: { args: ["i32", "ptr", "i32", "ptr", "u64", "u32"], returns: "i64" },
});
const [seekEnd, seekData, seekHole] = [2, 3, 4];
const chunkBytes = 64 << 20;

/**
 * Copies all of `from` into the empty file `to`; returns the size. copy_file_range(2) makes a reflink
 * where both are on one btrfs, xfs or similar, and else copies within the kernel.
 */
export function copyContents(from: number, to: number): number {
  const size = check(calls.lseek(from, 0n, seekEnd), "find the size of a file");
  for (let at = 0; at < size; ) {
    const data = seek(from, at, seekData);
    if (data === undefined) break; // only a hole is left
    const hole = Math.min(seek(from, data, seekHole) ?? size, size);
    copyRange(from, to, data, hole);
    at = hole;
  }
  ftruncateSync(to, size);
  return size;
}

/** lseek(2): undefined beyond the last data. A file system that knows no holes says that all is data. */
function seek(descriptor: number, offset: number, whence: number): number | undefined {
  const found = calls.lseek(descriptor, BigInt(offset), whence);
  if (found >= 0n) return Number(found);
  const errno = lastErrno();
  if (errno === "ENXIO") return undefined;
  if (errno === "EINVAL" || errno === "EOPNOTSUPP") return whence === seekData ? offset : undefined;
  throw new SystemCallError(errno, "find holes in a file");
}

function copyRange(from: number, to: number, start: number, end: number): void {
  const [source, target] = [new BigInt64Array(1), new BigInt64Array(1)];
  for (let at = start; at < end; ) {
    source[0] = target[0] = BigInt(at);
    const wanted = Math.min(end - at, chunkBytes);
    const copied = Number(calls.copy_file_range(from, source, to, target, BigInt(wanted), 0));
    if (copied === 0) return; // it has become shorter meanwhile
    if (copied > 0) {
      at += copied;
      continue;
    }
    const errno = lastErrno();
    // other file systems than the target's, and some of the kernel's own
    if (!["EXDEV", "EINVAL", "EOPNOTSUPP", "ENOSYS", "EPERM"].includes(errno))
      throw new SystemCallError(errno, "copy a file");
    return copyByHand(from, to, at, end);
  }
}

function copyByHand(from: number, to: number, start: number, end: number): void {
  const buffer = Buffer.allocUnsafe(1 << 20);
  for (let at = start; at < end; ) {
    const count = readSync(from, buffer, 0, Math.min(buffer.length, end - at), at);
    if (count === 0) return;
    for (let done = 0; done < count; ) done += writeSync(to, buffer, done, count - done, at + done);
    at += count;
  }
}
