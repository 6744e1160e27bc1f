/** Manifests of images that were made here. */
import { digestOf } from "../oci/digest.ts";
import { mediaType } from "../oci/media-type.ts";
import type { StoredManifest } from "../records/images.ts";
import type { StagedLayer } from "./publish.ts";

/** The manifest of an image that was made here: its layers are not compressed until they leave. */
export function ownManifest(
  configText: string,
  layers: readonly Pick<StagedLayer, "id" | "tarSize">[],
  family: "oci" | "docker" = "oci",
  annotations: Readonly<Record<string, string>> = {},
): StoredManifest {
  const types =
    family === "oci"
      ? [mediaType.ociManifest, mediaType.ociConfig, mediaType.ociLayer]
      : [mediaType.dockerManifest, mediaType.dockerConfig, mediaType.dockerLayer];
  const [own = "", config, layer] = types;
  const text = JSON.stringify({
    schemaVersion: 2,
    mediaType: own,
    config: {
      mediaType: config,
      digest: digestOf(configText),
      size: Buffer.byteLength(configText),
    },
    layers: layers.map(({ id, tarSize }) => ({
      mediaType: layer,
      digest: `sha256:${id}`,
      size: tarSize,
    })),
    ...(Object.keys(annotations).length > 0 && { annotations }),
  });
  return { digest: digestOf(text), mediaType: own, text };
}
