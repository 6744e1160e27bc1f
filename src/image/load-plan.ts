/** What an archive holds, decoded but not unpacked yet: the common form of all archive formats. */
import type { DecodedConfig } from "../oci/decode-image-config.ts";
import type { StoredManifest } from "../records/images.ts";
import type { LayerPlan } from "./stage-layers.ts";

/** An image in an archive. */
export interface ImagePlan {
  readonly config: DecodedConfig;
  /** As in StagedImage; null: the format has none, and one is written for it. */
  readonly manifests: readonly StoredManifest[] | null;
  readonly layers: readonly LayerPlan[];
  /** `registry/repository:tag` */
  readonly names: readonly string[];
  /** `registry/repository@sha256:…` by which it is known besides those that follow from names and manifests. */
  readonly repoDigests?: readonly string[];
}
