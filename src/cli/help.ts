/** `--help`, from the declarations. */
import type { Option } from "../option.ts";
import type { Command, CommandEntry } from "./command.ts";
import { globalOptions } from "./global-options.ts";
import { commandTree, groups } from "./tree.ts";

type AnyOption = Option<unknown, never>;

const lineWidth = 100;

/** The help of one command; `name` is how it was typed. */
export function commandHelp(entry: CommandEntry, command: Command, name: string): string {
  const options = [
    ...Object.values(command.options),
    ...(command.specOptions ?? []),
  ] as AnyOption[];
  const others = [entry.path, ...entry.aliases].filter((spelling) => spelling !== name);
  return page([
    `${command.summary}.${command.description === undefined ? "" : ` ${command.description}`}`,
    `Usage:\n  cooper ${name} ${options.length > 0 ? "[options] " : ""}${command.usage}`.trimEnd(),
    section("Also", [others.map((other) => `cooper ${other}`).join(", ")]),
    section("Examples", command.examples ?? []),
    ...optionSections(options),
  ]);
}

/** The help of a noun. */
export function groupHelp(noun: string): string {
  const own = commandTree.filter(({ path }) => path.startsWith(`${noun} `));
  return page([
    `${groups[noun]}.`,
    `Usage:\n  cooper ${noun} COMMAND`,
    section(
      "Commands",
      aligned(own.map(({ path, summary }) => [path.slice(noun.length + 1), summary])),
    ),
    `'cooper ${noun} COMMAND --help' tells more about a command.`,
  ]);
}

/** The help of the whole. */
export function topHelp(): string {
  const short = commandTree
    .filter(({ summary }) => summary !== "")
    .flatMap(({ path, aliases, summary }) => {
      const name = [path, ...aliases].find((spelling) => !spelling.includes(" "));
      return name === undefined ? [] : [[name, summary] as const];
    })
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return page([
    "Containers without a daemon.",
    "Usage:\n  cooper [options] COMMAND",
    section("Commands", aligned(short)),
    section("Nouns", aligned(Object.entries(groups))),
    ...optionSections(globalOptions as unknown as AnyOption[]),
    "'cooper COMMAND --help' tells more about a command.",
  ]);
}

function page(parts: readonly string[]): string {
  return `${parts.filter((part) => part !== "").join("\n\n")}\n`;
}

/** A heading over indented lines; nothing where there are none. */
function section(heading: string, lines: readonly string[]): string {
  const own = lines.filter((line) => line !== "");
  return own.length === 0 ? "" : `${heading}:\n${own.map((line) => `  ${line}`).join("\n")}`;
}

function aligned(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(0, ...rows.map(([name]) => name.length));
  return rows.map(([name, summary]) => `${name.padEnd(width)}  ${summary}`);
}

/** What works, what changes nothing here, and what is refused, each with its reason. */
function optionSections(options: readonly AnyOption[]): string[] {
  const shown = options
    .filter((option) => !option.isHidden)
    .toSorted((a, b) => (a.flag < b.flag ? -1 : 1));
  const works = shown.filter(
    ({ refuse, ignored }) => refuse === undefined && ignored === undefined,
  );
  return [
    section("Options", optionLines(works)),
    section(
      "Without effect",
      reasons(shown, ({ ignored }) => ignored),
    ),
    section(
      "Not supported",
      reasons(shown, ({ refuse }) => refuse),
    ),
  ];
}

function optionLines(options: readonly AnyOption[]): string[] {
  const rows = options.map((option) => [leftOf(option), rightOf(option)] as const);
  const width = Math.min(32, Math.max(0, ...rows.map(([left]) => left.length)));
  return rows.flatMap(([left, text]) =>
    left.length > width
      ? [left, `${" ".repeat(width + 2)}${text}`]
      : [`${left.padEnd(width)}  ${text}`],
  );
}

/** `-m, --memory SIZE`. */
function leftOf({ flag, short, aliases = [], type }: AnyOption): string {
  const value = type.placeholder === "" ? "" : ` ${type.placeholder}`;
  return [
    short === undefined ? "    " : `${short}, `,
    [flag, ...aliases].join(", "),
    type.bare === undefined ? value : `[=${value.trim()}]`,
  ].join("");
}

function rightOf({ help, defaultText }: AnyOption): string {
  return `${help}${defaultText === undefined ? "" : ` (default ${defaultText})`}`;
}

/** The flags that share a reason, and below them the reason. */
function reasons(
  options: readonly AnyOption[],
  reasonOf: (option: AnyOption) => string | undefined,
): string[] {
  const byReason = new Map<string, string[]>();
  for (const option of options) {
    const reason = reasonOf(option);
    if (reason === undefined) continue;
    const spellings = [option.short, option.flag, ...(option.aliases ?? [])];
    const flags = byReason.get(reason) ?? [];
    flags.push(spellings.filter((spelling) => spelling !== undefined).join(", "));
    byReason.set(reason, flags);
  }
  return [...byReason].flatMap(([reason, flags]) => {
    const line = `${flags.join(", ")}: ${reason}`;
    return line.length <= lineWidth ? [line] : [...wrapped(flags), `    ${reason}`];
  });
}

/** The items with commas between them, in lines that are not too long. */
function wrapped(items: readonly string[]): string[] {
  const lines: string[] = [];
  let line = "";
  for (const item of items) {
    if (line !== "" && line.length + item.length + 5 > lineWidth) {
      lines.push(`${line},`);
      line = "";
    }
    line += line === "" ? item : `, ${item}`;
  }
  return [...lines, line];
}
