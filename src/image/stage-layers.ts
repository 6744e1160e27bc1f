/** Unpacking the layers of images into a stage: each once, several at a time, every digest compared. */
import { CooperError } from "../errors.ts";
import type { Host } from "../host.ts";
import { type LayerSource, parallelUnpacks, unpackLayer } from "../layer/unpack.ts";
import type { UnpackedLayer } from "../layer/unpack-protocol.ts";
import { type Digest, hexOf } from "../oci/digest.ts";
import { getLayer, type LayerRecord, layerOfBlob } from "../records/layers.ts";
import type { StagedLayer } from "./publish.ts";
import { Slots } from "./slots.ts";
import type { Stage } from "./stage.ts";

/** A layer that an image needs. */
export interface LayerPlan {
  /** What the config says it is. */
  readonly diffId: Digest;
  /** What the manifest says of its bytes; null where no manifest does (docker-archive). */
  readonly blob: { readonly digest: Digest; readonly size: number } | null;
  /** Called only when the store does not hold it. */
  open(): LayerSource;
}

/** One load or pull. */
export class LayerStager {
  private readonly host: Host;
  private readonly stage: Stage;
  private readonly signal: AbortSignal | undefined;
  private readonly begun = new Map<string, Promise<StagedLayer>>();
  private readonly slots: Slots;
  private readonly warned = new Set<string>();

  constructor(
    host: Host,
    stage: Stage,
    options: { readonly limit?: number; readonly signal?: AbortSignal | undefined } = {},
  ) {
    this.host = host;
    this.stage = stage;
    this.signal = options.signal;
    this.slots = new Slots(options.limit ?? parallelUnpacks);
  }

  /**
   * All of an image's layers, in order. When one fails the others are waited for, so that nothing writes
   * to the stage any more when this returns.
   */
  async all(plans: readonly LayerPlan[]): Promise<StagedLayer[]> {
    const results = await Promise.allSettled(plans.map((plan) => this.one(plan)));
    return results.map((result) => {
      if (result.status === "rejected") throw result.reason;
      return result.value;
    });
  }

  /** Images of one archive share layers: equal work is done once. */
  private one(plan: LayerPlan): Promise<StagedLayer> {
    const key = `${plan.diffId} ${plan.blob?.digest ?? ""}`;
    const begun = this.begun.get(key) ?? this.stageLayer(plan);
    this.begun.set(key, begun);
    return begun;
  }

  private async stageLayer(plan: LayerPlan): Promise<StagedLayer> {
    const known = knownLayer(this.host, plan);
    if (known !== undefined) return { ...known, directory: null, blobs: [] };
    using _slot = await this.slots.take();
    this.signal?.throwIfAborted();
    const directory = this.stage.next("layer");
    const unpacked = await unpackLayer(plan.open(), directory, this.signal);
    compareLayer(plan, unpacked);
    this.warn(unpacked);
    return staged(unpacked, directory);
  }

  private warn(unpacked: UnpackedLayer): void {
    for (const warning of unpacked.warnings) {
      if (this.warned.has(warning)) continue;
      this.warned.add(warning);
      this.host.warn(`layer ${hexOf(unpacked.diffId).slice(0, 12)}: ${warning}`);
    }
  }
}

/**
 * The layer, if the store has it. A blob only counts as known when it was unpacked here: that a config
 * claims a diff ID for it proves nothing about its bytes. Without a blob digest the diff ID is all that
 * names the layer.
 */
export function knownLayer(host: Host, plan: Omit<LayerPlan, "open">): LayerRecord | undefined {
  if (plan.blob === null) return getLayer(host.database, hexOf(plan.diffId));
  const layer = layerOfBlob(host.database, plan.blob.digest);
  if (layer !== undefined && layer.id !== hexOf(plan.diffId))
    throw differs(plan, `sha256:${layer.id}`);
  return layer;
}

/** What an unpacked layer is to the store. */
export function staged(unpacked: UnpackedLayer, directory: string): StagedLayer {
  const { digest, blobSize, compression, diffId, size, tarSize, isExact } = unpacked;
  const blobs = [{ digest, size: blobSize, compression }];
  return { id: hexOf(diffId), size, tarSize, isExact, directory, blobs };
}

/** Unpacks a layer that nothing has named yet: its diff ID is what comes out. */
export async function stageOneLayer(
  host: Host,
  directory: string,
  source: LayerSource,
  signal?: AbortSignal,
): Promise<StagedLayer> {
  const unpacked = await unpackLayer(source, directory, signal);
  for (const warning of unpacked.warnings) host.warn(warning);
  return staged(unpacked, directory);
}

/** @throws CooperError corrupt when it is not the layer that was planned */
export function compareLayer(plan: Omit<LayerPlan, "open">, unpacked: UnpackedLayer): void {
  const { blob } = plan;
  if (blob !== null && (blob.digest !== unpacked.digest || blob.size !== unpacked.blobSize)) {
    throw new CooperError(
      "corrupt",
      `a layer is damaged: expected ${blob.digest} with ${blob.size} bytes, got ${unpacked.digest} with ${unpacked.blobSize}`,
    );
  }
  if (plan.diffId !== unpacked.diffId) throw differs(plan, unpacked.diffId);
}

function differs(plan: Pick<LayerPlan, "diffId">, got: string): CooperError {
  return new CooperError(
    "corrupt",
    `a layer is not what the image's configuration names: expected ${plan.diffId}, got ${got}`,
  );
}
