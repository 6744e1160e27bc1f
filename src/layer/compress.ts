/**
 * Compressing what leaves the store: on all cores, and to the same bytes every time, so that an image
 * that left once leaves again under the same digests.
 */
import { availableParallelism } from "node:os";
import { CooperError } from "../errors.ts";

/**
 * Each block becomes a member (RFC 1952, 2.2) or frame (RFC 8878, 3.1) of its own: what a block becomes
 * depends on nothing before it, and costs less than a hundredth in size.
 */
const blockBytes = 1 << 20;

/**
 * gzip 2 makes layers of Debian 5 % larger than Go's gzip at the level that the peers use, in half of
 * its time; zstd 3 makes them 8 % smaller, in a fifth.
 */
const defaultLevels = { gzip: 2, zstd: 3 } as const;

/** What a thread is asked. */
export interface BlockRequest {
  readonly block: Uint8Array;
  readonly compression: "gzip" | "zstd";
  readonly level: number;
}

/** What it answers. */
export interface BlockAnswer {
  readonly block: Uint8Array;
}

/**
 * The source, compressed. Bytes of the source are copied before the next ones are asked for.
 *
 * @param level null: fast, and nearly as small as the peers' default
 */
export async function* compressed(
  source: AsyncIterable<Uint8Array>,
  compression: "gzip" | "zstd",
  level: number | null = null,
): AsyncGenerator<Uint8Array> {
  const how = { compression, level: checkedLevel(compression, level) };
  const working: Promise<Uint8Array>[] = [];
  try {
    let isEmpty = true;
    for await (const block of inBlocks(source)) {
      isEmpty = false;
      working.push(threads().compress({ ...how, block }));
      if (working.length > 2 * availableParallelism()) yield await next(working);
    }
    if (isEmpty) working.push(threads().compress({ ...how, block: new Uint8Array() }));
    while (working.length > 0) yield await next(working);
  } finally {
    await Promise.allSettled(working); // after a failure nothing goes on unseen
  }
}

function checkedLevel(compression: "gzip" | "zstd", level: number | null): number {
  const most = { gzip: 9, zstd: 22 }[compression];
  if (level === null) return defaultLevels[compression];
  if (level >= 1 && level <= most) return level;
  throw new CooperError(
    "invalid-argument",
    `${compression} has no compression level ${level}: they go from 1 to ${most}`,
  );
}

async function next(working: Promise<Uint8Array>[]): Promise<Uint8Array> {
  const block = await working[0];
  working.shift();
  return block ?? new Uint8Array();
}

async function* inBlocks(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let block = new Uint8Array(blockBytes);
  let used = 0;
  for await (const chunk of source) {
    for (let at = 0; at < chunk.length; ) {
      const size = Math.min(chunk.length - at, blockBytes - used);
      block.set(chunk.subarray(at, at + size), used);
      used += size;
      at += size;
      if (used < blockBytes) continue;
      yield block; // it goes to a thread, and is not ours any more
      block = new Uint8Array(blockBytes);
      used = 0;
    }
  }
  if (used > 0) yield block.slice(0, used);
}

let shared: Threads | undefined;

/** Those of the process; started when first needed. */
function threads(): Threads {
  shared ??= new Threads(availableParallelism());
  return shared;
}

/** A fixed number of threads, each with the block that it works on and one that waits. */
class Threads {
  private readonly workers: { readonly worker: Worker; readonly waiting: Waiting[] }[];

  constructor(count: number) {
    this.workers = Array.from({ length: count }, () => {
      const waiting: Waiting[] = [];
      const worker = new Worker(workerPlace());
      (worker as Worker & { unref(): void }).unref(); // what still compresses when the command ends, nobody waits for
      worker.onmessage = ({ data }: MessageEvent<BlockAnswer>) =>
        waiting.shift()?.resolve(data.block);
      worker.onerror = (event) => {
        event.preventDefault();
        const failure = new CooperError("internal", `cannot compress: ${event.message}`);
        for (const one of waiting.splice(0)) one.reject(failure);
      };
      return { worker, waiting };
    });
  }

  compress(request: BlockRequest): Promise<Uint8Array> {
    const [least] = this.workers.toSorted((a, b) => a.waiting.length - b.waiting.length);
    if (least === undefined)
      throw new CooperError("internal", "there is no thread to compress with");
    return new Promise((resolve, reject) => {
      least.waiting.push({ resolve, reject });
      least.worker.postMessage(request, [request.block.buffer as ArrayBuffer]);
    });
  }
}

interface Waiting {
  resolve(block: Uint8Array): void;
  reject(error: unknown): void;
}

/** The build puts it into the binary as an entry of its own. */
function workerPlace(): string {
  const isCompiled = Bun.main.startsWith("/$bunfs/");
  return isCompiled
    ? "/$bunfs/root/layer/compress-worker.js"
    : new URL("./compress-worker.ts", import.meta.url).href;
}
