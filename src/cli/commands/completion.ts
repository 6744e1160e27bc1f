/** `completion`: scripts for shells, which ask the hidden `__complete` for the words. */
import { writeFileSync } from "node:fs";
import { flagSwitch, oneOf, path } from "../../option.ts";
import { defineCommand } from "../command.ts";
import { completeWords } from "../completion.ts";
import { completionScript } from "../completion-scripts.ts";
import { print } from "../output.ts";

const shells = oneOf("bash", "zsh", "fish");

export const completion = defineCommand({
  summary: "Print the completion script for a shell",
  usage: "bash|zsh|fish",
  examples: ["source <(cooper completion bash)"],
  options: {
    file: { flag: "--file", short: "-f", type: path, help: "Write it to a file" },
    noDesc: { flag: "--no-desc", type: flagSwitch, help: "Without descriptions" },
  },
  args: { min: 1, max: 1 },
  staysOutside: true,
  async run({ args, options }) {
    const script = completionScript(shells.parse(args[0] ?? ""), !options.noDesc);
    if (options.file === undefined) print(script);
    else writeFileSync(options.file, script);
  },
});

export const complete = defineCommand({
  summary: "",
  usage: "WORD...",
  options: {},
  args: { min: 0 },
  stopsAtFirstWord: true,
  staysOutside: true,
  isHidden: true,
  async run({ engine, args }) {
    const words = args[0] === "--" ? args.slice(1) : args;
    print((await completeWords(engine, words)).map((line) => `${line}\n`).join(""));
  },
});
