/** One build: what its steps act with, and what they have come to so far. */
import { join } from "node:path";
import type { ContainerSpec } from "../container/spec.ts";
import { CooperError, messageOf } from "../errors.ts";
import type { Host } from "../host.ts";
import { Slots } from "../image/slots.ts";
import type { Stage } from "../image/stage.ts";
import type { TransferProgress } from "../image/transfer-progress.ts";
import { copyMerged } from "../layer/merge-copy.ts";
import { openView } from "../layer/overlay-view.ts";
import { type CachedStep, insertCachedSteps } from "../records/build-cache.ts";
import { getLayer } from "../records/layers.ts";
import { OpenDirectory } from "../system/tree-read.ts";
import type { Material } from "./attest/provenance.ts";
import type { DigestMemory } from "./context/digest.ts";
import type { SourceTree } from "./context/tree.ts";
import type { Epoch } from "./epoch.ts";
import type { PlannedStep } from "./graph.ts";
import type { Progress } from "./progress.ts";
import type { RemoteCaches, RemoteLayer, RemoteStep } from "./shared-cache/import.ts";
import { tellTransfer } from "./transfer.ts";
import type { Workbench } from "./workbench.ts";

/** Bytes that a command is shown and no layer keeps. */
export interface BuildSecret {
  readonly id: string;
  read(): Promise<Uint8Array>;
}

/** What steps need to know of what was asked. */
export interface StepOptions {
  readonly epoch: Epoch | null;
  readonly secrets: readonly BuildSecret[];
  /** Asked for a secret that is not among them; undefined: there is none. */
  readonly findSecret?: ((id: string) => Promise<Uint8Array | undefined>) | undefined;
  /** Whether a shell opens where a command failed. */
  readonly opensDebugShell: boolean;
  /** What containers of RUN get besides: limits, hosts, devices… */
  readonly template: ContainerSpec;
  /** Sockets of SSH agents by id. */
  readonly agents: ReadonlyMap<string, string>;
  /** Whether somebody sits at a terminal and may be asked, by git or ssh. */
  readonly mayAsk: boolean;
  /** Asked for an agent that is not among them: its socket; undefined: there is none. */
  readonly findAgent?: ((id: string) => Promise<string | undefined>) | undefined;
  /** Whether the cache is asked at all, and for the steps of which stages it is not. */
  readonly usesCache: (step: PlannedStep) => boolean;
  /** ms: what was made before that is not used again; null: nothing is too old. */
  readonly oldestCached: number | null;
}

/** A layer of a cache elsewhere cannot be had after all: the build is done again without those caches. */
export class LostLayer extends Error {}

/** A file tree, as the layers that it consists of. */
export interface BuiltTree {
  /** Ids, lowest first. */
  readonly layers: readonly string[];
}

/** Layers of caches that are on their way at once. */
const parallelFetches = 4;

/** What the steps of one build share. Lets go of nothing: the stage is its maker's. */
export class BuildSession {
  readonly bench: Workbench;
  readonly options: StepOptions;
  readonly progress: Progress;
  /** The host that the build context came from; secrets that name no host belong to it. */
  ownHost: string | undefined;
  /** Whether the kernel stacks no layers here. It is known once a tree was looked at. */
  copies = false;
  private readonly copied = new Map<string, string>();
  /** What came from elsewhere and is no image, in the order in which it came. */
  readonly materials: Material[] = [];
  /** What steps came to elsewhere. */
  caches: Pick<RemoteCaches, "lookUp"> = { lookUp: () => undefined };
  private readonly contexts = new Map<string | null, SourceTree>();
  private readonly slots = new Slots(parallelFetches);
  private readonly steps = new Map<string, CachedStep>();
  private readonly remote = new Map<string, RemoteLayer>();
  private readonly fetching = new Map<string, Promise<void>>();

  constructor(parts: Pick<BuildSession, "bench" | "options" | "progress">) {
    this.bench = parts.bench;
    this.options = parts.options;
    this.progress = parts.progress;
  }

  get host(): Host {
    return this.bench.host;
  }

  get stage(): Stage {
    return this.bench.stage;
  }

  get memory(): DigestMemory {
    return this.bench.memory;
  }

  get signal(): AbortSignal {
    return this.bench.signal;
  }

  /** What a name, or COPY without one, is from now on. */
  addContext(name: string | null, tree: SourceTree): void {
    this.contexts.set(name, tree);
  }

  context(name: string | null): SourceTree {
    const found = this.contexts.get(name);
    if (found !== undefined) return found;
    throw new CooperError("invalid-argument", `there is no build context ${name ?? ""}`);
  }

  /** What a step came to, to be found by the next build. */
  remember(step: Omit<CachedStep, "createdAt">): void {
    // a row needs the layer here; one that is fetched later gets its rows then
    if (this.remoteOf(step.layerId) === undefined) this.bench.remember(step);
    else this.bench.setTime(step.layerId, Date.now());
  }

  /** A step that was done elsewhere. Its layer is fetched when something needs its files. */
  reuseRemote(step: Pick<CachedStep, "key" | "title">, found: RemoteStep): void {
    const { layerId, createdAt, remote } = found;
    this.bench.setTime(layerId, createdAt);
    const isHere = this.bench.has(layerId) || getLayer(this.host.database, layerId) !== undefined;
    if (!isHere) return void this.remote.set(layerId, remote);
    this.bench.addStored(layerId);
    this.remember({ ...step, layerId });
  }

  /** A step of the Dockerfile is done: others may find it. Its layer is known already. */
  noteDone(step: Omit<CachedStep, "createdAt">): void {
    this.steps.set(step.key, { ...step, createdAt: this.bench.timeOf(step.layerId) ?? Date.now() });
  }

  /** Sees to it that the files of layers are here. @throws LostLayer */
  async ensure(ids: readonly string[]): Promise<void> {
    await Promise.all(
      ids.map((id) => {
        const remote = this.bench.has(id) ? undefined : this.remote.get(id);
        if (remote === undefined) return undefined;
        const begun = this.fetching.get(id) ?? this.fetch(id, remote);
        this.fetching.set(id, begun);
        return begun;
      }),
    );
  }

  private async fetch(id: string, remote: RemoteLayer): Promise<void> {
    const { host, stage, signal, progress } = this;
    const key = `layer ${id}`;
    const title = `[internal] fetch the cached layer ${id.slice(0, 12)}`;
    progress.started(key, title);
    const steps = this.doneSteps.filter(({ layerId }) => layerId === id);
    const hold = () => insertCachedSteps(host.database, steps);
    try {
      using _slot = await this.slots.take();
      const onProgress = (event: TransferProgress) => tellTransfer(progress, key, event);
      await remote.fetch(remote.layer, { stage, signal, onProgress, hold });
      this.bench.addStored(id);
      progress.done(key);
    } catch (error) {
      if (signal.aborted) {
        progress.cancelled(key);
        throw error;
      }
      progress.failed(key, title, messageOf(error));
      throw new LostLayer(messageOf(error), { cause: error });
    }
  }

  /** Where a layer can be had that is not here. */
  remoteOf(id: string): RemoteLayer | undefined {
    return this.bench.has(id) ? undefined : this.remote.get(id);
  }

  /** All steps of the Dockerfile that this build has done or found done. */
  get doneSteps(): readonly CachedStep[] {
    return [...this.steps.values()];
  }
  /** Where the files of a tree are, topmost first. */
  directories({ layers }: BuiltTree): string[] {
    return layers
      .map((id) => {
        const { directory } = this.bench.layer(id);
        return directory === null ? this.host.paths.layer(id).diff : join(directory, "diff");
      })
      .reverse();
  }

  /** A tree to be read; the caller disposes it. Where the kernel stacks no layers it is a copy, made once. */
  view(tree: BuiltTree): OpenDirectory {
    if (!this.copies) {
      const view = openView(this.directories(tree), this.stage.next("view"));
      if (view instanceof OpenDirectory) return view;
      view[Symbol.dispose]();
      this.beginCopying();
    }
    const key = tree.layers.join(" ");
    const place = this.copied.get(key) ?? this.stage.next("copy");
    if (!this.copied.has(key)) copyMerged(this.directories(tree), place);
    this.copied.set(key, place);
    return OpenDirectory.at(place);
  }

  /** From now on trees are copies. */
  beginCopying(): void {
    if (this.copies) return;
    this.copies = true;
    this.host.warn(
      `the kernel mounts no overlay on ${this.host.paths.root}: each step of the build works on a copy; a volume there spares that: cooper --root DIR`,
    );
  }
}
