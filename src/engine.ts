/**
 * The one door to acting: the command line, the API and everything else call it, and nothing below it.
 * A verb's module is loaded on its first use.
 */
import { callerHost } from "./caller-host.ts";
import type { GlobalOptions } from "./cli/command.ts";
import type { SessionEnd, SessionOptions } from "./container/attach.ts";
import type { CreateOptions } from "./container/create.ts";
import type { ExecOptions } from "./container/exec.ts";
import type { LogEntry, LogOptions } from "./container/logs.ts";
import type { ContainerRecord } from "./container/record.ts";
import type { RemoveOptions } from "./container/remove.ts";
import type { RemoveVolumeOptions } from "./container/remove-volume.ts";
import type { RunOptions } from "./container/run.ts";
import type { ContainerSpec } from "./container/spec.ts";
import type { ContainerStats, StatsOptions } from "./container/stats.ts";
import type { StopOptions } from "./container/stop.ts";
import type { ContainerSummary } from "./container/summary.ts";
import type { ProcessTable } from "./container/top.ts";
import { invariant } from "./errors.ts";
import type { EngineEvent } from "./events/event.ts";
import type { ReadOptions } from "./events/journal.ts";
import type { Host } from "./host.ts";
import type { HistoryStep } from "./image/history.ts";
import type { ImageTree } from "./image/image-tree.ts";
import type { ImportOptions } from "./image/import.ts";
import type { ImageSummary, ListOptions } from "./image/list.ts";
import type { LoadedImage, LoadOptions } from "./image/load.ts";
import type { LocationOptions } from "./image/load-location.ts";
import type { PrunedImages, PruneOptions } from "./image/prune.ts";
import type { PulledImage, PullOptions } from "./image/pull.ts";
import type { RemovedImage, RemoveOptions as RemoveImageOptions } from "./image/remove.ts";
import type { SaveOptions } from "./image/save.ts";
import type { ImageLocation } from "./oci/location.ts";
import type { Image } from "./records/images.ts";
import type { VolumeRecord } from "./records/volumes.ts";
import { Registries } from "./registries.ts";
import type { VolumeSummary } from "./volume/filter.ts";
import type { PrunedVolumes, PruneVolumesOptions } from "./volume/list.ts";
import type { NewVolume } from "./volume/volume.ts";

/** Verbs on containers. Names are what users type: a name, an id, or the beginning of an id. */
export class Containers {
  private readonly host: Host;

  constructor(host: Host) {
    this.host = host;
  }

  async create(spec: ContainerSpec, options: CreateOptions): Promise<ContainerRecord> {
    const { createContainer } = await import("./container/create.ts");
    return createContainer(this.host, spec, await this.imageFor(spec), options);
  }

  /** Resolves to the exit code for the shell. */
  async run(spec: ContainerSpec, options: RunOptions): Promise<number> {
    const { runContainer } = await import("./container/run.ts");
    return runContainer(this.host, spec, await this.imageFor(spec), options);
  }

  private async imageFor(spec: ContainerSpec) {
    if (spec.image === null) return null;
    const { imageForContainer } = await import("./image/for-container.ts");
    return imageForContainer(this.host, spec.image, spec);
  }

  async start(name: string): Promise<string> {
    const { startContainer } = await import("./container/start.ts");
    return (await startContainer(this.host, name, { isForeground: false })).id;
  }

  /** Starts a container and stays with it. */
  async startAttached(name: string, options: SessionOptions): Promise<SessionEnd> {
    const { startContainer } = await import("./container/start.ts");
    const { runSession } = await import("./container/attach.ts");
    const { id, socket } = await startContainer(this.host, name, {
      isForeground: true,
      attaches: true,
    });
    invariant(socket !== null, "an attached start has no streams");
    return runSession(this.host, id, socket, options);
  }

  async init(name: string): Promise<string> {
    return (await import("./container/start.ts")).initContainer(this.host, name);
  }

  async stop(name: string, options: StopOptions): Promise<string> {
    return (await import("./container/stop.ts")).stopContainer(this.host, name, options);
  }

  async kill(name: string, signal: number): Promise<string> {
    return (await import("./container/stop.ts")).killContainer(this.host, name, signal);
  }

  async restart(name: string, options: StopOptions): Promise<string> {
    return (await import("./container/verbs.ts")).restartContainer(this.host, name, options);
  }

  async pause(name: string): Promise<string> {
    return (await import("./container/verbs.ts")).pauseContainer(this.host, name);
  }

  async unpause(name: string): Promise<string> {
    return (await import("./container/verbs.ts")).unpauseContainer(this.host, name);
  }

  /** Resolves to the exit code once one of the conditions holds. */
  async wait(name: string, conditions: readonly string[]): Promise<number> {
    return (await import("./container/verbs.ts")).waitContainer(this.host, name, conditions);
  }

  async rename(name: string, newName: string): Promise<void> {
    return (await import("./container/verbs.ts")).renameContainer(this.host, name, newName);
  }

  async remove(name: string, options: RemoveOptions): Promise<string> {
    return (await import("./container/remove.ts")).removeContainer(this.host, name, options);
  }

  /** Removes what does not run and the filters do not spare. */
  async prune(filters: readonly string[]): Promise<string[]> {
    const { pruneContainers } = await import("./container/verbs.ts");
    const { containerFilter } = await import("./container/filter.ts");
    const { ContainerSummary } = await import("./container/summary.ts");
    const isWanted = containerFilter(this.host, filters);
    return pruneContainers(
      this.host,
      (record) => !isWanted(new ContainerSummary(this.host, record)),
    );
  }

  async cleanup(name: string): Promise<void> {
    const { resolveContainer } = await import("./records/containers.ts");
    const id = /^[0-9a-f]{64}$/.test(name) ? name : resolveContainer(this.host.database, name).id;
    return (await import("./container/verbs.ts")).cleanupContainer(this.host, id);
  }

  async attach(name: string, options: SessionOptions): Promise<SessionEnd> {
    return (await import("./container/attach.ts")).attachContainer(this.host, name, options);
  }

  /** Resolves to the exit code; detached: to the session's id. */
  async exec(name: string, options: ExecOptions): Promise<number | string> {
    return (await import("./container/exec.ts")).execInContainer(this.host, name, options);
  }

  async logs(name: string, options: LogOptions): Promise<AsyncGenerator<LogEntry>> {
    return (await import("./container/logs.ts")).readLogs(this.host, name, options);
  }

  async top(name: string, words: readonly string[]): Promise<ProcessTable> {
    return (await import("./container/top.ts")).topContainer(this.host, name, words);
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
    const { watchStats } = await import("./container/stats.ts");
    const { isAlive } = await import("./container/live-state.ts");
    const { listContainers, getContainer, resolveContainer } = await import(
      "./records/containers.ts"
    );
    const { database } = this.host;
    const ids = names?.map((name) => resolveContainer(database, name).id);
    const choose = () =>
      ids === undefined
        ? listContainers(database).filter((record) => options.all || isAlive(record))
        : ids.flatMap((id) => getContainer(database, id) ?? []);
    return watchStats(choose, options);
  }

  async inspect(name: string): Promise<Record<string, unknown>> {
    return (await import("./container/inspect.ts")).inspectContainer(this.host, name);
  }

  /** Those that all filters let through, oldest first. */
  async list(filters: readonly string[] = []): Promise<ContainerSummary[]> {
    const { summarize } = await import("./container/summary.ts");
    if (filters.length === 0) return summarize(this.host);
    const { containerFilter } = await import("./container/filter.ts");
    return summarize(this.host).filter(containerFilter(this.host, filters));
  }

  /** Bytes that containers have written, and with their images. Walks their directories. */
  async sizes(
    containers: readonly ContainerSummary[],
  ): Promise<Map<string, { writable: number; total: number }>> {
    return (await import("./container/size.ts")).containerSizes(this.host, containers);
  }

  /** @throws CooperError no-such-container */
  async get(name: string): Promise<ContainerRecord> {
    return (await import("./records/containers.ts")).resolveContainer(this.host.database, name);
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

/** Verbs on images. */
export class Images {
  private readonly host: Host;

  constructor(host: Host) {
    this.host = host;
  }

  async load(options: LoadOptions): Promise<LoadedImage[]> {
    return (await import("./image/load.ts")).loadImages(this.host, options);
  }

  async save(names: readonly string[], options: SaveOptions): Promise<void> {
    return (await import("./image/save.ts")).saveImages(this.host, names, options);
  }

  async loadFrom(location: ImageLocation, options: LocationOptions): Promise<LoadedImage[]> {
    return (await import("./image/load-location.ts")).loadLocation(this.host, location, options);
  }

  async pull(name: string, options: PullOptions): Promise<PulledImage> {
    return (await import("./image/pull.ts")).pullImage(this.host, name, options);
  }

  async pullAllTags(name: string, options: PullOptions): Promise<PulledImage[]> {
    return (await import("./image/pull.ts")).pullAllTags(this.host, name, options);
  }

  async import(options: ImportOptions): Promise<Image> {
    return (await import("./image/import.ts")).importImage(this.host, options);
  }

  async exists(name: string): Promise<boolean> {
    return (await import("./image/resolve.ts")).findImage(this.host, name) !== undefined;
  }

  async inspect(name: string): Promise<Record<string, unknown>> {
    return (await import("./image/inspect.ts")).inspectImage(this.host, name);
  }

  async list(options: ListOptions): Promise<ImageSummary[]> {
    return (await import("./image/list.ts")).listImages(this.host, options);
  }

  async history(name: string): Promise<HistoryStep[]> {
    return (await import("./image/history.ts")).imageHistory(this.host, name);
  }

  async tree(name: string, options: { readonly whatRequires: boolean }): Promise<ImageTree> {
    return (await import("./image/image-tree.ts")).imageTree(this.host, name, options);
  }

  async tag(name: string, names: readonly string[]): Promise<void> {
    (await import("./image/tag.ts")).tagImage(this.host, name, names);
  }

  async untag(name: string, names: readonly string[]): Promise<string[]> {
    return (await import("./image/tag.ts")).untagImage(this.host, name, names);
  }

  async remove(name: string, options: RemoveImageOptions): Promise<RemovedImage> {
    return (await import("./image/remove.ts")).removeImage(this.host, name, options);
  }

  async prune(options: PruneOptions): Promise<PrunedImages> {
    return (await import("./image/prune.ts")).pruneImages(this.host, options);
  }

  /** All names, for completion. */
  async names(): Promise<string[]> {
    const { listImages } = await import("./records/images.ts");
    return listImages(this.host.database).flatMap((image) => image.names);
  }
}

/** Verbs on volumes. */
export class Volumes {
  private readonly host: Host;

  constructor(host: Host) {
    this.host = host;
  }

  async create(volume: NewVolume): Promise<VolumeRecord> {
    return (await import("./volume/volume.ts")).createVolume(this.host, volume);
  }

  async exists(name: string): Promise<boolean> {
    const { getVolume } = await import("./records/volumes.ts");
    return getVolume(this.host.database, name) !== undefined;
  }

  async inspect(name: string): Promise<Record<string, unknown>> {
    return (await import("./volume/list.ts")).inspectVolume(this.host, name);
  }

  async list(filters: readonly string[]): Promise<VolumeSummary[]> {
    return (await import("./volume/list.ts")).summarizeVolumes(this.host, filters);
  }

  /** Keeps it mounted. Resolves to the directory with its files. */
  async mount(name: string): Promise<string> {
    return (await import("./volume/mount.ts")).holdVolume(this.host, name);
  }

  async prune(options: PruneVolumesOptions): Promise<PrunedVolumes> {
    return (await import("./volume/list.ts")).pruneVolumes(this.host, options);
  }

  /** Resolves to the whole name. */
  async remove(name: string, options: RemoveVolumeOptions): Promise<string> {
    return (await import("./container/remove-volume.ts")).removeVolume(this.host, name, options);
  }

  async unmount(name: string): Promise<string> {
    return (await import("./volume/mount.ts")).releaseVolume(this.host, name);
  }
}

/** Which events a reader wants; moments in microseconds since 1970, as of ReadOptions. */
export interface EventsOptions extends ReadOptions {
  /** `key=value` */
  readonly filters: readonly string[];
}

/** What a door holds: the verbs by their noun. */
export interface Engine {
  events(options: EventsOptions): Promise<AsyncGenerator<EngineEvent, void>>;
  readonly containers: Containers;
  readonly images: Images;
  readonly registries: Registries;
  readonly volumes: Volumes;
  readonly host: Host;
}

/** Opens the engine on the store that the global options and the caller's place name. Touches no file yet. */
export function openEngine(global: GlobalOptions): Engine {
  const host = callerHost(global);
  return {
    containers: new Containers(host),
    images: new Images(host),
    registries: new Registries(host),
    volumes: new Volumes(host),
    host,
    events: (options) => readEvents(host, options),
  };
}

async function readEvents(
  host: Host,
  { filters, ...options }: EventsOptions,
): Promise<AsyncGenerator<EngineEvent, void>> {
  const { eventFilter } = await import("./events/filter.ts");
  const { readJournal } = await import("./events/journal.ts");
  const isWanted = eventFilter(filters);
  return (async function* () {
    for await (const event of readJournal(host.paths.events, options))
      if (isWanted(event)) yield event;
  })();
}
