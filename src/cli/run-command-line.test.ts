import { describe, expect, test } from "bun:test";
import { flagSwitch, string } from "../option.ts";
import type { Command } from "./command.ts";
import { emptyGlobalOptions } from "./global-options.ts";
import { parseOptions } from "./parse.ts";
import { readGlobal, runCommandLine } from "./run-command-line.ts";

const nowhere = emptyGlobalOptions().remote;

describe("readGlobal()", () => {
  test.each([
    { argv: ["--root", "/r", "ps", "-a"], global: { root: "/r" }, words: ["ps", "-a"] },
    { argv: ["--root=/r", "ps"], global: { root: "/r" }, words: ["ps"] },
    { argv: ["-Dldebug", "ps"], global: { logLevel: "debug" }, words: ["ps"] },
    { argv: ["-l=info", "ps"], global: { logLevel: "info" }, words: ["ps"] },
    { argv: ["--log-level", "warning", "ps"], global: { logLevel: "warn" }, words: ["ps"] },
    {
      argv: ["--remote=false", "ps"],
      global: { remote: { ...nowhere, isRemote: false } },
      words: ["ps"],
    },
    {
      argv: ["-Htcp://x", "ps"],
      global: { remote: { ...nowhere, url: "tcp://x" } },
      words: ["ps"],
    },
    {
      argv: ["-c", "box", "ps"],
      global: { remote: { ...nowhere, name: { text: "box", of: "connection" } } },
      words: ["ps"],
    },
    {
      argv: ["--runtime-flag", "a", "--runtime-flag=b", "ps"],
      global: { runtimeFlags: ["a", "b"] },
      words: ["ps"],
    },
    { argv: ["--", "ps"], global: {}, words: ["ps"] },
    {
      argv: ["container", "--root", "/r", "ls", "-a"],
      global: { root: "/r" },
      words: ["container", "ls", "-a"],
    },
    { argv: ["run", "--root", "/r"], global: { root: null }, words: ["run", "--root", "/r"] },
    { argv: [], global: {}, words: [] },
  ])("reads $argv", ({ argv, global, words }) => {
    const read = readGlobal(argv);
    expect(read.global).toEqual({ ...emptyGlobalOptions(), ...global } as never);
    expect(read.words).toEqual(words);
    expect(read.wants).toBeUndefined();
  });

  test.each([
    { argv: ["--help"], wants: "help" },
    { argv: ["-h", "ps"], wants: "help" },
    { argv: ["container", "--help"], wants: "help" },
    { argv: ["--version"], wants: "version" },
    { argv: ["-Dv"], wants: "version" },
    { argv: ["--root", "--version"], wants: undefined },
  ])("$argv asks for $wants", ({ argv, wants }) => {
    expect(readGlobal(argv).wants).toBe(wants as never);
  });

  test.each([
    {
      argv: ["--rot", "/r"],
      message: "unknown flag: --rot",
      hint: "did you mean --root? See 'cooper --help'",
    },
    { argv: ["-Z"], message: "unknown shorthand flag: 'Z' in -Z", hint: "see 'cooper --help'" },
    { argv: ["--root"], message: "flag needs an argument: --root", hint: "see 'cooper --help'" },
    { argv: ["-Htcp://x", "--url=tcp://y", "ps"], message: "only one engine can be asked" },
    { argv: ["--remote=perhaps", "ps"], message: 'invalid value "perhaps" for --remote' },
    { argv: ["--log-level", "loud", "ps"], message: 'invalid value "loud" for --log-level' },
  ])("refuses $argv", ({ argv, message, hint }) => {
    expect(() => readGlobal(argv)).toThrow(
      expect.objectContaining({
        message: expect.stringContaining(message),
        ...(hint !== undefined && { hint }),
      }),
    );
  });
});

describe("global options behind the command", () => {
  const command: Command = {
    summary: "",
    usage: "",
    options: {
      runtime: { flag: "--runtime", type: string, help: "" },
      loud: { flag: "--loud", short: "-l", type: flagSwitch, help: "" },
    },
    args: { min: 0 },
    run: () => Promise.resolve(),
  };

  test("are understood, but the command's own come first", () => {
    const global = emptyGlobalOptions();
    const words = ["x", "--root", "/r", "-l", "--runtime=crun", "--log-level=debug"];
    const { values, args } = parseOptions(command, "c", words, global);
    expect(values).toEqual({ loud: true, runtime: "crun" });
    expect(args).toEqual(["x"]);
    expect(global).toMatchObject({ root: "/r", runtime: null, logLevel: "debug" });
  });

  test.each([["-D"], ["--version"], ["-v"]])("%s is none of them", (word) => {
    expect(() => parseOptions(command, "c", [word], emptyGlobalOptions())).toThrow(/^unknown /);
  });

  test("belong to the container where flags end at the first word", () => {
    const global = emptyGlobalOptions();
    const { args } = parseOptions(
      { ...command, stopsAtFirstWord: true },
      "c",
      ["image", "--root", "/r"],
      global,
    );
    expect(args).toEqual(["image", "--root", "/r"]);
    expect(global.root).toBeNull();
  });
});

describe("runCommandLine()", () => {
  test.each([
    {
      argv: ["stpo"],
      code: "unknown-command",
      message: 'unknown command "stpo"',
      hint: "did you mean: cooper stop",
    },
    {
      argv: ["bogus"],
      code: "unknown-command",
      message: 'unknown command "bogus"',
      hint: "see 'cooper --help'",
    },
    {
      argv: ["imagse", "ls"],
      code: "unknown-command",
      message: 'unknown command "imagse"',
      hint: "did you mean: cooper images",
    },
    {
      argv: ["image", "lss"],
      code: "unknown-command",
      message: 'unknown command "image lss"',
      hint: "did you mean: cooper image ls",
    },
    {
      argv: ["image", "bogus"],
      code: "unknown-command",
      message: 'unknown command "image bogus"',
      hint: "see 'cooper image --help'",
    },
    { argv: ["constructor"], code: "unknown-command", message: 'unknown command "constructor"' },
    { argv: ["help", "bogus"], code: "unknown-command", message: 'unknown command "bogus"' },
    { argv: [""], code: "unknown-command", message: 'unknown command ""' },
    {
      argv: ["compose", "up"],
      code: "not-supported",
      message: "cooper compose is not available yet in this version",
    },
    {
      argv: ["swarm", "init"],
      code: "not-supported",
      message: "cooper swarm does not exist: there is no swarm mode, Cooper works on one machine",
    },
    {
      argv: ["rename", "a"],
      code: "invalid-argument",
      message: '"cooper rename" needs exactly 2 arguments, got 1',
      hint: "usage: cooper rename CONTAINER NAME",
    },
    {
      argv: ["ps", "a"],
      code: "invalid-argument",
      message: '"cooper ps" takes no arguments, got 1',
      hint: "usage: cooper ps",
    },
    {
      argv: ["run"],
      code: "invalid-argument",
      message: '"cooper run" needs at least 1 argument, got 0',
    },
    {
      argv: ["image", "ls", "a", "b"],
      code: "invalid-argument",
      message: '"cooper image ls" takes at most 1 argument, got 2',
    },
    {
      argv: ["run", "--naem", "x"],
      code: "invalid-argument",
      message: "unknown flag: --naem",
      hint: "did you mean --name? See 'cooper run --help'",
    },
  ])("refuses $argv", async ({ argv, code, message, hint }) => {
    const error = await runCommandLine(argv).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code, message, ...(hint !== undefined && { hint }) });
  });
});
