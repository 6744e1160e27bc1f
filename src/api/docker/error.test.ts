import { expect, test } from "bun:test";
import { errorOf, wordsError } from "./error.ts";

test.each([
  [404, '{"message":"No such container: web"}', "no-such-container", "no such container: web"],
  [404, '{"message":"No such image: x:1"}', "no-such-image", "no such image: x:1"],
  [404, '{"message":"network n not found"}', "no-such-network", "no such network: n"],
  [
    404,
    '{"cause":"no such volume","message":"get v: no such volume"}',
    "no-such-object",
    "get v: no such volume",
  ],
  [409, '{"message":"You cannot remove it"}', "conflict", "You cannot remove it"],
  [404, '{"message":"Not Found"}', "not-supported", "this engine's API has no /x"],
  [500, "<html>bad gateway</html>", "helper-failed", "<html>bad gateway</html>"],
  [500, "", "helper-failed", "/x: status 500"],
  [
    400,
    '{"message":"x","Cooper":{"code":"conflict","message":"ours","hint":"do"}}',
    "conflict",
    "ours",
  ],
  [
    400,
    '{"message":"x","Cooper":{"code":"no-such-code","message":"ours"}}',
    "invalid-argument",
    "x",
  ],
] as const)("errorOf(%d, %j) is %s", (status, text, code, message) => {
  const error = errorOf(status, text, "/x");
  expect(error.code).toBe(code);
  expect(error.message).toBe(message);
});

test.each([
  ['exec: "/no/such": stat /no/such: no such file or directory: unknown', "command-not-found"],
  ['exec: "sh": executable file not found in $PATH: unknown', "command-not-found"],
  ["runc create failed: exec /etc: permission denied", "command-not-executable"],
  ["something else", "helper-failed"],
] as const)("wordsError(%j) is %s", (words, code) => {
  expect(wordsError(words).code).toBe(code);
});

test("a message without end is not looked at for long", () => {
  const text = JSON.stringify({ message: "exec ".repeat(200_000) });
  const started = performance.now();
  expect(errorOf(500, text, "/x").code).toBe("helper-failed");
  expect(performance.now() - started).toBeLessThan(2000);
});
