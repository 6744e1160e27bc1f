/** Commands that act on containers one by one and print each one's name. */
import { CooperError } from "../../errors.ts";
import { parseSignal } from "../../oci/signals.ts";
import { flagSwitch, listOf, string } from "../../option.ts";
import { type CommandContext, type CommandOptions, defineCommand } from "../command.ts";
import { isConfirmed } from "../confirm.ts";
import { humanSize } from "../human.ts";
import { print, tell } from "../output.ts";
import { RemovalStatus } from "../removal-status.ts";
import { all, cidfile, filter, ignore, latest, selectContainers, time } from "../select.ts";

const containers = "[CONTAINER...]";
const signal = {
  flag: "--signal",
  short: "-s",
  type: { ...string, placeholder: "SIGNAL" },
  help: "Signal to send",
} as const;

/** Runs `act`, taking a container that is not there for done when `--ignore` was given. */
async function unlessMissing(
  isIgnored: boolean | undefined,
  name: string,
  act: () => Promise<unknown>,
): Promise<string | undefined> {
  try {
    await act();
    return name;
  } catch (error) {
    if (isIgnored && error instanceof CooperError && error.code === "no-such-container")
      return undefined;
    throw error;
  }
}

const isRunning = ({ isActive }: { isActive: boolean }) => isActive;

export const stop = defineCommand({
  summary: "Stop containers",
  usage: containers,
  description: "Sends the container's stop signal, waits, and kills it when its time is over.",
  examples: ["cooper stop web", "cooper stop --time 2 --all"],
  options: {
    all,
    cidfile,
    filter,
    ignore,
    latest,
    signal,
    time,
    untilBoot: {
      flag: "--until-boot",
      type: flagSwitch,
      help: "As the machine does that goes down: restart policies start them at its next boot",
    },
  },
  args: { min: 0 },
  completes: "running-container",
  staysOutside: false,
  async run({ engine, args, options, forEach }) {
    const names = await selectContainers(engine, args, options, isRunning);
    const how = {
      graceSeconds: options.time ?? null,
      signal: options.signal === undefined ? null : parseSignal(options.signal),
      ...(options.untilBoot && { stoppedBy: "machine" as const }),
    };
    return forEach(names, (name) =>
      unlessMissing(options.ignore, name, () => engine.containers.stop(name, how)),
    );
  },
});

export const kill = defineCommand({
  summary: "Send a signal to containers",
  usage: containers,
  examples: ["cooper kill -s HUP web"],
  options: { all, cidfile, latest, signal: { ...signal, defaultText: "KILL" } },
  args: { min: 0 },
  completes: "running-container",
  async run({ engine, args, options, forEach }) {
    const number = parseSignal(options.signal ?? "KILL");
    const names = await selectContainers(engine, args, options, isRunning);
    return forEach(names, (name) =>
      unlessMissing(false, name, () => engine.containers.kill(name, number)),
    );
  },
});

export const restart = defineCommand({
  summary: "Stop and start containers",
  usage: containers,
  options: {
    all,
    cidfile,
    filter,
    latest,
    signal,
    time,
    running: { flag: "--running", type: flagSwitch, help: "Only containers that run" },
  },
  args: { min: 0 },
  completes: "container",
  async run({ engine, args, options, forEach }) {
    const choice = options.running ? { ...options, all: true } : options;
    const names = await selectContainers(
      engine,
      args,
      choice,
      (container) => !options.running || isRunning(container),
    );
    const how = {
      graceSeconds: options.time ?? null,
      signal: options.signal === undefined ? null : parseSignal(options.signal),
    };
    return forEach(names, (name) =>
      unlessMissing(false, name, () => engine.containers.restart(name, how)),
    );
  },
});

export const pause = defineCommand({
  summary: "Freeze the processes of containers",
  usage: containers,
  options: { all, cidfile, filter, latest },
  args: { min: 0 },
  completes: "running-container",
  async run({ engine, args, options, forEach }) {
    const names = await selectContainers(engine, args, options, ({ state }) => state === "running");
    return forEach(names, (name) =>
      unlessMissing(false, name, () => engine.containers.pause(name)),
    );
  },
});

export const unpause = defineCommand({
  summary: "Let paused containers go on",
  usage: containers,
  options: { all, cidfile, filter, latest },
  args: { min: 0 },
  completes: "container",
  async run({ engine, args, options, forEach }) {
    const names = await selectContainers(engine, args, options, ({ state }) => state === "paused");
    return forEach(names, (name) =>
      unlessMissing(false, name, () => engine.containers.unpause(name)),
    );
  },
});

export const init = defineCommand({
  summary: "Prepare containers without running them",
  usage: containers,
  options: { all, latest },
  args: { min: 0 },
  completes: "container",
  async run({ engine, args, options, forEach }) {
    const names = await selectContainers(
      engine,
      args,
      options,
      ({ state }) => state === "created" || state === "exited",
    );
    return forEach(names, (name) => unlessMissing(false, name, () => engine.containers.init(name)));
  },
});

export const rm = defineCommand({
  summary: "Remove containers",
  usage: containers,
  examples: ["cooper rm web", "cooper rm --force --all"],
  options: {
    all,
    cidfile,
    ignore,
    latest,
    filter: { ...filter, short: undefined as never },
    force: {
      flag: "--force",
      short: "-f",
      type: flagSwitch,
      help: "Also containers that run: they are killed",
    },
    volumes: {
      flag: "--volumes",
      short: "-v",
      type: flagSwitch,
      help: "Remove their anonymous volumes too",
    },
    time: { ...time, help: "With --force: how long they may take to end by themselves" },
    depend: {
      flag: "--depend",
      type: flagSwitch,
      help: "Also containers that require them",
    },
    storage: {
      flag: "--storage",
      type: flagSwitch,
      help: "Remove it from the storage alone",
      isHidden: true,
      refuse: "a container and its files are one thing here",
    },
    link: {
      flag: "--link",
      type: flagSwitch,
      help: "Remove a link",
      refuse: "there are no links between containers",
    },
  },
  args: { min: 0 },
  completes: "container",
  async run({ engine, args, options, forEach }) {
    // as both peers: -f does not mind a missing one; of all, one may have gone with another
    const ignore = options.ignore ?? options.force ?? options.all;
    const chosen = await selectContainers(engine, args, { ...options, ignore });
    const names = options.all ? chosen.toReversed() : chosen; // who requires another is mostly younger
    const how = {
      force: options.force ?? false,
      volumes: options.volumes ?? false,
      graceSeconds: options.time ?? null,
      depend: options.depend ?? options.all ?? false,
    };
    const exit = new RemovalStatus();
    const status = await forEach(names, async (name) => {
      try {
        return await unlessMissing(ignore, name, () => engine.containers.remove(name, how));
      } catch (error) {
        return exit.note(error);
      }
    });
    return exit.of(status);
  },
});

export const prune = defineCommand({
  summary: "Remove all containers that do not run",
  usage: "",
  options: {
    filter: { flag: "--filter", type: listOf(string), help: "Only those with KEY=VALUE" },
    force: { flag: "--force", short: "-f", type: flagSwitch, help: "Do not ask" },
  },
  args: { min: 0, max: 0 },
  async run({ engine, options }) {
    if (!options.force && !(await isConfirmed("This removes all containers that do not run.")))
      return;
    const { ids, reclaimedBytes } = await engine.containers.prune(options.filter);
    print(ids.map((id) => `${id}\n`).join(""));
    if (ids.length > 0) tell(`Reclaimed ${humanSize(reclaimedBytes)}\n`);
  },
});

export const rename = defineCommand({
  summary: "Give a container another name",
  usage: "CONTAINER NAME",
  options: {},
  args: { min: 2, max: 2 },
  completes: "container",
  async run({ engine, args }) {
    await engine.containers.rename(args[0] ?? "", args[1] ?? "");
  },
});

export const exists = defineCommand({
  summary: "Tell by the exit status whether a container exists",
  usage: "CONTAINER",
  options: {
    external: {
      flag: "--external",
      type: flagSwitch,
      help: "Also containers of other tools",
      refuse: "other tools have stores of their own",
    },
  },
  args: { min: 1, max: 1 },
  completes: "container",
  staysOutside: true,
  async run({ engine, args }) {
    return (await engine.containers.exists(args[0] ?? "")) ? 0 : 1;
  },
});

export const wait = defineCommand({
  summary: "Wait until containers end, and print their exit codes",
  usage: "CONTAINER...",
  options: {
    latest,
    ignore: { ...ignore, short: undefined as never },
    condition: {
      flag: "--condition",
      type: listOf({ ...string, placeholder: "STATE" }),
      help: "Wait for one of these states",
      defaultText: "stopped",
    },
    interval: {
      flag: "--interval",
      short: "-i",
      type: { ...string, placeholder: "DURATION" },
      help: "How often to look",
      ignored: "the kernel tells at once",
    },
    exitFirstMatch: {
      flag: "--exit-first-match",
      type: flagSwitch,
      help: "End with the first container that matches",
    },
  },
  args: { min: 0 },
  completes: "running-container",
  async run({ engine, args, options, forEach }) {
    const names = await selectContainers(engine, args, options);
    const codeOf = async (name: string) =>
      `${await engine.containers.wait(name, options.condition)}`;
    if (options.exitFirstMatch) {
      print(`${await Promise.race(names.map(codeOf))}\n`);
      return 0;
    }
    return forEach(names, async (name) => {
      try {
        return await codeOf(name);
      } catch (error) {
        if (options.ignore && error instanceof CooperError && error.code === "no-such-container")
          return "-1";
        throw error;
      }
    });
  },
});

export const cleanup = defineCommand({
  summary: "Give back what an ended container still holds",
  usage: containers,
  description:
    "The monitor runs this when a container ends. By hand it is only needed for containers whose monitor was killed.",
  options: {
    all,
    latest,
    exec: {
      flag: "--exec",
      type: string,
      help: "An exec session",
      refuse: "exec sessions are cleaned up by their own monitor",
    },
    rm: { flag: "--rm", type: flagSwitch, help: "Remove the container afterwards" },
    stoppedOnly: {
      flag: "--stopped-only",
      type: flagSwitch,
      help: "Only containers that have ended",
      isHidden: true,
      ignored: "one that runs holds nothing that could be given back",
    },
    rmi: {
      flag: "--rmi",
      type: flagSwitch,
      help: "Remove its image afterwards",
      refuse: "use run --rmi",
    },
  },
  isKeptOutOfWhy: true,
  args: { min: 0 },
  completes: "container",
  async run(context: CommandContext<CommandOptions>) {
    const { engine, args, options, forEach } = context;
    const names = await selectContainers(
      engine,
      args,
      options as never,
      ({ state }) => state === "exited",
    );
    const isOfMonitor = names.every((name) => /^[0-9a-f]{64}$/.test(name));
    return forEach(names, async (name) => {
      await engine.containers.cleanup(name);
      if (options.rm)
        await engine.containers.remove(name, { force: false, volumes: true, graceSeconds: null });
      return isOfMonitor && !options.all ? undefined : name;
    });
  },
});
