/** A place for what is half done: a directory of its own, known to be in use by a lock that dies with us. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import type { Host } from "../host.ts";
import { type FileLock, lock } from "../system/lock.ts";
import { randomHex } from "../system/random.ts";
import { makeSpreadDirectory } from "../system/spread.ts";

/** Removed, with all in it, when it is disposed. */
export class Stage implements Disposable {
  readonly directory: string;
  private readonly lockFile: string;
  private readonly held: FileLock;
  private count = 0;

  constructor(directory: string, lockFile: string, held: FileLock) {
    this.directory = directory;
    this.lockFile = lockFile;
    this.held = held;
  }

  /** A path in it that nobody uses yet. Random, since ext4 chooses the place of a spread directory by its name. */
  next(prefix: string): string {
    return join(this.directory, `${prefix}${this.count++}-${randomHex(4)}`);
  }

  [Symbol.dispose](): void {
    rmSync(this.directory, { recursive: true, force: true });
    rmSync(this.lockFile, { force: true });
    this.held[Symbol.dispose]();
  }
}

/** Makes a stage. The lock comes first: a directory whose lock is free belongs to nobody alive. */
export async function openStage(host: Host): Promise<Stage> {
  const id = randomHex(8);
  const directory = join(host.paths.staging, id);
  const lockFile = stageLock(directory);
  makeSpreadDirectory(host.paths.staging, 0o700);
  const held = await lock(lockFile, "exclusive");
  try {
    makeSpreadDirectory(directory, 0o700); // layers are unpacked side by side
    return new Stage(directory, lockFile, held);
  } catch (error) {
    held[Symbol.dispose]();
    throw error;
  }
}

/** The file whose lock tells that a stage is in use. */
export function stageLock(directory: string): string {
  return `${directory}.lock`;
}
