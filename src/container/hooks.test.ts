import { describe, expect, test } from "bun:test";
import { decodeHook } from "./hooks.ts";

const circumstances = {
  annotations: { "com.example.kind": "gpu" },
  command: "/bin/sh",
  hasBindMounts: true,
};
const hookWith = (when: unknown, more: object = {}) =>
  decodeHook("x.json", {
    version: "1.0.0",
    hook: { path: "/bin/true" },
    when,
    stages: ["createRuntime"],
    ...more,
  });

describe("a hook's conditions", () => {
  test.each([
    [{ always: true }, true],
    [{ always: false }, false],
    [{}, false],
    [{ commands: ["^/bin/"] }, true],
    [{ commands: ["^/sbin/", "sh$"] }, true],
    [{ commands: ["^/sbin/"] }, false],
    [{ annotations: { "^com\\.example": "^g" } }, true],
    [{ annotations: { "^com\\.example": "^c" } }, false],
    [{ annotations: { kind: "gpu", other: "." } }, false],
    [{ hasBindMounts: true }, true],
    [{ hasBindMounts: false }, false],
    [{ always: true, commands: ["nothing"] }, false],
    [{ hasBindMounts: true, commands: ["sh"] }, true],
  ])("%j: %p", (when, expected) => {
    expect(hookWith(when).matches(circumstances)).toBe(expected);
  });

  test("no bind mounts", () => {
    const matches = hookWith({ hasBindMounts: true }).matches;
    expect(matches({ ...circumstances, hasBindMounts: false })).toBe(false);
  });
});

describe("a hook's file", () => {
  test.each([
    ["no object", 1, "not a JSON object"],
    ["an unknown version", { version: "2.0.0" }, 'version "2.0.0"'],
    ["a relative path", { version: "1.0.0", hook: { path: "true" } }, "absolute path"],
    ["a missing program", { version: "1.0.0", hook: { path: "/no/such" } }, "does not exist"],
    ["no conditions", { version: "1.0.0", hook: { path: "/bin/true" } }, "when is missing"],
  ])("refuses %s", (_, value, message) => {
    expect(() => decodeHook("x.json", value)).toThrow(message);
  });

  test.each([
    [{ stages: [] }, "stages must be of"],
    [{ stages: ["later"] }, "stages must be of"],
    [{ hook: { path: "/bin/true", timeout: -1 } }, "hook.timeout"],
    [{ hook: { path: "/bin/true", args: "x" } }, "hook.args must be a list"],
  ])("refuses %j", (more, message) => {
    expect(() => hookWith({ always: true }, more)).toThrow(message);
  });

  test.each([
    [{ commands: ["("] }, "no regular expression"],
    [{ annotations: { a: 1 } }, "when.annotations"],
  ])("refuses the conditions %j", (when, message) => {
    expect(() => hookWith(when)).toThrow(message);
  });
});
