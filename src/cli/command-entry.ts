/** How a command stands in the tree. */
import type { Command, CommandEntry } from "./command.ts";

/**
 * A command: where it stands, other ways to write it (separated by commas), what it does, and the file
 * that declares it, which is loaded when it is needed.
 */
export function entry(
  path: string,
  aliases: string,
  summary: string,
  load: () => Promise<Command>,
): CommandEntry {
  return { path, aliases: aliases === "" ? [] : aliases.split(","), summary, load };
}

/** Commands differ in the types of their options, which only they themselves know. */
export const as = (command: unknown) => command as Command;
