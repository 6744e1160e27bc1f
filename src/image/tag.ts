/** `tag` and `untag`: giving an image names, and taking them away. */
import { CooperError } from "../errors.ts";
import type { Host } from "../host.ts";
import { formatReference, formatRepository, parseTarget } from "../oci/reference.ts";
import {
  addRepoDigest,
  deleteReference,
  forgetRepository,
  type Image,
  setReference,
} from "../records/images.ts";
import { putManifestList } from "../records/manifest-lists.ts";
import { emitImage } from "./events.ts";
import { findList, findNamedImage, resolveImage } from "./resolve.ts";

/** Gives an image more names; a name that another image has moves. Short names belong to `localhost`. */
export function tagImage(host: Host, name: string, targets: readonly string[]): void {
  const references = targets.map(parseTarget);
  if (findList(host, name) !== undefined)
    return tagList(host, name, references.map(formatReference));
  const tag = host.database.transaction(() => {
    const image = resolveImage(host, name);
    for (const reference of references) {
      const moved = setReference(host.database, formatReference(reference), image.id);
      if (moved !== undefined) forgetRepository(host.database, formatRepository(reference), moved);
      if (image.manifestDigest !== null) {
        addRepoDigest(
          host.database,
          `${formatRepository(reference)}@${image.manifestDigest}`,
          image.id,
        );
      }
    }
    return image;
  });
  const { id } = tag.immediate();
  for (const reference of references) emitImage(host, "tag", id, formatReference(reference));
}

/** A list gets another name by being there twice, as Podman has it. */
function tagList(host: Host, name: string, targets: readonly string[]): void {
  const tag = host.database.transaction(() => {
    const list = findList(host, name);
    if (list === undefined) return;
    for (const target of targets) putManifestList(host.database, { ...list, name: target });
  });
  tag.immediate();
}

/**
 * Takes names from an image; without any, all it has. The image stays.
 *
 * @returns the names that are gone
 */
export function untagImage(host: Host, name: string, names: readonly string[] = []): string[] {
  const untag = host.database.transaction(() => {
    const image = resolveImage(host, name);
    const gone =
      names.length === 0 ? [...image.names] : names.map((each) => nameOn(host, image, each));
    for (const each of gone) removeName(host, image, each);
    return { id: image.id, gone };
  });
  const { id, gone } = untag.immediate();
  for (const each of gone) emitImage(host, "untag", id, each);
  return gone;
}

/** Removes one of an image's names, within a transaction. */
export function removeName(host: Host, image: Image, name: string): void {
  deleteReference(host.database, name);
  forgetRepository(host.database, name.slice(0, name.lastIndexOf(":")), image.id);
}

function nameOn(host: Host, image: Image, name: string): string {
  const found = findNamedImage(host, name);
  if (
    found === undefined ||
    found.isById ||
    found.image.id !== image.id ||
    !image.names.includes(found.name)
  ) {
    throw new CooperError(
      "no-such-image",
      `${name} is no name of the image ${image.id.slice(0, 12)}`,
    );
  }
  return found.name;
}
