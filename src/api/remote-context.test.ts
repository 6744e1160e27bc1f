import { expect, test } from "bun:test";
import { remoteContext } from "./remote-context.ts";

test.each([
  "",
  "https://example.com/a.git#main:sub",
  "http://example.com/context.tar",
  "git@example.com:a/b.git",
  "github.com/a/b",
])("remoteContext() takes %j", (text) => {
  expect(remoteContext(text)).toBe(text);
});

test.each(["-", "/etc", "context", "file:///srv/a.git"])("remoteContext() refuses %j", (text) => {
  expect(() => remoteContext(text)).toThrow("is no address of a repository or file");
});
