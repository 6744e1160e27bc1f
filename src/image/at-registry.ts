/** An image as it is at a registry, looked at without pulling it. */
import { CooperError } from "../errors.ts";
import type { Host } from "../host.ts";
import { decodeImageConfig } from "../oci/decode-image-config.ts";
import { type Index, type Manifest, maxConfigBytes } from "../oci/manifest.ts";
import type { ListPlatform } from "../oci/manifest-list.ts";
import { formatReference, parseName, type Reference, withDefaultTag } from "../oci/reference.ts";
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
