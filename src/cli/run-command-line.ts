/** Reads a command line, opens the engine where it is needed, and runs the command. */
import { CooperError, exitStatus } from "../errors.ts";
import { type Option, parseValue } from "../option.ts";
import type { Command, CommandContext, CommandOptions, GlobalOptions } from "./command.ts";
import { emptyGlobalOptions, globalOptions } from "./global-options.ts";
import { complain, print } from "./output.ts";
import { parseOptions } from "./parse.ts";
import { nearest } from "./suggest.ts";
import { commandTree, findCommand, groups, notYet } from "./tree.ts";

/** Resolves to the exit status. */
export async function runCommandLine(argv: readonly string[]): Promise<number> {
  const { global, words, wants } = readGlobal(argv);
  if (wants === "version") {
    print(`${(await import("../version.ts")).versionText}\n`);
    return 0;
  }
  const found = findCommand(words);
  if (found === undefined) return withoutCommand(words, wants === "help");
  const command = await found.entry.load();
  const parsed = parseOptions(command, found.name, found.rest);
  if (parsed.wantsHelp || wants === "help") {
    print((await import("./help.ts")).commandHelp(found.entry, command, found.name));
    return 0;
  }
  checkCount(command, found.name, parsed.args.length);
  const context = await openContext(command, global, parsed);
  return (await command.run(context)) ?? 0;
}

/** Options before the command. */
function readGlobal(argv: readonly string[]): {
  global: GlobalOptions;
  words: readonly string[];
  wants: "help" | "version" | undefined;
} {
  const global = emptyGlobalOptions();
  let wants: "help" | "version" | undefined;
  let at = 0;
  for (; at < argv.length; at++) {
    const word = argv[at] ?? "";
    if (!word.startsWith("-") || word === "-") break;
    if (word === "--help" || word === "-h") {
      wants = "help";
      continue;
    }
    const equals = word.startsWith("--") ? word.indexOf("=") : -1;
    const flag = equals < 0 ? word : word.slice(0, equals);
    const option = globalOptions.find(
      (candidate) =>
        candidate.flag === flag ||
        candidate.short === flag ||
        candidate.aliases?.includes(flag as never),
    );
    if (option === undefined) throw unknownGlobal(flag);
    if (option.flag === "--version") {
      wants = "version";
      continue;
    }
    const inline = equals < 0 ? undefined : word.slice(equals + 1);
    at += takeGlobal(global, option, flag, inline, argv[at + 1]);
  }
  return { global, words: argv.slice(at), wants };
}

function takeGlobal(
  global: GlobalOptions,
  option: Option<unknown, GlobalOptions>,
  flag: string,
  inline: string | undefined,
  next: string | undefined,
): number {
  if (option.refuse !== undefined)
    throw new CooperError("not-supported", `${flag} is not supported: ${option.refuse}`);
  const text = inline ?? (option.type.isSwitch ? "true" : next);
  if (text === undefined)
    throw new CooperError("invalid-argument", `flag needs an argument: ${flag}`);
  option.apply?.(global, parseValue(option, text, flag));
  return inline === undefined && !option.type.isSwitch ? 1 : 0;
}

function unknownGlobal(flag: string): CooperError {
  const guess = nearest(
    flag,
    globalOptions.map((option) => option.flag),
  );
  return new CooperError("invalid-argument", `unknown flag: ${flag}`, {
    hint:
      guess === undefined ? "see 'cooper --help'" : `did you mean ${guess}? See 'cooper --help'`,
  });
}

/** No command, a noun alone, or a word that is none. */
async function withoutCommand(words: readonly string[], wantsHelp: boolean): Promise<number> {
  const { groupHelp, topHelp } = await import("./help.ts");
  const [first, second] = words;
  if (first === undefined || (first === "help" && second === undefined)) {
    print(topHelp());
    return 0;
  }
  if (first === "help") return runCommandLine([...words.slice(1), "--help"]);
  if (first in groups && (second === undefined || second === "--help" || second === "-h")) {
    print(groupHelp(first));
    return second === undefined && !wantsHelp ? 125 : 0;
  }
  if (notYet.has(first)) {
    throw new CooperError("not-supported", `cooper ${first} is not available yet in this version`);
  }
  const inGroup = first in groups && second !== undefined;
  const typed = inGroup ? `${first} ${second}` : first;
  const names = commandTree
    .filter(({ summary }) => summary !== "")
    .flatMap(({ path, aliases }) => [path, ...aliases]);
  const guess = nearest(typed, [
    ...names.filter((name) => name.includes(" ") === inGroup),
    ...(inGroup ? [] : Object.keys(groups)),
  ]);
  throw new CooperError("unknown-command", `unknown command "${typed}"`, {
    hint:
      guess === undefined
        ? `see 'cooper ${inGroup ? `${first} ` : ""}--help'`
        : `did you mean: cooper ${guess}`,
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
    hint: `usage: cooper ${name} ${command.usage}`,
  });
}

async function openContext(
  command: Command,
  global: GlobalOptions,
  parsed: ReturnType<typeof parseOptions>,
): Promise<CommandContext<CommandOptions>> {
  const { openEngine } = await import("../engine.ts");
  const engine = openEngine(global);
  if (!command.staysOutside && engine.host.isRootless) {
    const { enterUserNamespace } = await import("../system/userns.ts");
    await enterUserNamespace(engine.host.paths.run);
  }
  return {
    engine,
    global,
    args: parsed.args,
    options: parsed.values as never,
    spec: parsed.spec,
    given: parsed.given,
    forEach: (names, act) => forEach(names, act),
  };
}

/** One after the other; a failure is told and the next one goes on. */
async function forEach(
  names: readonly string[],
  act: (name: string) => Promise<string | undefined>,
): Promise<number> {
  let status = 0;
  for (const name of names) {
    try {
      const line = await act(name);
      if (line !== undefined) print(`${line}\n`);
    } catch (error) {
      complain(error);
      status = error instanceof CooperError ? exitStatus[error.code] : 125;
    }
  }
  return status;
}
