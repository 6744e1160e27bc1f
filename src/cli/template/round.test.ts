import { expect, test } from "bun:test";
import { significant, toFixedEven } from "./round.ts";

test.each([
  [2.25, 1, "2.2"],
  [2.75, 1, "2.8"],
  [2.35, 1, "2.4"], // a double slightly above 2.35
  [0.5, 0, "0"],
  [1.5, 0, "2"],
  [2.5, 0, "2"],
  [1.23456, 3, "1.235"],
])("toFixedEven(%d, %d) is %s", (size, places, text) => {
  expect(toFixedEven(size, places)).toBe(text);
});

test.each([
  [10.125, 4, 10.12],
  [10.375, 4, 10.38],
  [999.999, 4, 1000],
  [21.571, 3, 21.6],
  [1023.9, 3, 1020],
  [0, 4, 0],
])("significant(%d, %d) is %d", (size, digits, value) => {
  expect(significant(size, digits)).toBe(value);
});
