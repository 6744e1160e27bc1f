import { expect, test } from "bun:test";
import { criuStatistics } from "./statistics.ts";

const head = [0, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0];

test("criuStatistics() reads what a dump counted", () => {
  const message = [0x0a, 8, 0x08, 0x96, 0x01, 0x10, 0x05, 0x38, 0x80, 0x02];
  expect(criuStatistics(Uint8Array.from([...head, ...message]))).toEqual({
    freezing_time: 150,
    frozen_time: 5,
    pages_written: 256,
  });
});

test("criuStatistics() reads what a restore counted", () => {
  const message = [0x12, 4, 0x18, 0x07, 0x20, 0x09];
  expect(criuStatistics(Uint8Array.from([...head, ...message]))).toEqual({
    forking_time: 7,
    restore_time: 9,
  });
});

test.each([[[]], [head], [[...head, 0x0d, 1, 2]], [[...head, 0x0a, 200, 1]]])(
  "criuStatistics() takes %p for nothing",
  (bytes) => {
    expect(criuStatistics(Uint8Array.from(bytes))).toEqual({});
  },
);
