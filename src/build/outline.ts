/** `--call=outline` and `--call=targets`: what a Dockerfile offers, and what a target of it takes. Pure. */
import { expandWord } from "./dockerfile/expand.ts";
import type {
  Dockerfile,
  PairsInstruction,
  RunInstruction,
  Stage,
} from "./dockerfile/instructions.ts";
import { parseRunMount, type SecretMount } from "./dockerfile/run-mount.ts";
import { targetStage } from "./target-stage.ts";

/** As buildx has it in `--call=targets,format=json`. */
export interface ListedTarget {
  readonly name: string;
  readonly default: boolean;
  readonly description: string;
  readonly base: string;
}

/** As buildx has it in `--call=outline,format=json`. */
export interface Outline {
  readonly name: string;
  readonly description: string;
  readonly args: readonly {
    readonly name: string;
    readonly value: string;
    readonly description: string;
  }[];
  readonly secrets: readonly { readonly name: string; readonly required: boolean }[];
  readonly ssh: readonly { readonly name: string; readonly required: boolean }[];
}

/** What a comment directly before says of a name: `# NAME what it is`. */
function described(comments: readonly string[], name: string): string {
  const start = `${name} `.toLowerCase();
  const found = comments
    .map((line) => line.trim())
    .find((line) => line.toLowerCase().startsWith(start));
  return found?.slice(start.length).trim() ?? "";
}

/** Stages that have names, and the last one. */
export function listTargets({ stages }: Dockerfile): ListedTarget[] {
  const last = stages.at(-1);
  return stages
    .filter((stage) => stage.from.stageName !== null || stage === last)
    .map((stage) => ({
      name: stage.from.stageName ?? "",
      default: stage === last,
      description: described(stage.from.comments, stage.from.typedName ?? ""),
      base: stage.from.image.text,
    }));
}

/** What the target takes, with all stages that it needs. @throws CooperError for a target that is not there */
export function outlineOf(
  file: Dockerfile,
  target: string | null,
  buildArgs: Readonly<Record<string, string>>,
): Outline {
  const chosen = targetStage(file, target);
  const stages = neededBy(file, chosen);
  const args = new Map<string, { value: string; description: string }>();
  const globals = new Map<string, string>();
  for (const instruction of file.globals)
    declare(file, instruction, buildArgs, globals, globals, args);
  const used = new Map<string, { value: string; description: string }>();
  const inFrom = stages.flatMap(({ from }) => variablesIn(from.image.text));
  for (const name of inFrom) {
    const found = args.get(name);
    if (found !== undefined) used.set(name, found);
  }
  for (const stage of stages) {
    const values = new Map<string, string>();
    for (const instruction of stage.instructions)
      if (instruction.kind === "arg")
        declare(file, instruction, buildArgs, globals, values, used, args);
  }
  const mounts = stages.flatMap(({ instructions }) =>
    instructions.flatMap((one) => (one.kind === "run" ? secretMounts(one) : [])),
  );
  return {
    name: chosen.from.stageName ?? "",
    description: described(chosen.from.comments, chosen.from.typedName ?? ""),
    args: [...used].map(([name, facts]) => ({ name, ...facts })),
    secrets: needs(mounts, "secret"),
    ssh: needs(mounts, "ssh"),
  };
}

const variablesIn = (text: string) =>
  [...text.matchAll(/\$\{?([a-zA-Z_]\w*)/g)].map(([, name = ""]) => name);

/** ARG: what it is worth, and what is said of it. */
function declare(
  file: Dockerfile,
  { pairs, comments }: PairsInstruction,
  given: Readonly<Record<string, string>>,
  globals: ReadonlyMap<string, string>,
  values: Map<string, string>,
  told: Map<string, { value: string; description: string }>,
  before: ReadonlyMap<string, { description: string }> = new Map(),
): void {
  for (const { name, value } of pairs) {
    const written =
      value === null
        ? undefined
        : expandWord(value, {
            escapeChar: file.directives.escapeChar,
            lookUp: (variable) => values.get(variable) ?? globals.get(variable),
          });
    const worth = given[name] ?? written ?? globals.get(name) ?? "";
    values.set(name, worth);
    const description = described(comments, name) || before.get(name)?.description || "";
    told.set(name, { value: worth, description });
  }
}

function secretMounts({ mounts }: RunInstruction): SecretMount[] {
  return mounts.flatMap(({ text }) => {
    if (text.includes("$")) return []; // what it is depends on the build
    const mount = parseRunMount(text);
    return mount.kind === "secret" || mount.kind === "ssh" ? [mount] : [];
  });
}

function needs(mounts: readonly SecretMount[], kind: SecretMount["kind"]) {
  const all = mounts.filter((mount) => mount.kind === kind);
  return [...new Set(all.map(({ id }) => id))].map((name) => ({
    name,
    required: all.some(({ id, isRequired }) => id === name && isRequired),
  }));
}

/** In the order of the file. */
function neededBy({ stages }: Dockerfile, target: Stage): Stage[] {
  const needed = new Set<Stage>();
  const add = (stage: Stage) => {
    if (needed.has(stage)) return;
    needed.add(stage);
    const named = [stage.from.image.text, ...stage.instructions.flatMap(sourcesOf)];
    for (const name of named) {
      const before = stages.slice(0, stage.index);
      const found = /^\d+$/.test(name)
        ? before[Number(name)]
        : before.findLast(({ from }) => from.stageName === name.toLowerCase());
      if (found !== undefined) add(found);
    }
  };
  add(target);
  return stages.filter((stage) => needed.has(stage));
}

/** Names that an instruction takes files from. */
function sourcesOf(instruction: Stage["instructions"][number]): string[] {
  if (instruction.kind === "copy" || instruction.kind === "add")
    return instruction.from === null ? [] : [instruction.from.text];
  if (instruction.kind !== "run") return [];
  return instruction.mounts.flatMap(({ text }) => /(?:^|,)from=([^,]+)/.exec(text)?.[1] ?? []);
}
