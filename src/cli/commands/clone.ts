/** `container clone`: a new container with the settings of another. */
import { createOptions } from "../../container/options/table.ts";
import { CooperError } from "../../errors.ts";
import { flagSwitch, string } from "../../option.ts";
import { defineCommand } from "../command.ts";
import { print } from "../output.ts";

/** Limits that a clone may have of its own (podman-container-clone(1)). */
const limits = new Set([
  "--blkio-weight",
  "--blkio-weight-device",
  "--cpu-period",
  "--cpu-quota",
  "--cpu-rt-period",
  "--cpu-rt-runtime",
  "--cpu-shares",
  "--cpus",
  "--cpuset-cpus",
  "--cpuset-mems",
  "--device-read-bps",
  "--device-write-bps",
  "--memory",
  "--memory-reservation",
  "--memory-swap",
  "--memory-swappiness",
]);

export const clone = defineCommand({
  summary: "Make a container with the settings of another",
  usage: "CONTAINER [NAME] [IMAGE]",
  description:
    "It begins with the files of its image; 'cooper fork' makes one that begins with the container's files. Volumes without a name are not shared, and addresses that were asked for stay with the original unless --destroy is given.",
  examples: [
    "cooper container clone web web2",
    "cooper container clone --destroy --force --run --name web --memory 1g web",
  ],
  options: {
    destroy: { flag: "--destroy", type: flagSwitch, help: "Remove the original" },
    force: {
      flag: "--force",
      short: "-f",
      type: flagSwitch,
      help: "With --destroy: also one that runs",
    },
    name: {
      flag: "--name",
      type: { ...string, placeholder: "NAME" },
      help: "Its name",
      defaultText: "that of the original with -clone",
    },
    pod: {
      flag: "--pod",
      type: { ...string, placeholder: "POD" },
      help: "Put it into a pod",
      refuse: "there are no pods yet",
    },
    run: { flag: "--run", type: flagSwitch, help: "Start it" },
  },
  specOptions: createOptions.filter(({ flag }) => limits.has(flag)),
  args: { min: 1, max: 3 },
  completes: "container",
  async run({ engine, args, options, spec }) {
    const [original = "", name, image] = args;
    if (name !== undefined && options.name !== undefined)
      throw new CooperError("invalid-argument", "the name is given twice");
    if (options.force && !options.destroy)
      throw new CooperError("invalid-argument", "--force needs --destroy");
    const container = await engine.containers.clone(original, {
      name: options.name ?? name ?? null,
      limits: spec,
      image: image ?? null,
      destroys: options.destroy ?? false,
      force: options.force ?? false,
      starts: options.run ?? false,
      createCommand: process.argv.slice(2),
    });
    print(`${container.id}\n`);
  },
});
