import { expect, test } from "bun:test";
import { nearest } from "./nearest.ts";

const commands = [
  "container",
  "images",
  "kill",
  "logs",
  "ps",
  "restart",
  "rm",
  "run",
  "start",
  "stop",
];

test.each([
  ["stpo", "stop"],
  ["conatiner", "container"],
  ["imgs", "images"],
  ["rnu", "run"],
  ["resta", "restart"], // one slip from nothing, but a beginning
  ["cont", "container"],
  ["bogus", undefined], // two of four letters are no likeness
  ["x", undefined],
  ["", undefined],
  ["p", undefined],
  ["s".repeat(100_000), undefined],
])("nearest(%p) is %p", (typed, expected) => {
  expect(nearest(typed, commands)).toBe(expected as never);
});

test.each([
  ["--naem", "--name"],
  ["-naem", "--name"],
  ["--priviledged", "--privileged"],
  ["--priv", "--privileged"],
  ["--", undefined],
])("nearest(%p) among flags is %p", (typed, expected) => {
  expect(nearest(typed, ["--env", "--name", "--privileged"])).toBe(expected as never);
});
