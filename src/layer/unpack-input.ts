/** Where the child that unpacks a layer gets the bytes of the blob from: a pipe, a file, or a file that still grows. */
import { read, readSync } from "node:fs";
import { CooperError } from "../errors.ts";
import type { UnpackRequest } from "./unpack-protocol.ts";

const chunkBytes = 1 << 20;

/** The bytes, and how they are reached. */
export interface UnpackInput {
  readonly descriptor: number;
  /** null: a pipe, which is read to its end. */
  readonly range: { readonly offset: number; readonly length: number } | null;
  /** How much of a growing file there is; at least `wanted` when it resolves. undefined: all, from the start. */
  readonly available?: (wanted: number) => Promise<number>;
}

/** The input that the parent has handed over. */
export function inputOf({ range, growsTo }: UnpackRequest): UnpackInput {
  if (growsTo === null) return { descriptor: 0, range };
  return { descriptor: 3, range: { offset: 0, length: growsTo }, available: growth() };
}

/** Follows what the parent tells of the file. */
function growth(): (wanted: number) => Promise<number> {
  const buffer = Buffer.alloc(64 << 10);
  let held = 0;
  let known = 0;
  const take = (count: number) => {
    held += count;
    const whole = held - (held % 8);
    if (whole > 0) known = Number(buffer.readBigUInt64LE(whole - 8));
    buffer.copyWithin(0, whole, held);
    held -= whole;
  };
  return async (wanted) => {
    while (known < wanted) {
      const count = await new Promise<number>((resolve, reject) => {
        read(0, buffer, held, buffer.length - held, null, (error, size) =>
          error ? reject(error) : resolve(size),
        );
      });
      if (count === 0) throw new CooperError("network", "the download broke off");
      take(count);
    }
    return known;
  };
}

/** Enough of the beginning to tell the compression by. A pipe may give it in small pieces. */
export async function readFirst(input: UnpackInput): Promise<Uint8Array> {
  const { descriptor, range } = input;
  const length = range?.length ?? chunkBytes;
  const there = length === 0 ? 0 : await input.available?.(Math.min(512, length));
  const buffer = Buffer.allocUnsafe(Math.min(chunkBytes, length, there ?? chunkBytes));
  let size = 0;
  while (size < Math.min(512, buffer.length)) {
    const position = range === null ? null : range.offset + size;
    const count = readSync(descriptor, buffer, size, buffer.length - size, position);
    if (count === 0) break;
    size += count;
  }
  return buffer.subarray(0, size);
}

/**
 * The blob in pieces; the next one is read while the last one is worked on.
 *
 * @param keeps whether pieces are still used after the next one was asked for (by a decompressor)
 */
export async function* chunks(
  input: UnpackInput,
  first: Uint8Array,
  keeps: boolean,
): AsyncGenerator<Uint8Array> {
  const { descriptor, range } = input;
  let position = first.length;
  const own = [Buffer.allocUnsafe(chunkBytes), Buffer.allocUnsafe(chunkBytes)] as const;
  let turn = 0;
  const next = async () => {
    const buffer = keeps ? Buffer.allocUnsafe(chunkBytes >> 2) : own[turn++ % 2 === 0 ? 0 : 1];
    const left = range === null ? buffer.length : range.length - position;
    if (left === 0) return buffer.subarray(0, 0);
    const there = await input.available?.(position + 1);
    const wanted = Math.min(buffer.length, left, there === undefined ? left : there - position);
    return readSome(descriptor, buffer, wanted, range === null ? null : range.offset + position);
  };
  let ahead = next();
  if (first.length > 0) yield first;
  for (;;) {
    const chunk = await ahead;
    if (chunk.length === 0) break;
    position += chunk.length;
    ahead = next();
    ahead.catch(() => undefined); // it is awaited above, if anybody goes on
    yield chunk;
  }
  if (range !== null && position < range.length)
    throw new CooperError("corrupt", "the file is shorter than it was");
}

function readSome(
  descriptor: number,
  buffer: Buffer,
  wanted: number,
  position: number | null,
): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    read(descriptor, buffer, 0, wanted, position, (error, count) => {
      if (error) reject(error);
      else resolve(buffer.subarray(0, count));
    });
  });
}
