/** FROM and COPY --from with an image: it is found in the store, or fetched. */
import { messageOf } from "../../errors.ts";
import type { Host } from "../../host.ts";
import { type EnsureOptions, ensureImage } from "../../image/for-container.ts";
import type { TransferProgress } from "../../image/transfer-progress.ts";
import { anyPlatform, parsePlatform } from "../../oci/platform.ts";
import type { Image } from "../../records/images.ts";
import type { Progress, StepKey } from "../progress.ts";
import { imageKey, type NeededImage } from "../stages.ts";

/** The images of one build: each is looked for once. */
export class BuildImages {
  private readonly host: Host;
  private readonly how: Omit<EnsureOptions, "platform">;
  private readonly progress: Progress | null;
  private readonly found = new Map<string, Promise<Image>>();

  /** @param progress null: nobody is told */
  constructor(host: Host, how: Omit<EnsureOptions, "platform">, progress: Progress | null) {
    this.host = host;
    this.how = how;
    this.progress = progress;
  }

  /** @throws CooperError no-such-image */
  get(needed: NeededImage): Promise<Image> {
    const key = imageKey(needed);
    const begun = this.found.get(key) ?? this.find(needed);
    this.found.set(key, begun);
    return begun;
  }

  private async find(needed: NeededImage): Promise<Image> {
    const { name, platform } = needed;
    const { progress } = this;
    const key = `metadata ${imageKey(needed)}`;
    const title = `[internal] load metadata for ${name}`;
    progress?.started(key, title);
    try {
      const { image } = await ensureImage(this.host, name, {
        ...this.how,
        platform: platform === null ? anyPlatform : parsePlatform(platform),
        ...(progress !== null && { onProgress: (event) => tellTransfer(progress, key, event) }),
      });
      progress?.done(key);
      return image;
    } catch (error) {
      if (this.how.signal?.aborted) progress?.cancelled(key);
      else progress?.failed(key, title, messageOf(error));
      throw error;
    }
  }
}

const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(2)}MB`;

function tellTransfer(progress: Progress, key: StepKey, event: TransferProgress): void {
  switch (event.kind) {
    case "layer": {
      const { digest, doneBytes, totalBytes } = event;
      return progress.status(key, digest, `${megabytes(doneBytes)} / ${megabytes(totalBytes)}`);
    }
    case "done":
      return progress.status(key, event.digest, event.note === "" ? "done" : event.note);
    case "waiting":
      return progress.status(key, event.digest, "is pulled by another process");
    case "retry":
      return progress.note(`trying again in ${(event.inMs / 1000).toFixed(1)} s: ${event.why}`);
    case "begin":
    case "layers":
    case "end":
      return;
  }
}
