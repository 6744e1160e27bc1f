import { describe, expect, test } from "bun:test";
import { createOptions } from "../container/options/table.ts";
import { nearest } from "../nearest.ts";
import { flagSwitch, integer, listOf, string } from "../option.ts";
import type { Command } from "./command.ts";
import { parseOptions } from "./parse.ts";

const command: Command = {
  summary: "",
  usage: "",
  options: {
    all: { flag: "--all", short: "-a", type: flagSwitch, help: "" },
    time: { flag: "--time", short: "-t", aliases: ["--timeout"], type: integer, help: "" },
    filter: { flag: "--filter", short: "-f", type: listOf(string), help: "" },
    old: { flag: "--old", type: flagSwitch, help: "", refuse: "it is gone" },
  },
  args: { min: 0 },
  run: () => Promise.resolve(),
};

test.each([
  { words: ["-a", "x"], values: { all: true, filter: [] }, args: ["x"] },
  { words: ["--all=false", "x"], values: { all: false, filter: [] }, args: ["x"] },
  { words: ["-at3"], values: { all: true, time: 3, filter: [] }, args: [] },
  { words: ["-at", "3"], values: { all: true, time: 3, filter: [] }, args: [] },
  { words: ["-t=3"], values: { time: 3, filter: [] }, args: [] },
  { words: ["--timeout", "3"], values: { time: 3, filter: [] }, args: [] },
  { words: ["-f", "a=b", "x", "--filter=c=d"], values: { filter: ["a=b", "c=d"] }, args: ["x"] },
  { words: ["x", "--", "-a"], values: { filter: [] }, args: ["x", "-a"] },
  { words: ["-"], values: { filter: [] }, args: ["-"] },
  { words: ["-t", "-1"], values: { time: -1, filter: [] }, args: [] },
])("parseOptions() reads $words", ({ words, values, args }) => {
  const parsed = parseOptions(command, "c", words);
  expect(parsed.values).toEqual(values);
  expect(parsed.args).toEqual(args);
});

test.each([
  { words: ["--al"], message: "unknown flag: --al" },
  { words: ["-x"], message: "unknown shorthand flag: 'x' in -x" },
  { words: ["--time"], message: "flag needs an argument: --time" },
  { words: ["--time", "soon"], message: 'invalid value "soon" for --time: not a whole number' },
  { words: ["--all=maybe"], message: 'invalid value "maybe" for --all: not a boolean' },
  { words: ["--old"], message: "--old is not supported: it is gone" },
])("parseOptions() refuses $words", ({ words, message }) => {
  expect(() => parseOptions(command, "c", words)).toThrow(message);
});

test("parseOptions() leaves alone what stands behind the first word where flags end there", () => {
  const parsed = parseOptions({ ...command, stopsAtFirstWord: true }, "c", [
    "-a",
    "image",
    "-t",
    "--what",
  ]);
  expect(parsed.args).toEqual(["image", "-t", "--what"]);
});

test.each([
  ["--nmae", "--name"],
  ["--priviledged", "--privileged"],
  ["--xyzzy", undefined],
])("nearest() of %p is %p", (typed, expected) => {
  expect(nearest(typed, ["--name", "--privileged", "--env"])).toBe(expected as never);
});

describe("the options of run and create", () => {
  test("no spelling means two things", () => {
    const spellings = createOptions
      .flatMap((option) => [option.flag, option.short, ...(option.aliases ?? [])])
      .filter((text) => text !== undefined);
    expect(spellings.filter((text, at) => spellings.indexOf(text) !== at)).toEqual([]);
  });

  test("each has help, and does something or says why not", () => {
    for (const option of createOptions) {
      expect(option.help).not.toBe("");
      expect([option.apply, option.refuse, option.ignored].some((part) => part !== undefined)).toBe(
        true,
      );
    }
  });
});

const run: Command = {
  summary: "",
  usage: "",
  options: {},
  specOptions: createOptions,
  args: { min: 0 },
  stopsAtFirstWord: true,
  run: () => Promise.resolve(),
};
const specOf = (...words: string[]) => parseOptions(run, "run", words).spec;

test.each([
  {
    words: ["-v", "/a:/b:ro,z"],
    mount: {
      kind: "bind",
      source: "/a",
      target: "/b",
      readOnly: true,
      relabel: "shared",
      createsSource: true,
    },
  },
  {
    words: ["-v", "data:/b:nocopy"],
    mount: { kind: "volume", name: "data", target: "/b", copiesUp: false },
  },
  { words: ["-v", "/b/../c/"], mount: { kind: "volume", name: null, target: "/c" } },
  {
    words: ["--mount", "type=bind,src=/a,dst=/b,readonly,bind-propagation=rshared"],
    mount: {
      kind: "bind",
      source: "/a",
      readOnly: true,
      propagation: "rshared",
      createsSource: false,
    },
  },
  {
    words: ["--mount", "type=tmpfs,target=/t,tmpfs-size=1m,tmpfs-mode=700"],
    mount: { kind: "tmpfs", target: "/t", options: ["size=1m", "mode=700"] },
  },
  {
    words: ["--mount", "type=image,source=hello,target=/i"],
    mount: { kind: "image", image: "hello", readOnly: true },
  },
  {
    words: ["--tmpfs", "/t:size=5m,ro"],
    mount: { kind: "tmpfs", target: "/t", readOnly: true, options: ["size=5m"] },
  },
])("mounts: $words", ({ words, mount }) => {
  expect(specOf(...words).mounts[0]).toMatchObject(mount);
});

test.each([
  ["-v", "/a:/b:/c:/d"],
  ["-v", "/a:b"],
  ["-v", "/a:/"],
  ["-v", "/a:/b:what"],
  ["-v", "a/b:/c"],
  ["--mount", "type=bind,target=/b"],
  ["--mount", "type=bind,src=/a"],
  ["--mount", "type=bind,src=/a,dst=/b,colour=red"],
  ["--mount", "type=what,dst=/b"],
  ["--ulimit", "nofile"],
  ["--ulimit", "what=1"],
  ["--ulimit", "nofile=5:2"],
  ["--device", "null"],
  ["--userns", "keep-id:what=1"],
  ["--uidmap", "1:2:x"],
  ["--umask", "9"],
  ["--restart", "sometimes"],
  ["--name", "-x"],
  ["--network", "container:"],
  ["--cpus", "-1"],
  ["--memory", "-1"],
  ["--cpuset-cpus", "a"],
  ["--security-opt", "what=1"],
  ["--hostname", "a b"],
  ["--add-host", "x"],
  ["--env", "=x"],
  ["--label", "=x"],
  ["--entrypoint", "[1]"],
  ["--stop-signal", "SIGWHAT"],
  ["--log-opt", "colour=red"],
  ["--pid", "what"],
])("%p %p is refused", (flag, value) => {
  expect(() => specOf(flag, value)).toThrow(/^invalid |is not supported/);
});

test("values go where they belong", () => {
  const spec = specOf(
    "-it",
    "-e",
    "A=1",
    "--cpus",
    "1.5",
    "-m",
    "64m",
    "--userns=keep-id:uid=5,gid=6",
    "--cap-drop",
    "all,chown",
    "--network=container:x",
    "--entrypoint",
    '["a","b"]',
  );
  expect(spec.hasTty && spec.hasStdin).toBe(true);
  expect(spec.env).toEqual(["A=1"]);
  expect(spec.resources).toMatchObject({
    cpuQuotaMicroseconds: 150_000,
    cpuPeriodMicroseconds: 100_000,
    memoryBytes: 64 * 2 ** 20,
  });
  expect(spec.userns).toEqual({ kind: "keep-id", uid: 5, gid: 6, size: null });
  expect(spec.capDrop).toEqual(["ALL", "CAP_CHOWN"]);
  expect(spec.networking.mode).toEqual({ kind: "container", of: "x" });
  expect(spec.entrypoint).toEqual(["a", "b"]);
});
