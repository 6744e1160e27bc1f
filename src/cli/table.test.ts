import { describe, expect, test } from "bun:test";
import { formatRows, type Listing, printable, renderTable } from "./table.ts";

const lines = (...all: string[]) => all.map((line) => `${line}\n`).join("");

describe("renderTable()", () => {
  test("aligns like podman images", () => {
    const header = ["REPOSITORY", "TAG", "IMAGE ID", "CREATED", "SIZE"];
    const row = ["localhost/tmpltest", "1", "19683cbded1a", "Less than a second ago", "21.6 kB"];
    expect(renderTable([row], header)).toBe(
      lines(
        "REPOSITORY          TAG         IMAGE ID      CREATED                 SIZE",
        "localhost/tmpltest  1           19683cbded1a  Less than a second ago  21.6 kB",
      ),
    );
  });
  test("prints the header of no rows", () => {
    expect(renderTable([], ["NETWORK ID", "NAME"])).toBe("NETWORK ID  NAME\n");
    expect(renderTable([])).toBe("");
  });
  test("counts wide characters twice and empty cells not at all", () => {
    expect(renderTable([["日本語日本語", "", "x"]], ["A", "B", "C"])).toBe(
      lines("A             B           C", "日本語日本語              x"),
    );
  });
});

const listing: Listing = {
  rows: [
    {
      ID: "a1",
      Names: ["web"],
      IPv6Enabled: false,
      NetworkInterface: "podman0",
      Labels: { r: "db" },
    },
    { ID: "b2", Names: ["db", "x"], IPv6Enabled: true, NetworkInterface: "br1", Labels: {} },
  ],
  columns: [
    { header: "CONTAINER ID", template: "{{.ID}}" },
    { header: "NAMES", template: '{{join .Names ","}}' },
  ],
  headers: { Names: "ALL NAMES" },
};

describe("formatRows()", () => {
  const table: readonly (readonly [format: string, text: string])[] = [
    ["", lines("CONTAINER ID  NAMES", "a1            web", "b2            db,x")],
    ["table", lines("CONTAINER ID  NAMES", "a1            web", "b2            db,x")],
    ["{{.ID}}", lines("a1", "b2")],
    ["{{.ID}}\\n", lines("a1", "b2")],
    ["{{.ID}} {{.Names}}", lines("a1 [web]", "b2 [db x]")],
    ["{{json .Names}}", lines('["web"]', '["db","x"]')],
    ["{{range .}}{{.ID}};{{end}}", "a1;b2;\n"],
    ["{{range . -}} {{.ID}}\\n{{end -}}", lines("a1", "b2")],
    [
      "table {{.ID}} {{.NetworkInterface}}",
      lines("CONTAINER ID  NETWORK INTERFACE", "a1            podman0", "b2            br1"),
    ],
    [
      "table {{.ID}}\\t{{.IPv6Enabled}}",
      lines("CONTAINER ID  IPV6 ENABLED", "a1            false", "b2            true"),
    ],
    [
      "table {{upper .ID}}:{{json .IPv6Enabled}}",
      lines("CONTAINER ID:IPV6 ENABLED", "A1:false", "B2:true"),
    ],
    ["table {{range .Names}}{{.}}{{end}}", lines("ALL NAMES", "web", "dbx")],
    [
      "table {{if .IPv6Enabled}}{{.ID}}{{else}}-{{end}}\\t{{.ID}}",
      lines("CONTAINER ID  CONTAINER ID", "-             a1", "b2            b2"),
    ],
    ['table {{.ID}}\\t{{.Labels "some.role-name"}}', lines("CONTAINER ID  ROLE NAME", "a1", "b2")],
    ["table {{with .NetworkInterface}}{{.}}{{end}}", lines("NETWORK INTERFACE", "podman0", "br1")],
  ];
  test.each(table.map((row) => [...row] as [string, string]))("%s", (format, text) => {
    expect(formatRows({ ...listing, format })).toBe(text);
  });

  test("leaves the heading out", () => {
    expect(formatRows({ ...listing, noHeading: true })).toBe(
      lines("a1          web", "b2          db,x"),
    );
    expect(formatRows({ ...listing, noHeading: true, format: "table {{.ID}}" })).toBe(
      lines("a1", "b2"),
    );
  });
  test("prints JSON with four spaces", () => {
    expect(formatRows({ rows: [{ ID: "<a>" }], columns: [], format: "json" })).toBe(
      '[\n    {\n        "ID": "<a>"\n    }\n]\n',
    );
    expect(formatRows({ ...listing, rows: [], format: "json" })).toBe("[]\n");
    expect(formatRows({ ...listing, format: "json", json: () => ({}) })).toBe("{}\n");
  });
  test("prints nothing for no rows, and the heading of a table", () => {
    expect(formatRows({ ...listing, rows: [], format: "{{.ID}}" })).toBe("");
    expect(formatRows({ ...listing, rows: [], format: "{{range .}}{{.ID}}{{end}}" })).toBe("");
    expect(formatRows({ ...listing, rows: [] })).toBe("CONTAINER ID  NAMES\n");
  });
  test("refuses unknown fields", () => {
    expect(() => formatRows({ ...listing, format: "{{.Nope}}" })).toThrow("can't evaluate field");
    expect(() => formatRows({ ...listing, format: "table {{.Nope}}" })).toThrow("can't evaluate");
  });
  test("reads only the fields that are asked for", () => {
    const row = {
      ID: "a1",
      get Size(): string {
        throw new Error("was read");
      },
    };
    expect(formatRows({ rows: [row], columns: [], format: "table {{.ID}}" })).toBe("ID\na1\n");
  });
  test("keeps names from commanding the terminal in tables", () => {
    const rows = [{ ID: "\x1b[2Ja\nb", Names: [] }];
    expect(formatRows({ ...listing, rows, noHeading: true })).toBe("\\x1b[2Ja\\nb\n");
    expect(formatRows({ ...listing, rows, noHeading: true, format: "table {{.ID}}" })).toBe(
      "\\x1b[2Ja\nb\n",
    );
  });
});

test.each([
  ["plain é 日本 👍 \\", "plain é 日本 👍 \\"],
  ["a\x1b[31mb", "a\\x1b[31mb"],
  ["\t\r\n\0\x7f\x9b", "\\t\\r\\n\\x00\\x7f\\x9b"],
  ["a\u202eb\u2066c\u2028", "a\\u202eb\\u2066c\\u2028"],
])("printable(%j)", (text, safe) => {
  expect(printable(text)).toBe(safe);
});
