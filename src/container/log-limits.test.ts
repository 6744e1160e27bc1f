import { expect, test } from "bun:test";
import { logLimits, logRotation } from "./log-limits.ts";

const mebibyte = 1 << 20;

test.each([
  { title: "the configured whole", options: {}, expected: { fileBytes: 20 * mebibyte, files: 5 } },
  {
    title: "max-size alone",
    options: { "max-size": "10m" },
    expected: { fileBytes: 10 * mebibyte, files: 1 },
  },
  {
    title: "max-size and max-file",
    options: { "max-size": "1k", "max-file": "3" },
    expected: { fileBytes: 1024, files: 3 },
  },
  {
    title: "max-file alone",
    options: { "max-file": "2" },
    expected: { fileBytes: 50 * mebibyte, files: 2 },
  },
  {
    title: "no limit",
    options: { "max-size": "-1" },
    expected: { fileBytes: null, files: 1 },
  },
])("logLimits() of $title", ({ options, expected }) => {
  expect(logLimits(options as Record<string, string>, 100 * mebibyte)).toEqual(expected);
});

test("logLimits() without any limit configured", () => {
  expect(logLimits({}, null)).toEqual({ fileBytes: null, files: 5 });
});

test.each(["0", "-1", "many", "1001"])("max-file %p is refused", (text) => {
  expect(() => logLimits({ "max-file": text }, null)).toThrow("max-file");
});

const limits = { fileBytes: 100, files: 3 };

test.each([
  {
    title: "conmon that rotates",
    canRotate: true,
    present: 250,
    expected: { maxBytes: 100, olderFiles: 2, startsAnew: false },
  },
  {
    title: "an older conmon and no log",
    canRotate: false,
    present: 0,
    expected: { maxBytes: 300, olderFiles: 0, startsAnew: false },
  },
  {
    title: "an older conmon and some log",
    canRotate: false,
    present: 140,
    expected: { maxBytes: 160, olderFiles: 0, startsAnew: false },
  },
  {
    title: "an older conmon and much log",
    canRotate: false,
    present: 150,
    expected: { maxBytes: 300, olderFiles: 0, startsAnew: true },
  },
])("logRotation() for $title", ({ canRotate, present, expected }) => {
  expect(logRotation(limits, canRotate, present)).toEqual(expected);
});

test("logRotation() without a limit does nothing", () => {
  expect(logRotation({ fileBytes: null, files: 3 }, true, 1e12)).toEqual({
    maxBytes: null,
    olderFiles: 0,
    startsAnew: false,
  });
});
