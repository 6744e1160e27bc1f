import { expect, test } from "bun:test";
import { colorsOf, noColors } from "./colors.ts";
import { type FrameOptions, frameOf, type StepView } from "./frame.ts";

const step = (title: string, more: Partial<StepView> = {}): StepView => ({
  title,
  begunAt: 0,
  endedAt: null,
  outcome: "running",
  parts: [],
  lines: [],
  ...more,
});
const done = (title: string, endedAt: number) => step(title, { endedAt, outcome: "done" });
const plain = {
  now: 12_340,
  rows: 24,
  columns: 61,
  logLines: 3,
  colors: noColors,
  isLast: false,
} as const;

const everything = [
  step("[a 2/3] COPY . /src", { endedAt: 20, outcome: "cached" }),
  done("[a 1/3] FROM base", 1250),
  step("[internal] load metadata for base", {
    parts: [["sha256:0123456789ab", "1.20MB / 3.40MB"]],
  }),
  step("[a 3/3] RUN make", { begunAt: 340, lines: ["one", "two", "three", "four"] }),
  step("[b 2/2] RUN false", { endedAt: 900, outcome: "failed", lines: ["not shown"] }),
  step("[b 1/2] RUN sleep 100", { endedAt: 1000, outcome: "cancelled" }),
];

test.each<{
  name: string;
  steps: readonly StepView[];
  total: number;
  options?: Partial<FrameOptions>;
  frame: readonly string[];
}>([
  {
    name: "steps of every kind, with what they print",
    steps: everything,
    total: 9,
    frame: [
      "[+] Building 12.3s (4/9)                              cooper",
      " => CACHED [a 2/3] COPY . /src                          0.0s",
      " => [a 1/3] FROM base                                   1.3s",
      " => [internal] load metadata for base                  12.3s",
      " => => sha256:0123456789ab 1.20MB / 3.40MB",
      " => [a 3/3] RUN make                                   12.0s",
      " => => # two",
      " => => # three",
      " => => # four",
      " => ERROR [b 2/2] RUN false                             0.9s",
      " => CANCELED [b 1/2] RUN sleep 100                      1.0s",
    ],
  },
  {
    name: "a low terminal folds what is printed, then what has ended, before what goes on",
    steps: everything,
    total: 9,
    options: { rows: 6 },
    frame: [
      "[+] Building 12.3s (4/9)                              cooper",
      " => [internal] load metadata for base                  12.3s",
      " => => sha256:0123456789ab 1.20MB / 3.40MB",
      " => [a 3/3] RUN make                                   12.0s",
      " => CANCELED [b 1/2] RUN sleep 100                      1.0s",
    ],
  },
  {
    name: "several that print share the room",
    steps: [
      step("a", { lines: ["1", "2", "3"] }),
      step("b", { lines: ["4"] }),
      step("c", { lines: ["5", "6", "7"] }),
    ],
    total: 3,
    options: { rows: 10, columns: 31 },
    frame: [
      "[+] Building 12.3s (0/3)",
      " => a                    12.3s",
      " => => # 2",
      " => => # 3",
      " => b                    12.3s",
      " => => # 4",
      " => c                    12.3s",
      " => => # 6",
      " => => # 7",
    ],
  },
  {
    name: "a narrow terminal cuts titles",
    steps: [done("[stage-0 2/2] RUN apt-get update && apt-get install", 3210)],
    total: 2,
    options: { columns: 41 },
    frame: ["[+] Building 12.3s (1/2)          cooper", " => [stage-0 2/2] RUN apt-get updat 3.2s"],
  },
  {
    name: "wide characters count twice and are not cut in two",
    steps: [done("echo 日本語日本語日本語", 3210)],
    total: 2,
    options: { columns: 30 },
    frame: ["[+] Building 12.3s (1/2)", " => echo 日本語日本語日  3.2s"],
  },
  {
    name: "a very narrow one is shown the header alone",
    steps: everything,
    total: 9,
    options: { columns: 12 },
    frame: ["[+] Buildin"],
  },
  {
    name: "the last frame has all steps, whatever the height, and says that it is over",
    steps: [done("a", 100), done("b", 200), done("c", 300)],
    total: 3,
    options: { rows: 3, columns: 41, isLast: true },
    frame: [
      "[+] Building 12.3s (3/3) FINISHED cooper",
      " => a                               0.1s",
      " => b                               0.2s",
      " => c                               0.3s",
    ],
  },
])("frameOf(): $name", ({ steps, total, options, frame }) => {
  const lines = frameOf({ begunAt: 0, total, steps }, { ...plain, ...options });
  expect(lines.map(({ text }) => text)).toEqual([...frame]);
  for (const { text, width } of lines) {
    expect(width).toBe(Bun.stringWidth(text));
    expect(width).toBeLessThan(options?.columns ?? plain.columns);
  }
});

test("frameOf() never makes more lines than fit, nor wider ones", () => {
  const steps = Array.from({ length: 30 }, (_, n) =>
    step(`s${n}`, {
      lines: ["x".repeat(500)],
      ...(n % 3 === 0 && { endedAt: n, outcome: "done" }),
    }),
  );
  for (let rows = 1; rows < 50; rows++)
    for (const columns of [1, 2, 7, 20, 21, 80, 200]) {
      const lines = frameOf({ begunAt: 0, total: 30, steps }, { ...plain, rows, columns });
      expect(lines.length).toBeLessThanOrEqual(Math.max(1, rows - 1));
      for (const { width } of lines) expect(width).toBeLessThan(Math.max(columns, 1));
    }
});

test("frameOf() colours what has ended", () => {
  const { colors } = colorsOf({});
  const texts = frameOf({ begunAt: 0, total: 9, steps: everything }, { ...plain, colors });
  expect(texts.map(({ text }) => /^\x1b\[(\d+)m.*\x1b\[0m$/.exec(text)?.[1] ?? "")).toEqual([
    "",
    "34",
    "34",
    "",
    "",
    "",
    "2",
    "2",
    "2",
    "31",
    "33",
  ]);
});

test.each([
  { env: {}, run: "\x1b[34m", problems: [] },
  { env: { NO_COLOR: "1", BUILDKIT_COLORS: "run=red" }, run: "", problems: [] },
  { env: { NO_COLOR: "", BUILDKIT_COLORS: "run=red" }, run: "\x1b[31m", problems: [] },
  { env: { BUILDKIT_COLORS: "run=light-green:error=1,2,3" }, run: "\x1b[92m", problems: [] },
  { env: { BUILDKIT_COLORS: "run=123,20,245" }, run: "\x1b[38;2;123;20;245m", problems: [] },
  {
    env: { BUILDKIT_COLORS: "run=orange:x=red:run=1,2,256:run" },
    run: "\x1b[34m",
    problems: ["run=orange", "x=red", "run=1,2,256", "run"],
  },
])("colorsOf($env)", ({ env, run, problems }) => {
  const read = colorsOf(env);
  expect(read.colors.run).toBe(run);
  expect(read.problems).toEqual(problems);
});
