/** What a step is, as a key: equal keys come to equal layers. Pure. */
import { type ContainerSpec, emptySpec } from "../container/spec.ts";
import { digestOf, hexOf } from "../oci/digest.ts";
import type { Epoch } from "./epoch.ts";
import type { CopyStep, RunStep, WorkdirStep } from "./graph.ts";
import type { BuiltTree } from "./session.ts";

/** Another number, and nothing that was kept before is found any more. */
const version = 1;

/** A tree by what it consists of. */
export const treeKey = ({ layers }: BuiltTree) => layers.join(" ");

/**
 * The key of a step that stands on a tree.
 *
 * @param inputs what else goes into it, by content: trees that are mounted, files that are copied
 */
export function stepKey(
  step: RunStep | CopyStep | WorkdirStep,
  base: BuiltTree,
  inputs: readonly string[],
  epoch: Epoch | null,
): string {
  const parts = [version, factsOf(step), isFree(step) ? "" : treeKey(base), inputs, epoch];
  return hexOf(digestOf(JSON.stringify(parts)));
}

/** A linked copy is the same whatever it stands on. */
const isFree = (step: RunStep | CopyStep | WorkdirStep) => step.kind === "copy" && step.isLinked;

/** All of the step but its places in this graph, and what is only handed to it. */
function factsOf(step: RunStep | CopyStep | WorkdirStep): unknown {
  switch (step.kind) {
    case "workdir":
      return { ...step, base: 0 };
    case "copy":
      // which of the files are copied is said by their digest; by which pattern means nothing
      return {
        ...step,
        base: 0,
        tree: 0,
        excludes: [],
        paths: step.paths.length,
        urls: step.urls.length,
        repositories: step.repositories.length,
      };
    case "run": {
      const mounts = step.mounts.map((mount) => ({ ...mount, tree: 0 }));
      return { ...step, base: 0, mounts, passedEnv: [], platform: undefined };
    }
  }
}

/** What is asked of containers besides may change what commands do; how much they may use does not. */
export function templateKey(template: ContainerSpec): string[] {
  const facts = (spec: ContainerSpec) =>
    JSON.stringify({ ...spec, resources: null, cgroupParent: null, passesProxies: null });
  const own = facts(template);
  return own === facts(emptySpec()) ? [] : [own];
}
