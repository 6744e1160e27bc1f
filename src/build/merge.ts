/** Graphs for several platforms become one, so that what they have in common is done once. Pure. */
import { type Graph, GraphBuilder, type GraphResult, type Step, type StepId } from "./graph.ts";

/** All steps, and what comes out: a result for each graph, in their order. */
export interface MergedGraph extends Pick<Graph, "steps"> {
  readonly results: readonly GraphResult[];
}

/** @param labels what the titles of each graph's own steps begin with; empty: nothing */
export function mergeGraphs(graphs: readonly Graph[], labels: readonly string[]): MergedGraph {
  const builder = new GraphBuilder();
  const results = graphs.map(({ steps, result }, index): GraphResult => {
    const ids: StepId[] = [];
    const moved = (id: StepId): StepId => ids[id] ?? id;
    for (const { step, title, ...told } of steps) {
      const labelled = { ...told, title: withLabel(title, labels[index] ?? "") };
      ids.push(builder.add(withInputs(step, moved), labelled));
    }
    const base = result.base === null ? null : moved(result.base);
    return { ...result, tree: moved(result.tree), base };
  });
  return { steps: builder.all(), results };
}

/** `[linux/arm64 build 2/5] RUN make`, as buildx tells it. */
const withLabel = (title: string, label: string) =>
  label === "" || title.startsWith("[internal]") ? title : title.replace(/^\[/, `[${label} `);

function withInputs(step: Step, moved: (id: StepId) => StepId): Step {
  switch (step.kind) {
    case "image":
    case "scratch":
    case "context":
    case "git":
      return step;
    case "workdir":
      return { ...step, base: moved(step.base) };
    case "copy":
      return {
        ...step,
        base: moved(step.base),
        tree: step.tree === null ? null : moved(step.tree),
        repositories: step.repositories.map(moved),
      };
    case "run":
      return {
        ...step,
        base: moved(step.base),
        mounts: step.mounts.map((mount) =>
          "tree" in mount && mount.tree !== null ? { ...mount, tree: moved(mount.tree) } : mount,
        ),
      };
  }
}
