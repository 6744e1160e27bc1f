import { afterAll, expect, test } from "bun:test";
import { appendFileSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
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
  const entry = parseEntry(Buffer.from(`${line}\n`));
  expect(entry?.stream).toBe(stream as "stdout");
  expect(entry?.text.toString()).toBe(text);
});

test.each(["", "garbage", `${time} stdin F x`, `${time} stdout X x`])(
  "parseEntry() passes over %p",
  (line) => {
    expect(parseEntry(Buffer.from(`${line}\n`))).toBeUndefined();
  },
);

function tail(lines: readonly string[], count: number | null): string {
  const file = join(directory, "log");
  writeFileSync(file, lines.map((line) => `${line}\n`).join(""));
  const reader = new LogReader(file, count);
  const text = read(reader);
  reader.close();
  return text;
}

const read = (reader: LogReader) =>
  [...reader.entries()]
    .flat()
    .map((entry) => entry.text.toString())
    .join("");

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

test("LogReader counts an unfinished line at the end", () => {
  expect(tail([`${time} stdout F a`, `${time} stdout P b`], 1)).toBe("b");
});

/** A log of three files, as conmon rotates it; each line is its number. */
function rotated(): { path: string; write: (line: number) => void; rotate: () => void } {
  const path = join(mkdtempSync(join(directory, "r-")), "ctr.log");
  const write = (line: number) => appendFileSync(path, `${time} stdout F ${line}\n`);
  const rotate = () => {
    for (const [from, to] of [
      [`${path}.1`, `${path}.2`],
      [path, `${path}.1`],
    ] as const) {
      if (Bun.file(from).size > 0) renameSync(from, to);
    }
    writeFileSync(path, "");
  };
  for (const line of [1, 2, 3, 4, 5, 6]) {
    write(line);
    if (line % 2 === 0 && line < 6) rotate();
  }
  return { path, write, rotate };
}

test.each([
  { count: null, text: "1\n2\n3\n4\n5\n6\n" },
  { count: 0, text: "" },
  { count: 2, text: "5\n6\n" },
  { count: 3, text: "4\n5\n6\n" },
  { count: 6, text: "1\n2\n3\n4\n5\n6\n" },
  { count: 9, text: "1\n2\n3\n4\n5\n6\n" },
])("LogReader reads $count lines over the files of a log", ({ count, text }) => {
  const reader = new LogReader(rotated().path, count);
  expect(read(reader)).toBe(text);
  reader.close();
});

test("LogReader follows a log that is rotated several times between two looks", () => {
  const log = rotated();
  const reader = new LogReader(log.path, 1);
  expect(read(reader)).toBe("6\n");
  log.write(7);
  log.rotate();
  log.write(8);
  log.rotate();
  log.write(9);
  expect(read(reader)).toBe("7\n8\n9\n");
  expect(read(reader)).toBe("");
  log.write(10);
  expect(read(reader)).toBe("10\n");
  reader.close();
});

test("LogReader follows a log whose full file is thrown away", () => {
  const log = rotated();
  const reader = new LogReader(log.path, 0);
  expect(read(reader)).toBe("");
  log.write(7);
  writeFileSync(`${log.path}.tmp`, `${time} stdout F 8\n`);
  renameSync(`${log.path}.tmp`, log.path);
  expect(read(reader)).toBe("7\n8\n");
  reader.close();
});
