/**
 * Moves the segments of an executable in its file, so that each stands as many bytes behind a multiple of 2 MiB as it does
 * in memory. The kernel can then map the page cache of it by 2 MiB at a time (filemap_map_pmd, mm/filemap.c), where a
 * linker aligns to 4 KiB and every 64 KiB are a fault: a third of what a short command takes. Written with one
 * write(2), since the size of a write is what the page cache chooses its folios by.
 *
 * Usage: bun scripts/align-segments.ts FILE
 */
import { chmodSync, closeSync, openSync, readFileSync, renameSync, writeSync } from "node:fs";

const huge = 0x20_0000;
const page = 0x1000;
const loadable = 1;

/** An ELF-64 file as aligned as said above; null where it is another kind of file. */
function alignSegments(file: Buffer): Buffer | null {
  if (file.readUInt32BE(0) !== 0x7f454c46 || file[4] !== 2 || file[5] !== 1) return null;
  const [segments, sections] = [file.readBigUInt64LE(32), file.readBigUInt64LE(40)].map(Number);
  if (segments === undefined || sections === undefined) return null;
  const headers = Array.from({ length: file.readUInt16LE(56) }, (_, at) => segments + 56 * at);
  const offsetOf = (header: number) => Number(file.readBigUInt64LE(header + 8));
  const moved = headers
    .filter((header) => file.readUInt32LE(header) === loadable && offsetOf(header) > 0)
    .toSorted((a, b) => offsetOf(a) - offsetOf(b));

  // what is behind `from` moves by `by` bytes; a page that two segments share is in the file twice
  const shifts: { from: number; by: number }[] = [];
  const parts: Buffer[] = [];
  let [end, by] = [0, 0];
  for (const header of moved) {
    const offset = offsetOf(header);
    const address = Number(file.readBigUInt64LE(header + 16));
    const more = (((address - offset - by) % huge) + huge) % huge;
    if (more === 0) continue;
    if (more % page !== 0) return null;
    const start = offset - (offset % page);
    const kept = Math.min(start + page, file.length);
    parts.push(file.subarray(end, kept), Buffer.alloc(more - (kept - start)));
    by += more;
    shifts.push({ from: offset, by });
    end = start;
  }
  parts.push(file.subarray(end));
  const result = Buffer.concat(parts);

  const shift = (offset: number) => shifts.findLast(({ from }) => from <= offset)?.by ?? 0;
  const move = (at: number, value: number) =>
    result.writeBigUInt64LE(BigInt(value + shift(value)), at);
  for (const header of headers) move(header + 8, offsetOf(header));
  move(40, sections);
  const names = sections === 0 ? 0 : file.readUInt16LE(60);
  for (let section = 0; section < names; section++) {
    const from = sections + 64 * section;
    move(from + shift(sections) + 24, Number(file.readBigUInt64LE(from + 24)));
  }
  return result;
}

const path = process.argv[2];
if (path === undefined) throw new Error("usage: align-segments.ts FILE");
const read = readFileSync(path);
const aligned = alignSegments(read) ?? read;
const output = openSync(`${path}.new`, "w", 0o755);
for (let at = 0; at < aligned.length; ) at += writeSync(output, aligned, at);
closeSync(output);
chmodSync(`${path}.new`, 0o755);
renameSync(`${path}.new`, path);
