/** What programs say, looked up in the tables of words. */
import type { Evidence, Finding } from "../evidence.ts";
import { again } from "../words.ts";
import { limitWords } from "./said-limits.ts";
import { networkWords } from "./said-network.ts";
import { privilegeWords } from "./said-privileges.ts";
import { programWords } from "./said-programs.ts";
import type { SaidRule } from "./said-rule.ts";
import { finding } from "./who.ts";

/** What is more certain comes first. */
const saidRules: readonly SaidRule[] = [
  ...networkWords,
  ...limitWords,
  ...programWords,
  ...privilegeWords,
];

/** The newest line that a row of the table knows; rows come before lines. */
export function saidFinding({ container, said }: Evidence): Finding | null {
  if (container === null) return null;
  for (const rule of saidRules) {
    for (const line of said.toReversed()) {
      const match = rule.pattern.exec(line);
      if (match === null || rule.when?.(container, match) === false) continue;
      const change = rule.change?.(match, container) ?? null;
      return finding(rule.id, rule.cause(match, container), {
        evidence: [line.trim(), ...(rule.facts?.(container, match) ?? [])],
        cures: [
          ...(rule.cures?.(match, container) ?? []),
          ...(change === null ? [] : again(container, change)),
        ],
        advice: rule.advice?.(match, container) ?? null,
      });
    }
  }
  return null;
}

/** A program that a script or shell did not find. */
export function programMissing({ container, programs, said }: Evidence): Finding | null {
  const [program] = programs.filter(({ path }) => path === null);
  if (container === null || program === undefined) return null;
  const { asked, elsewhere, similar } = program;
  const line = said.findLast((text) => text.includes(asked)) ?? "";
  const [other] = elsewhere;
  const better = other ?? similar;
  const { argv, commandWords } = container;
  const words = commandWords === 0 ? [] : argv.slice(-commandWords);
  const isInside = better !== null && words.some((word) => word.includes(asked));
  return finding("program-missing", programCause(asked, other, similar), {
    evidence: [line.trim(), ...(other === undefined ? [] : [`${other} is there`])],
    cures: isInside
      ? again(container, { command: words.map((word) => word.replace(asked, () => better)) })
      : [],
    advice:
      better === null ? `install ${asked} in the image, or choose an image that has it` : null,
  });
}

function programCause(asked: string, other: string | undefined, similar: string | null): string {
  if (other !== undefined)
    return `"${asked}" is not in the container's PATH: the image has it as ${other}`;
  const like = similar === null ? "" : `; one is called "${similar}"`;
  return `the image has no program "${asked}"${like}`;
}
