/** `create`: make a container without starting it. */
import { createCommandOptions } from "../../container/options/command-options.ts";
import { createOptions } from "../../container/options/table.ts";
import { defineCommand } from "../command.ts";
import { print } from "../output.ts";
import { fetchOf, fetchOptions } from "./fetch-options.ts";
import { checkTogether, nameImage } from "./run.ts";

export const create = defineCommand({
  summary: "Make a container without starting it",
  usage: "IMAGE [COMMAND [ARG...]]",
  examples: ["cooper create --name web -v ./site:/srv localhost/httpd"],
  options: { ...createCommandOptions, ...fetchOptions },
  specOptions: createOptions,
  args: { min: 1 },
  stopsAtFirstWord: true,
  completes: "image",
  async run({ engine, args, options, spec, given }) {
    nameImage(spec, args);
    checkTogether(given);
    const container = await engine.containers.create(spec, {
      createCommand: process.argv.slice(2),
      replaces: options.replace ?? false,
      cidFile: options.cidfile ?? null,
      fetch: fetchOf(options),
    });
    print(`${container.id}\n`);
  },
});
