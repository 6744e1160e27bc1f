/** What each instruction does to its stage: steps for the graph, or a change of the configuration. */
import { posix } from "node:path";
import { messageOf } from "../errors.ts";
import { parseSignal } from "../oci/signals.ts";
import { expandWords } from "./dockerfile/expand.ts";
import type {
  HealthcheckInstruction,
  ListInstruction,
  PairsInstruction,
  StageInstruction,
  Word,
} from "./dockerfile/instructions.ts";
import type { HealthConfig } from "./graph.ts";
import { healthText, quotedList } from "./history.ts";
import { addCopy } from "./instruct-files.ts";
import { addRun } from "./instruct-run.ts";
import { commandWords, expand } from "./instruct-words.ts";
import { exposedPorts } from "./ports.ts";
import type { StageState } from "./stage-state.ts";
import type { Planner } from "./stages.ts";

/** Reads one instruction. @throws CooperError invalid-argument that shows the place */
export function applyInstruction(
  planner: Planner,
  state: StageState,
  instruction: StageInstruction,
): void {
  const { config } = state;
  switch (instruction.kind) {
    case "run":
      return addRun(planner, state, instruction);
    case "copy":
    case "add":
      return addCopy(planner, state, instruction);
    case "arg":
      return declare(planner, state, instruction);
    case "env":
    case "label":
      return setPairs(planner, state, instruction);
    case "workdir":
      return workdir(planner, state, instruction.word);
    case "cmd":
      config.Cmd = commandWords(state, instruction.command);
      state.hasOwnCmd = true;
      return state.note(`CMD ${quotedList(config.Cmd)}`);
    case "entrypoint":
      config.Entrypoint = commandWords(state, instruction.command);
      if (!state.hasOwnCmd) config.Cmd = null;
      return state.note(`ENTRYPOINT ${quotedList(config.Entrypoint)}`);
    case "shell":
      config.Shell = instruction.words;
      return state.note(`SHELL [${instruction.words.join(" ")}]`);
    case "user":
      config.User = expand(planner, state, instruction.word);
      return state.note(`USER ${config.User}`);
    case "stopsignal":
      return stopSignal(planner, state, instruction.word);
    case "maintainer":
      state.author = instruction.word.text;
      return state.note(`MAINTAINER ${state.author}`);
    case "expose":
      return expose(planner, state, instruction);
    case "volume": {
      const paths = instruction.words.map((word) => expand(planner, state, word));
      for (const path of paths) config.Volumes[path] = {};
      return state.note(`VOLUME [${paths.join(" ")}]`);
    }
    case "healthcheck":
      config.Healthcheck = healthOf(instruction);
      return state.note(healthText(config.Healthcheck));
    case "onbuild":
      config.OnBuild.push(instruction.trigger);
      return state.note(`ONBUILD ${instruction.trigger}`);
  }
}

function declare(planner: Planner, state: StageState, { pairs }: PairsInstruction): void {
  const told: string[] = [];
  for (const { name, value, range } of pairs) {
    const byDefault = value === null ? undefined : expand(planner, state, { text: value, range });
    state.scope.declare(name, byDefault);
    const shown = planner.input.buildArgs[name] ?? byDefault;
    told.push(shown === undefined ? name : `${name}=${shown}`);
  }
  state.note(`ARG ${told.join(" ")}`);
}

/** All values are read before any is set: `ENV a=1 b=$a` sees the old `a`. */
function setPairs(planner: Planner, state: StageState, { kind, pairs }: PairsInstruction): void {
  const read = pairs.map(({ name, value, range }) => ({
    name: expand(planner, state, { text: name, range }),
    value: expand(planner, state, { text: value ?? "", range }),
  }));
  for (const { name, value } of read) {
    if (kind === "env") state.scope.setEnv(name, value);
    else state.config.Labels[name] = value;
  }
  const told = read.map(({ name, value }) => `${name}=${value}`).join(" ");
  state.note(`${kind.toUpperCase()} ${told}`);
}

function workdir(planner: Planner, state: StageState, word: Word): void {
  const text = expand(planner, state, word);
  const path = posix.resolve(state.config.WorkingDir, text);
  state.config.WorkingDir = path;
  state.tree = planner.builder.add(
    { kind: "workdir", base: state.tree, path, user: state.config.User },
    {
      title: state.nextTitle(`WORKDIR ${text}`),
      stages: state.names,
      place: { source: planner.input.dockerfile.source, range: word.range },
    },
  );
  state.note(`WORKDIR ${path}`, false);
}

function stopSignal(planner: Planner, state: StageState, word: Word): void {
  const text = expand(planner, state, word);
  try {
    parseSignal(text);
  } catch (cause) {
    throw planner.error(word.range, messageOf(cause));
  }
  state.config.StopSignal = text;
  state.note(`STOPSIGNAL ${text}`);
}

function expose(planner: Planner, state: StageState, { words }: ListInstruction): void {
  const all: string[] = [];
  for (const { text, range } of words) {
    try {
      const { escapeChar } = planner.input.dockerfile.directives;
      const lookUp = (name: string) => state.scope.lookUp(name);
      for (const word of expandWords(text, { escapeChar, lookUp })) all.push(...exposedPorts(word));
    } catch (cause) {
      throw planner.error(range, messageOf(cause));
    }
  }
  for (const port of all) state.config.ExposedPorts[port] = {};
  state.note(`EXPOSE [${[...new Set(all)].sort().join(" ")}]`);
}

function healthOf(instruction: HealthcheckInstruction): HealthConfig {
  const { command, interval, timeout, startPeriod, startInterval, retries } = instruction;
  if (command === null) return { Test: ["NONE"] };
  const given = {
    Interval: interval,
    Timeout: timeout,
    StartPeriod: startPeriod,
    StartInterval: startInterval,
    Retries: retries,
  };
  return {
    Test: command.kind === "exec" ? ["CMD", ...command.words] : ["CMD-SHELL", command.text],
    ...Object.fromEntries(
      Object.entries(given).filter(([, value]) => value !== null && value !== 0),
    ),
  };
}
