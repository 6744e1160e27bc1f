/** What a Dockerfile says, instruction by instruction. Variables are not put in yet: that depends on what stands before. */
import type { Heredoc } from "./heredoc.ts";
import type { Directives } from "./logical-lines.ts";
import type { Range, Source } from "./source.ts";

/** A word as it was written, and where. */
export interface Word {
  readonly text: string;
  readonly range: Range;
}

/** `name=value`; null: no value was given (ARG). */
export interface Pair {
  readonly name: string;
  readonly value: string | null;
  readonly range: Range;
}

/** `["a", "b"]`, or a line for the shell. */
export type CommandLine =
  | { readonly kind: "exec"; readonly words: readonly string[] }
  | { readonly kind: "shell"; readonly text: string };

interface Written {
  /** The whole of it, heredocs included. */
  readonly range: Range;
  /** Its name as it was typed. */
  readonly typed: string;
  /** Its line, with continuations joined. */
  readonly line: string;
  /** Comments directly before it. */
  readonly comments: readonly string[];
}

export interface FromInstruction extends Written {
  readonly kind: "from";
  readonly image: Word;
  readonly platform: Word | null;
  /** In lower case. */
  readonly stageName: string | null;
  /** As they were typed, for the rules about how names are written. */
  readonly typedName: string | null;
  readonly typedAs: string | null;
}

export interface PairsInstruction extends Written {
  readonly kind: "arg" | "env" | "label";
  readonly pairs: readonly Pair[];
  /** `ENV name value` */
  readonly isLegacy: boolean;
}

export interface RunInstruction extends Written {
  readonly kind: "run";
  readonly command: CommandLine;
  readonly heredocs: readonly Heredoc[];
  readonly mounts: readonly Word[];
  readonly network: Word | null;
  readonly security: Word | null;
  readonly devices: readonly Word[];
}

export interface CopyInstruction extends Written {
  readonly kind: "copy" | "add";
  /** Without those that are heredocs. */
  readonly sources: readonly Word[];
  readonly destination: Word;
  readonly heredocs: readonly Heredoc[];
  readonly from: Word | null;
  readonly chown: Word | null;
  readonly chmod: Word | null;
  readonly checksum: Word | null;
  readonly excludes: readonly Word[];
  readonly isLinked: boolean;
  readonly keepsParents: boolean;
  readonly keepsGitDir: boolean | null;
  readonly unpacks: boolean | null;
}

export interface CommandInstruction extends Written {
  readonly kind: "cmd" | "entrypoint";
  readonly command: CommandLine;
}

export interface ShellInstruction extends Written {
  readonly kind: "shell";
  readonly words: readonly string[];
}

export interface WordInstruction extends Written {
  readonly kind: "user" | "workdir" | "stopsignal" | "maintainer";
  readonly word: Word;
}

export interface ListInstruction extends Written {
  readonly kind: "expose" | "volume";
  readonly words: readonly Word[];
}

export interface HealthcheckInstruction extends Written {
  readonly kind: "healthcheck";
  /** null: NONE. */
  readonly command: CommandLine | null;
  /** Nanoseconds; null: not given. */
  readonly interval: number | null;
  readonly timeout: number | null;
  readonly startPeriod: number | null;
  readonly startInterval: number | null;
  readonly retries: number | null;
}

export interface OnbuildInstruction extends Written {
  readonly kind: "onbuild";
  /** The instruction's text, as the image keeps it. */
  readonly trigger: string;
}

export type Instruction =
  | FromInstruction
  | PairsInstruction
  | RunInstruction
  | CopyInstruction
  | CommandInstruction
  | ShellInstruction
  | WordInstruction
  | ListInstruction
  | HealthcheckInstruction
  | OnbuildInstruction;

/** What an instruction that belongs to a stage can be. */
export type StageInstruction = Exclude<Instruction, FromInstruction>;

export interface Stage {
  readonly index: number;
  readonly from: FromInstruction;
  readonly instructions: readonly StageInstruction[];
}

export interface Dockerfile {
  readonly source: Source;
  readonly directives: Directives;
  /** ARG before the first FROM. */
  readonly globals: readonly PairsInstruction[];
  readonly stages: readonly Stage[];
  /** Empty lines between continuations, which were meant to end the instruction, most likely. */
  readonly emptyContinuations: readonly number[];
}
