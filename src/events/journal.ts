/**
 * The journal of events: lines appended to a file. An append is one write(2), which neither waits for
 * the disk nor for other writers; two files are kept, so that a journal never grows beyond its limit.
 */
import {
  closeSync,
  fstatSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
  statSync,
  watch,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import { tryLock } from "../system/lock.ts";
import { sendToJournal } from "../system/notify.ts";
import {
  type EngineEvent,
  formatEvent,
  journalFields,
  type NewEvent,
  parseEvent,
} from "./event.ts";

/** Appends events. */
export interface EventJournal {
  emit(event: NewEvent): void;
}

export interface JournalOptions {
  /** `events.log`; the one before it is `events.log.1`. */
  readonly file: string;
  /** At this size a new file is begun: about twice as much is kept. */
  readonly maxBytes: number;
  /** Whether systemd's journal gets a copy of each event. */
  readonly tellsSystemd: boolean;
  /** Told when an event could not be kept: the deed itself was done, and must not fail for it. */
  onFailure(error: unknown): void;
}

/** A journal that keeps nothing (`events_logger = "none"`). */
export const noJournal: EventJournal = { emit: () => undefined };

/** Opens the file at the first event. */
export function openJournal(options: JournalOptions): EventJournal {
  let descriptor: number | undefined;
  return {
    emit(event) {
      try {
        descriptor ??= openToAppend(options.file);
        const whole = { image: "", attributes: {}, ...event, timeMicroseconds: now() };
        writeSync(descriptor, formatEvent(whole));
        if (options.tellsSystemd) sendToJournal(journalFields(whole));
        if (fstatSync(descriptor).size < options.maxBytes) return;
        closeSync(descriptor);
        descriptor = undefined;
        rotate(options);
      } catch (error) {
        options.onFailure(error);
      }
    },
  };
}

const now = () => Math.round((performance.timeOrigin + performance.now()) * 1000);

function openToAppend(file: string): number {
  try {
    return openSync(file, "a", 0o600);
  } catch {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    return openSync(file, "a", 0o600);
  }
}

/** Whoever gets the lock renames; a late writer appends to the renamed file, which readers read too. */
function rotate({ file, maxBytes }: JournalOptions): void {
  using held = tryLock(`${file}.lock`, "exclusive");
  if (held === undefined) return;
  if ((statSync(file, { throwIfNoEntry: false })?.size ?? 0) < maxBytes) return;
  renameSync(file, `${file}.1`);
}

export interface ReadOptions {
  /** Microseconds since 1970; null: from the oldest that is kept. */
  readonly since: number | null;
  /** null: without end when it follows, else up to now. */
  readonly until: number | null;
  readonly follows: boolean;
  readonly signal?: AbortSignal;
}

/** How often a follower looks without being told, where inotify(7) has no watches left. */
const fallbackMs = 1000;
/** How soon it looks again after it found something: Bun tells of a file once in 10 ms, and drops the rest. */
const againMs = 20;

/** Events in the order in which they were written. */
export async function* readJournal(
  file: string,
  options: ReadOptions,
): AsyncGenerator<EngineEvent, void> {
  const isWanted = ({ timeMicroseconds: time }: EngineEvent) =>
    (options.since === null || time >= options.since) &&
    (options.until === null || time <= options.until);
  for (const event of readWhole(`${file}.1`)) if (isWanted(event)) yield event;
  const tail = new Tail(file);
  using _closed = tail;
  if (!options.follows) {
    for (const event of tail.read()) if (isWanted(event)) yield event;
    return;
  }
  const bell = new Bell(dirname(file), options.signal);
  using _rung = bell;
  for (;;) {
    let hasFound = false;
    for (const event of tail.read()) {
      hasFound = true;
      if (isWanted(event)) yield event;
    }
    if (options.signal?.aborted) return;
    const left = options.until === null ? fallbackMs : options.until / 1000 - Date.now();
    if (left <= 0) return;
    await bell.wait(Math.min(left, hasFound ? againMs : fallbackMs));
  }
}

function* readWhole(file: string): Generator<EngineEvent> {
  const tail = new Tail(file);
  using _closed = tail;
  yield* tail.read();
}

/** Reads a file that grows, and goes over to its successor when it was renamed. */
class Tail implements Disposable {
  private readonly file: string;
  private descriptor: number | undefined;
  private inode = 0;
  private position = 0;
  private rest = Buffer.alloc(0);

  constructor(file: string) {
    this.file = file;
  }

  /** What has come since the last call. */
  *read(): Generator<EngineEvent> {
    yield* this.readOpen();
    const there = statSync(this.file, { throwIfNoEntry: false });
    if (there === undefined || there.ino === this.inode) return;
    yield* this.readOpen(); // what was written between the last read and the renaming
    this.close();
    this.descriptor = openSync(this.file, "r");
    this.inode = fstatSync(this.descriptor).ino;
    this.position = 0;
    this.rest = Buffer.alloc(0);
    yield* this.readOpen();
  }

  private *readOpen(): Generator<EngineEvent> {
    if (this.descriptor === undefined) return;
    const chunk = Buffer.alloc(64 << 10);
    for (;;) {
      const count = readSync(this.descriptor, chunk, 0, chunk.length, this.position);
      if (count === 0) return;
      this.position += count;
      this.rest = Buffer.concat([this.rest, chunk.subarray(0, count)]);
      const end = this.rest.lastIndexOf(10);
      if (end < 0) continue;
      const lines = this.rest.subarray(0, end).toString("utf8").split("\n");
      this.rest = this.rest.subarray(end + 1);
      for (const line of lines) {
        const event = parseEvent(line);
        if (event !== undefined) yield event;
      }
    }
  }

  private close(): void {
    if (this.descriptor !== undefined) closeSync(this.descriptor);
    this.descriptor = undefined;
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** Rings when something changes in a directory. */
class Bell implements Disposable {
  private readonly watcher: ReturnType<typeof watch> | undefined;
  private wake: () => void = () => undefined;
  private hasRung = false;

  constructor(directory: string, signal: AbortSignal | undefined) {
    const ring = () => {
      this.hasRung = true;
      this.wake();
    };
    signal?.addEventListener("abort", ring, { once: true });
    try {
      mkdirSync(directory, { recursive: true, mode: 0o700 }); // nothing may have happened yet
      this.watcher = watch(directory, ring);
    } catch {
      // no watches left for this user (fs.inotify.max_user_watches), or a store that is not ours
    }
  }

  async wait(ms: number): Promise<void> {
    if (!this.hasRung) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ms);
        this.wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    this.hasRung = false;
  }

  [Symbol.dispose](): void {
    this.watcher?.close();
  }
}
