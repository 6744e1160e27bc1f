/** FROM and COPY --from with an image: it is found in the store, or fetched. */
import type { Host } from "../../host.ts";
import { type EnsureOptions, ensureImage } from "../../image/for-container.ts";
import { anyPlatform, parsePlatform } from "../../oci/platform.ts";
import type { Image } from "../../records/images.ts";
import { imageKey, type NeededImage } from "../stages.ts";

/** The images of one build: each is looked for once. */
export class BuildImages {
  private readonly host: Host;
  private readonly how: Omit<EnsureOptions, "platform">;
  private readonly found = new Map<string, Promise<Image>>();

  constructor(host: Host, how: Omit<EnsureOptions, "platform">) {
    this.host = host;
    this.how = how;
  }

  /** @throws CooperError no-such-image */
  get(needed: NeededImage): Promise<Image> {
    const key = imageKey(needed);
    const begun = this.found.get(key) ?? this.find(needed);
    this.found.set(key, begun);
    return begun;
  }

  private async find({ name, platform }: NeededImage): Promise<Image> {
    const { image } = await ensureImage(this.host, name, {
      ...this.how,
      platform: platform === null ? anyPlatform : parsePlatform(platform),
    });
    return image;
  }
}
