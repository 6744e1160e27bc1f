import { expect, test } from "bun:test";
import { join } from "node:path";
import { CooperError } from "../errors.ts";
import { statusOf } from "./output.ts";
import { printable } from "./printable.ts";

test.each([
  ["plain ünï", "plain ünï"],
  ["a\x1b[2Jb", "a\\x1b[2Jb"],
  ["a\u202eb", "a\\u202eb"],
  ["a\x7f\x9b", "a\\x7f\\x9b"],
  ["\tindented", "\tindented"],
])("printable(%j)", (text, safe) => {
  expect(printable(text)).toBe(safe);
});

const notFound = new CooperError("command-not-found", "x");

test.each([
  { what: "a command that is not there", error: notFound, status: 127 },
  {
    what: "a command that cannot be run",
    error: new CooperError("command-not-executable", "x"),
    status: 126,
  },
  { what: "our own errors", error: new CooperError("no-such-container", "x"), status: 125 },
  { what: "errors of others", error: new Error("x"), status: 125 },
  { what: "what is no error", error: "x", status: 125 },
  {
    what: "a failure whose undoing failed too",
    error: new SuppressedError(new Error("undo"), notFound),
    status: 127,
  },
])("statusOf() $what is $status", ({ error, status }) => {
  expect(statusOf(error)).toBe(status);
});

const main = join(import.meta.dir, "../main.ts");
const cooper = (...argv: string[]) => Bun.spawnSync([process.execPath, main, ...argv]);

test("a failure is told on stderr, with a hint; causes only with --log-level debug", () => {
  const plain = cooper("stpo\x1b[2J");
  expect(plain.exitCode).toBe(125);
  expect(plain.stdout.toString()).toBe("");
  expect(plain.stderr.toString()).toStartWith('Error: unknown command "stpo\\x1b[2J"\nHint: ');
  expect(plain.stderr.toString()).not.toContain("    at ");
  for (const argv of [["-ldebug"], ["--log-level=trace"], ["-D"]])
    expect(cooper(...argv, "stpo").stderr.toString()).toContain("    at ");
  // words for a container are not ours
  expect(cooper("create", "--naem", "image", "-D").stderr.toString()).not.toContain("    at ");
});

test("a reader that has gone is no failure", () => {
  const line = `"$0" "$1" run --help | true; echo "\${PIPESTATUS[0]}"`;
  const { stdout, stderr } = Bun.spawnSync(["bash", "-c", line, process.execPath, main]);
  expect(stdout.toString()).toBe("0\n");
  expect(stderr.toString()).toBe("");
});

test.each([
  [["--version"], 0, "cooper version 0.1.0\n"],
  [["-v"], 0, "cooper version 0.1.0\n"],
  [["--log-level", "error", "--version"], 0, "cooper version 0.1.0\n"],
])("%j exits %p", (argv, status, text) => {
  const { exitCode, stdout } = cooper(...argv);
  expect(exitCode).toBe(status);
  expect(stdout.toString()).toBe(text);
});
