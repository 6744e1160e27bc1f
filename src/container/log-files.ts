/**
 * The files of a log: `PATH` is written to, `PATH.1`, `PATH.2`… are older ones, as conmon names them.
 * It renames them while they are read.
 */
import {
  closeSync,
  fstatSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import { basename, dirname } from "node:path";
import { errnoName } from "../errors.ts";

/** One file of a log, open. It stays readable when it is renamed or removed. */
export interface LogFile {
  readonly descriptor: number;
  readonly inode: number;
}

/** Opens all files of a log, oldest first; none where nothing has been written yet. */
export function openLogFiles(path: string): LogFile[] {
  for (let tries = 0; ; tries++) {
    const names = logFileNames(path);
    const files = names.flatMap((name) => openIfThere(name));
    const isStill = files.every(({ inode }, at) => inodeOf(names[at] ?? "") === inode);
    // a rotation renames one file after the other, and takes less than a millisecond
    if ((isStill && files.length === names.length) || tries === 50) return files;
    closeLogFiles(files);
    Bun.sleepSync(1);
  }
}

/** Lets go of open files. */
export function closeLogFiles(files: readonly LogFile[]): void {
  for (const { descriptor } of files) closeSync(descriptor);
}

/** The inode that a path leads to; undefined where nothing is. */
export function inodeOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.ino;
}

/** Sets a log aside, in place of what was set aside before; what conmon left when it was killed goes. */
export function setLogAside(path: string): void {
  for (const older of logFileNames(path)) {
    if (older !== path) rmSync(older, { force: true });
  }
  renameSync(path, `${path}.1`);
}

/** What conmon leaves when it is killed while it rotates; it would not rotate any more beside it. */
export function removeLogLeftovers(path: string): void {
  rmSync(`${path}.new`, { force: true });
  rmSync(`${path}.tmp`, { force: true });
}

/** Oldest first. */
function logFileNames(path: string): string[] {
  const prefix = `${basename(path)}.`;
  const numbers = namesIn(dirname(path)).flatMap((name) => {
    const number = name.startsWith(prefix) ? name.slice(prefix.length) : "";
    return /^[1-9]\d{0,3}$/.test(number) ? [Number(number)] : [];
  });
  const older = numbers.toSorted((a, b) => b - a).map((number) => `${path}.${number}`);
  return inodeOf(path) === undefined ? older : [...older, path];
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if (errnoName(error) === "ENOENT") return []; // it has not been started yet
    throw error;
  }
}

function openIfThere(path: string): LogFile[] {
  try {
    const descriptor = openSync(path, "r");
    return [{ descriptor, inode: fstatSync(descriptor).ino }];
  } catch (error) {
    if (errnoName(error) === "ENOENT") return []; // renamed since it was listed
    throw error;
  }
}

const chunkSize = 1 << 16;
/** Enough of a line to tell whether it is a whole one: a time, a stream and a tag. */
const headSize = 64;

/** A place in one of several files. */
export interface LogPlace {
  readonly file: number;
  readonly position: number;
}

/**
 * Where the last `lines` lines begin, found from the end, so that a large log costs nothing. A line in
 * parts counts once, and so does an unfinished one at the end.
 *
 * @param files oldest first
 */
export function tailPlace(files: readonly LogFile[], lines: number): LogPlace {
  let found = 0;
  let isLast = true;
  for (let file = files.length - 1; file >= 0; file--) {
    const { descriptor } = files[file] as LogFile;
    for (const { end, isWhole } of linesFromEnd(descriptor)) {
      if (isWhole || isLast) {
        if (found === lines) return { file, position: end };
        found++;
      }
      isLast = false;
    }
  }
  return { file: 0, position: 0 };
}

interface LineEnd {
  /** Where the next line begins. */
  readonly end: number;
  readonly isWhole: boolean;
}

/** The lines of a file, last one first. What follows the last newline is not a line yet. */
function* linesFromEnd(descriptor: number): Generator<LineEnd> {
  const chunk = Buffer.allocUnsafe(chunkSize + headSize);
  let carried = 0; // bytes behind the chunk that are the beginning of the one read before
  let lineEnd = -1;
  for (let end = fstatSync(descriptor).size; end > 0; ) {
    const start = Math.max(0, end - chunkSize);
    const size = end - start;
    chunk.copyWithin(size, 0, carried);
    readSync(descriptor, chunk, 0, size, start);
    const bytes = chunk.subarray(0, size + carried);
    for (let at = bytes.lastIndexOf(10, size - 1); at >= 0; ) {
      if (lineEnd >= 0) yield { end: lineEnd, isWhole: isWholeLine(bytes, at + 1) };
      lineEnd = start + at + 1;
      at = at === 0 ? -1 : bytes.lastIndexOf(10, at - 1);
    }
    carried = Math.min(headSize, bytes.length);
    end = start;
    if (start === 0 && lineEnd >= 0) yield { end: lineEnd, isWhole: isWholeLine(bytes, 0) };
  }
}

function isWholeLine(bytes: Buffer, start: number): boolean {
  return / std(out|err) F/.test(bytes.toString("latin1", start, start + headSize));
}
