/** An image as it is at a registry, looked at without pulling it. */
import { CooperError } from "../errors.ts";
import type { Host } from "../host.ts";
import { decodeImageConfig } from "../oci/decode-image-config.ts";
import { type Index, type Manifest, maxConfigBytes } from "../oci/manifest.ts";
import type { ListPlatform } from "../oci/manifest-list.ts";
import { choosePlatform, type PlatformChoice } from "../oci/platform.ts";
import { formatReference, parseName, type Reference, withDefaultTag } from "../oci/reference.ts";
import { imageByManifest } from "../records/images.ts";
import { type AccessOptions, openRegistry } from "../registry/access.ts";
import type { RegistryClient } from "../registry/client.ts";
import { type PullSource, pullSources } from "../registry/pull-sources.ts";
import { loadRegistriesConf } from "../registry/registries-conf.ts";
import { meaningsOf } from "../registry/short-names.ts";

/** Opened; nothing was asked yet. */
export interface ImageAtRegistry {
  readonly reference: Reference;
  readonly client: RegistryClient;
  readonly source: PullSource;
  manifest(): Promise<Manifest | Index>;
  /** The platform that a manifest's configuration tells. */
  config(manifest: Manifest): Promise<ListPlatform>;
}

/** Opens what a name means at its registry itself, and no mirror of it. */
export function openImageAtRegistry(
  host: Host,
  image: string,
  options: AccessOptions,
): ImageAtRegistry {
  const conf = loadRegistriesConf(process.env, host.isRootless);
  const parsed = withDefaultTag(parseName(image.replace(/^docker:\/\//, "")));
  const [reference] = meaningsOf(conf, parsed).references;
  const source =
    reference === undefined
      ? undefined
      : pullSources(conf, reference.registry, reference.repository, true).at(-1);
  if (reference === undefined || source === undefined)
    throw new CooperError("no-such-image", `no such image: ${image}`);
  const name = formatReference(reference);
  const client = openRegistry(conf, source, options);
  return {
    reference,
    client,
    source,
    manifest: () =>
      client.manifest(source.repository, reference.digest ?? reference.tag ?? "latest", name),
    async config(manifest) {
      const { digest } = manifest.config;
      const bytes = await client.smallBlob(source.repository, digest, maxConfigBytes, name);
      const { config } = decodeImageConfig(bytes, `the configuration of ${name}`);
      const { os, architecture, variant } = config;
      return { os, architecture, ...(variant !== undefined && { variant }) };
    },
  };
}

/** What a name leads to at its registry, and for which platforms it is. */
export async function describeAtRegistry(
  host: Host,
  image: string,
  options: AccessOptions,
): Promise<{
  readonly descriptor: {
    readonly mediaType: string;
    readonly digest: string;
    readonly bytes: number;
  };
  readonly platforms: readonly ListPlatform[];
}> {
  const place = openImageAtRegistry(host, image, options);
  const top = await place.manifest();
  const { mediaType, digest, text } = top;
  const platforms =
    top.kind === "index"
      ? top.manifests.flatMap(({ platform }) => (platform === null ? [] : [platform]))
      : [await place.config(top)];
  return { descriptor: { mediaType, digest, bytes: Buffer.byteLength(text) }, platforms };
}

/** The image of the store that a registry has under that name; undefined when it was never pulled. */
export async function imageIdAtRegistry(
  host: Host,
  image: string,
  platform: PlatformChoice,
  options: AccessOptions,
): Promise<string | undefined> {
  const { manifest, client, source, reference } = openImageAtRegistry(host, image, options);
  const name = formatReference(reference);
  let own = await manifest();
  for (let depth = 0; own.kind === "index" && depth < 3; depth++) {
    const { digest } = choosePlatform(own.manifests, platform, name);
    own = await client.manifest(source.repository, digest, name);
  }
  return imageByManifest(host.database, own.digest)?.id;
}
