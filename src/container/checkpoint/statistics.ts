/** What criu counted, from the `stats-dump` or `stats-restore` that it leaves (pure; criu's stats.proto). */

/** Microseconds and pages, by criu's names. */
export type CriuStatistics = Readonly<Record<string, number>>;

const dumpFields = [
  "freezing_time",
  "frozen_time",
  "memdump_time",
  "memwrite_time",
  "pages_scanned",
  "pages_skipped_parent",
  "pages_written",
  "irmap_resolve",
];
const restoreFields = [
  "pages_compared",
  "pages_skipped_cow",
  "forking_time",
  "restore_time",
  "pages_restored",
];

/** Two magic numbers and a length stand before a message with one of two messages in it. */
export function criuStatistics(bytes: Uint8Array): CriuStatistics {
  const outer = fields(bytes.subarray(12));
  const [names, inner] = outer.has(1) ? [dumpFields, outer.get(1)] : [restoreFields, outer.get(2)];
  const statistics: Record<string, number> = {};
  if (!(inner instanceof Uint8Array)) return statistics;
  for (const [number, value] of fields(inner)) {
    const name = names[number - 1];
    if (name !== undefined && typeof value === "number") statistics[name] = value;
  }
  return statistics;
}

/** Protocol buffers, as far as numbers and messages go. */
function fields(bytes: Uint8Array): Map<number, number | Uint8Array> {
  const found = new Map<number, number | Uint8Array>();
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let factor = 1; at < bytes.length; factor *= 128) {
      const byte = bytes[at++] ?? 0;
      value += (byte & 127) * factor;
      if (byte < 128) break;
    }
    return value;
  };
  while (at < bytes.length) {
    const tag = varint();
    const number = Math.floor(tag / 8);
    if (tag % 8 === 0) found.set(number, varint());
    else if (tag % 8 === 2) {
      const length = varint();
      found.set(number, bytes.subarray(at, at + length));
      at += length;
    } else return found; // of no kind that criu uses
  }
  return found;
}
