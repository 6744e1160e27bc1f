import { describe, expect, test } from "bun:test";
import { argsOf, runsSystemd } from "./command.ts";
import { type Changes, inputWith } from "./input.fixture.ts";

const both = { Entrypoint: ["/entry", "a"], Cmd: ["cmd", "b"] };

describe("argsOf()", () => {
  const rows: [name: string, changes: Changes, expected: string[]][] = [
    ["the image's command", { image: { Cmd: ["/bin/sh"] } }, ["/bin/sh"]],
    ["the image's entrypoint and command", { image: both }, ["/entry", "a", "cmd", "b"]],
    [
      "a command behind the image's entrypoint",
      { image: both, spec: { command: ["x"] } },
      ["/entry", "a", "x"],
    ],
    [
      "an entrypoint without the image's command",
      { image: both, spec: { entrypoint: ["/e"] } },
      ["/e"],
    ],
    [
      "an entrypoint and a command",
      { image: both, spec: { entrypoint: ["/e"], command: ["x"] } },
      ["/e", "x"],
    ],
    ["no entrypoint, as []", { image: both, spec: { entrypoint: [], command: ["x"] } }, ["x"]],
    [
      "no entrypoint, as an empty text",
      { image: both, spec: { entrypoint: [""], command: ["x"] } },
      ["x"],
    ],
    ["nulls of an image", { image: { Entrypoint: null, Cmd: ["x"] } }, ["x"]],
    ["an init", { spec: { init: true } }, ["/run/cooper-init", "--", "/bin/sh"]],
    [
      "an init by configuration",
      { settings: { init: true } },
      ["/run/cooper-init", "--", "/bin/sh"],
    ],
    [
      "no init against the configuration",
      { settings: { init: true }, spec: { init: false } },
      ["/bin/sh"],
    ],
  ];
  test.each(rows)("has %s", (_, changes, expected) => {
    expect(argsOf(inputWith(changes))).toEqual(expected);
  });
  test.each<[Changes]>([
    [{ image: {} }],
    [{ image: null }],
    [{ image: both, spec: { entrypoint: [] } }],
  ])("refuses to run nothing: %j", (changes) => {
    expect(() => argsOf(inputWith(changes))).toThrow("no command to run");
  });
});

describe("runsSystemd()", () => {
  test.each([
    ["/sbin/init", null, true],
    ["/usr/sbin/init", "true", true],
    ["/usr/lib/systemd/systemd", null, true],
    ["systemd", null, true],
    ["/sbin/init", "false", false],
    ["/bin/sh", null, false],
    ["/bin/sh", "always", true],
    ["/opt/notsystemd", null, false],
  ] as const)("%s with --systemd %s: %p", (program, systemd, expected) => {
    const { spec, image } = inputWith({ spec: { command: [program, "x"], systemd } });
    expect(runsSystemd(spec, image)).toBe(expected);
  });
});
