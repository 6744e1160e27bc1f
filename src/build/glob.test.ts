import { describe, expect, test } from "bun:test";
import { hasGlob, matchesGlob, parseGlob } from "./glob.ts";
import { isIgnored, parseIgnore } from "./ignore.ts";

describe("matchesGlob()", () => {
  test.each([
    ["a", "a", true],
    ["a", "ab", false],
    ["*", "abc", true],
    ["*", "a/b", false],
    ["*.md", "README.md", true],
    ["*.md", "docs/README.md", false],
    ["a?c", "abc", true],
    ["a?c", "a/c", false],
    ["[a-c]x", "bx", true],
    ["[^a-c]x", "bx", false],
    ["[^a-c]x", "dx", true],
    ["[\\]x]y", "]y", true],
    ["a\\*b", "a*b", true],
    ["a\\*b", "axb", false],
    ["**/x", "x", true],
    ["**/x", "a/b/x", true],
    ["**/x", "a/bx", false],
    ["a/**", "a/b/c", true],
    ["a/**", "a", false],
    ["a/**/z", "a/z", true],
    ["a/**/z", "a/b/c/z", true],
    ["a/**/z", "ab/z", false],
    ["**", "a/b", true],
    ["**/*.go", "x/y.go", true],
    ["**/*.go", "y.go", true],
    ["a/*/c", "a/b/c", true],
    ["a/*/c", "a/b/b/c", false],
    ["ä*", "äö", true],
    ["a-b", "a-b", true],
    ["[a\\-]x", "-x", true],
  ])("%s and %s: %p", (pattern, path, fits) => {
    expect(matchesGlob(parseGlob(pattern), path)).toBe(fits);
  });

  test("takes no longer than it must", () => {
    const pattern = parseGlob(`${"*a".repeat(100)}b`);
    expect(matchesGlob(pattern, "a".repeat(4000))).toBe(false);
    expect(matchesGlob(parseGlob("**/".repeat(200)), "a/".repeat(2000))).toBe(true);
  });

  test.each(["[", "[a", "[a-", "\\", "[]"])("refuses %s", (pattern) => {
    expect(() => parseGlob(pattern)).toThrow("syntax error in pattern");
  });

  test("a plain path is none", () => {
    expect(["a/b", "a*", "a?", "[a]", "\\a"].map(hasGlob)).toEqual([false, true, true, true, true]);
  });
});

describe("isIgnored()", () => {
  test.each([
    ["node_modules", "node_modules", true],
    ["node_modules", "node_modules/a/b", true],
    ["node_modules", "src/node_modules", false],
    ["**/node_modules", "src/node_modules/a", true],
    ["/dist/", "dist/x", true],
    ["./dist", "dist", true],
    ["*.md\n!README.md", "README.md", false],
    ["*.md\n!README.md", "OTHER.md", true],
    ["!README.md\n*.md", "README.md", true],
    ["docs\n!docs/keep", "docs/keep", false],
    ["docs\n!docs/keep", "docs/other", true],
    ["docs\n!docs/keep\ndocs/keep/not", "docs/keep/not/x", true],
    ["# comment\n\n  spaced  ", "spaced", true],
    ["#x", "#x", false],
    ["*", "anything/at/all", true],
    ["*\n!src", "src/a", false],
    ["*/temp*", "a/temporary", true],
    ["*/*/temp*", "a/temp", false],
    ["temp?", "tempa", true],
    [".", "x", false],
    ["a/../b", "b", true],
    ["\ufeffa", "a", true],
    ["a\r\nb\r\n", "b", true],
  ])("%j and %s: %p", (text, path, ignored) => {
    expect(isIgnored(parseIgnore(text, ".dockerignore"), path)).toBe(ignored);
  });

  test("says where a pattern is wrong", () => {
    expect(() => parseIgnore("a\n[", ".dockerignore")).toThrow(
      '.dockerignore:2: illegal exclusion pattern: "["',
    );
  });
});
