/** FROM and COPY --from with an image: it is found in the store, or fetched. */
import { CooperError, messageOf } from "../../errors.ts";
import type { Host } from "../../host.ts";
import { type EnsureOptions, ensureImage } from "../../image/for-container.ts";
import { isFor } from "../../image/platform-image.ts";
import {
  anyPlatform,
  formatPlatform,
  hostPlatform,
  isPlatform,
  type Platform,
  parsePlatform,
  resolvePlatform,
} from "../../oci/platform.ts";
import type { Image } from "../../records/images.ts";
import type { Progress, StepKey } from "../progress.ts";
import { imageKey, type NeededImage } from "../stages.ts";
import { tellTransfer } from "../transfer.ts";

/** What a build needs of an image. */
interface BaseImage extends Pick<Image, "config" | "layers" | "manifestDigest"> {
  /** null: it is none of the store's. */
  readonly id: string | null;
}

/** What another build comes to; without layers until it is done. */
export type LinkedImage = Omit<BaseImage, "id" | "manifestDigest">;

/** @param platform null: this machine's */
type FindLinked = (platform: Platform | null) => Promise<LinkedImage>;

/** The images of one build: each is looked for once. */
export class BuildImages {
  private readonly host: Host;
  private readonly how: Omit<EnsureOptions, "platform">;
  private readonly progress: Progress | null;
  private readonly linked: ReadonlyMap<string, FindLinked>;
  private readonly found = new Map<string, Promise<BaseImage>>();

  /**
   * @param progress null: nobody is told
   * @param linked other builds, by what they are called here
   */
  constructor(
    host: Host,
    how: Omit<EnsureOptions, "platform">,
    progress: Progress | null,
    linked: ReadonlyMap<string, FindLinked> = new Map(),
  ) {
    this.host = host;
    this.how = how;
    this.progress = progress;
    this.linked = linked;
  }

  /** @throws CooperError no-such-image */
  get(needed: NeededImage): Promise<BaseImage> {
    const linked = this.linked.get(needed.name);
    if (linked !== undefined) {
      const { platform } = needed;
      const wanted = platform === null ? null : resolvePlatform(parsePlatform(platform));
      return linked(wanted).then((image) => ({ ...image, id: null, manifestDigest: null })); // it changes once it is built
    }
    const key = imageKey(needed);
    const begun = this.found.get(key) ?? this.find(needed);
    this.found.set(key, begun);
    return begun;
  }

  private async find(needed: NeededImage): Promise<Image> {
    const { progress } = this;
    const key = `metadata ${imageKey(needed)}`;
    const title = `[internal] load metadata for ${needed.name}`;
    progress?.started(key, title);
    try {
      const image = await this.ensure(needed, key);
      progress?.done(key);
      return image;
    } catch (error) {
      if (this.how.signal?.aborted) progress?.cancelled(key);
      else progress?.failed(key, title, messageOf(error));
      throw error;
    }
  }

  private async ensure({ name, platform }: NeededImage, key: StepKey): Promise<Image> {
    const { progress } = this;
    const choice = platform === null ? anyPlatform : parsePlatform(platform);
    const { image } = await ensureImage(this.host, name, {
      ...this.how,
      platform: choice,
      // what the user calls by this name stays what it is, whatever else is built for
      keepsNames: platform !== null && !isPlatform(hostPlatform(), resolvePlatform(choice)),
      ...(progress !== null && { onProgress: (event) => tellTransfer(progress, key, event) }),
    });
    if (platform !== null && !isFor(image, resolvePlatform(choice)))
      throw isForOther(name, image, platform);
    return image;
  }
}

/** What was built or loaded here is for one platform alone. */
function isForOther(name: string, { config }: Image, wanted: string): CooperError {
  const { os, architecture, variant = "" } = config;
  return new CooperError(
    "no-such-image",
    `the image ${name} is here for ${formatPlatform({ os, architecture, variant })}, not for ${wanted}`,
    { hint: `build that one first: cooper build --platform ${wanted} …` },
  );
}
