/**
 * The one door to acting: the command line, the API and everything else call it, and nothing below it.
 * A verb's module is loaded on its first use.
 */
import type { BuildOptions } from "./build/build.ts";
import { callerHost } from "./caller-host.ts";
import type { GlobalOptions } from "./cli/command.ts";
import type { ListedContainer } from "./container/listed.ts";
import { Builds } from "./engine/builds.ts";
import { Containers } from "./engine/containers.ts";
import { Images } from "./engine/images.ts";
import { Manifests } from "./engine/manifests.ts";
import { Networks } from "./engine/networks.ts";
import { Registries } from "./engine/registries.ts";
import { Secrets } from "./engine/secrets.ts";
import { Sessions } from "./engine/sessions.ts";
import { Snapshots } from "./engine/snapshots.ts";
import { System } from "./engine/system.ts";
import { Volumes } from "./engine/volumes.ts";
import type { EngineEvent } from "./events/event.ts";
import type { ReadOptions } from "./events/journal.ts";
import type { Host } from "./host.ts";
import type { ImportOptions } from "./image/import.ts";
import type { ListedImage, ListOptions } from "./image/list.ts";
import type { LoadOptions } from "./image/load.ts";
import type { PullOptions } from "./image/pull.ts";
import type { ShownUsage } from "./store/usage.ts";
import type { NewVolume } from "./volume/volume.ts";

/** Which events a reader wants; moments in microseconds since 1970, as of ReadOptions. */
export interface EventsOptions extends ReadOptions {
  /** `key=value` */
  readonly filters: readonly string[];
}

/** The verbs of a noun, whoever has them. */
export type Verbs<T> = { readonly [K in keyof T]: T[K] };

/** Some of the verbs give back less, so that an engine elsewhere can have them too. */
type With<T, Changes> = Omit<Verbs<T>, keyof Changes> & Changes;

interface WithId {
  readonly id: string;
}

/** Verbs on containers, here or elsewhere. */
export type ContainerVerbs = With<
  Containers,
  {
    create(...of: Parameters<Containers["create"]>): Promise<WithId>;
    get(name: string): Promise<WithId & { readonly name: string }>;
    list(filters?: readonly string[], withBuilds?: boolean): Promise<readonly ListedContainer[]>;
    logAttributes(of: WithId): Promise<string>;
    sizes(of: readonly WithId[]): ReturnType<Containers["sizes"]>;
    commit(...of: Parameters<Containers["commit"]>): Promise<WithId>;
  }
>;

interface WithImage {
  readonly image: WithId;
}

/** Verbs on images, here or elsewhere. */
export type ImageVerbs = With<
  Images,
  {
    list(options: ListOptions): Promise<readonly ListedImage[]>;
    load(options: LoadOptions): Promise<readonly (WithImage & { names: readonly string[] })[]>;
    pull(name: string, options: PullOptions): Promise<WithImage>;
    pullAllTags(name: string, options: PullOptions): Promise<readonly WithImage[]>;
    import(options: ImportOptions): Promise<WithId>;
  }
>;

/** Verbs on volumes, here or elsewhere. */
export type VolumeVerbs = With<
  Volumes,
  { create(volume: NewVolume): Promise<{ readonly name: string }> }
>;

/** Verbs on builds, here or elsewhere. */
export type BuildVerbs = With<Builds, { build(options: BuildOptions): Promise<WithId | null> }>;

/** Verbs on the engine itself, here or elsewhere. */
export type SystemVerbs = With<System, { usage(): Promise<ShownUsage> }>;

/** What a door holds: the verbs by their noun. The engine of this machine, or one elsewhere. */
export interface Engine {
  events(options: EventsOptions): Promise<AsyncGenerator<EngineEvent, void>>;
  readonly builds: BuildVerbs;
  readonly containers: ContainerVerbs;
  readonly images: ImageVerbs;
  readonly networks: Verbs<Networks>;
  readonly manifests: Verbs<Manifests>;
  readonly registries: Verbs<Registries>;
  readonly system: SystemVerbs;
  readonly secrets: Verbs<Secrets>;
  readonly sessions: Verbs<Sessions>;
  readonly snapshots: Verbs<Snapshots>;
  readonly volumes: VolumeVerbs;
  /** What an engine elsewhere says of its version; null: it is this machine's. */
  readonly remote: RemoteEngine | null;
  /** @throws CooperError not-supported of an engine elsewhere */
  readonly host: Host;
  /** From now on waiting for processes and pipes blocks nobody else in this process: it serves many. */
  stayResponsive(): Promise<void>;
  /** Gives back what memory this process can do without while it waits. */
  releaseMemory(): Promise<void>;
}

/** An engine elsewhere. */
export interface RemoteEngine {
  readonly url: string;
  /** What it says of itself (Docker's API, `/version`), besides the version that is spoken. */
  version(): Promise<{ readonly spoken: string; readonly document: Record<string, unknown> }>;
  /** `/info` of one that is no Cooper; null: ask it by its verbs. */
  foreignInfo(): Promise<Record<string, unknown> | null>;
}

/** The engine of this machine. */
export interface LocalEngine extends Engine {
  readonly builds: Verbs<Builds>;
  readonly containers: Verbs<Containers>;
  readonly images: Verbs<Images>;
  readonly system: Verbs<System>;
  readonly volumes: Verbs<Volumes>;
  readonly remote: null;
}

/** Opens the engine on the store that the global options and the caller's place name. Touches no file yet. */
export function openEngine(global: GlobalOptions): LocalEngine {
  const host = callerHost(global);
  return {
    builds: new Builds(host),
    containers: new Containers(host),
    images: new Images(host),
    networks: new Networks(host),
    manifests: new Manifests(host),
    registries: new Registries(host),
    system: new System(host),
    secrets: new Secrets(host),
    sessions: new Sessions(host),
    snapshots: new Snapshots(host),
    volumes: new Volumes(host),
    host,
    remote: null,
    events: (options) => readEvents(host, options),
    releaseMemory: async () => (await import("./system/memory.ts")).releaseMemory(),
    stayResponsive: async () => (await import("./system/pipe.ts")).waitInLoop(),
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
