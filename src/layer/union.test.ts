import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { OpenDirectory, type ReadableDirectory } from "../system/tree-read.ts";
import { isOpaque } from "./pack.ts";
import { openUnion } from "./union.ts";

let place = "";
beforeAll(() => {
  place = mkdtempSync("/tmp/cooper-union-");
  const files: Record<string, string> = {
    "top/both/new": "top",
    "top/both/changed": "top",
    "top/over/inner": "top",
    "top/file": "top",
    "low/both/changed": "low",
    "low/both/old": "low",
    "low/over": "a file that a directory took the place of",
    "low/only/deep": "low",
    "low/file/inner": "low",
  };
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(place, name)), { recursive: true });
    writeFileSync(join(place, name), text);
  }
});
afterAll(() => rmSync(place, { recursive: true, force: true }));

function union(): ReadableDirectory {
  return openUnion([join(place, "top"), join(place, "low")]);
}

describe("openUnion()", () => {
  test("shows names of all, each once", () => {
    using both = union();
    expect(both.names()).toEqual(["both", "file", "only", "over"]);
  });

  test("merges directories, the topmost entry wins", () => {
    using both = union();
    using inner = both.enter("both");
    expect(inner?.names()).toEqual(["changed", "new", "old"]);
    expect(inner?.look("changed")?.size).toBe(3);
    expect(isOpaque(inner?.xattrs(".") ?? new Map())).toBe(false);
  });

  test("a directory upon what is none hides whatever is below all of them", () => {
    using both = union();
    using over = both.enter("over");
    expect(over?.names()).toEqual(["inner"]);
    expect(isOpaque(over?.xattrs(".") ?? new Map())).toBe(true);
  });

  test("a file upon a directory is a file", () => {
    using both = union();
    expect(both.look("file")?.isFile()).toBe(true);
    expect(both.enter("file")).toBeUndefined();
  });

  test("one directory is that directory", () => {
    using only = openUnion([join(place, "low")]);
    expect(only).toBeInstanceOf(OpenDirectory);
  });
});
