/** `update`: other limits and another restart policy for containers. */
import { createOptions } from "../../container/options/table.ts";
import { CooperError } from "../../errors.ts";
import { defineCommand } from "../command.ts";
import { latest, selectContainers } from "../select.ts";

/** Options of `create` that can be changed later. */
const changeable = new Set([
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
  "--device-read-iops",
  "--device-write-bps",
  "--device-write-iops",
  "--env",
  "--memory",
  "--memory-reservation",
  "--memory-swap",
  "--memory-swappiness",
  "--pids-limit",
  "--restart",
  "--ulimit",
  "--unsetenv",
]);

const isChangeable = (flag: string) =>
  changeable.has(flag) || flag.startsWith("--health-") || flag === "--no-healthcheck";

const specOptions = createOptions.filter(({ flag }) => isChangeable(flag));

export const update = defineCommand({
  summary: "Change limits and the restart policy of containers",
  usage: "[CONTAINER...]",
  description:
    "Limits of a container that runs hold at once; its environment and ulimits with its next start.",
  examples: ["cooper update --memory 512m --cpus 2 web", "cooper update --restart always web"],
  options: { latest },
  specOptions,
  args: { min: 0 },
  completes: "container",
  async run({ engine, args, options, spec, given, forEach }) {
    if (!specOptions.some(({ flag }) => given.has(flag)))
      throw new CooperError("invalid-argument", "nothing to change was named", {
        hint: "see 'cooper update --help'",
      });
    const names = await selectContainers(engine, args, options);
    return forEach(names, async (name) => {
      await engine.containers.update(name, spec, { setsRestart: given.has("--restart") });
      return name;
    });
  },
});
