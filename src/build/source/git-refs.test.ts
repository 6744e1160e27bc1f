import { describe, expect, test } from "bun:test";
import { chooseRef, parseModules, parseTreeEntry } from "./git-refs.ts";

const [a, b, c, d] = ["a".repeat(40), "b".repeat(40), "c".repeat(40), "d".repeat(40)] as const;
const listing = [
  `${a}\tHEAD`,
  `${a}\trefs/heads/main`,
  `${b}\trefs/heads/deep/main`,
  `${c}\trefs/tags/main`,
  `${c}\trefs/tags/v1`,
  `${d}\trefs/tags/v1^{}`,
].join("\n");

describe("chooseRef()", () => {
  test.each([
    [null, { name: "HEAD", commit: a, object: a }],
    ["main", { name: "refs/heads/main", commit: a, object: a }],
    ["deep/main", { name: "refs/heads/deep/main", commit: b, object: b }],
    ["tags/main", { name: "refs/tags/main", commit: c, object: c }],
    ["v1", { name: "refs/tags/v1", commit: d, object: c }],
    ["refs/tags/v1", { name: "refs/tags/v1", commit: d, object: c }],
  ])("finds %p", (wanted, expected) => {
    expect(chooseRef(listing, wanted)).toEqual(expected);
  });

  test.each(["mai", "v2", "refs/heads/v1"])("does not take anything for %s", (wanted) => {
    expect(chooseRef(listing, wanted)).toBeUndefined();
  });

  test("believes no ids that are none", () => {
    expect(chooseRef("--upload-pack=x\tHEAD", null)).toBeUndefined();
  });
});

describe("parseTreeEntry()", () => {
  test.each([
    [`100644 blob ${a}      12\ta b`, { mode: "100644", object: a, bytes: 12, path: "a b" }],
    [`160000 commit ${b}       -\td/e`, { mode: "160000", object: b, bytes: null, path: "d/e" }],
    ["nonsense", undefined],
  ])("reads %s", (line, expected) => {
    expect(parseTreeEntry(line)).toEqual(expected);
  });
});

describe("parseModules()", () => {
  test("gives URLs by path, whatever the names are", () => {
    const text = [
      "submodule.x.path\ndeps/x/",
      "submodule.x.url\n../x.git",
      "submodule.a.b.url\nhttps://h/b",
      "submodule.a.b.path\nb",
      "submodule.lost.path\nl",
      "core.sshcommand\nevil",
    ].join("\0");
    expect([...parseModules(text)]).toEqual([
      ["deps/x", "../x.git"],
      ["b", "https://h/b"],
    ]);
  });
});
