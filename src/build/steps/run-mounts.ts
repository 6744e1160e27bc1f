/** `RUN --mount`: what a command is shown while it runs, as mounts of its container. */
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Mount } from "../../container/spec.ts";
import { CooperError } from "../../errors.ts";
import { hideIgnored } from "../context/hide.ts";
import type { SourceTree } from "../context/tree.ts";
import type { RunStep, StepId, StepMount } from "../graph.ts";
import type { BuildSession, BuiltTree } from "../session.ts";
import { bind } from "./bind.ts";
import { openCache } from "./cache-mount.ts";
import { SecretFiles } from "./secret-files.ts";

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

/** Makes ready what the step asks for. Locks of caches are taken in one order, so that nobody waits in a circle. */
export async function mountsFor(
  session: BuildSession,
  step: RunStep,
  trees: StepTrees,
): Promise<RunMounts> {
  await using undo = new AsyncDisposableStack();
  const mounts = new Map<StepMount, Mount>();
  const env: string[] = [];
  const caches = step.mounts.filter((mount) => mount.kind === "cache");
  for (const mount of caches.toSorted((a, b) => (a.id < b.id ? -1 : 1))) {
    const cache = undo.use(await openCache(session, mount, trees));
    mounts.set(mount, { ...bind(cache.path, mount.target), readOnly: mount.isReadOnly });
  }
  let files: SecretFiles | undefined;
  for (const mount of step.mounts) {
    if (mount.kind === "tmpfs") mounts.set(mount, tmpfs(mount));
    else if (mount.kind === "bind") mounts.set(mount, bindFor(session, mount, trees));
    else if (mount.kind === "secret") {
      files ??= undo.use(new SecretFiles(session));
      const shown = await files.show(mount);
      if (shown?.mount !== undefined) mounts.set(mount, shown.mount);
      env.push(...(shown?.env ?? []));
    } else if (mount.kind === "ssh") {
      const number = step.mounts.filter(({ kind }) => kind === "ssh").indexOf(mount);
      const agent = await agentFor(session, mount);
      if (agent === undefined) continue;
      const { openAgentSocket } = await import("../ssh/agent-socket.ts");
      const socket = undo.use(await openAgentSocket(session, agent, mount));
      const target = mount.target ?? `/run/buildkit/ssh_agent.${number}`;
      mounts.set(mount, bind(socket.path, target));
      if (number === 0) env.push(`SSH_AUTH_SOCK=${target}`);
    }
  }
  const held = undo.move();
  return {
    mounts: step.mounts.flatMap((mount) => mounts.get(mount) ?? []),
    env,
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

const tmpfs = ({ target, sizeBytes, mode }: Extract<StepMount, { kind: "tmpfs" }>): Mount => ({
  kind: "tmpfs",
  target,
  readOnly: false,
  copiesUp: false,
  options: [
    ...(sizeBytes === null ? [] : [`size=${sizeBytes}`]),
    ...(mode === null ? [] : [`mode=${mode.toString(8)}`]),
  ],
});

/** An agent, by its socket. */
async function agentFor(
  session: BuildSession,
  { id, isRequired }: Extract<StepMount, { kind: "secret" | "ssh" }>,
): Promise<string | undefined> {
  const { agents, findAgent } = session.options;
  const socket = agents.get(id) ?? (await findAgent?.(id));
  if (socket !== undefined || !isRequired) return socket;
  throw new CooperError("invalid-argument", `no SSH agent ${JSON.stringify(id)} was given`, {
    hint: `hand yours over: cooper build --ssh ${id}`,
  });
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
  const ignore = isContext ? trees.context(mount.tree).ignore : null;
  // a copy is made of what is below alone
  const byName = session.copies || session.host.storageDriver() === "vfs";
  const marks = join(place, "marks");
  if (ignore !== null) {
    if (byName) mkdirSync(marks, { mode: 0o755 });
    const { root } = trees.context(mount.tree);
    hideIgnored(root, ignore, byName ? marks : overlay.upper, byName);
  }
  return {
    kind: "tree",
    target: mount.target,
    readOnly: !mount.isWritable,
    options: [],
    lower: isContext
      ? [...(existsSync(marks) ? [marks] : []), trees.context(mount.tree).root]
      : session.directories(trees.built(mount.tree)),
    overlay,
    subpath: mount.source,
    shown: isContext ? trees.context(mount.tree).shown : "the stage that it is mounted from",
  };
}
