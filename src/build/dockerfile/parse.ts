/** Dockerfile text → stages of typed instructions. Pure; every error points at its place. */
import type {
  Dockerfile,
  FromInstruction,
  Instruction,
  PairsInstruction,
  Stage,
  StageInstruction,
} from "./instructions.ts";
import { LineReader, readDirectives } from "./logical-lines.ts";
import { parseInstruction } from "./parse-instruction.ts";
import { errorAt, type Range, type Source, sourceOf } from "./source.ts";

/** More than any file that a person keeps; parsing is linear in it. */
const maxBytes = 8 << 20;

/** Reads a whole Dockerfile. @throws CooperError invalid-argument that shows the place */
export function parseDockerfile(name: string, text: string): Dockerfile {
  const source = sourceOf(name, text);
  if (text.length > maxBytes)
    throw errorAt(source, start, `the file is larger than ${maxBytes >> 20} MiB`);
  const { count, ...directives } = readDirectives(source);
  const reader = new LineReader(source, directives.escapeChar);
  for (let line = 0; line < count; line++) reader.raw();
  const globals: PairsInstruction[] = [];
  const stages: { from: FromInstruction; instructions: StageInstruction[] }[] = [];
  const emptyContinuations: number[] = [];
  for (let line = reader.next(); line !== undefined; line = reader.next()) {
    emptyContinuations.push(...line.emptyContinuations);
    const instruction = parseInstruction({ source, directives, line, reader });
    const stage = stages.at(-1);
    if (instruction.kind === "from") stages.push({ from: instruction, instructions: [] });
    else if (stage !== undefined) stage.instructions.push(instruction);
    else if (instruction.kind === "arg") globals.push(instruction);
    else throw noStageYet(source, instruction);
  }
  if (stages.length === 0)
    throw errorAt(source, start, "the file has no instructions: it needs a FROM at least");
  return {
    source,
    directives,
    globals,
    stages: stages.map((stage, index): Stage => ({ index, ...stage })),
    emptyContinuations,
  };
}

const start: Range = { start: { line: 1, column: 1 }, end: { line: 1, column: 1 } };

function noStageYet(source: Source, { range, typed }: Instruction) {
  const name = typed.toUpperCase();
  return errorAt(source, range, `no build stage in current context: ${name} stands before FROM`);
}
