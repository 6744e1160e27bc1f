import { expect, test } from "bun:test";
import { DetachKeys, parseDetachKeys } from "./detach-keys.ts";

test.each([
  ["ctrl-p,ctrl-q", [16, 17]],
  ["a", [97]],
  ["ctrl-@", [0]],
  ["ctrl-[,x", [27, 120]],
  ["", []],
])("parseDetachKeys() reads %p", (text, bytes) => {
  expect([...parseDetachKeys(text)]).toEqual(bytes);
});

test.each(["ctrl-", "ctrl-1", "ab", "a,,b", "ctrl-p;q"])("parseDetachKeys() refuses %p", (text) => {
  expect(() => parseDetachKeys(text)).toThrow(/invalid detach keys/);
});

test.each([
  { title: "passes what is no key", chunks: ["abc"], output: "abc", isComplete: false },
  {
    title: "finds the sequence in one chunk",
    chunks: ["ab\x10\x11cd"],
    output: "ab",
    isComplete: true,
  },
  { title: "finds it across chunks", chunks: ["\x10", "\x11"], output: "", isComplete: true },
  {
    title: "gives back a beginning that came to nothing",
    chunks: ["\x10", "x"],
    output: "\x10x",
    isComplete: false,
  },
  {
    title: "begins again after a repeated first key",
    chunks: ["\x10\x10\x11"],
    output: "\x10",
    isComplete: true,
  },
])("DetachKeys $title", ({ chunks, output, isComplete }) => {
  const keys = new DetachKeys(parseDetachKeys("ctrl-p,ctrl-q"));
  const results = chunks.map((chunk) => keys.filter(Buffer.from(chunk)));
  expect(Buffer.concat(results.map(({ bytes }) => bytes)).toString()).toBe(output);
  expect(results.at(-1)?.isComplete).toBe(isComplete);
});

test("DetachKeys without keys changes nothing", () => {
  const input = Buffer.from("\x10\x11");
  expect(new DetachKeys(new Uint8Array()).filter(input)).toEqual({
    bytes: input,
    isComplete: false,
  });
});
