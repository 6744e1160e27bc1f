import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Engine } from "../engine.ts";
import { type Selection, selectContainers } from "./select.ts";

const directory = mkdtempSync(join(tmpdir(), "cooper-select-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));
const file = (name: string, contents: string) => {
  writeFileSync(join(directory, name), contents);
  return join(directory, name);
};
const full = file("full", "abc\n");
const empty = file("empty", "\n");
const missing = join(directory, "missing");

/** Two containers, `one` older than `two`; a filter lets through what it names. */
const engineWith = (ids: readonly string[]) =>
  ({
    containers: {
      list: async (filters: readonly string[] = []) =>
        ids
          .filter((id) => filters.length === 0 || filters.includes(`id=${id}`))
          .map((id) => ({ id, state: id === "one" ? "exited" : "running" })),
    },
  }) as unknown as Engine;
const engine = engineWith(["one", "two"]);

test.each<{ args?: string[]; options: Selection; chosen: string[] }>([
  { args: ["b", "a"], options: {}, chosen: ["b", "a"] },
  { args: ["a"], options: { cidfile: [full] }, chosen: ["a", "abc"] },
  { options: { all: true }, chosen: ["one", "two"] },
  { options: { latest: true }, chosen: ["two"] },
  { options: { filter: ["id=one"] }, chosen: ["one"] },
  { options: { all: true, filter: ["id=two"] }, chosen: ["two"] },
  { options: { cidfile: [missing, full], ignore: true }, chosen: ["abc"] },
  { options: { cidfile: [missing], ignore: true }, chosen: [] },
])(
  "selectContainers() of $args and $options is $chosen",
  async ({ args = [], options, chosen }) => {
    expect(await selectContainers(engine, args, options)).toEqual(chosen);
  },
);

test("selectContainers() asks what suits only where no name was typed", async () => {
  const isRunning = ({ state }: { state: string }) => state === "running";
  expect(await selectContainers(engine, [], { all: true }, isRunning)).toEqual(["two"]);
  expect(await selectContainers(engine, ["one"], {}, isRunning)).toEqual(["one"]);
});

test.each<{ args?: string[]; options: Selection; message: string }>([
  { options: {}, message: "no container was named" },
  { args: ["a"], options: { all: true }, message: "only one of them" },
  { args: ["a"], options: { latest: true }, message: "only one of them" },
  { options: { latest: true, all: true }, message: "only one of them" },
  { options: { all: true, cidfile: [missing], ignore: true }, message: "only one of them" },
  { args: ["a"], options: { filter: ["id=a"] }, message: "--filter chooses by itself" },
  { options: { latest: true, filter: ["id=a"] }, message: "--filter chooses by itself" },
  { options: { cidfile: [missing] }, message: "cannot read the container id file" },
  { options: { cidfile: [empty], ignore: true }, message: "it is empty" },
])("selectContainers() refuses $args with $options", async ({ args = [], options, message }) => {
  await expect(selectContainers(engine, args, options)).rejects.toThrow(message);
});

test("the latest of no containers is an error", async () => {
  const none = engineWith([]);
  await expect(selectContainers(none, [], { latest: true })).rejects.toThrow(
    "there are no containers",
  );
});
