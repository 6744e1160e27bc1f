/** Verbs on containers, each loading its file on first use. */
import type { SessionEnd, SessionOptions } from "../container/attach.ts";

import type { AutoUpdate, AutoUpdateOptions } from "../container/auto-update.ts";
import type { CheckpointOptions, CheckpointReport } from "../container/checkpoint/checkpoint.ts";
import type { ImportOptions, RestoreOptions } from "../container/checkpoint/restore.ts";
import type { StreamedCheckpointOptions } from "../container/checkpoint/stream.ts";
import type { CloneOptions } from "../container/clone.ts";

import type { CommitOptions } from "../container/commit.ts";
import type { CopyOptions } from "../container/copy/copy.ts";
import type { CopyEnd } from "../container/copy/plan.ts";
import type { PathStat } from "../container/copy/stat.ts";
import type { CreateOptions } from "../container/create.ts";
import type { ExecOptions } from "../container/exec.ts";
import type { TarOutput } from "../container/export.ts";
import type { HealthResult } from "../container/health/state.ts";
import type { LogEntry, LogOptions } from "../container/logs.ts";
import type { Mounted } from "../container/mount.ts";
import type { ContainerRecord } from "../container/record.ts";
import type { RemoveOptions } from "../container/remove.ts";
import type { RunOptions } from "../container/run.ts";
import type { ContainerSpec } from "../container/spec.ts";
import type {
  ContainerStats,
  MachineSample,
  StatsOptions,
  StatsSample,
} from "../container/stats.ts";
import type { StopOptions } from "../container/stop.ts";
import type { ContainerSummary } from "../container/summary.ts";
import type { ProcessTable } from "../container/top.ts";
import type { UpdateOptions } from "../container/update.ts";
import type { PrunedContainers } from "../container/verbs.ts";
import type { Diagnosis } from "../container/why.ts";
import { invariant } from "../errors.ts";
import type { Host } from "../host.ts";
import type { Change } from "../layer/changes.ts";
import type { Image } from "../records/images.ts";

/** Verbs on containers. Names are what users type: a name, an id, or the beginning of an id. */
export class Containers {
  private readonly host: Host;

  constructor(host: Host) {
    this.host = host;
  }

  /** @param warn told instead of the user at the terminal */
  async create(
    spec: ContainerSpec,
    options: CreateOptions,
    warn?: (message: string) => void,
  ): Promise<ContainerRecord> {
    const { createContainer } = await import("../container/create.ts");
    const image = await this.imageFor(spec, options);
    const host: Host =
      warn === undefined ? this.host : Object.create(this.host, { warn: { value: warn } });
    return createContainer(host, spec, image, { ...options, choosesUserns: true });
  }

  /** `image`: instead of the original's. */
  async clone(
    name: string,
    options: Omit<CloneOptions, "image"> & { readonly image: string | null },
  ): Promise<ContainerRecord> {
    const { cloneContainer } = await import("../container/clone.ts");
    const { imageForContainer } = await import("../image/for-container.ts");
    const { spec } = await this.get(name);
    const { image } = options;
    const found = image === null ? null : await imageForContainer(this.host, image, spec);
    return cloneContainer(this.host, name, { ...options, image: found });
  }

  async autoUpdate(options: AutoUpdateOptions): Promise<AutoUpdate[]> {
    return (await import("../container/auto-update.ts")).autoUpdate(this.host, options);
  }

  async checkpoint(name: string, options: CheckpointOptions): Promise<CheckpointReport> {
    const { checkpointContainer } = await import("../container/checkpoint/checkpoint.ts");
    return checkpointContainer(this.host, name, options);
  }

  /** Names of the checkpoints that were given one. */
  async checkpoints(name: string): Promise<string[]> {
    return (await import("../container/checkpoint/named.ts")).listCheckpoints(this.host, name);
  }

  async removeCheckpoint(name: string, checkpoint: string): Promise<void> {
    const { removeCheckpoint } = await import("../container/checkpoint/named.ts");
    return removeCheckpoint(this.host, name, checkpoint);
  }

  /** Whether checkpoints can be made here. */
  async canCheckpoint(): Promise<boolean> {
    return (await import("../container/checkpoint/criu.ts")).canCheckpoint(this.host);
  }

  /** As a stream instead of a file. */
  async streamCheckpoint(
    name: string,
    options: StreamedCheckpointOptions,
  ): Promise<AsyncGenerator<Uint8Array, void>> {
    const { streamCheckpoint } = await import("../container/checkpoint/stream.ts");
    return streamCheckpoint(this.host, name, options);
  }

  async restore(name: string, options: RestoreOptions): Promise<CheckpointReport> {
    const { restoreContainer } = await import("../container/checkpoint/restore.ts");
    return restoreContainer(this.host, name, options);
  }

  /** A new container of a checkpoint that was exported. */
  async restoreArchive(file: string, options: ImportOptions): Promise<CheckpointReport> {
    const { restoreArchive } = await import("../container/checkpoint/restore.ts");
    return restoreArchive(this.host, file, options);
  }

  /** Resolves to the exit code for the shell. */
  async run(spec: ContainerSpec, options: RunOptions): Promise<number> {
    const { runContainer } = await import("../container/run.ts");
    const image = await this.imageFor(spec, options);
    return runContainer(this.host, spec, image, { ...options, choosesUserns: true });
  }

  private async imageFor(spec: ContainerSpec, { fetch }: CreateOptions) {
    if (spec.image === null) return null;
    const { imageForContainer } = await import("../image/for-container.ts");
    return imageForContainer(this.host, spec.image, spec, fetch);
  }

  async start(name: string): Promise<string> {
    const { startContainer } = await import("../container/start.ts");
    return (await startContainer(this.host, name, { isForeground: false })).id;
  }

  /** Starts a container and stays with it. */
  async startAttached(name: string, options: SessionOptions): Promise<SessionEnd> {
    const { startContainer } = await import("../container/start.ts");
    const { runSession } = await import("../container/attach.ts");
    const { id, socket } = await startContainer(this.host, name, {
      isForeground: true,
      attaches: true,
    });
    invariant(socket !== null, "an attached start has no streams");
    return runSession(this.host, id, socket, options);
  }

  async init(name: string): Promise<string> {
    return (await import("../container/start.ts")).initContainer(this.host, name);
  }

  async stop(name: string, options: StopOptions): Promise<string> {
    return (await import("../container/stop.ts")).stopContainer(this.host, name, options);
  }

  async kill(name: string, signal: number): Promise<string> {
    return (await import("../container/stop.ts")).killContainer(this.host, name, signal);
  }

  async restart(name: string, options: StopOptions): Promise<string> {
    return (await import("../container/verbs.ts")).restartContainer(this.host, name, options);
  }

  async pause(name: string): Promise<string> {
    return (await import("../container/verbs.ts")).pauseContainer(this.host, name);
  }

  async unpause(name: string): Promise<string> {
    return (await import("../container/verbs.ts")).unpauseContainer(this.host, name);
  }

  /** Resolves to the exit code once one of the conditions holds. */
  async wait(name: string, conditions: readonly string[], signal?: AbortSignal): Promise<number> {
    const { waitContainer } = await import("../container/verbs.ts");
    return waitContainer(this.host, name, conditions, signal);
  }

  /** Resolves to the id. */
  async update(name: string, spec: ContainerSpec, options: UpdateOptions): Promise<string> {
    return (await import("../container/update.ts")).updateContainer(this.host, name, spec, options);
  }

  /** One check now. */
  async checkHealth(name: string): Promise<HealthResult> {
    return (await import("../container/health/check.ts")).runHealthCheck(this.host, name);
  }

  /** The process that runs health checks as they become due. Resolves when none is left. */
  async keepHealth(): Promise<void> {
    return (await import("../container/health/keeper.ts")).keepHealth(this.host);
  }

  /** For the process that tells a service manager when the container is healthy. */
  async tellWhenHealthy(id: string): Promise<void> {
    return (await import("../container/notify.ts")).tellWhenHealthy(this.host, id);
  }

  /** Resolves to the bytes of the files that were copied. */
  async copy(from: CopyEnd, to: CopyEnd, options: CopyOptions): Promise<number> {
    return (await import("../container/copy/copy.ts")).copy(this.host, from, to, options);
  }

  async rename(name: string, newName: string): Promise<void> {
    return (await import("../container/verbs.ts")).renameContainer(this.host, name, newName);
  }

  async remove(name: string, options: RemoveOptions): Promise<string> {
    return (await import("../container/remove.ts")).removeContainer(this.host, name, options);
  }

  /** Removes what does not run and the filters do not spare. */
  async prune(filters: readonly string[]): Promise<PrunedContainers> {
    const { pruneContainers } = await import("../container/verbs.ts");
    const { containerFilter } = await import("../container/filter.ts");
    const { ContainerSummary } = await import("../container/summary.ts");
    const isWanted = containerFilter(this.host, filters);
    return pruneContainers(
      this.host,
      (record) => !isWanted(new ContainerSummary(this.host, record)),
    );
  }

  async cleanup(name: string): Promise<void> {
    const { resolveContainer } = await import("../records/containers.ts");
    const id = /^[0-9a-f]{64}$/.test(name) ? name : resolveContainer(this.host.database, name).id;
    return (await import("../container/verbs.ts")).cleanupContainer(this.host, id);
  }

  async attach(name: string, options: SessionOptions): Promise<SessionEnd> {
    return (await import("../container/attach.ts")).attachContainer(this.host, name, options);
  }

  /** Resolves to the exit code; detached: to the session's id. */
  async exec(name: string, options: ExecOptions): Promise<number | string> {
    return (await import("../container/exec.ts")).execInContainer(this.host, name, options);
  }

  /** The tar of its files goes to a file, or to what takes the bytes. */
  async export(name: string, output: TarOutput): Promise<void> {
    return (await import("../container/export.ts")).exportContainer(this.host, name, output);
  }

  /** What is at a path in it, as HEAD of an archive tells. */
  async statPath(name: string, path: string): Promise<PathStat> {
    return (await import("../container/copy/stat.ts")).statPath(this.host, name, path);
  }

  /** Whether its first process lives. */
  async isAlive(name: string): Promise<boolean> {
    const { isAlive } = await import("../container/live-state.ts");
    return isAlive(await this.get(name));
  }

  /** The counters of a container now; undefined when it is gone. */
  async sample(id: string): Promise<(StatsSample & MachineSample) | undefined> {
    const { sampleWithMachine } = await import("../container/stats.ts");
    const { getContainer } = await import("../records/containers.ts");
    const container = getContainer(this.host.database, id);
    return container === undefined ? undefined : sampleWithMachine(container);
  }

  /** What it changed in its image's files. */
  async changes(name: string): Promise<Change[]> {
    return (await import("../container/diff.ts")).containerChanges(this.host, name);
  }

  async commit(name: string, options: CommitOptions): Promise<Image> {
    return (await import("../container/commit.ts")).commitContainer(this.host, name, options);
  }

  /** For the child that holds a container still: until the input ends. */
  async hold(id: string, input: AsyncIterable<unknown>, onHeld: () => void): Promise<void> {
    return (await import("../container/hold-still.ts")).holdUntilEnd(this.host, id, input, onHeld);
  }

  /** For the child that lets a frozen cgroup go on when we are dead: until the input ends. */
  async thaw(directory: string, input: AsyncIterable<Uint8Array>): Promise<void> {
    return (await import("../container/hold-still.ts")).thawAfterEnd(directory, input);
  }

  /** Its files, to be looked at and changed: a directory. */
  async mount(name: string): Promise<Mounted> {
    return (await import("../container/mount.ts")).mountContainer(this.host, name);
  }

  async unmount(name: string): Promise<string> {
    return (await import("../container/mount.ts")).unmountContainer(this.host, name);
  }

  /** Those that are mounted: by `mount`, or because they run. */
  async mounted(): Promise<Mounted[]> {
    return (await import("../container/mount.ts")).mountedContainers(this.host);
  }

  async logs(name: string, options: LogOptions): Promise<AsyncGenerator<LogEntry[]>> {
    return (await import("../container/logs.ts")).readLogs(this.host, name, options);
  }

  /** What `logs --details` puts before each line. */
  async logAttributes(container: ContainerRecord): Promise<string> {
    return (await import("../container/log-attributes.ts")).logAttributes(container);
  }

  async top(name: string, words: readonly string[]): Promise<ProcessTable> {
    return (await import("../container/top.ts")).topContainer(this.host, name, words);
  }

  /**
   * What containers use, again and again.
   *
   * @param names null: whatever runs at the time; or all there are with `all`
   */
  async stats(
    names: readonly string[] | null,
    options: StatsOptions & { readonly all: boolean },
  ): Promise<AsyncGenerator<ContainerStats[], void>> {
    const { watchStats } = await import("../container/stats.ts");
    const { isAlive } = await import("../container/live-state.ts");
    const { listContainers, getContainer, resolveContainer } = await import(
      "../records/containers.ts"
    );
    const { database } = this.host;
    const ids = names?.map((name) => resolveContainer(database, name).id);
    const choose = () =>
      ids === undefined
        ? listContainers(database).filter((record) => options.all || isAlive(record))
        : ids.flatMap((id) => getContainer(database, id) ?? []);
    return watchStats(choose, options);
  }

  /** What went wrong with one. */
  async why(name: string): Promise<Diagnosis> {
    return (await import("../container/why.ts")).whyContainer(this.host, name);
  }

  /** What went wrong with what failed last; null: nothing did since the machine was started. */
  async whyLast(): Promise<Diagnosis | null> {
    return (await import("../container/why.ts")).whyLast(this.host);
  }

  async inspect(name: string): Promise<Record<string, unknown>> {
    return (await import("../container/inspect.ts")).inspectContainer(this.host, name);
  }

  /** Those that all filters let through, oldest first; with those of builds too, if asked. */
  async list(filters: readonly string[] = [], withBuilds = false): Promise<ContainerSummary[]> {
    const { summarize } = await import("../container/summary.ts");
    await this.reviveKeeper();
    const containers = summarize(this.host, withBuilds);
    if (containers.some(({ state, record }) => state === "exited" && record.intent === "running"))
      (await import("../container/revive.ts")).reviveLost(this.host, containers);
    if (filters.length === 0) return containers;
    const { containerFilter } = await import("../container/filter.ts");
    return containers.filter(containerFilter(this.host, filters));
  }

  /** Health is not told from checks that nobody runs any more. */
  private async reviveKeeper(): Promise<void> {
    const { hasOverdueCheck } = await import("../records/health.ts");
    if (!hasOverdueCheck(this.host.database, Date.now() - 2000)) return;
    (await import("../container/health/keeper.ts")).ensureKeeper(this.host);
  }

  /** Bytes that containers have written, and with their images. Walks their directories. */
  async sizes(
    containers: readonly ContainerSummary[],
  ): Promise<Map<string, { writable: number; total: number }>> {
    return (await import("../container/size.ts")).containerSizes(this.host, containers);
  }

  /** @throws CooperError no-such-container */
  async get(name: string): Promise<ContainerRecord> {
    return (await import("../records/containers.ts")).resolveContainer(this.host.database, name);
  }

  async exists(name: string): Promise<boolean> {
    try {
      await this.get(name);
      return true;
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "no-such-container")
        return false;
      throw error;
    }
  }
}
