/** `logs` of an engine elsewhere, line by line as here. */
import type { LogEntry, LogOptions } from "../container/logs.ts";
import type { Client } from "./client.ts";
import { bare, unframed } from "./output.ts";

/** Longer no time is. */
const maxTime = 64;

/** Pieces of output with the time at which each line was printed. */
export async function logsElsewhere(
  client: Client,
  { id, hasTty }: { readonly id: string; readonly hasTty: boolean },
  options: LogOptions,
): Promise<AsyncGenerator<LogEntry[]>> {
  const seconds = (ms: number | null) => (ms === null ? null : (ms / 1000).toFixed(3));
  const { body } = await client.open("GET", `/containers/${encodeURIComponent(id)}/logs`, {
    query: {
      stdout: true,
      stderr: true,
      timestamps: true,
      follow: options.follow,
      tail: options.tail,
      since: seconds(options.since),
      until: seconds(options.until),
    },
    signal: options.signal,
  });
  return entriesOf(hasTty ? bare(body) : unframed(body));
}

type Pieces = ReturnType<typeof bare>;

/** Each line begins with its time and a blank. */
async function* entriesOf(pieces: Pieces): AsyncGenerator<LogEntry[]> {
  const rests = { stdout: Buffer.alloc(0), stderr: Buffer.alloc(0) };
  const times: Record<LogEntry["stream"], string | null> = { stdout: null, stderr: null };
  for await (const { stream, bytes } of pieces) {
    const entries: LogEntry[] = [];
    let rest = Buffer.concat([rests[stream], bytes]);
    for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10)) {
      entries.push(entryOf(stream, rest.subarray(0, end + 1), false, times));
      rest = rest.subarray(end + 1);
    }
    // a part of a line is shown at once, as soon as its time is there
    const hasTime = times[stream] !== null || rest.includes(32) || rest.length > maxTime;
    if (rest.length > 0 && hasTime) {
      entries.push(entryOf(stream, rest, true, times));
      rest = Buffer.alloc(0);
    }
    rests[stream] = Buffer.from(rest);
    if (entries.length > 0) yield entries;
  }
}

function entryOf(
  stream: LogEntry["stream"],
  line: Buffer,
  isPartial: boolean,
  times: Record<LogEntry["stream"], string | null>,
): LogEntry {
  const before = times[stream];
  const blank = line.indexOf(32);
  const isContinued = before !== null;
  const time = isContinued ? before : line.subarray(0, Math.max(0, blank)).toString();
  const text = isContinued ? line : line.subarray(blank + 1);
  times[stream] = isPartial ? time : null;
  return { stream, time, text: Buffer.from(text), isPartial };
}
