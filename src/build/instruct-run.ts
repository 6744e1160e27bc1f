/** RUN: a command in a container. */
import { posix } from "node:path";
import { messageOf } from "../errors.ts";
import { announcedBy } from "./dockerfile/heredoc.ts";
import type { RunInstruction, Word } from "./dockerfile/instructions.ts";
import { parseRunMount } from "./dockerfile/run-mount.ts";
import { proxyArgs } from "./dockerfile/scope.ts";
import type { RunStep, StepDevice, StepMount } from "./graph.ts";
import { runText } from "./history.ts";
import { commandWords, expand } from "./instruct-words.ts";
import type { StageState } from "./stage-state.ts";
import type { Planner } from "./stages.ts";

/** RUN: a container in which a command runs. */
export function addRun(planner: Planner, state: StageState, run: RunInstruction): void {
  const { argv, script } = command(planner, state, run);
  const { scope, config } = state;
  const args = scope.argsForRun();
  const given = planner.input.buildArgs;
  const proxies = proxyArgs.filter((name) => Object.hasOwn(given, name) && !scope.env.has(name));
  const isProxy = ([name]: readonly [string, string]) => proxyArgs.includes(name);
  const known = args.filter((arg) => !isProxy(arg));
  const passed = new Map([
    ...proxies.map((name) => [name, given[name] ?? ""] as const),
    ...args.filter(isProxy),
  ]);
  const asText = ([name, value]: readonly [string, string]) => `${name}=${value}`;
  state.tree = planner.builder.add(
    {
      kind: "run",
      base: state.tree,
      argv,
      script,
      env: [...scope.envList(), ...known.map(asText)],
      passedEnv: [...passed].map(asText),
      cwd: config.WorkingDir,
      user: config.User,
      mounts: run.mounts.map((word) => mount(planner, state, word)),
      network: network(planner, state, run.network),
      isInsecure: isInsecure(planner, state, run.security),
      devices: run.devices.map((word) => device(planner, state, word)),
      platform: planner.foreign(state.platform),
    },
    {
      title: state.nextTitle(`RUN ${firstLine(run)}`),
      stages: state.names,
      place: { source: planner.input.dockerfile.source, range: run.range },
    },
  );
  const told = [...scope.args.keys()].filter((name) => !proxyArgs.includes(name));
  state.note(
    runText(
      argv,
      told.map((name) => [name, scope.lookUp(name) ?? ""]),
    ),
    false,
  );
}

function firstLine({ command: { kind, ...rest }, heredocs }: RunInstruction): string {
  const text = "words" in rest ? JSON.stringify(rest.words) : rest.text;
  const [first = "", ...more] = (heredocs[0]?.content ?? "").trimEnd().split("\n");
  return heredocs.length === 0 ? text : `${text} (${first}${more.length > 0 ? "..." : ""})`;
}

/** A line that is one heredoc and nothing else is the script itself; any other is the shell's to read. */
function command(
  planner: Planner,
  state: StageState,
  { command: line, heredocs, range }: RunInstruction,
): Pick<RunStep, "argv" | "script"> {
  const [heredoc] = heredocs;
  if (heredoc === undefined || line.kind === "exec")
    return { argv: commandWords(state, line), script: null };
  if (announcedBy(line.text) === undefined) {
    const all = heredocs.map(({ written, name }) => `\n${written}${name}`).join("");
    return { argv: commandWords(state, { kind: "shell", text: line.text + all }), script: null };
  }
  const { name, content } = heredoc;
  if (!content.startsWith("#!"))
    return { argv: commandWords(state, { kind: "shell", text: content }), script: null };
  if (name.includes("/") || name === "." || name === "..")
    throw planner.error(range, `a script cannot be named ${name}`);
  return { argv: [`/dev/pipes/${name}`], script: { name, content } };
}

function network(planner: Planner, state: StageState, given: Word | null): RunStep["network"] {
  const { network: asked, allowed } = planner.input;
  if (given === null) return asked;
  const text = expand(planner, state, given);
  if (text === "default") return asked;
  if (text === "none") return text;
  if (text !== "host")
    throw planner.error(given.range, `unknown network mode: ${text}`, {
      hint: "there are default, none and host",
    });
  if (asked === "host" || allowed.includes("network.host")) return text;
  throw planner.error(given.range, "RUN --network=host is not allowed by itself", {
    hint: "whoever builds gives the host's network to a build: cooper build --allow network.host",
  });
}

function isInsecure(planner: Planner, state: StageState, given: Word | null): boolean {
  if (given === null) return false;
  const text = expand(planner, state, given);
  if (text === "sandbox") return false;
  if (text !== "insecure")
    throw planner.error(given.range, `security mode "${text}" is not supported`, {
      hint: "there are sandbox and insecure",
    });
  if (planner.input.allowed.includes("security.insecure")) return true;
  throw planner.error(given.range, "RUN --security=insecure is not allowed by itself", {
    hint: "whoever builds gives up the sandbox: cooper build --allow security.insecure",
  });
}

/** `NAME[,required]`; the name itself has an equals sign. */
function device(planner: Planner, state: StageState, word: Word): StepDevice {
  let name = "";
  let isRequired = false;
  for (const field of expand(planner, state, word).split(",")) {
    const [, key = field, value = "true"] = /^(name|required)(?:=(.*))?$/is.exec(field) ?? [];
    if (/^name$/i.test(key)) name = value;
    else if (/^required$/i.test(key)) isRequired = /^(?:1|true)$/i.test(value);
    else if (name === "") name = field;
    else throw planner.error(word.range, `unexpected key ${JSON.stringify(field)} in --device`);
  }
  if (!/^[\w.-]+\/[\w.-]+=[\w.:-]+$/.test(name))
    throw planner.error(word.range, `${JSON.stringify(name)} is no name of a CDI device`, {
      hint: "VENDOR.com/CLASS=NAME; a device file for all commands: cooper build --device /dev/NAME",
    });
  const { allowed } = planner.input;
  if (allowed.includes("device") || allowed.includes(`device=${name}`)) return { name, isRequired };
  throw planner.error(word.range, `RUN --device=${name} is not allowed by itself`, {
    hint: `whoever builds gives devices to a build: cooper build --allow device=${name}`,
  });
}

function mount(planner: Planner, state: StageState, word: Word): StepMount {
  const text = expand(planner, state, word);
  const { range } = word;
  const parsed = (() => {
    try {
      return parseRunMount(text);
    } catch (cause) {
      throw planner.error(range, messageOf(cause));
    }
  })();
  const inside = (path: string) => posix.resolve(state.config.WorkingDir, path);
  if ("isRequired" in parsed) {
    const target = parsed.target === null ? null : inside(parsed.target);
    return { ...parsed, target };
  }
  const target = inside(parsed.target);
  if (target === "/") throw planner.error(range, "the root cannot be mounted over");
  if (parsed.kind === "tmpfs") return { ...parsed, target };
  const { from, ...rest } = parsed;
  const tree =
    from === null ? null : planner.treeOf({ text: from, range }, state.stage, state.names);
  const source = posix.resolve("/", parsed.source);
  if (rest.kind === "bind") return { ...rest, target, source, tree: tree ?? planner.context(null) };
  return { ...rest, id: rest.id ?? target, target, source, tree };
}
