/** What builds share that go on together: a place for layers, and what they have come to so far. */

import { CooperError } from "../errors.ts";
import type { Host } from "../host.ts";
import type { StagedLayer } from "../image/publish.ts";
import { publishLayers } from "../image/publish.ts";
import { Slots } from "../image/slots.ts";
import type { Stage } from "../image/stage.ts";
import { type CachedStep, insertCachedSteps, touchCachedSteps } from "../records/build-cache.ts";
import { getLayer } from "../records/layers.ts";
import { DigestMemory } from "./context/digest.ts";

/** Lets go of nothing: the stage is its maker's. */
export class Workbench {
  readonly host: Host;
  readonly stage: Stage;
  readonly memory: DigestMemory;
  /** How many steps work at the same time, whoever's they are. */
  readonly slots: Slots;
  /** Ends all that goes on, when one step has failed. */
  readonly abort: AbortController;
  private readonly layers = new Map<string, StagedLayer>();
  private readonly times = new Map<string, number>();
  private readonly cached: CachedStep[] = [];
  private readonly used: string[] = [];
  private readonly making = new Map<string, Promise<string>>();

  constructor(parts: Pick<Workbench, "host" | "stage" | "abort"> & { readonly jobs: number }) {
    this.host = parts.host;
    this.stage = parts.stage;
    this.abort = parts.abort;
    this.slots = new Slots(parts.jobs);
    this.memory = new DigestMemory(parts.host.database);
  }

  get signal(): AbortSignal {
    return this.abort.signal;
  }

  /** A layer of the store that something stands on. */
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

  layer(id: string): StagedLayer {
    const layer = this.layers.get(id);
    if (layer === undefined) throw new CooperError("internal", `bug in Cooper: no layer ${id}`);
    return layer;
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

  has(id: string): boolean {
    return this.layers.has(id);
  }

  /** When a layer was made (ms), unless that is known. */
  setTime(layerId: string, createdAt: number): void {
    if (!this.times.has(layerId)) this.times.set(layerId, createdAt);
  }

  /** When a layer was made, now or by a build before (ms); undefined for those of images. */
  timeOf(layerId: string): number | undefined {
    return this.times.get(layerId);
  }

  /** The layer that a step of this key comes to here, also while it is being made; undefined: nobody makes it. */
  madeHere(key: string): Promise<string> | undefined {
    return this.making.get(key);
  }

  /** Makes the layer of a step. @param make resolves to its id */
  make(key: string, make: () => Promise<string>): Promise<string> {
    const made = make();
    this.making.set(key, made);
    // who waits for it hears of a failure; where nobody does, the maker tells it
    made.catch(() => undefined);
    return made;
  }

  /** Puts what was made into the store, and what the next build finds it by. */
  async keep(): Promise<void> {
    const { host } = this;
    this.memory.save();
    if (this.used.length > 0) touchCachedSteps(host.database, this.used);
    if (this.cached.length === 0) return;
    const made = [...this.layers.values()].filter(({ directory }) => directory !== null);
    await publishLayers(host, made, () => insertCachedSteps(host.database, this.cached));
    for (const [id, layer] of this.layers) this.layers.set(id, { ...layer, directory: null });
  }
}
