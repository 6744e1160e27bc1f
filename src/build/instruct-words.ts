/** Words of instructions as their stage reads them. */
import type { CommandLine, Word } from "./dockerfile/instructions.ts";
import type { StageState } from "./stage-state.ts";
import type { Planner } from "./stages.ts";

/** A word with the stage's variables put in. */
export function expand(
  planner: Planner,
  { scope }: StageState,
  { text, range }: Word,
  isHeredoc = false,
): string {
  return planner.expand(text, range, (name) => scope.lookUp(name), scope.names(), isHeredoc);
}

/** A command as a list: a line goes to the stage's shell. */
export function commandWords({ config }: StageState, command: CommandLine): readonly string[] {
  if (command.kind === "exec") return command.words;
  return [...(config.Shell ?? ["/bin/sh", "-c"]), command.text];
}
