/** Finding an image as the user names it. On the way of every `run`: one or two prepared queries, no files. */
import { CooperError } from "../errors.ts";
import type { Host } from "../host.ts";
import type { ManifestList } from "../oci/manifest-list.ts";
import { hostPlatform, isPlatform } from "../oci/platform.ts";
import {
  atRegistry,
  formatReference,
  formatRepository,
  type ParsedName,
  parseName,
  type Reference,
  withDefaultTag,
} from "../oci/reference.ts";
import {
  type Image,
  imageByManifest,
  imageByName,
  imagesByPrefix,
  imagesBySuffix,
} from "../records/images.ts";
import { getManifestList } from "../records/manifest-lists.ts";

/** An image, and what it was found by. */
export interface FoundImage {
  readonly image: Image;
  /** Fully qualified; the image's first name, or its id, when it was found by id. */
  readonly name: string;
  readonly isById: boolean;
}

/**
 * The image that a name, `name@digest`, id or beginning of an id means; undefined when the store has none.
 *
 * @throws CooperError invalid-argument when it is no valid name, or several ids begin like that
 */
export function findNamedImage(host: Host, name: string): FoundImage | undefined {
  const { database } = host;
  const hex = /^sha256:([0-9a-f]{2,64})$/.exec(name)?.[1];
  if (hex !== undefined) return byId(host, hex, name);
  const isId = /^[0-9a-f]{2,64}$/.test(name);
  if (name.length === 64 && isId) return byId(host, name, name);
  const parsed = withDefaultTag(parseName(name));
  const wanted = candidates(parsed).map(key);
  const image = imageByName(database, wanted);
  if (image !== undefined) return { image, name: nameOf(image, wanted), isById: false };
  // names win over ids
  const found = byList(host, wanted) ?? (isId ? byId(host, name, name) : undefined);
  return found ?? (parsed.registry === null ? byShortName(host, parsed) : byManifest(host, parsed));
}

/** As findNamedImage(), without what it was found by. */
export function findImage(host: Host, name: string): Image | undefined {
  return findNamedImage(host, name)?.image;
}

/** As findImage(). @throws CooperError no-such-image when the store has none */
export function resolveImage(host: Host, name: string): Image {
  return resolveNamedImage(host, name).image;
}

/** As findNamedImage(). @throws CooperError no-such-image when the store has none */
export function resolveNamedImage(host: Host, name: string): FoundImage {
  const found = findNamedImage(host, name);
  if (found === undefined) throw new CooperError("no-such-image", `no such image: ${name}`);
  return found;
}

/** What a short name means within the store, best first: our own, then Docker Hub's. */
function candidates(name: ParsedName): Reference[] {
  if (name.registry !== null) return [{ ...name, registry: name.registry }];
  return [atRegistry(name, "localhost"), atRegistry(name, "docker.io")];
}

/** How the store knows it: by digest where there is one, whatever the tag beside it says. */
function key(reference: Reference): string {
  if (reference.digest === null) return formatReference(reference);
  return `${formatRepository(reference)}@${reference.digest}`;
}

function nameOf(image: Image, wanted: readonly string[]): string {
  return (
    wanted.find((name) => image.names.includes(name) || image.repoDigests.includes(name)) ??
    image.names[0] ??
    image.id
  );
}

function byId(host: Host, prefix: string, typed: string): FoundImage | undefined {
  const images = imagesByPrefix(host.database, prefix);
  if (images.length > 1) {
    const ids = images.map((image) => image.id.slice(0, 12)).join(", ");
    throw new CooperError(
      "invalid-argument",
      `several images have an id that begins with ${typed}: ${ids}`,
    );
  }
  const image = images[0];
  return image === undefined
    ? undefined
    : { image, name: image.names[0] ?? image.id, isById: true };
}

/** The manifest list that a name means, and no image. */
export function findList(host: Host, name: string): ManifestList | undefined {
  if (/^sha256:|^[0-9a-f]{64}$/.test(name)) return undefined;
  return firstList(host, candidates(withDefaultTag(parseName(name))).map(key));
}

function firstList(host: Host, wanted: readonly string[]): ManifestList | undefined {
  if (imageByName(host.database, wanted) !== undefined) return undefined;
  for (const name of wanted) {
    const list = getManifestList(host.database, name);
    if (list !== undefined) return list;
  }
  return undefined;
}

/** Of a manifest list, the image for this machine. */
function byList(host: Host, wanted: readonly string[]): FoundImage | undefined {
  const list = firstList(host, wanted);
  const image = imagesOfList(host, list).find(({ config: { os, architecture, variant = "" } }) =>
    isPlatform({ os, architecture, variant }, hostPlatform()),
  );
  return list && image && { image, name: list.name, isById: false };
}

/** Images here that a list holds, in its order. */
export function imagesOfList(host: Host, list: ManifestList | undefined): Image[] {
  return (list?.entries ?? []).flatMap(({ source }) =>
    source.kind === "local" ? imagesByPrefix(host.database, source.imageId) : [],
  );
}

/** As Podman does: a short name also means the one image of another registry that ends like that. */
function byShortName(host: Host, name: ParsedName): FoundImage | undefined {
  if (name.digest !== null) return byManifest(host, name);
  const suffix = `${name.repository}:${name.tag ?? "latest"}`;
  const images = imagesBySuffix(host.database, suffix);
  const image = images.length === 1 ? images[0] : undefined;
  const full = image?.names.find((candidate) => candidate.endsWith(`/${suffix}`));
  return image === undefined || full === undefined
    ? undefined
    : { image, name: full, isById: false };
}

/** `name@digest` of what was loaded or built, and never had that repository's digest. */
function byManifest(host: Host, name: ParsedName): FoundImage | undefined {
  if (name.digest === null) return undefined;
  const image = imageByManifest(host.database, name.digest);
  const held = image?.names.find((candidate) =>
    candidate.slice(0, candidate.lastIndexOf(":")).endsWith(`/${name.repository}`),
  );
  return image === undefined || held === undefined
    ? undefined
    : { image, name: held, isById: false };
}

/** Directories of an image's layers, topmost first, as overlayfs wants them. */
export function layerStack(host: Host, image: Pick<Image, "layers">): string[] {
  return image.layers.map((layer) => host.paths.layer(layer).diff).reverse();
}
