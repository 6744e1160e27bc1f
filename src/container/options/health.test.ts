import { expect, test } from "bun:test";
import { parseHealthCommand } from "./health.ts";

test.each([
  ["curl -f localhost", ["CMD-SHELL", "curl -f localhost"]],
  ['["curl", "-f"]', ["CMD", "curl", "-f"]],
  ['["CMD", "curl"]', ["CMD", "curl"]],
  ["[ -f /ready ]", ["CMD-SHELL", "[ -f /ready ]"]],
  ["none", ["NONE"]],
  ["", ["NONE"]],
])("parseHealthCommand(%s)", (text, expected) => {
  expect(parseHealthCommand(text)).toEqual(expected);
});

test.each(["[]", "[1]"])("parseHealthCommand(%s) refuses", (text) => {
  expect(() => parseHealthCommand(text)).toThrow("JSON array");
});
