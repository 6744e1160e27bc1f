/** `attach`: connect our streams to a container that runs. */
import { flagSwitch, string } from "../../option.ts";
import { defineCommand } from "../command.ts";
import { latest, selectContainers } from "../select.ts";

export const attach = defineCommand({
  summary: "Attach to a running container",
  usage: "[CONTAINER]",
  options: {
    latest,
    detachKeys: {
      flag: "--detach-keys",
      type: { ...string, placeholder: "KEYS" },
      help: "Keys that detach",
      defaultText: "ctrl-p,ctrl-q",
    },
    noStdin: { flag: "--no-stdin", type: flagSwitch, help: "Leave its input alone" },
    sigProxy: {
      flag: "--sig-proxy",
      type: flagSwitch,
      help: "Pass signals on to its process",
      defaultText: "true",
    },
  },
  args: { min: 0, max: 1 },
  completes: "running-container",
  async run({ engine, args, options }) {
    const [name = ""] = await selectContainers(engine, args, options);
    const { exitCode } = await engine.containers.attach(name, {
      stdin: !options.noStdin,
      stdout: true,
      stderr: true,
      detachKeys: options.detachKeys ?? null,
      passesSignals: options.sigProxy ?? true,
    });
    return exitCode;
  },
});
