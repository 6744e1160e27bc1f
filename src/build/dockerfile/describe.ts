/** A parsed Dockerfile as text: a line an instruction, with its place and what was understood. */
import type { Dockerfile, Instruction } from "./instructions.ts";

/** For people and for tests; JSON of what is not empty. */
export function describeDockerfile({ directives, globals, stages }: Dockerfile): string {
  const lines: string[] = [];
  if (directives.escapeChar !== "\\") lines.push(`escape ${directives.escapeChar}`);
  if (directives.syntax !== null) lines.push(`syntax ${directives.syntax}`);
  if (directives.check !== null) lines.push(`check ${directives.check.value}`);
  for (const instruction of globals) lines.push(describe(instruction));
  for (const { from, instructions } of stages)
    for (const instruction of [from, ...instructions]) lines.push(describe(instruction));
  return lines.map((line) => `${line}\n`).join("");
}

function describe(instruction: Instruction): string {
  const { kind, range, typed: _, line: __, comments, ...rest } = instruction;
  const facts = Object.entries({ ...rest, comments })
    .map(([key, value]) => [key, simplified(value)] as const)
    .filter(([, value]) => !isEmpty(value))
    .map(([key, value]) => `${key}=${JSON.stringify(value)}`);
  const { start, end } = range;
  return [`${start.line}:${start.column}-${end.line}:${end.column}`, kind, ...facts].join(" ");
}

const isEmpty = (value: unknown) =>
  value === null || value === false || (Array.isArray(value) && value.length === 0);

/** Without places. */
function simplified(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(simplified);
  if (typeof value !== "object" || value === null) return value;
  const { range: _, ...rest } = value as Record<string, unknown>;
  const keys = Object.keys(rest);
  return keys.length === 1 && keys[0] === "text" ? rest.text : rest;
}
