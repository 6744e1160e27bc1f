/** `run`: make a container, start it and stay with it. */
import { runCommandOptions } from "../../container/options/command-options.ts";
import { createOptions } from "../../container/options/table.ts";
import type { ContainerSpec } from "../../container/spec.ts";
import { CooperError } from "../../errors.ts";
import { isTerminal } from "../../system/terminal.ts";
import { defineCommand } from "../command.ts";
import { print, tell } from "../output.ts";
import { preservedDescriptors } from "../preserved.ts";
import { fetchOf, fetchOptions } from "./fetch-options.ts";

export const run = defineCommand({
  summary: "Run a command in a new container",
  usage: "IMAGE [COMMAND [ARG...]]",
  examples: [
    "cooper run --rm hello",
    "cooper run -it --rm hello sh",
    "cooper run -d --name web -v ./site:/srv localhost/httpd",
  ],
  options: { ...runCommandOptions, ...fetchOptions },
  specOptions: createOptions,
  args: { min: 1 },
  stopsAtFirstWord: true,
  completes: "image",
  async run({ engine, args, options, spec, given }) {
    nameImage(spec, args);
    checkTogether(given);
    if (options.rmi) {
      spec.removesImage = true;
      spec.removesItself = true;
    }
    const isDetached = options.detach ?? false;
    if (isDetached && spec.attach !== null) {
      throw new CooperError("invalid-argument", "--detach and --attach exclude each other");
    }
    if (spec.hasTty && spec.hasStdin && !isDetached && !isTerminal(0)) {
      tell("Warning: the input is not a terminal; the container gets one all the same\n");
    }
    return engine.containers.run(spec, {
      createCommand: process.argv.slice(2),
      replaces: options.replace ?? false,
      cidFile: options.cidfile ?? null,
      fetch: fetchOf(options),
      isDetached,
      detachKeys: options.detachKeys ?? null,
      // a terminal sends its own signals; without one Ctrl-C reaches us and goes on to the container
      passesSignals: options.sigProxy ?? true,
      preservedDescriptors: preservedDescriptors(options.preserveFds, options.preserveFd),
      onStarted(id) {
        if (isDetached) print(`${id}\n`);
      },
    });
  },
});

/** The first word is the image, or with --rootfs the directory. */
export function nameImage(spec: ContainerSpec, args: readonly string[]): void {
  const [image = "", ...command] = args;
  if (spec.rootfs === null) spec.image = image;
  else spec.rootfs.path = image;
  spec.command = command.length > 0 ? command : null;
}

/** Two ways to say the same, of which the last would win silently. */
export function checkTogether(given: ReadonlySet<string>): void {
  const other = ["--cpu-quota", "--cpu-period"].find((flag) => given.has(flag));
  if (given.has("--cpus") && other !== undefined)
    throw new CooperError("invalid-argument", `--cpus and ${other} exclude each other`);
}
