/**
 * Removing things on a full disk. To forget an image or container, the database must write a few pages
 * and a directory may need a block, and where there is not one byte left neither can be had: then
 * nothing could be removed to make room. So a file of a few MiB is kept that holds nothing, and goes
 * when a removal meets a full disk.
 *
 * It is crash safe because it means nothing: whoever finds it missing makes it anew as soon as there is
 * room, and a killed removal is done again, by the same means.
 */
import { closeSync, existsSync, openSync, rmSync } from "node:fs";
import { CooperError, errnoName } from "../errors.ts";
import { check, libc } from "./libc.ts";

/** More than a transaction writes that removes fifty images, measured at 0.3 MiB. */
const ballastBytes = 4 << 20;

/** Makes the ballast unless it is there. Where there is no room for it, nothing happens. */
export function ensureBallast(file: string): void {
  if (existsSync(file)) return;
  try {
    const descriptor = openSync(file, "wx", 0o600);
    try {
      allocate(descriptor);
    } catch (error) {
      rmSync(file, { force: true });
      throw error;
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    if (!isFull(error) && !["EEXIST", "ENOENT", "EOPNOTSUPP"].includes(errnoName(error) ?? ""))
      throw error;
  }
}

/** fallocate(2): the blocks are taken, whatever is (not) in them. */
function allocate(descriptor: number): void {
  const { fallocate } = libc({ fallocate: { args: ["i32", "i32", "i64", "i64"], returns: "i32" } });
  check(fallocate(descriptor, 0, 0n, BigInt(ballastBytes)), "reserve space");
}

/** Does something that removes; when the disk is full, once more without the ballast, so it must bear being done twice. */
export async function withBallast<T>(file: string, remove: () => Promise<T>): Promise<T> {
  let result: T;
  try {
    result = await remove();
  } catch (error) {
    if (!isFull(error) || !existsSync(file)) throw error;
    rmSync(file, { force: true });
    result = await remove();
  }
  // an earlier step may have used it, and only this one have made room
  ensureBallast(file);
  return result;
}

/** Whether it failed for want of space; SQLite tells so in several ways. */
function isFull(error: unknown): boolean {
  if (error instanceof CooperError) return error.code === "no-space";
  if (["ENOSPC", "EDQUOT"].includes(errnoName(error) ?? "")) return true;
  const code = error instanceof Error && "code" in error ? `${error.code}` : "";
  return /^SQLITE_(?:FULL|CANTOPEN|IOERR)/.test(code);
}
