import { describe, expect, test } from "bun:test";
import type { Progress } from "../../build/progress.ts";
import { type ProgressKind, progressKind } from "./choose.ts";
import { noColors } from "./colors.ts";
import { plainProgress } from "./plain.ts";
import { quietProgress } from "./quiet.ts";
import { rawjsonProgress } from "./rawjson.ts";
import { StepLog, shownLine } from "./step-log.ts";
import { ttyProgress } from "./tty.ts";

test.each([
  { line: "plain", shown: "plain" },
  { line: "\x1b[1;31mred\x1b[0m", shown: "red" },
  { line: "\x1b]0;title\x07after", shown: "after" },
  { line: "\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", shown: "link" },
  { line: "\x1bPdevice\x1b\\after", shown: "after" },
  { line: "\x1b(Bset\x1b7\x1b8", shown: "set" },
  { line: " 10%\r 50%\r100%", shown: "100%" },
  { line: "ends\r", shown: "ends" },
  { line: "a\x1b[2Jb\x1b[999;999Hc", shown: "abc" },
  { line: "\x9b31mC1\x07\x08", shown: "\\x9b31mC1\\x07\\x08" },
  { line: "unfinished \x1b[31", shown: "unfinished \\x1b[31" },
  { line: "never ends \x1b]0;x", shown: "never ends \\x1b]0;x" },
  { line: "\u202eright to left", shown: "\\u202eright to left" },
])("shownLine($line)", ({ line, shown }) => {
  expect(shownLine(line)).toBe(shown);
});

test("shownLine() takes time in proportion to the line", () => {
  const hostile = "\x1b[1;".repeat(1 << 16) + "\x1b]".repeat(1 << 16);
  const begunAt = performance.now();
  shownLine(hostile);
  expect(performance.now() - begunAt).toBeLessThan(2000);
});

test("StepLog cuts what it is given into lines, wherever the pieces end", () => {
  const log = new StepLog("t", 0);
  const euro = Buffer.from("€\n");
  expect(log.push(Buffer.from("one\ntw"), 1000)).toEqual(["1.000 one"]);
  expect(log.push(Buffer.from("o\n"), 12_345)).toEqual(["12.35 two"]);
  expect(log.push(euro.subarray(0, 1), 20_000)).toEqual([]);
  expect(log.push(euro.subarray(1), 123_456)).toEqual(["123.5 €"]);
  expect(log.push(Buffer.from("\x1b[3"), 0)).toEqual([]);
  expect(log.push(Buffer.from("1mrest"), 0)).toEqual([]);
  expect(log.lastLines(2)).toEqual(["€", "rest"]);
  expect(log.finish(2_000_000)).toEqual(["2000 rest"]);
});

test("StepLog keeps a bounded part of a line without an end, and of many lines", () => {
  const log = new StepLog("t", 0);
  const lines = log.push(Buffer.alloc(1 << 20, "x"), 0);
  expect(Math.max(...lines.map(({ length }) => length))).toBeLessThan(20_000);
  for (let n = 0; n < 10_000; n++) log.push(Buffer.from(`line ${n}\n`), 0);
  expect(log.ending().length).toBeLessThan(70_000);
  expect(log.ending()).toEndWith("0.000 line 9999\n------\n");
});

const bytes = (text: string) => Buffer.from(text);

function plain(act: (progress: Progress, wait: (ms: number) => void) => void): string {
  let told = "";
  let now = 0;
  const progress = plainProgress(
    (text) => {
      told += text;
    },
    () => now,
  );
  act(progress, (ms) => {
    now += ms;
  });
  progress.end();
  return told;
}

describe("plainProgress()", () => {
  test("one after the other", () => {
    const told = plain((progress, wait) => {
      progress.cached(1, "[a 1/2] RUN x <<EOF\nmore");
      progress.started(7, "[a 2/2] RUN y");
      wait(123);
      progress.output(7, bytes("text\nrest"));
      wait(900);
      progress.failed(7, "[a 2/2] RUN y", "exit code: 1\nexcerpt");
    });
    expect(told).toBe(`#1 [a 1/2] RUN x <<EOF
#1 CACHED

#2 [a 2/2] RUN y
#2 0.123 text
#2 1.023 rest
#2 ERROR: exit code: 1
------
 > [a 2/2] RUN y:
0.123 text
1.023 rest
------
`);
  });

  test("those at the same time take turns", () => {
    const told = plain((progress, wait) => {
      progress.started(1, "one");
      progress.started(2, "two");
      progress.output(2, bytes("waits\n"));
      progress.output(1, bytes("goes\n"));
      progress.started(3, "three");
      progress.done(3);
      progress.output(1, bytes("goes on\n"));
      wait(6000);
      progress.output(2, bytes("waited long\n"));
      progress.output(1, bytes("is late\n"));
      progress.done(2);
      progress.cancelled(1);
      progress.cancelled(9);
    });
    expect(told).toBe(`#1 one
#1 0.000 goes
#1 ...

#3 three
#3 DONE 0.0s

#2 two
#2 0.000 waits
#2 6.000 waited long
#2 ...

#1 one
#1 0.000 goes on
#1 6.000 is late
#1 ...

#2 two
#2 DONE 6.0s

#1 one
#1 CANCELED
`);
  });
});

test("quietProgress() tells the end of what a failed step printed", () => {
  let told = "";
  const progress = quietProgress((text) => {
    told += text;
  });
  progress.started(1, "fine");
  progress.output(1, bytes("unseen\n"));
  progress.done(1);
  progress.started(2, "bad");
  progress.output(2, bytes("why\n"));
  progress.failed(2, "bad", "message");
  expect(told).toMatch(/^------\n > bad:\n0\.0\d\d why\n------\n$/);
});

test("rawjsonProgress() tells BuildKit's SolveStatus", () => {
  const lines: Record<string, unknown[]>[] = [];
  const progress = rawjsonProgress(
    (text) => lines.push(JSON.parse(text)),
    () => new Date(0),
  );
  const told = (key: number, inputs: number[]) => ({ key, title: `t${key}`, inputs, facts: "f" });
  progress.planned([told(0, []), told(1, [0])]);
  progress.started(1, "t1");
  progress.output(1, bytes("hi"));
  progress.failed(1, "t1", "bad");
  progress.cancelled(0);
  const vertices = lines.flatMap(({ vertexes = [] }) => vertexes) as Record<string, unknown>[];
  const [zero, one, started, ended] = vertices;
  expect(vertices).toHaveLength(4);
  expect(zero).toEqual({ digest: zero?.digest, inputs: [], name: "t0" });
  expect(one).toEqual({ digest: one?.digest, inputs: [zero?.digest], name: "t1" });
  expect(started).toEqual({ ...one, started: "1970-01-01T00:00:00.000Z" });
  expect(ended).toEqual({ ...started, completed: "1970-01-01T00:00:00.000Z", error: "bad" });
  expect(lines.flatMap(({ logs = [] }) => logs)).toEqual([
    { vertex: one?.digest, stream: 1, data: "aGk=", timestamp: "1970-01-01T00:00:00.000Z" },
  ]);
});

test("ttyProgress() writes a frame at once, over the one before, and leaves the cursor shown", () => {
  const writes: string[] = [];
  let columns = 41;
  const progress = ttyProgress({
    write: (text) => writes.push(text),
    size: () => ({ rows: 24, columns }),
    colors: noColors,
    logLines: 6,
    now: () => 0,
  });
  progress.planned([{ key: 0, title: "t0", inputs: [], facts: "" }]);
  progress.started(0, "t\x1b[2J0");
  columns = 24; // what was as wide as 40 columns takes two lines each now
  progress.note("careful");
  progress.done(0);
  progress.warned("Rule: found");
  progress.end();
  progress.end();
  const [first = "", noted = "", last = "", warnings, ...more] = writes;
  expect(first).toBe(
    "\x1b[?25l\r\x1b[2K[+] Building 0.0s (0/1)           cooper\n" +
      "\x1b[2K => t\\x1b[2J0                       0.0s\n\x1b[J\x1b[?25h",
  );
  expect(noted).toStartWith("\x1b[?25l\r\x1b[4A\x1b[JWarning: careful\n\x1b[2K[+] Building");
  expect(last).toStartWith("\x1b[?25l\r\x1b[2A\x1b[2K[+]");
  expect(last).toContain("(1/1");
  expect(warnings).toContain(" 1 warning found");
  expect(more).toEqual([]);
});

test.each<{
  given?: ProgressKind;
  isQuiet?: boolean;
  env?: Record<string, string>;
  isOnTerminal: boolean;
  kind: string;
}>([
  { isOnTerminal: true, kind: "tty" },
  { isOnTerminal: false, kind: "plain" },
  { isOnTerminal: true, env: { TERM: "dumb" }, kind: "plain" },
  { isOnTerminal: true, env: { BUILDKIT_PROGRESS: "plain" }, kind: "plain" },
  { isOnTerminal: true, env: { BUILDKIT_PROGRESS: "plain" }, given: "tty", kind: "tty" },
  { isOnTerminal: true, env: { BUILDKIT_PROGRESS: "plain" }, given: "auto", kind: "tty" },
  { isOnTerminal: true, given: "rawjson", isQuiet: true, kind: "quiet" },
])("progressKind($given, $env) is $kind", ({ given, isQuiet = false, env = {}, ...rest }) => {
  expect(progressKind(given, isQuiet, env, rest.isOnTerminal)).toBe(rest.kind as "tty");
});

test("progressKind() refuses an unknown word of the environment", () => {
  expect(() => progressKind(undefined, false, { BUILDKIT_PROGRESS: "loud" }, true)).toThrow(
    "BUILDKIT_PROGRESS=loud",
  );
});
