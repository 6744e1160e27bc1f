import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LogReader, parseEntry } from "./logs.ts";

const directory = mkdtempSync(join(tmpdir(), "cooper-logs-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const time = "2024-05-17T10:00:00.000000001+00:00";

test.each([
  { line: `${time} stdout F hello`, stream: "stdout", text: "hello\n" },
  { line: `${time} stderr P part`, stream: "stderr", text: "part" },
  { line: `${time} stdout F `, stream: "stdout", text: "\n" },
])("parseEntry() reads $line", ({ line, stream, text }) => {
  const entry = parseEntry(Buffer.from(line));
  expect(entry?.stream).toBe(stream as "stdout");
  expect(entry?.text.toString()).toBe(text);
});

test.each(["", "garbage", `${time} stdin F x`, `${time} stdout X x`])(
  "parseEntry() passes over %p",
  (line) => {
    expect(parseEntry(Buffer.from(line))).toBeUndefined();
  },
);

function tail(lines: readonly string[], count: number | null): string {
  const file = join(directory, "log");
  writeFileSync(file, lines.map((line) => `${line}\n`).join(""));
  const reader = new LogReader(file, count);
  const text = [...reader.entries()].map((entry) => entry.text.toString()).join("");
  reader.close();
  return text;
}

const many = Array.from({ length: 20_000 }, (_, number) => `${time} stdout F line ${number}`);

test.each([
  { count: 0, text: "" },
  { count: 1, text: "line 19999\n" },
  { count: 3, text: "line 19997\nline 19998\nline 19999\n" },
])("LogReader begins $count lines before the end of a large log", ({ count, text }) => {
  expect(tail(many, count)).toBe(text);
});

test("LogReader counts a line in parts once", () => {
  const lines = [
    `${time} stdout F a`,
    `${time} stdout P b1`,
    `${time} stdout P b2`,
    `${time} stdout F b3`,
    `${time} stdout F c`,
  ];
  expect(tail(lines, 2)).toBe("b1b2b3\nc\n");
});

test("LogReader gives all of a log that is shorter than the tail", () => {
  expect(tail([`${time} stdout F a`, `${time} stdout F b`], 10)).toBe("a\nb\n");
});

test.each([5000, 6000, 12345])("LogReader finds a tail of %p lines across chunks", (count) => {
  expect(tail(many, count).split("\n").length).toBe(count + 1);
});
