/** Which stage `--target` names. */
import { CooperError } from "../errors.ts";
import { nearest } from "../nearest.ts";
import type { Dockerfile, Stage } from "./dockerfile/instructions.ts";

/** By name or number; null: the last one. @throws CooperError invalid-argument */
export function targetStage({ stages, source }: Dockerfile, target: string | null): Stage {
  const last = stages.at(-1);
  if (target === null && last !== undefined) return last;
  const found = stages.findLast(
    ({ from, index }) => from.stageName === target?.toLowerCase() || `${index}` === target,
  );
  if (found !== undefined) return found;
  const names = stages.flatMap(({ from }) => from.stageName ?? []);
  const meant = nearest(target ?? "", names);
  throw new CooperError(
    "invalid-argument",
    `target stage ${JSON.stringify(target)} could not be found in ${source.name}${meant === undefined ? "" : ` (did you mean ${meant}?)`}`,
    names.length === 0 ? {} : { hint: `its stages are ${names.join(", ")}` },
  );
}
