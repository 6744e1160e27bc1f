/** `healthcheck run`, and the hidden processes that run checks as they become due, and tell a manager. */
import { flagSwitch } from "../../option.ts";
import { defineCommand } from "../command.ts";
import { print } from "../output.ts";

export const run = defineCommand({
  summary: "Check the health of a container now",
  usage: "CONTAINER",
  description: "The exit status is 0 when the check succeeds, and 1 when it fails.",
  options: {
    ignoreResult: {
      flag: "--ignore-result",
      type: flagSwitch,
      help: "Exit with 0 whatever the check says",
    },
  },
  args: { min: 1, max: 1 },
  completes: "running-container",
  async run({ engine, args: [name = ""], options }) {
    const { exitCode, output } = await engine.containers.checkHealth(name);
    print(output === "" || output.endsWith("\n") ? output : `${output}\n`);
    return exitCode === 0 || options.ignoreResult ? 0 : 1;
  },
});

export const keep = defineCommand({
  summary: "",
  usage: "",
  options: {},
  args: { min: 0, max: 0 },
  isHidden: true,
  run: ({ engine }) => engine.containers.keepHealth(),
});

export const tellHealthy = defineCommand({
  summary: "",
  usage: "",
  options: {},
  args: { min: 1, max: 1 },
  isHidden: true,
  run: ({ engine, args: [id = ""] }) => engine.containers.tellWhenHealthy(id),
});
