/** What a container has printed: the log that conmon writes (k8s-file, the CRI format). */
import { fstatSync, readSync } from "node:fs";
import { CooperError } from "../errors.ts";
import type { Host } from "../host.ts";
import { resolveContainer } from "../records/containers.ts";
import { isAlive } from "./live-state.ts";
import { closeLogFiles, inodeOf, type LogFile, openLogFiles, tailPlace } from "./log-files.ts";
import type { ContainerRecord } from "./record.ts";

export interface LogOptions {
  /** Lines from the end; null: all. */
  readonly tail: number | null;
  /** ms since 1970. */
  readonly since: number | null;
  readonly until: number | null;
  readonly follow: boolean;
  /** Ends the following. */
  readonly signal?: AbortSignal;
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

/** Yields what it has printed, some entries at a time, and with `follow` what it prints until it ends. */
export async function* readLogs(
  host: Host,
  nameOrId: string,
  options: LogOptions,
): AsyncGenerator<LogEntry[]> {
  const container = resolveContainer(host.database, nameOrId);
  const { logDriver, logPath } = container.resolved;
  if (logDriver === "journald") {
    const { readJournal } = await import("./journal.ts");
    for await (const entry of readJournal(container, options)) yield [entry];
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
      for (const entries of reader.entries()) {
        const wanted = within(entries, options);
        if (wanted.length > 0) yield wanted;
        if (isPast(entries.at(-1), options)) return;
      }
      if (
        !lives ||
        options.signal?.aborted ||
        (options.until !== null && Date.now() > options.until)
      )
        return;
      await Bun.sleep(50);
    }
  } finally {
    reader.close();
  }
}

function within(entries: LogEntry[], { since, until }: LogOptions): LogEntry[] {
  if (since === null && until === null) return entries; // reading their times would take longest
  return entries.filter((entry) => {
    const time = Date.parse(entry.time);
    return (since === null || time >= since) && (until === null || time <= until);
  });
}

function isPast(entry: LogEntry | undefined, { until }: LogOptions): boolean {
  return until !== null && entry !== undefined && Date.parse(entry.time) > until;
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
/** conmon's lines are shorter than 9 KiB; what is longer is no log of conmon's. */
const longestLine = 1 << 20;

/** Reads a log from the first wanted line on, piece by piece, while conmon replaces its files. */
export class LogReader {
  private readonly path: string;
  /** What is to be read, oldest first: the first one from `position` on. */
  private files: LogFile[];
  /** Inodes of the files that were there when we began. */
  private readonly known: ReadonlySet<number>;
  private position = 0;
  /** The beginning of a line whose end is not there yet. */
  private rest: Buffer = Buffer.alloc(0);

  constructor(path: string, tail: number | null) {
    this.path = path;
    this.files = openLogFiles(path);
    this.known = new Set(this.files.map(({ inode }) => inode));
    if (tail === null || this.files.length === 0) return;
    const { file, position } = tailPlace(this.files, tail);
    closeLogFiles(this.files.splice(0, file));
    this.position = position;
  }

  close(): void {
    closeLogFiles(this.files);
    this.files = [];
  }

  /** What is there and was not given before. */
  *entries(): Generator<LogEntry[]> {
    if (this.files.length === 0) this.files = openLogFiles(this.path);
    for (let file = this.files[0]; file !== undefined; file = this.files[0]) {
      yield* this.readOn(file);
      if (this.files.length === 1) {
        if (inodeOf(this.path) === file.inode) return;
        const newer = this.newerFiles(file);
        if (newer.length === 0) return;
        yield* this.readOn(file); // what was written between our last look and its replacement
        this.files.push(...newer);
      }
      closeLogFiles(this.files.splice(0, 1));
      this.position = 0;
      this.rest = Buffer.alloc(0);
    }
  }

  /** The files that conmon has begun since; it may have removed ours. */
  private newerFiles(file: LogFile): LogFile[] {
    const files = openLogFiles(this.path);
    const at = files.findIndex(({ inode }) => inode === file.inode);
    const changedAt = fstatSync(file.descriptor).mtimeMs;
    const isOlder = ({ descriptor, inode }: LogFile) => {
      const { mtimeMs } = fstatSync(descriptor); // as fine as the kernel's clock: 4 ms
      return mtimeMs < changedAt || (mtimeMs === changedAt && this.known.has(inode));
    };
    const older = at < 0 ? files.filter(isOlder) : files.slice(0, at + 1);
    closeLogFiles(older);
    return files.filter((one) => !older.includes(one));
  }

  private *readOn({ descriptor }: LogFile): Generator<LogEntry[]> {
    if (fstatSync(descriptor).size < this.position) this.position = 0; // truncated in place
    for (;;) {
      const chunk = Buffer.allocUnsafe(this.rest.length + chunkSize);
      this.rest.copy(chunk);
      const size = readSync(descriptor, chunk, this.rest.length, chunkSize, this.position);
      if (size === 0) return;
      this.position += size;
      const bytes = chunk.subarray(0, this.rest.length + size);
      const entries: LogEntry[] = [];
      let start = 0;
      for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, start)) {
        const entry = parseEntry(bytes.subarray(start, end + 1));
        if (entry !== undefined) entries.push(entry);
        start = end + 1;
      }
      this.rest = bytes.subarray(bytes.length - start > longestLine ? bytes.length : start);
      if (entries.length > 0) yield entries;
    }
  }
}

/** `TIME STREAM P|F TEXT` and a newline; undefined for anything else (a write that was cut by a crash). */
export function parseEntry(line: Buffer): LogEntry | undefined {
  const first = line.indexOf(32);
  const second = line.indexOf(32, first + 1);
  const third = line.indexOf(32, second + 1);
  if (first < 0 || second < 0 || third < 0) return undefined;
  const stream = line.toString("latin1", first + 1, second);
  const tag = line[second + 1];
  if ((stream !== "stdout" && stream !== "stderr") || (tag !== 80 && tag !== 70)) return undefined;
  const isPartial = tag === 80; // P
  return {
    stream,
    time: line.toString("latin1", 0, first),
    text: line.subarray(third + 1, isPartial ? -1 : undefined),
    isPartial,
  };
}
