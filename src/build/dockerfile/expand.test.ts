// biome-ignore-all lint/suspicious/noTemplateCurlyInString: they are the subject
import { describe, expect, test } from "bun:test";
import { type Expansion, expandWord, expandWords } from "./expand.ts";

const variables: Readonly<Record<string, string>> = {
  A: "one",
  EMPTY: "",
  SPACES: "a b  c",
  FILE: "/usr/lib/foo.tar.gz",
  NAME: "xx-yy-xx",
  ESC: "a/b/c",
  ÜBER: "u",
};

const plain: Expansion = {
  escapeChar: "\\",
  lookUp: (name) => (Object.hasOwn(variables, name) ? variables[name] : undefined),
};

describe("expandWord()", () => {
  test.each([
    ["plain", "plain"],
    ["$A", "one"],
    ["${A}", "one"],
    ["x${A}y$A.z", "xoneyone.z"],
    ["$A_", ""],
    ["$ÜBER", "u"],
    ["$NONE", ""],
    ["${NONE}", ""],
    ["\\$A", "$A"],
    ["\\${A}", "${A}"],
    ["'$A'", "$A"],
    ['"$A"', "one"],
    ['"\\$A"', "$A"],
    ['"a\\b"', "a\\b"],
    ["a\\b", "ab"],
    ["'a\\b'", "a\\b"],
    [`"it's"`, "it's"],
    [`'say "x"'`, 'say "x"'],
    ["a\\", "a"],
    ["$", "$"],
    ["a$ b", "a$ b"],
    ["cost$", "cost$"],
    ["$1", ""],
    ["$10x", "x"],
    ["$@", ""],
    ["${A:-x}", "one"],
    ["${NONE:-x}", "x"],
    ["${EMPTY:-x}", "x"],
    ["${EMPTY-x}", ""],
    ["${NONE-x}", "x"],
    ["${NONE:-${A}}", "one"],
    ["${NONE:-${NO:-deep}}", "deep"],
    ["${NONE:-'$A'}", "$A"],
    ["${NONE:-a\\}b}", "a}b"],
    ["${A:+x}", "x"],
    ["${EMPTY:+x}", ""],
    ["${EMPTY+x}", "x"],
    ["${NONE+x}", ""],
    ["${A:?gone}", "one"],
    ["${EMPTY?gone}", ""],
    ["${FILE#*/}", "usr/lib/foo.tar.gz"],
    ["${FILE##*/}", "foo.tar.gz"],
    ["${FILE%.*}", "/usr/lib/foo.tar"],
    ["${FILE%%.*}", "/usr/lib/foo"],
    ["${FILE%nothing}", "/usr/lib/foo.tar.gz"],
    ["${FILE#?usr}", "/lib/foo.tar.gz"],
    ["${NONE#x}", ""],
    ["${NAME/xx/zz}", "zz-yy-xx"],
    ["${NAME//xx/zz}", "zz-yy-zz"],
    ["${NAME/x*x/z}", "z"],
    ["${NAME//-/}", "xxyyxx"],
    ["${ESC//\\//.}", "a.b.c"],
    ["${NAME#x\\*}", "xx-yy-xx"],
    ["$SPACES", "a b  c"],
  ])("%s is %s", (text, expected) => {
    expect(expandWord(text, plain)).toBe(expected);
  });

  test.each([
    ["${", "missing '}'"],
    ["${A", "missing '}'"],
    ["${A:", "missing '}'"],
    ["${A:-x", "missing '}'"],
    ["${}", "bad substitution"],
    ["${:-x}", "bad substitution"],
    ["${{A}}", "bad substitution"],
    ["${A^^}", "unsupported modifier (^) in substitution"],
    ["${A:#x}", "unsupported modifier (:#) in substitution"],
    ["${NONE:?}", "NONE: is not allowed to be unset"],
    ["${EMPTY:?}", "EMPTY: is not allowed to be empty"],
    ["${NONE?must be there}", "NONE: must be there"],
    ["'a", "a single quote is not closed"],
    ['"a', "a double quote is not closed"],
    ["${A/x}", "missing '/' in a ${…} substitution"],
    ["${A#\\q}", "invalid escape '\\q' in the pattern \\q"],
    ["${A:-".repeat(70), "substitutions are nested too deeply"],
  ])("%s is refused: %s", (text, message) => {
    expect(() => expandWord(text, plain)).toThrow(message);
  });

  test("a backtick can be the escape character", () => {
    const expansion = { ...plain, escapeChar: "`" } as const;
    expect(expandWord("`$A C:\\dir\\$A", expansion)).toBe("$A C:\\dir\\one");
  });

  test("heredocs know no quotes", () => {
    const expansion = { ...plain, ignoresQuotes: true };
    expect(expandWord(`it's "$A" \\$A`, expansion)).toBe(`it's "one" $A`);
  });

  test("what is not set is told, unless a modifier cares", () => {
    const unset: string[] = [];
    const onUnset = (name: string) => unset.push(name);
    expandWord("$A $X ${Y} ${Z:-1} ${V+1} ${W#a}", { ...plain, onUnset });
    expect(unset).toEqual(["X", "Y", "W"]);
  });

  test("a pattern of many stars takes no longer than it must", () => {
    const value = "a".repeat(2000);
    const expansion = { ...plain, lookUp: () => value };
    expect(expandWord(`\${X##${"*a".repeat(50)}b}`, expansion)).toBe(value);
  });
});

describe("expandWords()", () => {
  test.each<[string, string[]]>([
    ["a b", ["a", "b"]],
    ["  a   b ", ["a", "b"]],
    ['"a b" c', ["a b", "c"]],
    ["'a b'c", ["a bc"]],
    ["$SPACES", ["a", "b", "c"]],
    ['"$SPACES"', ["a b  c"]],
    ["a\\ b", ["a b"]],
    ["$NONE x", ["x"]],
    ["${NONE:-1 2}", ["1", "2"]],
  ])("%s is %j", (text, expected) => {
    expect(expandWords(text, plain)).toEqual(expected);
  });
});
