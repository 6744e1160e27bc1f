import { describe, expect, test } from "bun:test";
import { commandTree } from "../../src/cli/tree.ts";

const commands = await Promise.all(
  commandTree.map(async (entry) => ({ path: entry.path, entry, command: await entry.load() })),
);

describe.each(commands)("cooper $path", ({ entry, command }) => {
  const options = [...Object.values(command.options), ...(command.specOptions ?? [])];

  test("says what it does", () => {
    if (command.isHidden) return;
    expect(entry.summary).toMatch(/^[A-Z].*[^.]$/);
    expect(command.summary).toMatch(/^[A-Z].*[^.]$/);
  });

  test("every option has one line of help, and a placeholder when it takes a value", () => {
    for (const option of options) {
      expect(`${option.flag}: ${option.help}`).toMatch(/^--[a-z0-9-]+: \S[^\n]*[^.\s]$/);
      expect(`${option.flag}${option.type.isSwitch ? "" : ` ${option.type.placeholder}`}`).toMatch(
        option.type.isSwitch ? /^--[a-z0-9-]+$/ : / \S/,
      );
    }
  });

  test("no name of an option means two things", () => {
    const names = options.flatMap(({ flag, short, aliases }) => [flag, short, ...(aliases ?? [])]);
    const given = names.filter((name) => name !== undefined);
    expect(given.filter((name, at) => given.indexOf(name) !== at)).toEqual([]);
  });
});

test("no path of a command is taken twice", () => {
  const names = commandTree.flatMap(({ path, aliases }) => [path, ...aliases]);
  expect(names.filter((name, at) => names.indexOf(name) !== at)).toEqual([]);
});
