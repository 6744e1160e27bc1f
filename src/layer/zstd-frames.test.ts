import { expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { ZstdFrames } from "./zstd-frames.ts";

const skippable = Buffer.from("502a4d180300000061626300".slice(0, 22), "hex");
const samples: [string, Buffer][] = [
  ["one frame", Buffer.from(Bun.zstdCompressSync("hello"))],
  ["an empty frame", Buffer.from(Bun.zstdCompressSync(""))],
  ["many blocks", Buffer.from(Bun.zstdCompressSync(randomBytes(400_000)))],
  ["blocks of one byte repeated", Buffer.from(Bun.zstdCompressSync(Buffer.alloc(1_000_000)))],
  [
    "frames with a skippable one",
    Buffer.concat([Bun.zstdCompressSync("a"), skippable, Bun.zstdCompressSync("b")]),
  ],
];

test.each(samples)("ZstdFrames knows where %s ends", (_, bytes) => {
  for (const step of [1, 5, bytes.length]) {
    const frames = new ZstdFrames();
    for (let at = 0; at < bytes.length; at += step) {
      if (at > 0 && bytes.length < 1000 && step === 1 && !boundaries(bytes).includes(at))
        expect(frames.isComplete).toBe(false);
      frames.write(bytes.subarray(at, at + step));
    }
    expect(frames.isComplete).toBe(true);
  }
});

/** Where one of the concatenated frames ends. */
function boundaries(bytes: Buffer): number[] {
  const first = Bun.zstdCompressSync("a").length;
  return bytes.indexOf(skippable) < 0 ? [] : [first, first + skippable.length];
}
