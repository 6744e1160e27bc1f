/** A moment that stands for all others, so that the same inputs are the same bytes. */

export interface Epoch {
  /** Seconds since 1970. */
  readonly seconds: number;
  /** Whether files get this very time (--timestamp), or only those that are younger (SOURCE_DATE_EPOCH). */
  readonly isExact: boolean;
}

/** The time that a file gets, in seconds. */
export function fileTime(epoch: Epoch | null, seconds: number): number {
  if (epoch === null) return seconds;
  return epoch.isExact ? epoch.seconds : Math.min(seconds, epoch.seconds);
}

/** The time that the image says it was made, in ms. */
export function creationTime(epoch: Epoch | null): number {
  return epoch === null ? Date.now() : epoch.seconds * 1000;
}
