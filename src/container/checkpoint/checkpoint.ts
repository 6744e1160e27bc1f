/** `container checkpoint`: the state of a container's processes goes to the disk, by criu. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { CooperError } from "../../errors.ts";
import type { Host } from "../../host.ts";
import { changeContainer, resolveContainer } from "../../records/containers.ts";
import { mustCallRuntime } from "../../runtime/oci-runtime.ts";
import { waitForEnd } from "../../system/process.ts";
import { afterEnd } from "../after-end.ts";
import { settleContainer } from "../cleanup.ts";
import { emitContainer } from "../events.ts";
import { isAlive } from "../live-state.ts";
import type { ContainerRecord } from "../record.ts";
import { chooseRuntime } from "../runtime-choice.ts";
import { exportCheckpoint, keepSharedMemory } from "./archive.ts";
import { assertCheckpoints, type CriuOptions, criuFailure, criuFlags } from "./criu.ts";
import { type CriuStatistics, criuStatistics } from "./statistics.ts";

export interface CheckpointOptions extends CriuOptions {
  /** The container goes on running. */
  readonly leavesRunning: boolean;
  /** criu's logs and counts stay beside its images. */
  readonly keeps: boolean;
  readonly export: ExportOptions | null;
  /** Kept beside others of the container; left out: in the place of the one without a name. */
  readonly name?: string;
}

export interface ExportOptions {
  readonly file: string;
  readonly compression: "gzip" | "zstd" | "none";
  /** Without what it changed in its image's files. */
  readonly ignoresRootfs: boolean;
  readonly ignoresVolumes: boolean;
}

/** How long a checkpoint or restore took, as Podman shows it. */
export interface CheckpointReport {
  readonly id: string;
  readonly microseconds: number;
  readonly runtimeMicroseconds: number;
  readonly criu: CriuStatistics;
}

/** Where a checkpoint of a container is. @throws CooperError invalid-argument when that is no name */
export function checkpointPlace(host: Host, id: string, name: string | undefined): string {
  const { checkpoint, checkpoints } = host.paths.container(id);
  if (name === undefined) return checkpoint;
  if (!/^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}$/.test(name))
    throw new CooperError(
      "invalid-argument",
      `invalid checkpoint name ${JSON.stringify(name)}, only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`,
    );
  return join(checkpoints, name);
}

/** What criu leaves besides what it needs to go on. */
export const criuRecords = ["dump.log", "stats-dump", "restore.log", "stats-restore"];

/** Checkpoints a container that runs. */
export async function checkpointContainer(
  host: Host,
  nameOrId: string,
  options: CheckpointOptions,
): Promise<CheckpointReport> {
  const begun = performance.now();
  assertCheckpoints(host, "checkpoint", nameOrId);
  const { id } = resolveContainer(host.database, nameOrId);
  using _lock = await host.locks.container(id);
  const container = await settleContainer(host, id);
  if (container === undefined)
    throw new CooperError("no-such-container", `no such container: ${nameOrId}`);
  assertCan(container, nameOrId, options);
  const directory = checkpointPlace(host, id, options.name);
  if (options.name !== undefined && existsSync(directory))
    throw new CooperError(
      "name-in-use",
      `checkpoint with name ${options.name} already exists for container ${container.name}`,
    );
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  // its end is no end that a restart policy follows
  if (!options.leavesRunning) changeContainer(host.database, id, { stoppedBy: "user" });
  const runtimeMicroseconds = await dump(host, container, directory, options).catch((error) => {
    // its name is free again
    if (options.name !== undefined) rmSync(directory, { recursive: true, force: true });
    throw error;
  });
  await keepSharedMemory(host, container, directory);
  const statistics = criuStatistics(readFileSync(join(directory, "stats-dump")));
  if (options.export !== null) await exportCheckpoint(host, container, options.export);
  if (!options.leavesRunning) {
    await waitForEnd(container.pid, container.pidIdentity, 10_000);
    const ended = await settleContainer(host, id);
    if (ended !== undefined) await afterEnd(host, ended);
  }
  if (options.leavesRunning && options.export !== null && !options.keeps)
    rmSync(directory, { recursive: true, force: true });
  if (!options.keeps) removeRecords(directory);
  emitContainer(host, container, "checkpoint");
  return { id, microseconds: since(begun), runtimeMicroseconds, criu: statistics };
}

/** Logs and counts go. */
export function removeRecords(directory: string): void {
  if (!existsSync(directory)) return;
  for (const name of readdirSync(directory))
    if (criuRecords.includes(name)) rmSync(join(directory, name));
}

/** Microseconds, whole. */
export function since(begun: number): number {
  return Math.round((performance.now() - begun) * 1000);
}

function assertCan(container: ContainerRecord, name: string, options: CheckpointOptions): void {
  if (!isAlive(container) || container.intent !== "running")
    throw new CooperError("wrong-state", `cannot checkpoint ${name}: it is not running`);
  if (container.spec.removesItself && options.export === null) {
    throw new CooperError(
      "conflict",
      `cannot checkpoint ${name}: it was made with --rm, which would take the checkpoint along`,
      { hint: "write it to a file: --export FILE" },
    );
  }
}

async function dump(
  host: Host,
  container: ContainerRecord,
  directory: string,
  options: CheckpointOptions,
): Promise<number> {
  const runtime = await chooseRuntime(host, container);
  const begun = performance.now();
  try {
    mustCallRuntime(runtime, [
      "checkpoint",
      ...["--image-path", directory, "--work-path", directory],
      ...(options.leavesRunning ? ["--leave-running"] : []),
      ...(container.spec.hasTty ? ["--shell-job"] : []),
      ...criuFlags(options),
      container.id,
    ]);
  } catch (cause) {
    changeContainer(host.database, container.id, { stoppedBy: container.stoppedBy });
    throw criuFailure("checkpoint", container.name, directory, cause);
  }
  return since(begun);
}
