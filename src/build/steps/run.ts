/** RUN: a command in a real container, on an overlay whose changes become the layer where they are. */
import { chmodSync, closeSync, existsSync, mkdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cdiEdits } from "../../container/cdi.ts";
import { settleContainer } from "../../container/cleanup.ts";
import { createContainer } from "../../container/create.ts";
import { parseDevice } from "../../container/options/files.ts";
import type { ContainerRecord } from "../../container/record.ts";
import type { ContainerSpec } from "../../container/spec.ts";
import { startLocked } from "../../container/start.ts";
import { CooperError } from "../../errors.ts";
import type { Host } from "../../host.ts";
import { getContainer } from "../../records/containers.ts";
import { makePipe } from "../../system/pipe.ts";
import { isSameProcess } from "../../system/process.ts";
import { OpenDirectory } from "../../system/tree-read.ts";
import type { RunStep } from "../graph.ts";
import type { BuildSession, BuiltTree } from "../session.ts";
import { bind } from "./bind.ts";
import { assertRunsHere, hintOfEmulator } from "./foreign.ts";
import { stepContainerName } from "./left-containers.ts";
import { lookBefore, mountPoints, removeMountPoints } from "./mount-points.ts";
import { mountsFor, type StepTrees } from "./run-mounts.ts";
import { seal } from "./writable.ts";

/** Who hears of a command. */
export interface RunTold {
  /** It may print more once that has resolved. */
  output(bytes: Uint8Array): void | Promise<void>;
  /** It has failed, and a shell opens now. */
  failed(error: CooperError): void;
}

/** Runs the command. Resolves to the id of the layer. @throws CooperError when it fails */
export async function runCommand(
  session: BuildSession,
  step: RunStep,
  base: BuiltTree,
  trees: StepTrees,
  told: RunTold,
): Promise<string> {
  if (step.platform !== null) assertRunsHere(step.platform);
  using view = session.view(base); // which tells whether trees are copies
  await using mounts = await mountsFor(session, step, trees);
  const spec = specFor(step, session.options.template);
  spec.devices.push(...devicesFor(session.host, step));
  spec.mounts.push(...mounts.mounts);
  if (step.script !== null) spec.mounts.push(scriptMount(session, step.script));
  const points = mountPoints(spec.mounts.map(({ target }) => target));
  const before = lookBefore(view, points);
  const hiddenEnv = [...step.passedEnv, ...mounts.env];
  const directory = await runToEnd(session, step, spec, {
    lower: session.directories(base),
    hiddenEnv,
    told,
  });
  {
    const isTree = existsSync(join(directory, "tree"));
    using written = OpenDirectory.at(join(directory, isTree ? "tree" : "diff"));
    removeMountPoints(written, points, before, isTree);
  }
  const sealed = await seal(session, base, directory);
  return sealed.layers.at(-1) ?? "";
}

function specFor(step: RunStep, template: ContainerSpec): ContainerSpec {
  const spec = structuredClone(template);
  return {
    ...spec,
    command: [...step.argv],
    env: [...step.env],
    workdir: step.cwd,
    user: step.user === "" ? null : step.user,
    isPrivileged: step.isInsecure ? true : spec.isPrivileged,
    passesProxies: spec.passesProxies ?? false,
    managesPasswd: false,
    imageVolumes: "ignore",
    networking: {
      ...spec.networking,
      mode: { kind: step.network === "default" ? "default" : step.network },
    },
    log: { driver: "passthrough-tty", options: {} },
    health: { ...spec.health, test: ["NONE"] },
  };
}

/** Those that are there; whether one that is required is missing is said when the container is made. */
function devicesFor({ settings }: Host, { devices }: RunStep): ContainerSpec["devices"] {
  return devices
    .map(({ name, isRequired }) => ({ device: parseDevice(name), isRequired }))
    .filter(({ device, isRequired }) => isRequired || isKnown(settings.cdiDirectories, device))
    .map(({ device }) => device);
}

function isKnown(directories: readonly string[], device: ContainerSpec["devices"][number]) {
  try {
    cdiEdits(directories, { devices: [device], gpus: [] });
    return true;
  } catch (error) {
    if (error instanceof CooperError) return false;
    throw error;
  }
}

/** A script that says itself what reads it (`#!`), beside the devices, as BuildKit has it. */
function scriptMount(
  session: BuildSession,
  { name, content }: NonNullable<RunStep["script"]>,
): ContainerSpec["mounts"][number] {
  const source = session.stage.next("script");
  writeFileSync(source, content, { mode: 0o755 });
  chmodSync(source, 0o755); // whatever the umask
  return { ...bind(source, `/dev/pipes/${name}`), readOnly: true };
}

interface HowToRun {
  /** What it stands on, topmost first. */
  readonly lower: readonly string[];
  /** Secrets and proxies, which stand in no record. */
  readonly hiddenEnv: readonly string[];
  readonly told: RunTold;
}

/** A container of a step has directories, and no image of its own. */
export const stepImage = {
  id: "",
  name: "",
  digest: "",
  layers: [],
  config: { architecture: "", os: "linux", rootfs: { type: "layers", diff_ids: [] } },
};

/** Resolves to the directory that has the changes in `diff/`, or all files in `tree/`. */
async function runToEnd(
  session: BuildSession,
  step: RunStep,
  spec: ContainerSpec,
  how: HowToRun,
): Promise<string> {
  const { host } = session;
  const named = { ...spec, name: stepContainerName(session) };
  const container = await createContainer(host, named, stepImage, {
    createCommand: [],
    replaces: false,
    cidFile: null,
    buildDirectories: how.lower,
  });
  try {
    const exitCode = await startAndWait(session, container, how);
    if (exitCode !== 0) await endFailed(session, step, { exitCode, spec, container, how });
    return takeChanges(session, container);
  } finally {
    const { removeContainer } = await import("../../container/remove.ts");
    await removeContainer(host, container.id, { force: true, volumes: true, graceSeconds: 0 });
  }
}

async function startAndWait(
  session: BuildSession,
  container: ContainerRecord,
  { hiddenEnv, told }: HowToRun,
): Promise<number> {
  const { host, signal } = session;
  const output = makePipe();
  let started: { readonly pid: number };
  try {
    using _lock = await host.locks.container(container.id);
    started = await startLocked(host, container, {
      isForeground: true,
      outputDescriptor: output.writeEnd,
      hiddenEnv,
    });
  } catch (error) {
    closeSync(output.readEnd);
    throw error;
  } finally {
    closeSync(output.writeEnd);
  }
  const reading = readAll(output.readEnd, (bytes) => told.output(bytes));
  const { pidIdentity } = running(session, container);
  for (let pause = 1; isSameProcess(started.pid, pidIdentity); pause = Math.min(pause * 1.5, 20)) {
    signal.throwIfAborted();
    await Bun.sleep(pause);
  }
  using _lock = await host.locks.container(container.id);
  const settled = await settleContainer(host, container.id); // ends conmon, which has the pipe too
  await reading;
  return settled?.exitCode ?? 255;
}

function running(session: BuildSession, { id }: ContainerRecord): ContainerRecord {
  const container = getContainer(session.host.database, id);
  if (container === undefined)
    throw new CooperError("conflict", "the container of a step was removed by somebody else");
  return container;
}

/** Until nobody has the other end any more. */
async function readAll(descriptor: number, onOutput: RunTold["output"]): Promise<void> {
  try {
    for await (const chunk of Bun.file(descriptor).stream()) await onOutput(chunk);
  } finally {
    closeSync(descriptor);
  }
}

/** What the command changed, or the copy that it worked on, becomes a directory of the build's, by its name alone. */
function takeChanges(session: BuildSession, { id }: ContainerRecord): string {
  const directory = session.stage.next("layer");
  const { upper, tree } = session.host.paths.container(id);
  mkdirSync(directory, { mode: 0o700 });
  if (existsSync(tree)) renameSync(tree, join(directory, "tree"));
  else renameSync(upper, join(directory, "diff"));
  return directory;
}

/** Where it was asked for, a shell opens first, while all that the command saw is still there. */
async function endFailed(
  session: BuildSession,
  step: RunStep,
  after: {
    readonly exitCode: number;
    readonly spec: ContainerSpec;
    readonly container: ContainerRecord;
    readonly how: HowToRun;
  },
): Promise<never> {
  const error = failed(step, after.exitCode);
  if (!session.options.opensDebugShell || session.signal.aborted) throw error;
  after.how.told.failed(error);
  const { openDebugShell } = await import("./debug-shell.ts");
  const directory = takeChanges(session, after.container);
  const tree = join(directory, "tree");
  const place = existsSync(tree)
    ? { upper: tree, lower: [] }
    : { upper: join(directory, "diff"), lower: after.how.lower };
  await openDebugShell(session, step, after.spec, { ...after.how, ...place });
  throw error;
}

function failed(step: RunStep, exitCode: number): CooperError {
  const command = step.argv.join(" ").slice(0, 400);
  return new CooperError(
    "helper-failed",
    `process ${JSON.stringify(command)} did not complete successfully: exit code: ${exitCode}`,
    hintOfEmulator(step.platform),
  );
}
