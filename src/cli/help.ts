/** `--help`, from the declarations. */
import type { Option } from "../option.ts";
import type { Command, CommandEntry } from "./command.ts";
import { globalOptions } from "./global-options.ts";
import { commandTree, groups } from "./tree.ts";

type AnyOption = Option<unknown, never>;

/** The help of one command; `name` is how it was typed. */
export function commandHelp(entry: CommandEntry, command: Command, name: string): string {
  const options = [
    ...Object.values(command.options),
    ...(command.specOptions ?? []),
  ] as AnyOption[];
  const others = [entry.path, ...entry.aliases].filter((spelling) => spelling !== name);
  const parts = [
    `${command.summary}.${command.description === undefined ? "" : ` ${command.description}`}`,
    `Usage:\n  cooper ${name} ${options.length > 0 ? "[options] " : ""}${command.usage}`.trimEnd(),
    ...(others.length > 0
      ? [`Also:\n  ${others.map((other) => `cooper ${other}`).join(", ")}`]
      : []),
    ...(command.examples === undefined
      ? []
      : [`Examples:\n${command.examples.map((line) => `  ${line}`).join("\n")}`]),
    ...(options.length > 0 ? [`Options:\n${optionLines(options)}`] : []),
  ];
  return `${parts.join("\n\n")}\n`;
}

/** The help of a noun. */
export function groupHelp(noun: string): string {
  const own = commandTree.filter(({ path }) => path.startsWith(`${noun} `));
  return `${groups[noun]}.\n\nUsage:\n  cooper ${noun} COMMAND\n\nCommands:\n${commandLines(own.map(({ path, summary }) => [path.slice(noun.length + 1), summary]))}\n`;
}

/** The help of the whole. */
export function topHelp(): string {
  const short = commandTree
    .filter(({ summary }) => summary !== "")
    .flatMap(({ path, aliases, summary }) => {
      const name = [path, ...aliases].find((spelling) => !spelling.includes(" "));
      return name === undefined ? [] : [[name, summary] as [string, string]];
    })
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return [
    "Containers without a daemon: run, build on and look into them.",
    "",
    "Usage:",
    "  cooper [options] COMMAND",
    "",
    "Commands:",
    commandLines(short),
    "",
    "Nouns:",
    commandLines(Object.entries(groups)),
    "",
    "Options:",
    optionLines(globalOptions as unknown as AnyOption[]),
    "",
    "'cooper COMMAND --help' tells more about a command.",
    "",
  ].join("\n");
}

function commandLines(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, summary]) => `  ${name.padEnd(width)}  ${summary}`).join("\n");
}

function optionLines(options: readonly AnyOption[]): string {
  const rows = options
    .filter((option) => !option.isHidden)
    .toSorted((a, b) => (a.flag < b.flag ? -1 : 1))
    .map((option) => {
      const names = [option.flag, ...(option.aliases ?? [])].join(", ");
      const left = `  ${option.short === undefined ? "    " : `${option.short}, `}${names}${option.type.placeholder === "" ? "" : ` ${option.type.placeholder}`}`;
      return [left, explanation(option)] as const;
    });
  const width = Math.min(34, Math.max(0, ...rows.map(([left]) => left.length)));
  return rows
    .map(([left, text]) =>
      left.length > width
        ? `${left}\n${" ".repeat(width + 2)}${text}`
        : `${left.padEnd(width)}  ${text}`,
    )
    .join("\n");
}

function explanation(option: AnyOption): string {
  const notes = [
    option.defaultText === undefined ? "" : ` (default ${option.defaultText})`,
    option.refuse === undefined ? "" : ` (not supported: ${option.refuse})`,
    option.ignored === undefined ? "" : ` (without effect: ${option.ignored})`,
  ];
  return `${option.help}${notes.join("")}`;
}
