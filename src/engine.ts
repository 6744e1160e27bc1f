/**
 * The one door to acting: the command line, the API and everything else call it, and nothing below it.
 * A verb's module is loaded on its first use.
 */
import { callerHost } from "./caller-host.ts";
import type { GlobalOptions } from "./cli/command.ts";
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

/** Which events a reader wants; moments in microseconds since 1970, as of ReadOptions. */
export interface EventsOptions extends ReadOptions {
  /** `key=value` */
  readonly filters: readonly string[];
}

/** What a door holds: the verbs by their noun. */
export interface Engine {
  events(options: EventsOptions): Promise<AsyncGenerator<EngineEvent, void>>;
  readonly builds: Builds;
  readonly containers: Containers;
  readonly images: Images;
  readonly networks: Networks;
  readonly manifests: Manifests;
  readonly registries: Registries;
  readonly system: System;
  readonly secrets: Secrets;
  readonly sessions: Sessions;
  readonly snapshots: Snapshots;
  readonly volumes: Volumes;
  readonly host: Host;
  /** From now on waiting for processes and pipes blocks nobody else in this process: it serves many. */
  stayResponsive(): Promise<void>;
  /** Gives back what memory this process can do without while it waits. */
  releaseMemory(): Promise<void>;
}

/** Opens the engine on the store that the global options and the caller's place name. Touches no file yet. */
export function openEngine(global: GlobalOptions): Engine {
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
