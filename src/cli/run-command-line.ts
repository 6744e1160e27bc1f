/** Reads a command line, opens the engine where it is needed, and runs the command. */
import type { Engine } from "../engine.ts";
import { CooperError } from "../errors.ts";
import { nearest } from "../nearest.ts";
import type { Command, CommandContext, CommandOptions, GlobalOptions } from "./command.ts";
import type { Progress } from "./failure.ts";
import { emptyGlobalOptions } from "./global-options.ts";
import { whyMissing } from "./missing.ts";
import { OutputGone, print, showCauses } from "./output.ts";
import { parseGlobalOptions, parseOptions } from "./parse.ts";
import { commandTree, findCommand, groups } from "./tree.ts";

/** Resolves to the exit status. @param progress is told how far it got, for who tells a failure */
export async function runCommandLine(
  argv: readonly string[],
  progress: Progress = {
    words: argv,
    global: null,
    engine: null,
    isKept: true,
    isElsewhere: false,
  },
): Promise<number> {
  // first of all: it brings us back to the caller's directory, which relative paths count from, and
  // takes a variable of ours out of the environment
  (await import("../system/userns.ts")).caller();
  const { global, words, wants } = readGlobal(argv);
  progress.global = global;
  if (global.logLevel === "debug" || global.logLevel === "trace") showCauses();
  if (wants === "version") {
    print(`${(await import("../version.ts")).versionText}\n`);
    return 0;
  }
  const found = findCommand(words);
  if (found === undefined) return withoutCommand(words, wants === "help", progress);
  if (entersAlways.has(found.entry.path) && !asksElsewhere(global))
    await enterEarly(global, found.rest);
  const command = await found.entry.load();
  progress.isKept = !command.isHidden && command.isKeptOutOfWhy !== true;
  const parsed = parseOptions(command, found.name, found.rest, global);
  if (global.logLevel === "debug" || global.logLevel === "trace") showCauses();
  if (parsed.wantsHelp || wants === "help") {
    print((await import("./help.ts")).commandHelp(found.entry, command, found.name));
    return 0;
  }
  checkCount(command, found.name, parsed.args.length);
  const context = await openContext(command, found.name, global, parsed, progress);
  return (await command.run(context)) ?? 0;
}

/** Nobody reads on: that is no failure to be told. */
async function fail(error: unknown, progress: Progress): Promise<number> {
  if (error instanceof OutputGone) throw error;
  return (await import("./failure.ts")).tellFailure(error, progress);
}

/** What ordinary users run most, and never outside of their namespace. */
const entersAlways = new Set(["container run", "container exec", "container start"]);

/** Global options behind a command that change where it acts. */
const ofElsewhere = /^--(runroot|host|url|connection|context|remote)/;

/** Whether an engine elsewhere may be meant. Without it nothing of that room is loaded, and no file read. */
function asksElsewhere({ remote }: GlobalOptions): boolean {
  const { env } = process;
  if (remote.url !== null || remote.name !== null || remote.isRemote !== null)
    return remote.isRemote !== false || remote.url !== null || remote.name !== null;
  return Boolean(
    env.DOCKER_HOST || env.CONTAINER_HOST || env.DOCKER_CONTEXT || env.CONTAINER_CONNECTION,
  );
}

/**
 * An ordinary user's cooper becomes another one within the user's namespace, which reads the command line
 * anew: so the first one gets there before it loads and reads what it can. Half of its time is saved.
 */
async function enterEarly(global: GlobalOptions, rest: readonly string[]): Promise<void> {
  const { caller, enterIfThere } = await import("../system/userns.ts");
  const who = caller();
  // global options may stand behind the command too
  if (who.hasEntered || rest.some((word) => ofElsewhere.test(word))) return;
  const { storeLocation } = await import("../store-location.ts");
  enterIfThere(storeLocation(global, who, process.env).run);
}

/** Options before the command, and between a noun and its verb. */
export function readGlobal(argv: readonly string[]): {
  global: GlobalOptions;
  words: readonly string[];
  wants: "help" | "version" | undefined;
} {
  const global = emptyGlobalOptions();
  const before = parseGlobalOptions(argv, global);
  const [noun = "", ...rest] = before.args;
  const between = isGroup(noun) ? parseGlobalOptions(rest, global) : undefined;
  const wantsHelp = before.wantsHelp || between?.wantsHelp === true;
  return {
    global,
    words: between === undefined ? before.args : [noun, ...between.args],
    wants: wantsHelp ? "help" : before.given.has("--version") ? "version" : undefined,
  };
}

const isGroup = (word: string) => Object.hasOwn(groups, word);

/** No command, a noun alone, or a word that is none. */
async function withoutCommand(
  words: readonly string[],
  wantsHelp: boolean,
  progress: Progress,
): Promise<number> {
  const { groupHelp, topHelp } = await import("./help.ts");
  const [first, second] = words;
  if (first === undefined || (first === "help" && second === undefined)) {
    print(topHelp());
    return 0;
  }
  if (first === "help") return runCommandLine([...words.slice(1), "--help"], progress);
  if (isGroup(first) && second === undefined) {
    print(groupHelp(first));
    return wantsHelp ? 0 : 125;
  }
  const why = whyMissing(words);
  if (why !== undefined) throw new CooperError("not-supported", why);
  throw unknownCommand(first, isGroup(first) ? second : undefined);
}

function unknownCommand(first: string, verb: string | undefined): CooperError {
  const names = commandTree
    .filter(({ summary }) => summary !== "")
    .flatMap(({ path, aliases }) => [path, ...aliases]);
  const known =
    verb === undefined
      ? [...names.filter((name) => !name.includes(" ")), ...Object.keys(groups)]
      : names
          .filter((name) => name.startsWith(`${first} `))
          .map((name) => name.slice(first.length + 1));
  const guess = nearest(verb ?? first, known);
  const before = verb === undefined ? "" : `${first} `;
  return new CooperError("unknown-command", `unknown command "${before}${verb ?? first}"`, {
    hint:
      guess === undefined
        ? `see 'cooper ${before}--help'`
        : `did you mean: cooper ${before}${guess}`,
  });
}

function checkCount(command: Command, name: string, count: number): void {
  const { min, max = Number.POSITIVE_INFINITY } = command.args;
  if (count >= min && count <= max) return;
  const arguments_ = (number: number) => `${number} argument${number === 1 ? "" : "s"}`;
  const need =
    max === min
      ? min === 0
        ? "takes no arguments"
        : `needs exactly ${arguments_(min)}`
      : count < min
        ? `needs at least ${arguments_(min)}`
        : `takes at most ${arguments_(max)}`;
  throw new CooperError("invalid-argument", `"cooper ${name}" ${need}, got ${count}`, {
    hint: `usage: cooper ${name} ${command.usage}`.trimEnd(),
  });
}

async function openContext(
  command: Command,
  name: string,
  global: GlobalOptions,
  parsed: ReturnType<typeof parseOptions>,
  progress: Progress,
): Promise<CommandContext<CommandOptions>> {
  // contexts and credentials are then there
  if (global.configDirectory !== null) process.env.DOCKER_CONFIG = global.configDirectory;
  const isHere = command.isHere || command.isHidden || !asksElsewhere(global);
  const away = isHere
    ? null
    : await (await import("../remote/open.ts")).openElsewhere(global, name);
  progress.isElsewhere = away !== null;
  if (away !== null) progress.isKept = false;
  const { openEngine } = await import("../engine.ts");
  let opened: Engine | undefined = away ?? undefined;
  const engine = () => {
    opened ??= openEngine(global);
    if (away === null) progress.engine = opened;
    return opened;
  };
  if (away === null && !command.staysOutside && engine().host.isRootless) {
    const { enterUserNamespace } = await import("../system/userns.ts");
    await enterUserNamespace(engine().host.paths.run);
  }
  return {
    // `version` and `completion` answer whatever the configuration says
    get engine() {
      return engine();
    },
    elsewhere: away,
    global,
    args: parsed.args,
    options: parsed.values as never,
    spec: parsed.spec,
    given: parsed.given,
    forEach: (names, act) => forEach(names, act, progress),
    fail: (error) => fail(error, progress),
  };
}

/** One after the other; a failure is told and the next one goes on, also when nobody reads the output. */
async function forEach(
  names: readonly string[],
  act: (name: string) => Promise<string | undefined>,
  progress: Progress,
): Promise<number> {
  let status = 0;
  let isRead = true;
  for (const name of names) {
    try {
      const line = await act(name);
      if (line !== undefined && isRead) print(`${line}\n`);
    } catch (error) {
      if (error instanceof OutputGone) {
        isRead = false;
        continue;
      }
      status = await fail(error, progress);
    }
  }
  return status;
}
