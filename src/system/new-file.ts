/** A file that gets its name only when it is whole: whoever finds the name finds all of it. */
import {
  closeSync,
  constants,
  fsyncSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { CooperError, errnoName } from "../errors.ts";
import { check, cString, libc } from "./libc.ts";
import { randomHex } from "./random.ts";

/** Disposed without `commit()` it was never there. What is no regular file (a FIFO, a device) is written to as it is. */
class NewFile implements Disposable {
  readonly descriptor: number;
  private readonly path: string;
  /** Where it is for now; null: nowhere (O_TMPFILE), undefined: at its path. */
  private staged: string | null | undefined;

  constructor(path: string) {
    const there = statSync(path, { throwIfNoEntry: false });
    this.path = there === undefined ? path : realpathSync(path);
    if (there !== undefined && !there.isFile()) {
      this.descriptor = openSync(path, constants.O_WRONLY | constants.O_NOCTTY);
      return;
    }
    const nameless = openNameless(dirname(this.path));
    this.staged = nameless === undefined ? this.beside() : null;
    this.descriptor = nameless ?? openSync(this.staged ?? "", "wx", 0o666);
  }

  /** Makes it durable and gives it its name, instead of what may have that. */
  commit(): void {
    if (this.staged === undefined) return;
    fsyncSync(this.descriptor);
    if (this.staged === null) this.staged = this.link();
    if (this.staged !== undefined) renameSync(this.staged, this.path);
    this.staged = undefined;
  }

  /** Straight to its own name where that is free; else to one beside it, for a rename. */
  private link(): string | undefined {
    try {
      linkDescriptor(this.descriptor, this.path);
      return undefined;
    } catch (error) {
      if (errnoName(error) !== "EEXIST") throw error;
    }
    const staged = this.beside();
    linkDescriptor(this.descriptor, staged);
    return staged;
  }

  [Symbol.dispose](): void {
    closeSync(this.descriptor);
    if (typeof this.staged === "string") rmSync(this.staged, { force: true });
    this.staged = undefined;
  }

  private beside(): string {
    const suffix = randomHex(4);
    return join(dirname(this.path), `.${basename(this.path)}.${suffix}`);
  }
}

/** open(2), O_TMPFILE: a file that a kill leaves nothing of. Undefined where the file system has none. */
function openNameless(directory: string): number | undefined {
  const temporary = 0o20000000 | constants.O_DIRECTORY;
  try {
    return openSync(directory, temporary | constants.O_RDWR, 0o666);
  } catch (error) {
    if (["EOPNOTSUPP", "EISDIR", "EINVAL"].includes(errnoName(error) ?? "")) return undefined;
    throw error;
  }
}

/** linkat(2) by /proc, as open(2) shows it: AT_EMPTY_PATH would need CAP_DAC_READ_SEARCH. */
function linkDescriptor(descriptor: number, path: string): void {
  const { linkat } = libc({
    linkat: { args: ["i32", "ptr", "i32", "ptr", "i32"], returns: "i32" },
  });
  const [here, follow] = [-100, 0x400];
  const from = cString(`/proc/self/fd/${descriptor}`);
  check(linkat(here, from, here, cString(path), follow), `make ${path}`);
}

/** As the constructor; what the user can mend is told in words. */
export function openNewFile(path: string): NewFile {
  try {
    return new NewFile(path);
  } catch (cause) {
    const why: Record<string, string> = {
      ENOENT: "there is no such directory",
      ENOTDIR: "there is no such directory",
      EISDIR: "it is a directory",
      EACCES: "permission denied",
      EROFS: "the file system is read-only",
    };
    const known = why[errnoName(cause) ?? ""];
    if (known === undefined) throw cause;
    throw new CooperError("invalid-argument", `cannot write ${path}: ${known}`, { cause });
  }
}
