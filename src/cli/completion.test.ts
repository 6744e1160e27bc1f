import { expect, test } from "bun:test";
import type { Engine } from "../engine.ts";
import { completeWords } from "./completion.ts";

const container = (name: string, state: string) => ({
  name,
  isActive: state !== "exited",
  status: `is ${state}`,
});
const engine = {
  containers: { list: async () => [container("web", "running"), container("old", "exited")] },
  images: { names: async () => ["localhost/hello:latest"] },
} as unknown as Engine;

/** The words alone; the first is the whole line, a trailing space begins a new word. */
async function complete(line: string): Promise<string[]> {
  const lines = await completeWords(engine, line.split(" "));
  return lines.map((text) => text.split("\t")[0] ?? "");
}

test.each([
  ["sto", ["stop"]],
  ["conta", ["container"]],
  ["container sto", ["stop"]],
  ["container stop w", ["web"]],
  ["--root /x sto", ["stop"]],
  ["--root ", [":files"]],
  ["--log-level d", ["debug"]],
  ["--roo", ["--root"]],
  ["help sto", ["stop"]],
  ["help container sto", ["stop"]],
  ["stop ", ["web"]],
  ["rm ", ["web", "old"]],
  ["rm --fo", ["--force"]],
  ["rm -f web o", ["old"]],
  ["rm -- ", ["web", "old"]],
  ["rm -- --fo", []],
  ["rm --cidfile ", [":files"]],
  ["run --rm lo", ["localhost/hello:latest"]],
  ["run --pull=n", ["--pull=never", "--pull=newer"]],
  ["run --pull never lo", ["localhost/hello:latest"]], // its value may be left out, so the next word is no value
  ["run -it --name x lo", ["localhost/hello:latest"]],
  ["run -ie", []],
  ["run -ie A=1 lo", ["localhost/hello:latest"]],
  ["run --name ", []],
  ["run hello --rm", [":files"]],
  ["inspect --type c", ["container"]],
  ["completion ", ["bash", "zsh", "fish"]],
  ["nonsense ", []],
])("%p is completed to %j", async (line, expected) => {
  expect(await complete(line)).toEqual(expected);
});

test("what is refused, hidden or without effect is not offered", async () => {
  const flags = await complete("run --");
  expect(flags).toContain("--name");
  expect(flags).not.toContain("--pod");
  expect(flags).not.toContain("--disable-content-trust");
  expect(await complete("")).not.toContain("__complete");
});

test("descriptions stand behind a tab", async () => {
  expect(await completeWords(engine, ["stop", "w"])).toEqual(["web\tis running"]);
  expect(await completeWords(engine, ["sto"])).toEqual(["stop\tStop containers"]);
});
