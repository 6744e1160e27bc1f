/** `volume export` and `volume import`. */
import { createReadStream } from "node:fs";
import { CooperError, errnoName } from "../../errors.ts";
import { path } from "../../option.ts";
import { isTerminal } from "../../system/terminal.ts";
import { defineCommand } from "../command.ts";
import { printBytes } from "../output.ts";

export const exportVolume = defineCommand({
  summary: "Write what is in a volume as a tar",
  usage: "VOLUME",
  examples: ["cooper volume export data > data.tar", "cooper volume export -o data.tar data"],
  options: {
    output: {
      flag: "--output",
      short: "-o",
      type: { ...path, placeholder: "FILE" },
      help: "Where to write it",
      defaultText: "standard output",
    },
  },
  args: { min: 1, max: 1 },
  completes: "volume",
  async run({ engine, args: [name = ""], options }) {
    const { output } = options;
    if (output === undefined && isTerminal(1))
      throw new CooperError("invalid-argument", "a tar is not written to a terminal", {
        hint: "name a file with --output, or redirect the output",
      });
    await engine.volumes.export(name, output ?? printBytes);
  },
});

export const importVolume = defineCommand({
  summary: "Add what a tar holds to a volume",
  usage: "VOLUME [FILE|-]",
  description: "What is there already stays, unless the tar has it too.",
  examples: ["cooper volume import data data.tar", "cooper volume import data < data.tar.gz"],
  options: {},
  args: { min: 1, max: 2 },
  completes: "volume",
  async run({ engine, args: [name = "", file = "-"] }) {
    if (file === "-" && isTerminal(0))
      throw new CooperError("invalid-argument", "a tar cannot be read from a terminal", {
        hint: "name a file",
      });
    await engine.volumes.import(name, file === "-" ? Bun.stdin.stream() : chunksOf(file));
  },
});

async function* chunksOf(file: string): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20 }))
      yield chunk as Buffer;
  } catch (cause) {
    if (errnoName(cause) === "ENOENT")
      throw new CooperError("invalid-argument", `no such file: ${file}`, { cause });
    throw cause;
  }
}
