/** How much of what a container prints is kept (pure): always bounded, unless asked otherwise. */
import { byteSize } from "../option.ts";

/** A log in pieces: when the newest is full it is set aside, and the oldest one goes. */
export interface LogLimits {
  /** Of one file; null: it grows without end. */
  readonly fileBytes: number | null;
  /** The one that is written to included. */
  readonly files: number;
}

/** In how many pieces a log is kept where only its whole size is known. */
const usualFiles = 5;

/**
 * Docker's `max-size` and `max-file` go before containers.conf, whose `log_size_max` is what the whole
 * log may take.
 *
 * @param configuredBytes null: without end
 */
export function logLimits(
  options: Readonly<Record<string, string>>,
  configuredBytes: number | null,
): LogLimits {
  const asked = options["max-file"];
  const size = options["max-size"];
  if (size !== undefined) {
    return { fileBytes: parseMaxSize(size), files: asked === undefined ? 1 : parseMaxFile(asked) };
  }
  const files = asked === undefined ? usualFiles : parseMaxFile(asked);
  return {
    fileBytes: configuredBytes === null ? null : Math.max(1, Math.floor(configuredBytes / files)),
    files,
  };
}

/** null: no limit, which docker and conmon write as `-1`. */
export function parseMaxSize(text: string): number | null {
  if (text === "-1") return null;
  return byteSize.parse(text) || null;
}

/** At most 1000: conmon renames them all each time. */
export function parseMaxFile(text: string): number {
  const count = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  if (count < 1 || count > 1000) throw new Error("max-file must be a number from 1 to 1000");
  return count;
}

/** What conmon is told to do about the size of a log. */
export interface LogRotation {
  /** null: it grows without end. */
  readonly maxBytes: number | null;
  /** Files that conmon keeps besides the one that it writes to. */
  readonly olderFiles: number;
  /** What is there is set aside before conmon begins. */
  readonly startsAnew: boolean;
}

/**
 * conmon from 2.2 on sets full files aside; an older one throws the full file away, and so gets one that
 * is as large as all of them together. It also counts from 0 although it appends to what is there.
 *
 * @param presentBytes the size of the log that is there already
 */
export function logRotation(
  { fileBytes, files }: LogLimits,
  canRotate: boolean,
  presentBytes: number,
): LogRotation {
  if (fileBytes === null) return { maxBytes: null, olderFiles: 0, startsAnew: false };
  if (canRotate) return { maxBytes: fileBytes, olderFiles: files - 1, startsAnew: false };
  const whole = fileBytes * files;
  const startsAnew = presentBytes >= whole / 2;
  return { maxBytes: startsAnew ? whole : whole - presentBytes, olderFiles: 0, startsAnew };
}
