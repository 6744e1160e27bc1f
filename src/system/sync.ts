/** Making what was written outlive a power loss. */
import { closeSync, constants, fsyncSync, openSync } from "node:fs";
import { check, libc } from "./libc.ts";

/** syncfs(2): everything written so far to the file system that holds `path`. */
export function syncFilesystem(path: string): void {
  const { syncfs } = libc({ syncfs: { args: ["i32"], returns: "i32" } });
  const descriptor = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    check(syncfs(descriptor), `sync the file system of ${path}`);
  } finally {
    closeSync(descriptor);
  }
}

/** fsync(2) of a directory: the names in it. */
export function syncDirectory(path: string): void {
  const descriptor = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
