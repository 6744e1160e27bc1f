/** Giving back memory that a process does not need while it waits. */
import { readFileSync } from "node:fs";
import { check, libc } from "./libc.ts";

const { madvise, malloc_trim } = libc({
  madvise: { args: ["u64", "u64", "i32"], returns: "i32" },
  malloc_trim: { args: ["u64"], returns: "i32" },
});

const MADV_DONTNEED = 4;

/** A range of addresses. */
export interface Mapping {
  readonly start: number;
  readonly bytes: number;
}

/**
 * Which mappings of a file hold nothing but what the file holds: they may be let go of at any time, and are
 * read again from the page cache where they are touched. Pure.
 *
 * @param smaps text of proc_pid_smaps(5)
 */
export function cleanMappings(smaps: string, file: string): Mapping[] {
  const entries = smaps.split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m);
  return entries.flatMap((entry) => {
    const match = /^([0-9a-f]+)-([0-9a-f]+) (r-[-x])p \S+ \S+ \d+ +(.*)\n/.exec(entry);
    // what was written to since (relocations) is anonymous, and would be lost
    if (match === null || match[4] !== file || !/^Anonymous: +0 kB$/m.test(entry)) return [];
    const [start, end] = [match[1], match[2]].map((digits) => Number.parseInt(digits ?? "", 16));
    return start === undefined || end === undefined ? [] : [{ start, bytes: end - start }];
  });
}

/**
 * Lets go of garbage, and of the pages of our own binary: those are in the page cache whoever uses them, but
 * count as ours. Takes some milliseconds, and the next work somewhat longer.
 */
export async function releaseMemory(): Promise<void> {
  Bun.gc(true);
  Bun.shrink();
  malloc_trim(0n);
  await Bun.sleep(1000); // the collector's threads have done by then
  const own = cleanMappings(readFileSync("/proc/self/smaps", "utf8"), process.execPath);
  for (const { start, bytes } of own) check(madvise(start, bytes, MADV_DONTNEED), "madvise");
}
