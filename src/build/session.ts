/** One build: what its steps act with, and what they have come to so far. */
import { join } from "node:path";
import type { ContainerSpec } from "../container/spec.ts";
import { CooperError } from "../errors.ts";
import type { Host } from "../host.ts";
import type { StagedLayer } from "../image/publish.ts";
import type { Stage } from "../image/stage.ts";
import { copyMerged } from "../layer/merge-copy.ts";
import { openView } from "../layer/overlay-view.ts";
import type { CachedStep } from "../records/build-cache.ts";
import { getLayer } from "../records/layers.ts";
import { OpenDirectory } from "../system/tree-read.ts";
import type { DigestMemory } from "./context/digest.ts";
import type { SourceTree } from "./context/tree.ts";
import type { Epoch } from "./epoch.ts";
import type { PlannedStep } from "./graph.ts";
import type { Progress } from "./progress.ts";

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

/** A file tree, as the layers that it consists of. */
export interface BuiltTree {
  /** Ids, lowest first. */
  readonly layers: readonly string[];
}

/** What the steps of one build share. Lets go of nothing: the stage is its maker's. */
export class BuildSession {
  readonly host: Host;
  readonly stage: Stage;
  readonly options: StepOptions;
  readonly progress: Progress;
  readonly memory: DigestMemory;
  readonly signal: AbortSignal;
  /** The host that the build context came from; secrets that name no host belong to it. */
  ownHost: string | undefined;
  /** Whether the kernel stacks no layers here. It is known once a tree was looked at. */
  copies = false;
  private readonly copied = new Map<string, string>();
  private readonly contexts = new Map<string | null, SourceTree>();
  private readonly layers = new Map<string, StagedLayer>();
  private readonly times = new Map<string, number>();
  private readonly cached: CachedStep[] = [];
  private readonly used: string[] = [];

  constructor(
    parts: Pick<BuildSession, "host" | "stage" | "options" | "progress" | "memory" | "signal">,
  ) {
    this.host = parts.host;
    this.stage = parts.stage;
    this.options = parts.options;
    this.progress = parts.progress;
    this.memory = parts.memory;
    this.signal = parts.signal;
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

  /** A layer of the store that this build stands on. */
  addStored(id: string): void {
    if (this.layers.has(id)) return;
    const layer = getLayer(this.host.database, id);
    if (layer === undefined)
      throw new CooperError("conflict", `the layer ${id.slice(0, 12)} was removed meanwhile`);
    this.layers.set(id, { ...layer, directory: null, blobs: [] });
  }

  /** A layer that was made; an equal one that is there already stays instead. */
  addMade(layer: StagedLayer): void {
    if (this.layers.has(layer.id)) return;
    const stored = getLayer(this.host.database, layer.id);
    this.layers.set(
      layer.id,
      stored === undefined ? layer : { ...stored, directory: null, blobs: [] },
    );
  }

  /** What a step came to, to be found by the next build. */
  remember(step: Omit<CachedStep, "createdAt">): void {
    const createdAt = this.times.get(step.layerId) ?? Date.now();
    this.times.set(step.layerId, createdAt);
    this.cached.push({ ...step, createdAt });
  }

  /** A step that needed no work. */
  reuse(key: string, layerId: string, createdAt: number): void {
    this.used.push(key);
    this.times.set(layerId, createdAt);
  }

  /** When a layer of this build was made, now or by one before (ms); undefined for those of images. */
  timeOf(layerId: string): number | undefined {
    return this.times.get(layerId);
  }

  layer(id: string): StagedLayer {
    const layer = this.layers.get(id);
    if (layer === undefined) throw new CooperError("internal", `bug in Cooper: no layer ${id}`);
    return layer;
  }

  /** All that was made is in the store now, and not in the stage any more. */
  markStored(): void {
    for (const [id, layer] of this.layers) this.layers.set(id, { ...layer, directory: null });
  }

  get made(): readonly StagedLayer[] {
    return [...this.layers.values()].filter(({ directory }) => directory !== null);
  }

  get results(): { readonly remembered: readonly CachedStep[]; readonly used: readonly string[] } {
    return { remembered: this.cached, used: this.used };
  }

  /** Where the files of a tree are, topmost first. */
  directories({ layers }: BuiltTree): string[] {
    return layers
      .map((id) => {
        const { directory } = this.layer(id);
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
