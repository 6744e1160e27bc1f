/** What a container has printed: the log that conmon writes (k8s-file, the CRI format). */
import { closeSync, fstatSync, openSync, readSync, statSync } from "node:fs";
import { CooperError, errnoName } from "../errors.ts";
import type { Host } from "../host.ts";
import { resolveContainer } from "../records/containers.ts";
import { isAlive } from "./live-state.ts";
import type { ContainerRecord } from "./record.ts";

export interface LogOptions {
  /** Lines from the end; null: all. */
  readonly tail: number | null;
  /** ms since 1970. */
  readonly since: number | null;
  readonly until: number | null;
  readonly follow: boolean;
}

/** A piece of output: a whole line with its newline, or a part of one. */
export interface LogEntry {
  readonly stream: "stdout" | "stderr";
  /** RFC 3339 with nanoseconds, as written. */
  readonly time: string;
  readonly text: Buffer;
  /** A part of a line: the newline is not here, but in a later entry of that stream. */
  readonly isPartial: boolean;
}

/** Yields what it has printed, and with `follow` what it prints until it ends. */
export async function* readLogs(
  host: Host,
  nameOrId: string,
  options: LogOptions,
): AsyncGenerator<LogEntry> {
  const container = resolveContainer(host.database, nameOrId);
  const { logDriver, logPath } = container.resolved;
  if (logDriver === "journald") {
    yield* (await import("./journal.ts")).readJournal(container, options);
    return;
  }
  if (logDriver === "none" || logDriver.startsWith("passthrough")) {
    throw new CooperError(
      "not-supported",
      `container ${nameOrId} keeps no log: its log driver is ${logDriver}`,
    );
  }
  const reader = new LogReader(logPath, options.tail);
  try {
    for (;;) {
      const lives = options.follow && stillLives(host, container);
      for (const entry of reader.entries()) {
        const time = Date.parse(entry.time);
        if (options.since !== null && time < options.since) continue;
        if (options.until !== null && time > options.until) return;
        yield entry;
      }
      if (!lives || (options.until !== null && Date.now() > options.until)) return;
      await Bun.sleep(50);
    }
  } finally {
    reader.close();
  }
}

/** Asked before the last read, so that what was written until the end is not missed. */
function stillLives(host: Host, container: ContainerRecord): boolean {
  try {
    const now = resolveContainer(host.database, container.id);
    return isAlive(now) || now.intent === "starting" || now.intent === "created";
  } catch (error) {
    if (error instanceof CooperError && error.code === "no-such-container") return false;
    throw error;
  }
}

const chunkSize = 1 << 16;

/** Reads a log from the first wanted line on, piece by piece, across its replacement by conmon. */
export class LogReader {
  private readonly path: string;
  private descriptor = -1;
  private inode = 0;
  private position = 0;
  private rest: Buffer = Buffer.alloc(0);

  constructor(path: string, tail: number | null) {
    this.path = path;
    if (this.open() && tail !== null) this.position = tailPosition(this.descriptor, tail);
  }

  close(): void {
    if (this.descriptor >= 0) closeSync(this.descriptor);
    this.descriptor = -1;
  }

  private open(): boolean {
    try {
      this.descriptor = openSync(this.path, "r");
    } catch (error) {
      if (errnoName(error) === "ENOENT") return false; // it has not been started yet
      throw error;
    }
    this.inode = fstatSync(this.descriptor).ino;
    return true;
  }

  *entries(): Generator<LogEntry> {
    if (this.descriptor < 0 && !this.open()) return;
    yield* this.readOn();
    // conmon has begun a new file since (max-size): what was left in ours is read, the new one follows
    const current = statSync(this.path, { throwIfNoEntry: false });
    if (current !== undefined && current.ino !== this.inode) {
      this.close();
      this.position = 0;
      this.rest = Buffer.alloc(0);
      if (this.open()) yield* this.readOn();
    }
  }

  private *readOn(): Generator<LogEntry> {
    if (fstatSync(this.descriptor).size < this.position) this.position = 0; // truncated in place
    const chunk = Buffer.allocUnsafe(chunkSize);
    for (;;) {
      const size = readSync(this.descriptor, chunk, 0, chunkSize, this.position);
      if (size === 0) return;
      this.position += size;
      const bytes = Buffer.concat([this.rest, chunk.subarray(0, size)]);
      let start = 0;
      for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, start)) {
        const entry = parseEntry(bytes.subarray(start, end));
        if (entry !== undefined) yield entry;
        start = end + 1;
      }
      this.rest = Buffer.from(bytes.subarray(start));
    }
  }
}

/** `TIME STREAM P|F TEXT`; undefined for anything else (a write that was cut by a crash). */
export function parseEntry(line: Buffer): LogEntry | undefined {
  const first = line.indexOf(32);
  const second = line.indexOf(32, first + 1);
  const third = line.indexOf(32, second + 1);
  if (first < 0 || second < 0 || third < 0) return undefined;
  const stream = line.toString("latin1", first + 1, second);
  const tag = line.toString("latin1", second + 1, third);
  if ((stream !== "stdout" && stream !== "stderr") || !/^[PF]/.test(tag)) return undefined;
  const isPartial = tag.startsWith("P");
  const text = line.subarray(third + 1);
  return {
    stream,
    time: line.toString("latin1", 0, first),
    text: isPartial ? Buffer.from(text) : Buffer.concat([text, Buffer.from("\n")]),
    isPartial,
  };
}

/** Where the last `lines` full lines begin, found from the end, so that a large log costs nothing. */
function tailPosition(descriptor: number, lines: number): number {
  const { size } = fstatSync(descriptor);
  if (lines <= 0) return lines === 0 ? size : 0;
  const chunk = Buffer.allocUnsafe(chunkSize);
  let found = 0;
  let lineEnd = -1;
  let carried: Buffer = Buffer.alloc(0);
  for (let end = size; end > 0; ) {
    const start = Math.max(0, end - chunkSize);
    const count = readSync(descriptor, chunk, 0, end - start, start);
    const bytes = Buffer.concat([chunk.subarray(0, count), carried.subarray(0, 64)]);
    for (let at = count - 1; at >= 0; at--) {
      if (bytes[at] !== 10) continue;
      // the line that follows this newline begins at `at + 1`; only full lines count, parts belong to one
      if (lineEnd >= 0 && isFullLine(bytes, at + 1)) {
        found++;
        if (found > lines) return lineEnd + 1;
      }
      lineEnd = start + at;
    }
    carried = Buffer.from(bytes);
    end = start;
  }
  // the first line has no newline before it
  return found === lines && lineEnd >= 0 && isFullLine(carried, 0) ? lineEnd + 1 : 0;
}

function isFullLine(bytes: Buffer, start: number): boolean {
  return / std(out|err) F/.test(bytes.toString("latin1", start, start + 64));
}
