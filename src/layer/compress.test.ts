import { expect, test } from "bun:test";
import { gunzipSync, zstdDecompressSync } from "node:zlib";
import { compressed } from "./compress.ts";

const sample = Buffer.from(Array.from({ length: 3 << 20 }, (_, at) => (at * at) >> 7));

async function* inPieces(bytes: Buffer, size: number) {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function all(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  return Buffer.concat(parts);
}

test.each([
  ["gzip", gunzipSync],
  ["zstd", zstdDecompressSync],
] as const)("compressed() gives the same %s whatever pieces come", async (compression, undo) => {
  const whole = await all(compressed(inPieces(sample, sample.length), compression));
  const pieces = await all(compressed(inPieces(sample, 10_007), compression));
  expect(pieces.equals(whole)).toBe(true);
  expect(undo(whole).equals(sample)).toBe(true);
});

test("compressed() makes valid data of nothing", async () => {
  expect(gunzipSync(await all(compressed(inPieces(sample, 4096), "gzip", 1))).length).toBe(
    sample.length,
  );
  expect(gunzipSync(await all(compressed(inPieces(Buffer.alloc(0), 1), "gzip"))).length).toBe(0);
});

test("compressed() passes on the failure of its source", async () => {
  const failing = async function* () {
    yield sample;
    throw new Error("gone");
  };
  expect(all(compressed(failing(), "gzip"))).rejects.toThrow("gone");
});
