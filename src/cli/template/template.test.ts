import { describe, expect, test } from "bun:test";
import { CooperError } from "../../errors.ts";
import { compileTemplate } from "./template.ts";

const data = {
  ID: "abc123",
  Names: ["web", "db"],
  Size: 21571,
  Ratio: 1.5,
  Up: true,
  Nothing: null,
  Labels: { role: "db", "com.example.tier": "1" },
  Ports: { "80/tcp": [{ HostIp: "0.0.0.0", HostPort: "8080" }] },
  State: { Health: null, Pid: 7 },
  Empty: [],
};

function render(template: string, missing: "error" | "noValue" = "error"): string {
  return compileTemplate(template).render(data, { missing });
}

/** Every row renders on `data`; what Go prints was asked of podman 4.3.1 where it could be. */
function rows(title: string, table: readonly (readonly [template: string, text: string])[]): void {
  describe(title, () => {
    test.each(table.map((row) => [...row] as [string, string]))("%s", (template, text) => {
      expect(render(template)).toBe(text);
    });
  });
}

rows("fields and printing", [
  ["{{.ID}}", "abc123"],
  ["{{ .ID }}", "abc123"],
  ["{{$.ID}}", "abc123"],
  ["{{.Names}} {{.Size}} {{.Ratio}} {{.Up}}", "[web db] 21571 1.5 true"],
  ["{{.Labels}}", "map[com.example.tier:1 role:db]"],
  ["{{.Ports}}", "map[80/tcp:[map[HostIp:0.0.0.0 HostPort:8080]]]"],
  ["{{.Nothing}} {{.Empty}} {{.State}}", "<nil> [] map[Health:<nil> Pid:7]"],
  ["{{.Labels.role}} {{.Labels.nope}} {{.Labels.a.b.c}}", "db <no value> <no value>"],
  ['{{(index (index .Ports "80/tcp") 0).HostPort}}', "8080"],
  ['{{index .Labels "role"}}|{{index .Labels "nope"}}|{{index .Ports "x"}}', "db||<no value>"],
  ["{{index .Names 1}} {{index .Names}}", "db [web db]"],
  ['{{.Labels "role"}}|{{.Labels "nope"}}|{{"role" | .Labels}}', "db||db"],
]);

rows("text, escapes and trimming", [
  ["{{.ID}}\\t{{.Up}}\\n", "abc123\ttrue\n"],
  ['{{"a\\tb"}} {{`a\\tb`}}', "a\tb a\\tb"],
  ["a\\x b", "a\\x b"],
  ['a  {{- " y " -}}  b', "a y b"],
  ["a\\n {{- .Up}}", "atrue"],
  ["a {{/* c */}} b {{- /* d\n */ -}} e", "a  be"],
  ["{{-3}} {{- 3}}", "-33"],
  ["{{\n.ID\n}}", "abc123"],
  ["}} {", "}} {"],
]);

rows("literals", [
  ["{{1.5}} {{1e21}} {{0.00001}} {{.5}} {{1234567.5}}", "1.5 1e+21 1e-05 0.5 1.2345675e+06"],
  ["{{0x1f}} {{017}} {{0b11}} {{0o17}} {{1_000}} {{-3}}", "31 15 3 15 1000 -3"],
  ["{{9223372036854775807}}", "9223372036854775807"],
  ["{{'a'}} {{'\\n'}} {{'é'}}", "97 10 233"],
  ['{{"\\x41\\u00e9\\101\\"\\\\"}}', 'AéA"\\'],
  ["{{true}} {{false}}", "true false"],
]);

rows("variables and pipelines", [
  ["{{$x := .ID}}{{$x}}", "abc123"],
  ["{{$x := .Labels}}{{$x.role}}", "db"],
  ["{{$x := 1}}{{range .Names}}{{$x = .}}{{end}}{{$x}}", "db"],
  ["{{$x := 1}}{{if true}}{{$x := 2}}{{$x}}{{end}}{{$x}}", "21"],
  ["{{if $x := .ID}}{{$x}}{{end}}", "abc123"],
  ['{{.ID | upper | printf "%s-%s" "x"}}', "x-ABC123"],
  ["{{(.Labels).role}} {{(.ID)}}", "db abc123"],
]);

rows("control", [
  ["{{if .Nothing}}a{{else if .Empty}}b{{else if .Up}}c{{else}}d{{end}}", "c"],
  ["{{if 0}}a{{end}}{{if .Labels}}b{{end}}", "b"],
  ["{{with .State}}{{.Pid}}{{$.ID}}{{else}}n{{end}}", "7abc123"],
  ["{{with .Nothing}}a{{else with .ID}}{{.}}{{else}}n{{end}}", "abc123"],
  ["{{range .Names}}{{.}},{{end}}", "web,db,"],
  ["{{range $i, $n := .Names}}{{$i}}{{$n}}{{end}}", "0web1db"],
  ["{{range $n := .Names}}{{$n}}{{end}}", "webdb"],
  ["{{range $k, $v := .Labels}}{{$k}}={{$v}};{{end}}", "com.example.tier=1;role=db;"],
  ["{{range .Empty}}a{{else}}none{{end}}{{range .Nothing}}a{{else}}none{{end}}", "nonenone"],
  ["{{range 3}}{{.}}{{end}}", "012"],
  ['{{range .Names}}{{if eq . "db"}}{{break}}{{end}}{{.}}{{end}}', "web"],
  ['{{range .Names}}{{if eq . "web"}}{{continue}}{{end}}{{.}}{{end}}', "db"],
  ['{{define "x"}}[{{.}}]{{end}}{{template "x" .ID}}{{template "x"}}', "[abc123][<no value>]"],
  ['{{block "x" .ID}}<{{.}}{{$}}>{{end}}', "<abc123abc123>"],
]);

rows("functions", [
  ['{{eq 1 2 3 1}} {{eq .ID "abc123"}} {{ne 1 2}} {{eq .Nothing nil}}', "true true true true"],
  ['{{lt 1 2}} {{lt "a" "b"}} {{le 2 2}} {{gt 1 2}} {{ge 2 2}}', "true true true false true"],
  ['{{eq .Labels.nope "x"}}', "false"],
  ['{{and 1 0 2}} {{or 0 "" "x"}} {{not 0}} {{0 | and 1}}', "0 x true 0"],
  ["{{and .Nothing (index .Names 9)}}", "<nil>"],
  ['{{len "aé"}} {{len .Names}} {{len .Labels}}', "3 2 2"],
  ['{{slice "abcdef" 1 3}} {{slice .Names 1}} {{index "abc" 1}}', "bc [db] 98"],
  ['{{print 1 2 "a" "b" 3 nil}}|{{println 1 "a"}}|{{print}}', "1 2ab3 <nil>|1 a\n|"],
  [`{{html "<a>\\"'&"}}`, "&lt;a&gt;&#34;&#39;&amp;"],
  [`{{js "<a>\\"'\\n="}}`, "\\u003Ca\\u003E\\\"\\'\\u000A\\u003D"],
  [`{{urlquery "a b&c/é!'()*~"}}`, "a+b%26c%2F%C3%A9%21%27%28%29%2A~"],
  ["{{json .Ports}}", '{"80/tcp":[{"HostIp":"0.0.0.0","HostPort":"8080"}]}'],
  ['{{json "<a>&\\u2028"}} {{json .Nothing}} {{json .Labels.nope}}', '"<a>&\\u2028" null null'],
  [
    '{{split "a,b" ","}} {{join .Names ", "}} {{json (split "a,b" ",")}}',
    '[a b] web, db ["a","b"]',
  ],
  ['{{title "foo-bar don\'t x"}} {{upper "é"}} {{lower "AB"}}', "Foo-Bar Don'T X É ab"],
  ['{{pad "a" 2 3}}|{{pad "" 1 1}}|{{truncate "abcdéf" 5}}', "  a   ||abcdé"],
]);

rows("printf", [
  ['{{printf "%v|%5d|%-5d|%05d|%+d|% d" "a" 3 3 3 5 5}}', "a|    3|3    |00003|+5| 5"],
  [
    '{{printf "%q|%x|%X|%#x|%c|%U|%o|%b" "a\\"b" "hi" 255 255 65 65 8 5}}',
    '"a\\"b"|6869|FF|0xff|A|U+0041|10|101',
  ],
  [
    '{{printf "%t|%f|%.2f|%e|%g|%T|%%" true 1.5 2.345 1234.5 1e21 3}}',
    "true|1.500000|2.35|1.234500e+03|1e+21|int|%",
  ],
  [
    '{{printf "%.3g %.10g %08.3f %6.1f" 1234567.0 1234.5 3.14159 2.25}}',
    "1.23e+06 1234.5 0003.142    2.2",
  ],
  ['{{printf "%-8s|%8s|%.2s|%*d" "ab" "cd" "efgh" 5 42}}', "ab      |      cd|ef|   42"],
  ['{{printf "%s %q %5s|" .Names .Names .Names}}', '[web db] ["web" "db"] [  web    db]|'],
  ['{{printf "%s" .Labels}}', "map[com.example.tier:1 role:db]"],
  ['{{printf "%d %s" "a" 3}} {{printf "%d"}}', "%!d(string=a) %!s(int=3) %!d(MISSING)"],
  [
    '{{printf "x" 1 "a"}} {{printf "%z" 1}} {{printf "%"}}',
    "x%!(EXTRA int=1, string=a) %!z(int=1) %!(NOVERB)",
  ],
  ['{{printf "%v %s %q" nil nil "\\x00é\\u200b\\x1b"}}', '<nil> %!s(<nil>) "\\x00é\\u200b\\x1b"'],
]);

describe("errors", () => {
  const table: readonly (readonly [template: string, message: string])[] = [
    ["{{.Foo}}", ':1:2: executing "" at <.Foo>: can\'t evaluate field Foo'],
    ["a\n{{json .Foo}}", ':2:7: executing "" at <.Foo>: can\'t evaluate field Foo'],
    ["{{.ID.Foo}}", ':1:2: executing "" at <.ID.Foo>: can\'t evaluate field Foo in type string'],
    ["{{.State.Health.Status}}", "nil pointer evaluating interface {}.Status"],
    ["{{.Names.length}}", "can't evaluate field length in type []interface {}"],
    ['{{eq 1 "a"}}', 'at <eq 1 "a">: error calling eq: incompatible types for comparison'],
    ["{{eq 1}}", "error calling eq: missing argument for comparison"],
    ["{{index .Names 9}}", "error calling index: index out of range: 9"],
    ["{{upper 3}}", "error calling upper: wrong type for value; expected string; got int"],
    ['{{upper "a" "b"}}', "at <upper>: wrong number of args for upper: want 1 got 2"],
    ["{{nil}}", "nil is not a command"],
    ["{{1 2}}", "can't give argument to non-function 1"],
    ['{{.ID "x"}}', "ID has arguments but cannot be invoked as function"],
    ["{{call .ID}}", "error calling call: non-function of type string"],
    ["{{range .Up}}{{end}}", "range can't iterate over true"],
    ['{{template "no"}}', 'template "no" not defined'],
    ['{{"a" | 1}}', ":1: non executable command in pipeline stage 2"],
    ["{{foo}}", ':1: function "foo" not defined'],
    ["{{toString}}", ':1: function "toString" not defined'],
    ["{{$x}}", ':1: undefined variable "$x"'],
    ["{{if 1}}{{$x := 1}}{{end}}{{$x}}", ':1: undefined variable "$x"'],
    ["\n{{end}}", ":2: unexpected {{end}}"],
    ["{{else}}", ":1: unexpected {{else}}"],
    ["{{range .}}{{else if 1}}{{end}}", ":1: unexpected <if> in else"],
    ["{{}}", ":1: missing value for command"],
    ["{{if}}", ":1: missing value for if"],
    ["{{if true}}a", ":1: unexpected EOF"],
    ["{{.ID", ":1: unclosed action"],
    ["{{if .ID}", ":1: bad character U+007D '}'"],
    ['{{"a}}', ":1: unterminated quoted string"],
    ['{{"\\q"}}', ":1: invalid string literal"],
    ["{{1__0}}", ":1: bad number syntax: 1__0"],
    ["{{''}}", ":1: malformed character constant: ''"],
    ["{{/* a */ }}", ":1: comment ends before closing delimiter"],
    ["{{/* a", ":1: unclosed comment"],
    ["{{break}}", ":1: {{break}} outside {{range}}"],
    ['{{define "x"}}{{end}}{{define "x"}}{{end}}', ':1: multiple definition of template "x"'],
  ];
  test.each(table.map((row) => [...row] as [string, string]))("%s", (template, message) => {
    const failure = failureOf(() => render(template));
    expect(failure.code).toBe("invalid-argument");
    expect(failure.message).toStartWith("template: :");
    expect(failure.message).toContain(message);
  });
});

describe("missing fields", () => {
  test("are errors for the items of a list, too", () => {
    const template = compileTemplate("{{range .}}{{.Foo}}{{end}}");
    expect(() => template.render([data])).toThrow("can't evaluate field Foo");
  });
  test("print <no value> when asked to", () => {
    expect(render("{{.Foo}} {{.Foo.Bar}}", "noValue")).toBe("<no value> <no value>");
  });
});

test("render() reads a getter only where the template names it", () => {
  let reads = 0;
  const row = {
    ID: "a",
    get Size() {
      reads++;
      return 3;
    },
  };
  expect(compileTemplate("{{.ID}}").render(row)).toBe("a");
  expect(reads).toBe(0);
  expect(compileTemplate("{{.Size}}").render(row)).toBe("3");
  expect(reads).toBe(1);
});

describe("hostile templates", () => {
  const deep = (open: string, close: string) => open.repeat(50_000) + close.repeat(50_000);
  const table: readonly (readonly [name: string, template: string, message: string])[] = [
    ["prototype", "{{.constructor}}", "can't evaluate field constructor"],
    ["__proto__", "{{.__proto__}}", "can't evaluate field __proto__"],
    ["own method", "{{.act}}{{.act.name}}{{.act 1}}", "cannot be invoked as function"],
    ["endless template", '{{define "a"}}{{template "a"}}{{end}}{{template "a"}}', "template depth"],
    ["deep parentheses", `{{${deep("(", ")")}}}`, "nested deeper"],
    ["deep blocks", deep("{{if 1}}", "{{end}}"), "nested deeper"],
    ["deep definitions", '{{block "a" 1}}'.repeat(5000), "multiple definition"],
    ["endless loop", "{{range 1000000000}}{{end}}", "takes too long"],
    ["wide printf", '{{printf "%999999999d" 1}}', "out of range"],
    ["wide pad", '{{pad "a" 999999999 1}}', "padding is limited"],
    [
      "doubling text",
      '{{$x := "aaaaaaaa"}}{{range 60}}{{$x = printf "%s%s" $x $x}}{{end}}',
      "text is too long",
    ],
    ["cyclic data", "{{.self}}", "nested too deep"],
    ["cyclic JSON", "{{json .self}}", "error calling json"],
  ];
  const row: Record<string, unknown> = { ID: "a", act: () => "reached" };
  row.self = { row };
  test.each(table.map((entry) => [...entry] as [string, string, string]))(
    "%s",
    (_, template, message) => {
      expect(failureOf(() => compileTemplate(template).render(row)).message).toContain(message);
    },
  );
  test("prototypes further in are no fields", () => {
    expect(render("{{.Labels.constructor}} {{.Labels.__proto__.x}}")).toBe("<no value> <no value>");
    expect(render('{{index .Labels "constructor"}}|{{.Labels "toString"}}')).toBe("|");
  });
});

function failureOf(act: () => unknown): CooperError {
  try {
    act();
  } catch (error) {
    if (error instanceof CooperError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}
