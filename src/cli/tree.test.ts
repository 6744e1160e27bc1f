import { describe, expect, test } from "bun:test";
import type { Option } from "../option.ts";
import type { Command } from "./command.ts";
import { globalOptions } from "./global-options.ts";
import { whyMissing } from "./missing.ts";
import { parseOptions } from "./parse.ts";
import { commandTree, findCommand, groups } from "./tree.ts";

const loaded = await Promise.all(
  commandTree.map(async (entry) => ({ entry, command: await entry.load() })),
);
const public_ = loaded.filter(({ command }) => !command.isHidden);

const optionsOf = (command: Command): Option<unknown, never>[] => [
  ...Object.values(command.options),
  ...(command.specOptions ?? []),
];
const spellings = ({ flag, short, aliases = [] }: Option<unknown, never>) =>
  [flag, short, ...aliases].filter((spelling) => spelling !== undefined);
const duplicates = (words: readonly string[]) =>
  words.filter((word, at) => words.indexOf(word) !== at);

test("no spelling names two commands", () => {
  expect(duplicates(commandTree.flatMap(({ path, aliases }) => [path, ...aliases]))).toEqual([]);
});

test("no spelling names two global options", () => {
  expect(duplicates(globalOptions.flatMap((option) => spellings(option)))).toEqual([]);
});

describe.each(public_)("$entry.path", ({ entry, command }) => {
  test("says the same of itself in the tree and in its declaration", () => {
    expect(command.summary).toBe(entry.summary);
    expect(command.summary).not.toBe("");
  });

  test("has no spelling of an option twice", () => {
    expect(duplicates(optionsOf(command).flatMap(spellings))).toEqual([]);
  });

  test("spells its options as the grammar reads them", () => {
    for (const option of optionsOf(command))
      for (const spelling of spellings(option))
        expect(spelling).toMatch(/^(--[a-z0-9][a-z0-9-]+|-[a-zA-Z])$/);
  });

  test("has help for each option", () => {
    for (const { help, refuse = "x", ignored = "x" } of optionsOf(command)) {
      expect(help).toMatch(/^\S.*[^.\s]$/);
      expect([refuse, ignored]).not.toContain("");
    }
  });

  test("has examples that it understands", () => {
    for (const example of command.examples ?? []) {
      const line = example.match(/cooper ([^)|]+)/)?.[1] ?? "";
      const words = [...line.matchAll(/'([^']*)'|(\S+)/g)].map(
        ([, quoted, bare]) => quoted ?? bare ?? "",
      );
      const found = findCommand(words);
      expect(found?.entry).toBe(entry);
      const { args } = parseOptions(command, entry.path, found?.rest ?? []);
      expect(args.length).toBeGreaterThanOrEqual(command.args.min);
    }
  });
});

test.each([
  {
    words: ["container", "stop", "x"],
    path: "container stop",
    name: "container stop",
    rest: ["x"],
  },
  { words: ["stop", "x"], path: "container stop", name: "stop", rest: ["x"] },
  { words: ["container", "ps"], path: "container ls", name: "container ps", rest: [] },
  { words: ["images"], path: "image ls", name: "images", rest: [] },
  { words: ["rmi", "ls"], path: "image rm", name: "rmi", rest: ["ls"] },
  { words: ["inspect", "container"], path: "inspect", name: "inspect", rest: ["container"] },
])("findCommand() finds $path in $words", ({ words, path, name, rest }) => {
  const found = findCommand(words);
  expect(found?.entry.path).toBe(path);
  expect(found?.name).toBe(name);
  expect(found?.rest).toEqual(rest);
});

test.each([[[]], [["container"]], [["stopp"]], [["Stop"]], [["container", "images"]]])(
  "findCommand() finds nothing in %j",
  (words: string[]) => {
    expect(findCommand(words)).toBeUndefined();
  },
);

test.each([
  { words: ["compose", "up"], why: "cooper compose is not available yet in this version" },
  {
    words: ["system", "renumber"],
    why: "cooper system renumber is not available yet in this version",
  },
  { words: ["container", "build"], why: undefined },
  { words: ["container"], why: undefined },
  { words: [""], why: undefined },
  { words: ["constructor"], why: undefined },
])("whyMissing($words)", ({ words, why }) => {
  expect(whyMissing(words)).toBe(why as never);
});

test("what is called missing is not there", () => {
  for (const { path, aliases } of commandTree)
    for (const name of [path, ...aliases]) expect(whyMissing(name.split(" "))).toBeUndefined();
  for (const noun of Object.keys(groups)) expect(whyMissing([noun])).toBeUndefined();
});
