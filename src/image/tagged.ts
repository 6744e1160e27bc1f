/** All tags that images of the store have in a repository. */
import type { Host } from "../host.ts";
import { atRegistry, formatRepository, parseName } from "../oci/reference.ts";
import { type Image, listImages } from "../records/images.ts";

export interface TaggedImage {
  readonly image: Image;
  /** `registry/repository:tag` */
  readonly name: string;
}

/** Those in `registry/repository`, in the order of their names. */
export function taggedIn(host: Host, repository: string): TaggedImage[] {
  const isIn = (name: string) => name.slice(0, name.lastIndexOf(":")) === repository;
  return listImages(host.database)
    .flatMap((image) => image.names.filter(isIn).map((name) => ({ image, name })))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/**
 * Those in the repository that a name without tag and digest means: for a short one our own, then Docker
 * Hub's. None when it has a tag or digest, or means no repository here.
 */
export function taggedAs(host: Host, typed: string): TaggedImage[] {
  const name = parseName(typed);
  if (name.tag !== null || name.digest !== null) return [];
  const registries = name.registry === null ? ["localhost", "docker.io"] : [name.registry];
  for (const registry of registries) {
    const found = taggedIn(host, formatRepository(atRegistry(name, registry)));
    if (found.length > 0) return found;
  }
  return [];
}
