/** `start`: start containers, with --attach stay with one. */
import { CooperError } from "../../errors.ts";
import { flagSwitch, string } from "../../option.ts";
import { defineCommand } from "../command.ts";
import { print } from "../output.ts";
import { all, filter, latest, selectContainers } from "../select.ts";

const noCheckpoints = "checkpoints have no names: use container restore";

export const start = defineCommand({
  summary: "Start containers",
  usage: "[CONTAINER...]",
  examples: [
    "cooper start web",
    "cooper start -ai shell",
    "cooper start --all --filter should-start-on-boot=true",
  ],
  options: {
    all: { ...all, short: undefined as never },
    filter,
    latest,
    attach: {
      flag: "--attach",
      short: "-a",
      type: flagSwitch,
      help: "Attach its output, and pass signals on",
    },
    interactive: {
      flag: "--interactive",
      short: "-i",
      type: flagSwitch,
      help: "Attach its input too",
    },
    detachKeys: {
      flag: "--detach-keys",
      type: { ...string, placeholder: "KEYS" },
      help: "Keys that detach",
      defaultText: "ctrl-p,ctrl-q",
    },
    sigProxy: {
      flag: "--sig-proxy",
      type: flagSwitch,
      help: "Pass signals on when attached",
      defaultText: "true",
    },
    checkpoint: {
      flag: "--checkpoint",
      type: string,
      help: "Restore from a checkpoint",
      refuse: noCheckpoints,
    },
    checkpointDir: {
      flag: "--checkpoint-dir",
      type: string,
      help: "Directory of checkpoints",
      refuse: noCheckpoints,
    },
  },
  args: { min: 0 },
  completes: "container",
  async run({ engine, args, options, forEach }) {
    const isForBoot = (options.filter ?? []).some((text) => text.startsWith("restart-policy="));
    const names = await selectContainers(
      engine,
      args,
      options,
      ({ state, staysStopped }) =>
        ["created", "exited", "initialized"].includes(state) && !(isForBoot && staysStopped),
    );
    if (!options.attach && !options.interactive) {
      return forEach(names, async (name) => {
        await engine.containers.start(name);
        return name;
      });
    }
    const [name, ...others] = names;
    if (name === undefined) return 0;
    if (others.length > 0)
      throw new CooperError("invalid-argument", "only one container can be attached");
    if (!options.attach) {
      await engine.containers.start(name);
      print(`${name}\n`);
      return 0;
    }
    const { exitCode } = await engine.containers.startAttached(name, {
      stdin: options.interactive ?? false,
      stdout: true,
      stderr: true,
      detachKeys: options.detachKeys ?? null,
      passesSignals: options.sigProxy ?? true,
    });
    return exitCode;
  },
});
