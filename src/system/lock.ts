/** Advisory locks between processes: flock(2) on a file. The kernel drops those of the dead. */
import { closeSync, constants, existsSync, fstatSync, mkdirSync, openSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { CooperError } from "../errors.ts";
import { lastErrno, libc, SystemCallError } from "./libc.ts";

const { flock } = libc({ flock: { args: ["i32", "i32"], returns: "i32" } });
const [shared, exclusive, nonBlocking] = [1, 2, 4];

export type LockMode = "shared" | "exclusive";

/** A lock that is held until it is disposed; releasing twice is fine. */
export class FileLock implements Disposable {
  private descriptor: number;

  constructor(descriptor: number) {
    this.descriptor = descriptor;
  }

  /** Releases it and takes its file away, so that whoever waits for it begins anew. */
  forget(file: string): void {
    rmSync(file, { force: true });
    this[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    if (this.descriptor >= 0) closeSync(this.descriptor);
    this.descriptor = -1;
  }
}

/** Takes the lock if nobody else holds it, else returns undefined. The file is made where missing. */
export function tryLock(file: string, mode: LockMode): FileLock | undefined {
  const descriptor = openLockFile(file);
  if (flock(descriptor, (mode === "shared" ? shared : exclusive) | nonBlocking) === 0) {
    // whoever removes an object unlinks its lock: one that lost its name locks nothing any more
    if (fstatSync(descriptor).nlink > 0) return new FileLock(descriptor);
    closeSync(descriptor);
    return tryLock(file, mode);
  }
  const errno = lastErrno();
  closeSync(descriptor);
  if (errno === "EAGAIN") return undefined;
  throw new SystemCallError(errno, `lock ${file}`);
}

/** Whether somebody holds it exclusively right now; asking makes no file. */
export function isLocked(file: string): boolean {
  if (!existsSync(file)) return false;
  using held = tryLock(file, "shared");
  return held === undefined;
}

/**
 * Waits for the lock, in steps that grow to 20 ms so that signals and timers still run.
 *
 * @throws CooperError("timeout") after `timeoutMs` (default: 10 minutes)
 */
export async function lock(file: string, mode: LockMode, timeoutMs = 600_000): Promise<FileLock> {
  const deadline = performance.now() + timeoutMs;
  for (let pause = 0.5; ; pause = Math.min(pause * 2, 20)) {
    const held = tryLock(file, mode);
    if (held !== undefined) return held;
    if (performance.now() > deadline) {
      throw new CooperError(
        "timeout",
        `timed out waiting for another cooper process (lock ${file})`,
      );
    }
    await Bun.sleep(pause);
  }
}

function openLockFile(file: string): number {
  const flags = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW;
  try {
    return openSync(file, flags, 0o600);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    return openSync(file, flags, 0o600);
  }
}

/** Locks a directory itself, which leaves nothing behind. Waits as lock() does. */
export async function lockDirectory(directory: string, timeoutMs = 30_000): Promise<FileLock> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const held = tryLockDirectory(directory);
    if (held !== undefined) return held;
    if (performance.now() > deadline)
      throw new CooperError("timeout", `timed out waiting for another process (lock ${directory})`);
    await Bun.sleep(10);
  }
}

/** As lockDirectory(), without waiting; undefined: somebody else holds it. */
export function tryLockDirectory(directory: string): FileLock | undefined {
  const descriptor = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY);
  if (flock(descriptor, exclusive | nonBlocking) === 0) return new FileLock(descriptor);
  const errno = lastErrno();
  closeSync(descriptor);
  if (errno !== "EAGAIN") throw new SystemCallError(errno, `lock ${directory}`);
  return undefined;
}
