// biome-ignore-all lint/suspicious/noTemplateCurlyInString: HCL writes its own templates like that
import { describe, expect, test } from "bun:test";
import { evaluate, type Scope } from "./evaluate.ts";
import { parseHcl } from "./parse.ts";
import { hclError } from "./scanner.ts";
import { fromJson, toJson } from "./value.ts";

const names = fromJson({
  a: "A",
  n: 3,
  yes: true,
  none: null,
  list: ["x", "y", "z"],
  object: { k: "v", j: { deep: [1, 2] } },
  people: [
    { name: "ann", age: 1 },
    { name: "bob", age: 2 },
  ],
}) as ReadonlyMap<string, never>;

function value(text: string): unknown {
  const file = parseHcl("test.hcl", `v = ${text}\n`);
  const scope: Scope = {
    variable: (name) => names.get(name),
    call: () => undefined,
    error: (at, message) => hclError("test.hcl", file.text, at, message),
  };
  const [attribute] = file.body.attributes;
  if (attribute === undefined) throw new Error("no attribute");
  return toJson(evaluate(attribute.value, scope));
}

describe("expressions", () => {
  test.each<[text: string, expected: unknown]>([
    ["1 + 2 * 3", 7],
    ["(1 + 2) * 3", 9],
    ["-n + 10 % 4", -1],
    ["10 / 4", 2.5],
    ["1e3", 1000],
    ["2 > 1 && 1 >= 1 && !(1 == 2)", true],
    ["false || n != 3", false],
    ["false && none", false],
    ["yes ? a : missing", "A"],
    ['"1" + 1', 2],
    ['a == "A" ? 1 : 2', 1],
    ["[1, 2,\n 3,]", [1, 2, 3]],
    ["{a = 1, b: 2\n c = 3}", { a: 1, b: 2, c: 3 }],
    ['{"${a}x" = 1, (a) = 2}', { Ax: 1, A: 2 }],
    ["list[1]", "y"],
    ["list.0", "x"],
    ['object["k"]', "v"],
    ["object.j.deep[1]", 2],
    ["people.*.name", ["ann", "bob"]],
    ["people[*].age", [1, 2]],
    ["people[*].name[0]", "error"],
    ["none.*.x", []],
    ["a.*", ["A"]],
    ["[for x in list : upper(x)]", ["X", "Y", "Z"]],
    ['[for i, x in list : "${i}${x}" if i > 0]', ["1y", "2z"]],
    ["{for p in people : p.name => p.age}", { ann: 1, bob: 2 }],
    ['{for p in people : "all" => p.name...}', { all: ["ann", "bob"] }],
    ["max(list...)", "error"],
    ["max([1, 5, 2]...)", 5],
    ["upper(\n  a,\n)", "A"],
    ["/* c */ 1 // d", 1],
    ["1 # c", 1],
  ])("%s", (text, expected) => {
    if (expected === "error") expect(() => value(text)).toThrow();
    else expect(value(text)).toEqual(expected);
  });
});

describe("templates", () => {
  test.each<[text: string, expected: unknown]>([
    ['"plain"', "plain"],
    ['"a${n}b${yes}"', "a3btrue"],
    ['"${list}"', ["x", "y", "z"]],
    ['"${"${a}"}-${join(",", ["${a}"])}"', "A-A"],
    ['"$${a} %%{x} $a 100%"', "${a} %{x} $a 100%"],
    ['"\\n\\t\\"\\\\\\u00e9\\U0001F600"', '\n\t"\\é😀'],
    ['"%{ if yes }on%{ else }off%{ endif }"', "on"],
    ['"%{ for x in list }[${x}]%{ endfor }"', "[x][y][z]"],
    ['"a  ${~ a ~}  b"', "aAb"],
    ["<<EOF\nline ${a}\n  two \\n\nEOF", "line A\n  two \\n\n"],
    ["<<-EOF\n    one\n      two\n\n    EOF", "one\n  two\n\n"],
    ["<<EOF\nEOF", ""],
    ['[<<EOF\nx\nEOF\n, "y"]', ["x\n", "y"]],
  ])("%s", (text, expected) => {
    expect(value(text)).toEqual(expected);
  });
});

describe("functions", () => {
  test.each<[text: string, expected: unknown]>([
    ["add(123, 1)", 124],
    ["subtract(5, 2) + multiply(2, 3) + divide(9, 3) + modulo(7, 4)", 15],
    [
      "[ceil(1.2), floor(1.8), int(-1.8), absolute(-2), negate(1), signum(-9)]",
      [2, 1, -1, 2, -1, -1],
    ],
    ['[pow(2, 10), min(3, 1, 2), parseint("ff", 16)]', [1024, 1, 255]],
    [
      "[and(true, false), or(true, false), not(true), equal(1, 1), notequal(1, 1)]",
      [false, true, false, true, false],
    ],
    [
      "[greaterthan(2, 1), lessthan(2, 1), greaterthanorequalto(1, 1), lessthanorequalto(2, 1)]",
      [true, false, true, false],
    ],
    ['[basename("/a/b.c"), dirname("/a/b.c")]', ["b.c", "/a"]],
    ['[base64encode("é"), base64decode("w6k=")]', ["w6k=", "é"]],
    [
      '[lower("AB"), upper("ab"), title("two words"), reverse("abc"), strlen("日本")]',
      ["ab", "AB", "Two Words", "cba", 2],
    ],
    [
      '[trim("  x ", " "), trimspace("\\n x "), trimprefix("v1", "v"), trimsuffix("a.b", ".b"), chomp("x\\n")]',
      ["x", "x", "1", "a", "x"],
    ],
    [
      '[substr("hello", 1, 3), substr("hello", -2, -1), replace("1.2.3", ".", "-")]',
      ["ell", "lo", "1-2-3"],
    ],
    [
      '[split(",", "a,b"), join("-", ["a", "b"], ["c"]), indent(2, "a\\nb")]',
      [["a", "b"], "a-b-c", "a\n  b"],
    ],
    [
      '[regex("[a-z]+", "12ab"), regex("(\\\\d+)-(\\\\d+)", "1-2"), regexall("\\\\d", "1a2")]',
      ["ab", ["1", "2"], ["1", "2"]],
    ],
    [
      '[regex("(?P<y>\\\\d+)", "a12"), regex_replace("a-b", "(\\\\w)-(\\\\w)", "$2-$1")]',
      [{ y: "12" }, "b-a"],
    ],
    [
      '[format("%s-%03d-%5.1f|%-4s|%q %v %%", "a", 7, 1.25, "x", "y", true)]',
      ['a-007-  1.3|x   |"y" true %'],
    ],
    ['formatlist("%s:%s", "r", ["a", "b"])', ["r:a", "r:b"]],
    [
      '[sha256(""), md5("a"), sanitize("a.b/c")]',
      [
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "0cc175b9c0f1b6a831c399e269772661",
        "a_b_c",
      ],
    ],
    [
      '[jsonencode({a = [1, null]}), jsondecode("{\\"b\\":true}"), urlencode("a b/c")]',
      ['{"a":[1,null]}', { b: true }, "a+b%2Fc"],
    ],
    [
      '[coalesce(null, 1), coalescelist([], [2]), compact(["", "a"]), concat([1], [2, 3])]',
      [1, [2], ["a"], [1, 2, 3]],
    ],
    [
      '[contains(list, "y"), index(list, 1), indexof(list, "z"), element(list, 4), length(object)]',
      [true, "y", 2, "y", 2],
    ],
    [
      '[distinct([1, 2, 1]), flatten([[1], [[2]]]), reverselist([1, 2]), sort(["b", "a"]), slice(list, 1, 2)]',
      [[1, 2], [1, 2], [2, 1], ["a", "b"], ["y"]],
    ],
    [
      '[keys({b = 1, a = 2}), values({b = 1, a = 2}), lookup({a = 1}, "z", 9), zipmap(["a"], [1])]',
      [["a", "b"], [2, 1], 9, { a: 1 }],
    ],
    [
      "[merge({a = 1}, {a = 2, b = 3}), range(3), range(1, 7, 3), chunklist([1, 2, 3], 2)]",
      [{ a: 2, b: 3 }, [0, 1, 2], [1, 4], [[1, 2], [3]]],
    ],
    [
      "[setunion([1], [2, 1]), setintersection([1, 2], [2]), setsubtract([1, 2], [2]), hasindex(list, 3)]",
      [[1, 2], [2], [1], false],
    ],
    ['[try(missing.x, "fallback"), can(missing), can(a)]', ["fallback", false, true]],
    ['timeadd("2020-01-01T00:00:00Z", "1h30m")', "2020-01-01T01:30:00Z"],
  ])("%s", (text, expected) => {
    expect(value(text)).toEqual(expected);
  });
});

describe("errors show their place", () => {
  test.each<[text: string, where: string, what: string]>([
    ["missing", "1:5", "there is no variable named missing"],
    ['"x ${missing} y"', "1:10", "there is no variable named missing"],
    ["1 + object", "1:7", "a number is needed, not an object"],
    ["object.nothing", "1:11", "there is no attribute nothing"],
    ["list[7]", "1:9", "there is no element 7: the list has 3"],
    ["nothing(1)", "1:5", "there is no function named nothing"],
    ["upper(1, 2)", "1:5", "upper(): it takes 1 arguments, not 2"],
    ["bcrypt(a)", "1:5", "bcrypt(): this function of buildx is not available"],
    ["1 / 0", "1:7", "nothing can be divided by zero"],
    ["[1, 2", "2:1", 'expected "," or "]"'],
    ['"never ends', "1:16", "there is no closing quote"],
    ['"\\q"', "1:6", "this escape is not known"],
    ["<<EOF\nx", "1:5", "there is no line EOF"],
    ["<<EOF\n${missing}\nEOF", "1:5", "there is no variable named missing"],
    ["1 2", "1:7", "expected a newline"],
    ["{a = 1, a}", "1:14", 'expected "=" behind the key'],
    ["{for p in people : 1 => 2}", "1:24", "two elements have the key 1"],
    ["range(100000)", "1:5", "more than 1024 values"],
    ['format("%1000000d", 1)', "1:5", "is too wide"],
    ["(".repeat(5000), "1:105", "nested too deeply"],
    ["-".repeat(5000), "1:203", "nested too deeply"],
    ["try(missing)", "1:5", "none of these can be had"],
  ])("%s", (text, where, what) => {
    expect(() => value(text)).toThrow(what);
    if (!text.startsWith("(") && !text.startsWith("--"))
      expect(() => value(text)).toThrow(`test.hcl:${where}: `);
  });
});

test("parseHcl() reads blocks and attributes", () => {
  const { body } = parseHcl(
    "f",
    'a = 1\ntarget "x" { b = 2 }\r\nfoo bar "baz" {\n  c = 3 # d\n  inner {}\n}\n',
  );
  expect(body.attributes.map(({ name }) => name)).toEqual(["a"]);
  expect(
    body.blocks.map(({ type, labels, body: inside }) => [
      type,
      labels,
      inside.attributes.map(({ name }) => name),
      inside.blocks.map((one) => one.type),
    ]),
  ).toEqual([
    ["target", ["x"], ["b"], []],
    ["foo", ["bar", "baz"], ["c"], ["inner"]],
  ]);
  expect(() => parseHcl("f", "a = 1\na = 2\n")).toThrow("f:2:1: a is set twice");
  expect(() => parseHcl("f", 'target "x" {\n')).toThrow("at the end of the block target");
  expect(() => parseHcl("f", "}")).toThrow("expected a block or an attribute");
});
