/** Fetching the layers of an image that is pulled: several at a time, each by one process at a time. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { CooperError } from "../errors.ts";
import type { Host } from "../host.ts";
import { unpackLayer } from "../layer/unpack.ts";
import type { UnpackedLayer } from "../layer/unpack-protocol.ts";
import { type Digest, hexOf } from "../oci/digest.ts";
import { PartialLayer } from "./partial-layer.ts";
import { publishLayers, type StagedLayer } from "./publish.ts";
import { Slots } from "./slots.ts";
import { compareLayer, knownLayer, staged } from "./stage-layers.ts";
import type { TransferProgress } from "./transfer-progress.ts";

/** A layer that an image needs. */
export interface LayerFetch {
  /** What the config says it is. */
  readonly diffId: Digest;
  readonly blob: { readonly digest: Digest; readonly size: number };
  /** The blob's bytes from there on. */
  from(offset: number): AsyncIterable<Uint8Array>;
}

export interface FetchOptions {
  readonly limit: number;
  readonly signal?: AbortSignal | undefined;
  onProgress?(progress: TransferProgress): void;
}

/** How long to wait for another process that pulls the same layer: as long as that lives. */
const pollMs = 100;

/** The layers of one pull. Disposing lets go of what is not published; it is kept for the next pull. */
export class LayerFetcher implements Disposable {
  private readonly host: Host;
  private readonly options: FetchOptions;
  private readonly slots: Slots;
  private readonly held = new Map<string, PartialLayer>();
  private readonly warned = new Set<string>();

  constructor(host: Host, options: FetchOptions) {
    this.host = host;
    this.options = options;
    this.slots = new Slots(options.limit);
  }

  /**
   * All layers, lowest first. What another process pulls right now is left to it: what we have ourselves
   * is then published and given free before we wait, so that nobody waits for us meanwhile.
   */
  async all(fetches: readonly LayerFetch[]): Promise<StagedLayer[]> {
    const begun = new Map<string, Promise<StagedLayer | undefined>>();
    for (const fetch of fetches) {
      const key = fetch.blob.digest;
      if (!begun.has(key)) begun.set(key, this.tryFetch(fetch));
    }
    // all are waited for, so that nothing goes on unseen after a failure
    const results = await Promise.allSettled(begun.values());
    for (const result of results) if (result.status === "rejected") throw result.reason;
    const layers = new Map<string, StagedLayer>();
    for (const [digest, promise] of begun) {
      const layer = await promise;
      if (layer !== undefined) layers.set(digest, layer);
    }
    if (layers.size < begun.size) await this.waitForOthers(fetches, layers);
    return fetches.map((fetch) => this.fitting(fetch, layers.get(fetch.blob.digest)));
  }

  /** The store has them: nothing of them is needed any more. */
  published(): void {
    for (const partial of this.held.values()) partial.remove();
    this.held.clear();
  }

  [Symbol.dispose](): void {
    for (const partial of this.held.values()) partial[Symbol.dispose]();
    this.held.clear();
  }

  /** Undefined when somebody else is at it. */
  private async tryFetch(fetch: LayerFetch): Promise<StagedLayer | undefined> {
    const known = this.known(fetch);
    if (known !== undefined) return known;
    using _slot = await this.slots.take();
    this.options.signal?.throwIfAborted();
    return this.fetchUnlessBusy(fetch);
  }

  private async fetchUnlessBusy(fetch: LayerFetch): Promise<StagedLayer | undefined> {
    const partial = PartialLayer.tryOpen(this.host, fetch.blob.digest);
    if (partial === undefined) return undefined;
    // who had it before us may have published it
    const known = this.known(fetch);
    if (known !== undefined) {
      partial.remove();
      return known;
    }
    this.held.set(fetch.blob.digest, partial);
    const done = partial.result();
    const place = done === undefined ? undefined : placeOf(this.host, partial, done);
    if (done !== undefined && place !== undefined) {
      compareLayer(fetch, done);
      this.tellDone(fetch);
      return staged(done, place);
    }
    return staged(await this.download(fetch, partial), partial.paths.layer);
  }

  private known(fetch: LayerFetch): StagedLayer | undefined {
    const known = knownLayer(this.host, fetch);
    return known === undefined ? undefined : { ...known, directory: null, blobs: [] };
  }

  private async download(fetch: LayerFetch, partial: PartialLayer): Promise<UnpackedLayer> {
    for (let tries = 0; ; tries++) {
      const descriptor = partial.begin(fetch.blob.size);
      const resumedAt = partial.size;
      try {
        const unpacked = await unpackLayer(
          {
            kind: "growing",
            descriptor,
            length: fetch.blob.size,
            grown: this.growing(fetch, partial),
          },
          partial.paths.layer,
          this.options.signal,
        );
        compareLayer(fetch, unpacked);
        this.warn(unpacked);
        partial.finish(unpacked);
        return unpacked;
      } catch (error) {
        if (!isOfTheBytes(error)) throw error;
        // what an earlier process left may have been spoilt since: once more, all of it
        if (resumedAt === 0 || tries > 0) {
          this.held.delete(fetch.blob.digest);
          partial.remove();
          throw error;
        }
        partial.forgetBytes();
      }
    }
  }

  private async *growing(fetch: LayerFetch, partial: PartialLayer): AsyncGenerator<number> {
    const { digest, size } = fetch.blob;
    const tell = () =>
      this.options.onProgress?.({
        kind: "layer",
        digest,
        doneBytes: partial.size,
        totalBytes: size,
      });
    if (partial.size > 0) {
      if (partial.size < size) tell();
      yield partial.size;
    }
    if (partial.size < size || size === 0) {
      for await (const chunk of fetch.from(partial.size)) {
        partial.append(chunk);
        tell();
        yield partial.size;
      }
    } else tell();
  }

  private async waitForOthers(
    fetches: readonly LayerFetch[],
    layers: Map<string, StagedLayer>,
  ): Promise<void> {
    await publishLayers(this.host, [...layers.values()]);
    this.published();
    for (const fetch of fetches) {
      const { digest } = fetch.blob;
      if (layers.has(digest)) continue;
      this.options.onProgress?.({ kind: "waiting", digest });
      let layer = this.known(fetch) ?? (await this.fetchUnlessBusy(fetch));
      while (layer === undefined) {
        await Bun.sleep(pollMs);
        this.options.signal?.throwIfAborted();
        layer = this.known(fetch) ?? (await this.fetchUnlessBusy(fetch));
      }
      await publishLayers(this.host, [layer]);
      this.published();
      layers.set(digest, layer);
    }
    for (const [digest, layer] of layers) layers.set(digest, { ...layer, directory: null });
  }

  private fitting(fetch: LayerFetch, layer: StagedLayer | undefined): StagedLayer {
    if (layer !== undefined && layer.id === hexOf(fetch.diffId)) return layer;
    throw new CooperError(
      "corrupt",
      `a layer is not what the image's configuration names: expected ${fetch.diffId}, got sha256:${layer?.id}`,
    );
  }

  private tellDone({ blob }: LayerFetch): void {
    this.options.onProgress?.({ kind: "done", digest: blob.digest, note: "was here already" });
  }

  private warn(unpacked: UnpackedLayer): void {
    for (const warning of unpacked.warnings) {
      if (this.warned.has(warning)) continue;
      this.warned.add(warning);
      this.host.warn(`layer ${hexOf(unpacked.diffId).slice(0, 12)}: ${warning}`);
    }
  }
}

/** Whether other bytes might do better; a lost connection and a full disk say nothing about them. */
function isOfTheBytes(error: unknown): boolean {
  return (
    error instanceof CooperError && ["corrupt", "hostile", "not-supported"].includes(error.code)
  );
}

/** Where an unpacked layer is: still here, or moved into the store by somebody killed before the commit. */
function placeOf(host: Host, partial: PartialLayer, layer: UnpackedLayer): string | undefined {
  const places = [partial.paths.layer, host.paths.layer(hexOf(layer.diffId)).directory];
  return places.find((place) => existsSync(join(place, "diff")));
}
