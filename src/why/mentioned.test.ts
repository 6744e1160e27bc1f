import { describe, expect, test } from "bun:test";
import { pathsIn, programsIn } from "./mentioned.ts";

test.each([
  { line: "cat: can't open '/etc/x.conf': No such file or directory", path: "/etc/x.conf" },
  { line: "touch: /data/new: Permission denied", path: "/data/new" },
  { line: 'open("/srv/a b") failed', path: "/srv/a" },
  {
    line: "PermissionError: [Errno 13] Permission denied: '/data/db.sqlite'",
    path: "/data/db.sqlite",
  },
  {
    line: "Error: EACCES: permission denied, mkdir '/app/node_modules'",
    path: "/app/node_modules",
  },
  { line: "touch: new: Permission denied", path: "/work/new" },
  { line: "sh: can't create ./out/log: Read-only file system", path: null },
  { line: "nothing is named here", path: null },
])("pathsIn() finds the path in: $line", ({ line, path }) => {
  const [first] = pathsIn([line], "/work");
  expect(first ?? null).toBe(line.includes("./out") ? "/work/out/log" : path);
});

test("pathsIn() looks at few of many", () => {
  const lines = Array.from({ length: 1000 }, (_, at) => `/a/${at}: Permission denied`);
  expect(pathsIn(lines, "/").length).toBeLessThan(20);
});

describe("programsIn()", () => {
  test.each([
    { line: "sh: foo: not found", name: "foo" },
    { line: "/start.sh: line 3: foo: command not found", name: "foo" },
    { line: "/start.sh: 3: foo: not found", name: "foo" },
    { line: "bash: foo: command not found", name: "foo" },
    { line: "env: can't execute 'python3': No such file or directory", name: "python3" },
    { line: "/usr/bin/env: ‘node’: No such file or directory", name: "node" },
    { line: "page not found", name: undefined },
  ])("finds the program in: $line", ({ line, name }) => {
    expect(programsIn([line])[0]).toBe(name);
  });
});
