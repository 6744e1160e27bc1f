/** From evidence to causes: the rules in the order in which they count. Looks at nothing itself. */
import type { ContainerFacts, Evidence, Finding } from "./evidence.ts";
import { commandFinding } from "./rules/command.ts";
import {
  endedBySignal,
  endedByUs,
  isUnhealthy,
  nothingToRead,
  outOfMemory,
  restartsInVain,
} from "./rules/end.ts";
import { missingFile, noSpace, permissionDenied, readOnly } from "./rules/paths.ts";
import { programMissing, saidFinding } from "./rules/said.ts";

type Rule = (evidence: Evidence) => Finding | null;

/** Of these the first that knows is the cause. */
const causes: readonly Rule[] = [
  outOfMemory,
  endedByUs,
  commandFinding,
  readOnly,
  noSpace,
  programMissing,
  permissionDenied,
  saidFinding,
  missingFile,
  endedBySignal,
];

/** These are true besides. */
const besides: readonly Rule[] = [restartsInVain, isUnhealthy];

/** What went wrong with a container, the cause first. Empty: the evidence does not suffice. */
export function diagnoseContainer(evidence: Evidence): Finding[] {
  const { container } = evidence;
  if (container === null) return [];
  const first = firstOf(rulesFor(container), evidence);
  const more = besides.map((rule) => rule(evidence)).filter((found) => found !== null);
  return [...(first === null ? [] : [first]), ...more];
}

/** What a container says while all is well with it, or after it ended well, is no failure. */
function rulesFor({ state, error, exitCode, health }: ContainerFacts): readonly Rule[] {
  if (error !== "") return causes;
  if (state === "running") return health?.status === "unhealthy" ? [saidFinding] : [];
  return exitCode === 0 ? [nothingToRead] : causes;
}

function firstOf(rules: readonly Rule[], evidence: Evidence): Finding | null {
  for (const rule of rules) {
    const found = rule(evidence);
    if (found !== null) return withoutEcho(found);
  }
  return null;
}

/** Evidence that says what the cause says already is none. */
const withoutEcho = (found: Finding): Finding => ({
  ...found,
  evidence: [...new Set(found.evidence)].filter((line) => line !== found.cause && line !== ""),
});
