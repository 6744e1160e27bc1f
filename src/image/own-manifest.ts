/** Manifests of images that were made here. */
import { digestOf } from "../oci/digest.ts";
import { mediaType } from "../oci/media-type.ts";
import type { StoredManifest } from "../records/images.ts";
import type { StagedLayer } from "./publish.ts";

/** The manifest of an image that was made here: its layers are not compressed until they leave. */
export function ociManifest(configText: string, layers: readonly StagedLayer[]): StoredManifest {
  const text = JSON.stringify({
    schemaVersion: 2,
    mediaType: mediaType.ociManifest,
    config: {
      mediaType: mediaType.ociConfig,
      digest: digestOf(configText),
      size: Buffer.byteLength(configText),
    },
    layers: layers.map((layer) => ({
      mediaType: mediaType.ociLayer,
      digest: `sha256:${layer.id}`,
      size: layer.tarSize,
    })),
  });
  return { digest: digestOf(text), mediaType: mediaType.ociManifest, text };
}
