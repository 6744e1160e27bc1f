import { describe, expect, test } from "bun:test";
import { type CopyTarget, parseCopyEnd, planCopy, planExtraction } from "./plan.ts";

test.each([
  ["-", { kind: "stream" }],
  ["web:/etc", { kind: "container", container: "web", path: "/etc" }],
  ["web:etc", { kind: "container", container: "web", path: "etc" }],
  ["web:", { kind: "container", container: "web", path: "" }],
  ["./web:/etc", { kind: "host", path: "./web:/etc" }],
  ["/a:b", { kind: "host", path: "/a:b" }],
  ["dir/a:b", { kind: "host", path: "dir/a:b" }],
  [":x", { kind: "host", path: ":x" }],
  ["file", { kind: "host", path: "file" }],
] as const)("parseCopyEnd(%s)", (text, end) => {
  expect(parseCopyEnd(text)).toEqual(end);
});

const file = { name: "f", isDirectory: false, isContents: false };
const directory = { name: "d", isDirectory: true, isContents: false };
const contents = { name: "d", isDirectory: true, isContents: true };
const target = (is: CopyTarget["is"], more: Partial<CopyTarget> = {}): CopyTarget => ({
  path: "/x/y",
  is,
  hasParent: true,
  isMeantAsDirectory: false,
  shown: "c:/x/y",
  ...more,
});

describe("planCopy()", () => {
  test.each([
    ["a file to nothing", file, target("missing"), { directory: "/x", name: "y" }],
    ["a file over a file", file, target("file"), { directory: "/x", name: "y" }],
    ["a file into a directory", file, target("directory"), { directory: "/x/y", name: "f" }],
    ["a directory to nothing", directory, target("missing"), { directory: "/x", name: "y" }],
    [
      "a directory to nothing/",
      directory,
      target("missing", { isMeantAsDirectory: true }),
      { directory: "/x", name: "y" },
    ],
    [
      "a directory into a directory",
      directory,
      target("directory"),
      { directory: "/x/y", name: "d" },
    ],
    ["contents into a directory", contents, target("directory"), { directory: "/x/y", name: null }],
    ["contents to nothing", contents, target("missing"), { directory: "/x", name: "y" }],
  ])("%s", (_, source, to, plan) => {
    expect(planCopy(source, to)).toEqual(plan);
  });

  test.each([
    ["a directory over a file", directory, target("file"), "over the file"],
    [
      "a file to nothing/",
      file,
      target("missing", { isMeantAsDirectory: true }),
      "no directory c:/x/y",
    ],
    ["a file over file/", file, target("file", { isMeantAsDirectory: true }), "is no directory"],
    ["where there is no parent", file, target("missing", { hasParent: false }), "no directory /x"],
  ])("refuses %s", (_, source, to, why) => {
    expect(() => planCopy(source, to)).toThrow(why);
  });
});

test("planExtraction() wants a directory", () => {
  expect(planExtraction(target("directory"))).toEqual({ directory: "/x/y", name: null });
  expect(() => planExtraction(target("file"))).toThrow("is no directory");
  expect(() => planExtraction(target("missing"))).toThrow("is no directory");
});
