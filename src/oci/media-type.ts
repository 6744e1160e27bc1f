/** Media types of OCI (image-spec, media-types.md) and of Docker's schema 2, and what they stand for. */

export const mediaType = {
  ociIndex: "application/vnd.oci.image.index.v1+json",
  ociManifest: "application/vnd.oci.image.manifest.v1+json",
  ociConfig: "application/vnd.oci.image.config.v1+json",
  ociLayer: "application/vnd.oci.image.layer.v1.tar",
  ociLayerGzip: "application/vnd.oci.image.layer.v1.tar+gzip",
  ociLayerZstd: "application/vnd.oci.image.layer.v1.tar+zstd",
  dockerList: "application/vnd.docker.distribution.manifest.list.v2+json",
  dockerManifest: "application/vnd.docker.distribution.manifest.v2+json",
  dockerConfig: "application/vnd.docker.container.image.v1+json",
  dockerLayer: "application/vnd.docker.image.rootfs.diff.tar",
  dockerLayerGzip: "application/vnd.docker.image.rootfs.diff.tar.gzip",
} as const;

/** Those that a registry is asked for, best first. */
export const acceptedManifests: readonly string[] = [
  mediaType.ociIndex,
  mediaType.ociManifest,
  mediaType.dockerList,
  mediaType.dockerManifest,
];

/** Whether it names an index or a manifest; undefined for anything else. */
export function manifestKindOf(type: string): "index" | "manifest" | undefined {
  if (type === mediaType.ociIndex || type === mediaType.dockerList) return "index";
  if (type === mediaType.ociManifest || type === mediaType.dockerManifest) return "manifest";
  return undefined;
}

/** Whether it names a changeset as a tar, compressed or not, also "foreign" ones (not distributable). */
export function isLayer(type: string): boolean {
  return (
    /^application\/vnd\.oci\.image\.layer\.(?:nondistributable\.)?v1\.tar(?:\+(?:gzip|zstd))?$/.test(
      type,
    ) ||
    /^application\/vnd\.docker\.image\.rootfs\.(?:foreign\.)?diff\.tar(?:\.(?:gzip|zstd))?$/.test(
      type,
    ) ||
    type === "application/vnd.docker.image.rootfs.diff.tar+gzip" ||
    type === "application/vnd.docker.image.rootfs.diff.tar+zstd"
  );
}

/** Whether it names a layer that registries do not keep: Windows images fetch theirs from elsewhere. */
export function isForeignLayer(type: string): boolean {
  return /\.(?:foreign|nondistributable)\./.test(type);
}

/** Whether it names an image configuration. */
export function isImageConfig(type: string): boolean {
  return type === mediaType.ociConfig || type === mediaType.dockerConfig;
}
