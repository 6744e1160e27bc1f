/** `completion`: scripts for shells, which ask the hidden `__complete` for the words. */
import { writeFileSync } from "node:fs";
import { CooperError, messageOf } from "../../errors.ts";
import { flagSwitch, path } from "../../option.ts";
import { defineCommand, type GlobalOptions } from "../command.ts";
import { completeWords } from "../completion.ts";
import { completionScript, shells } from "../completion-scripts.ts";
import { emptyGlobalOptions } from "../global-options.ts";
import { print } from "../output.ts";
import { readGlobal } from "../run-command-line.ts";

export const completion = defineCommand({
  isHere: true,
  summary: "Print the completion script for a shell",
  usage: shells.join("|"),
  examples: [
    "source <(cooper completion bash)",
    "cooper completion fish -f ~/.config/fish/completions/cooper.fish",
  ],
  options: {
    file: { flag: "--file", short: "-f", type: path, help: "Write it to a file" },
    noDesc: { flag: "--no-desc", type: flagSwitch, help: "Without descriptions" },
  },
  args: { min: 1, max: 1 },
  completes: shells,
  staysOutside: true,
  async run({ args, options }) {
    const shell = shells.find((name) => name === args[0]);
    if (shell === undefined) {
      throw new CooperError("invalid-argument", `no completion for the shell "${args[0]}"`, {
        hint: `there are ${shells.join(", ")}`,
      });
    }
    const script = completionScript(shell, !options.noDesc);
    if (options.file === undefined) {
      print(script);
      return;
    }
    try {
      writeFileSync(options.file, script);
    } catch (cause) {
      throw new CooperError(
        "invalid-argument",
        `cannot write ${options.file}: ${messageOf(cause)}`,
        { cause },
      );
    }
  },
});

export const complete = defineCommand({
  isHere: true,
  summary: "",
  usage: "WORD...",
  options: {},
  args: { min: 0 },
  stopsAtFirstWord: true,
  staysOutside: true,
  isHidden: true,
  async run({ args }) {
    const { openEngine } = await import("../../engine.ts");
    const lines = await completeWords(openEngine(storeOf(args.slice(0, -1))), args);
    print(lines.map((line) => `${line}\n`).join(""));
  },
});

/** The store is that of the line being typed; where that is half done, the usual one. */
function storeOf(words: readonly string[]): GlobalOptions {
  try {
    return readGlobal(words).global;
  } catch (error) {
    if (error instanceof CooperError) return emptyGlobalOptions();
    throw error;
  }
}
