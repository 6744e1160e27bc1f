import { expect, test } from "bun:test";
import { flagSwitch, string } from "../option.ts";
import type { Command, CommandEntry } from "./command.ts";
import { globalOptions } from "./global-options.ts";
import { commandHelp, groupHelp, topHelp } from "./help.ts";
import { commandTree, groups } from "./tree.ts";

const command: Command = {
  summary: "Stop containers",
  usage: "[CONTAINER...]",
  description: "Asks first.",
  examples: ["cooper stop web"],
  options: {
    time: {
      flag: "--time",
      short: "-t",
      aliases: ["--timeout"],
      type: { ...string, placeholder: "SECONDS" },
      help: "How long",
      defaultText: "10",
    },
    all: { flag: "--all", type: flagSwitch, help: "All of them" },
    pull: {
      flag: "--pull",
      type: { ...string, placeholder: "WHEN", bare: "always" },
      help: "When to pull",
    },
    old: { flag: "--old", type: flagSwitch, help: "Old", isHidden: true },
    sync: { flag: "--sync", type: flagSwitch, help: "Look twice", ignored: "once is enough" },
    pod: {
      flag: "--pod",
      short: "-p",
      type: flagSwitch,
      help: "Its pod",
      refuse: "there are no pods",
    },
    pods: { flag: "--pods", type: flagSwitch, help: "Its pods", refuse: "there are no pods" },
  },
  args: { min: 0 },
  run: () => Promise.resolve(),
};
const entry: CommandEntry = {
  path: "container stop",
  aliases: ["stop"],
  summary: "Stop containers",
  load: () => Promise.resolve(command),
};

test("commandHelp() shows what is declared", () => {
  expect(commandHelp(entry, command, "stop")).toBe(`Stop containers. Asks first.

Usage:
  cooper stop [options] [CONTAINER...]

Also:
  cooper container stop

Examples:
  cooper stop web

Options:
      --all                      All of them
      --pull[=WHEN]              When to pull
  -t, --time, --timeout SECONDS  How long (default 10)

Without effect:
  --sync: once is enough

Not supported:
  -p, --pod, --pods: there are no pods
`);
});

test("commandHelp() leaves out what there is not", () => {
  const bare: Command = {
    summary: "Do it",
    usage: "",
    options: {},
    args: { min: 0 },
    run: () => Promise.resolve(),
  };
  const help = commandHelp({ ...entry, path: "do", aliases: [] }, bare, "do");
  expect(help).toBe("Do it.\n\nUsage:\n  cooper do\n");
});

test.each(commandTree.filter(({ summary }) => summary !== ""))(
  "$path: the help has a usage line for each spelling, and every option that is not hidden",
  async (own) => {
    const declared = await own.load();
    for (const name of [own.path, ...own.aliases]) {
      const help = commandHelp(own, declared, name);
      expect(help.split("\n").find((line) => line.startsWith("  "))).toStartWith(
        `  cooper ${name}`,
      );
      const words = new Set(help.split(/[^A-Za-z0-9_-]+/));
      for (const { flag, isHidden } of [
        ...Object.values(declared.options),
        ...(declared.specOptions ?? []),
      ])
        if (!isHidden) expect(words).toContain(flag);
    }
  },
);

const nounOf = (path: string) =>
  Object.keys(groups).find((noun) => path.startsWith(`${noun} `)) ?? "";

test("groupHelp() and topHelp() lead to every command", () => {
  const all = [topHelp(), ...Object.keys(groups).map(groupHelp)].join("\n");
  for (const { path, summary } of commandTree)
    if (summary !== "")
      expect(all).toMatch(
        new RegExp(`^  ${path.slice(nounOf(path).length).trim()} +${summary}`, "m"),
      );
  expect(all).not.toContain("__");
  for (const { flag, isHidden } of globalOptions) if (!isHidden) expect(topHelp()).toContain(flag);
});
