/** Where an image of the store may be had again: the registries whose digests name it. */
import type { Host } from "../host.ts";
import { parseName } from "../oci/reference.ts";
import type { Image } from "../records/images.ts";
import { openRegistry } from "../registry/access.ts";
import type { RegistryClient } from "../registry/client.ts";
import { pullSources } from "../registry/pull-sources.ts";
import { loadRegistriesConf } from "../registry/registries-conf.ts";

/** A repository that had the image, by one of the places that registries.conf gives for it. */
export interface Origin {
  /** `registry/repository`, for people. */
  readonly name: string;
  readonly client: RegistryClient;
  /** As it is called at that place. */
  readonly repository: string;
  /** Of the manifest that it had the image under. */
  readonly digest: string;
}

/** In the order in which they are asked. Nothing is sent yet. */
export function originsOf(host: Host, image: Image): Origin[] {
  const conf = loadRegistriesConf(process.env, host.isRootless);
  return image.repoDigests.flatMap((name) => {
    const { registry, repository, digest } = parseName(name);
    if (registry === null || registry === "localhost") return [];
    return pullSources(conf, registry, repository, true).map((source) => ({
      name: `${registry}/${repository}`,
      client: openRegistry(conf, source, {}),
      repository: source.repository,
      digest: digest ?? "",
    }));
  });
}
