/** Contents of a file that is being unpacked. */
import { ftruncateSync, writeSync } from "node:fs";
import { errnoName } from "../errors.ts";
import { fail } from "./tree-changes.ts";

/** Gives a file its length: what is between pieces, and behind the last, becomes a hole. */
export function setSize(descriptor: number, size: number, path: string): void {
  try {
    ftruncateSync(descriptor, size);
  } catch (error) {
    throw fail(errnoName(error) ?? "EIO", path);
  }
}

/** Writes all of it. @param position undefined: where the last write ended */
export function writeFully(
  descriptor: number,
  bytes: Uint8Array,
  position: number | undefined,
): void {
  for (let at = 0; at < bytes.length; ) {
    at += writeSync(
      descriptor,
      bytes,
      at,
      bytes.length - at,
      position === undefined ? null : position + at,
    );
  }
}
