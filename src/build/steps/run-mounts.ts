/** `RUN --mount`: what a command is shown while it runs, as mounts of its container. */
import { mkdirSync } from "node:fs";
import type { Mount } from "../../container/spec.ts";
import { CooperError } from "../../errors.ts";
import type { SourceTree } from "../context/tree.ts";
import type { RunStep, StepId, StepMount } from "../graph.ts";
import type { BuildSession, BuiltTree } from "../session.ts";

/** What the steps before have come to, by their number. */
export interface StepTrees {
  built(id: StepId): BuiltTree;
  /** Contexts and built trees alike. */
  isContext(id: StepId): boolean;
  context(id: StepId): SourceTree;
}

/** Held while the command runs. */
export interface RunMounts extends AsyncDisposable {
  readonly mounts: readonly Mount[];
  readonly env: readonly string[];
}

/** Makes ready what the step asks for. */
export async function mountsFor(
  session: BuildSession,
  step: RunStep,
  trees: StepTrees,
): Promise<RunMounts> {
  await using undo = new AsyncDisposableStack();
  const mounts: Mount[] = [];
  const env: string[] = [];
  for (const mount of step.mounts) mounts.push(mountFor(session, mount, trees));
  const held = undo.move();
  return { mounts, env, [Symbol.asyncDispose]: () => held.disposeAsync() };
}

function mountFor(session: BuildSession, mount: StepMount, trees: StepTrees): Mount {
  switch (mount.kind) {
    case "tmpfs":
      return {
        kind: "tmpfs",
        target: mount.target,
        readOnly: false,
        copiesUp: false,
        options: [
          ...(mount.sizeBytes === null ? [] : [`size=${mount.sizeBytes}`]),
          ...(mount.mode === null ? [] : [`mode=${mount.mode.toString(8)}`]),
        ],
      };
    case "bind":
      return bindFor(session, mount, trees);
    default:
      throw new CooperError("not-supported", `RUN --mount=type=${mount.kind} is not supported yet`);
  }
}

/** A tree with a place above it for what is written, which ends with the step; so nothing shown is ever changed. */
function bindFor(
  session: BuildSession,
  mount: Extract<StepMount, { kind: "bind" }>,
  trees: StepTrees,
): Mount {
  const place = session.stage.next("bind");
  const overlay = { upper: `${place}/upper`, work: `${place}/work` };
  for (const path of [place, overlay.upper, overlay.work]) mkdirSync(path, { mode: 0o755 });
  const isContext = trees.isContext(mount.tree);
  return {
    kind: "tree",
    target: mount.target,
    readOnly: !mount.isWritable,
    options: [],
    lower: isContext
      ? [trees.context(mount.tree).root]
      : session.directories(trees.built(mount.tree)),
    overlay,
    subpath: mount.source,
    shown: isContext ? trees.context(mount.tree).shown : "the stage that it is mounted from",
  };
}
