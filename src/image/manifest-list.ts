/** `manifest create`, `add`, `annotate` and the like: putting together an index of images. */
import { CooperError } from "../errors.ts";
import type { Host } from "../host.ts";
import { type Digest, digestOf, isDigest } from "../oci/digest.ts";
import { decodeManifest, type Index, type Manifest } from "../oci/manifest.ts";
import {
  changeEntry,
  type EntryChange,
  type ListEntry,
  type ListPlatform,
  type ManifestList,
  withEntries,
} from "../oci/manifest-list.ts";
import { anyPlatform, choosePlatform, type PlatformChoice } from "../oci/platform.ts";
import {
  formatReference,
  formatRepository,
  parseName,
  parseTarget,
  type Reference,
  withDefaultTag,
} from "../oci/reference.ts";
import { type Image, manifestsOf } from "../records/images.ts";
import { deleteManifestList, getManifestList, putManifestList } from "../records/manifest-lists.ts";
import type { AccessOptions } from "../registry/access.ts";
import { openImageAtRegistry } from "./at-registry.ts";
import { findNamedImage } from "./resolve.ts";

/** Which images a name adds. */
export interface AddOptions extends AccessOptions {
  /** All that an index has, not only the one for a platform. */
  readonly isAll: boolean;
  readonly platform: PlatformChoice;
  readonly change: EntryChange;
}

/** The list of a name. @throws CooperError no-such-image */
export function manifestList(host: Host, name: string): ManifestList {
  const list = findManifestList(host, name);
  if (list !== undefined) return list;
  throw new CooperError("no-such-image", `no such manifest list: ${name}`, {
    hint: `make it with: cooper manifest create ${name}`,
  });
}

/** The list that a name means: as it is, or as a short name for here. */
export function findManifestList(host: Host, name: string): ManifestList | undefined {
  return getManifestList(host.database, formatReference(parseTarget(name)));
}

/** Makes a list; `isAmending`: one that is there is gone on with. */
export async function createManifestList(
  host: Host,
  name: string,
  images: readonly string[],
  options: AddOptions & {
    readonly isAmending: boolean;
    readonly annotations: Readonly<Record<string, string>>;
  },
): Promise<ManifestList> {
  const full = formatReference(parseTarget(name));
  const there = getManifestList(host.database, full);
  if (there !== undefined && !options.isAmending)
    throw new CooperError("name-in-use", `there is a manifest list ${full} already`, {
      hint: `go on with it: cooper manifest create --amend ${name}`,
    });
  if (there === undefined && findNamedImage(host, full)?.name === full)
    throw new CooperError("name-in-use", `the name ${full} is that of an image`);
  const empty: ManifestList = { name: full, entries: [], annotations: {}, subject: null };
  const list = there ?? empty;
  const entries: ListEntry[] = [];
  for (const image of images) entries.push(...(await entriesOf(host, image, options)));
  const made = withEntries(
    { ...list, annotations: { ...list.annotations, ...options.annotations } },
    entries,
  );
  putManifestList(host.database, made);
  return made;
}

/** Adds images to a list. */
export async function addToManifestList(
  host: Host,
  name: string,
  images: readonly string[],
  options: AddOptions,
): Promise<ManifestList> {
  manifestList(host, name); // a wrong name is told before anything is fetched
  const entries: ListEntry[] = [];
  for (const image of images) entries.push(...(await entriesOf(host, image, options)));
  return update(host, name, (list) => withEntries(list, entries));
}

/**
 * Makes a list of images that were built here, or adds them to one that is there: then one for the same
 * platform gives way to the new one.
 */
export function addEntries(
  host: Host,
  name: string,
  { entries, annotations }: Pick<ManifestList, "entries" | "annotations">,
  { isAmending }: { readonly isAmending: boolean },
): ManifestList {
  const write = host.database.transaction(() => {
    const there = isAmending ? getManifestList(host.database, name) : undefined;
    const built = new Set(entries.map(({ platform }) => JSON.stringify(platform)));
    const kept = (there?.entries ?? []).filter(
      ({ source, platform }) => source.kind !== "local" || !built.has(JSON.stringify(platform)),
    );
    const empty: ManifestList = { name, entries: [], annotations: {}, subject: null };
    const list = withEntries(
      {
        ...(there ?? empty),
        entries: kept,
        annotations: { ...there?.annotations, ...annotations },
      },
      entries,
    );
    putManifestList(host.database, list);
    return list;
  });
  return write.immediate();
}

/** Read and written in one transaction: two that add at once lose nothing. */
function update(
  host: Host,
  name: string,
  change: (list: ManifestList) => ManifestList,
): ManifestList {
  const write = host.database.transaction(() => {
    const changed = change(manifestList(host, name));
    putManifestList(host.database, changed);
    return changed;
  });
  return write.immediate();
}

async function entriesOf(host: Host, image: string, options: AddOptions): Promise<ListEntry[]> {
  const name = image.replace(/^containers-storage:/, "");
  const here = image.startsWith("docker://") ? undefined : findNamedImage(host, name);
  const entries =
    here === undefined
      ? await entriesAtRegistry(host, image, options)
      : [entryHere(host, here.image)];
  return entries.map((entry) => changeEntry(entry, options.change));
}

/** What an index says of an image here. */
export function entryHere(host: Host, image: Image): ListEntry {
  const stored = manifestsOf(host.database, image.id).find(
    ({ digest }) => digest === image.manifestDigest,
  );
  if (stored === undefined || !isDigest(stored.digest))
    throw new CooperError("not-supported", `the image ${image.id.slice(0, 12)} has no manifest`);
  const { os, architecture, variant } = image.config;
  return {
    mediaType: stored.mediaType,
    digest: stored.digest,
    size: Buffer.byteLength(stored.text),
    platform: { os, architecture, ...(variant !== undefined && { variant }) },
    annotations: {},
    source: { kind: "local", imageId: image.id },
  };
}

async function entriesAtRegistry(
  host: Host,
  image: string,
  options: AddOptions,
): Promise<ListEntry[]> {
  const place = openImageAtRegistry(host, image, options);
  const top = await place.manifest();
  const source = { kind: "registry", repository: formatRepository(place.reference) } as const;
  if (top.kind === "manifest") {
    const config = await place.config(top);
    return [
      {
        mediaType: top.mediaType,
        digest: top.digest,
        size: Buffer.byteLength(top.text),
        platform: config,
        annotations: {},
        source,
      },
    ];
  }
  const chosen = options.isAll
    ? top.manifests
    : [choosePlatform(top.manifests, options.platform ?? anyPlatform, image)];
  return chosen.map((descriptor) => ({
    mediaType: descriptor.mediaType,
    digest: descriptor.digest,
    size: descriptor.size,
    platform: platformIn(top, descriptor.digest),
    annotations: descriptor.annotations,
    source,
  }));
}

/** As the index has it, also with the fields that choosing a platform does not look at. */
function platformIn(index: Index, digest: Digest): ListPlatform {
  interface Document {
    manifests: { digest: string; platform?: Record<string, unknown> }[];
  }
  const { manifests } = JSON.parse(index.text) as Document;
  const platform = manifests.find((each) => each.digest === digest)?.platform ?? {};
  const text = (value: unknown) => (typeof value === "string" ? value : "");
  const texts = (value: unknown) =>
    Array.isArray(value) ? value.filter((each) => typeof each === "string") : [];
  return {
    os: text(platform.os),
    architecture: text(platform.architecture),
    variant: text(platform.variant),
    osVersion: text(platform["os.version"]),
    osFeatures: texts(platform["os.features"]),
    features: texts(platform.features),
  };
}

/** Changes what a list says: of one of its images, or of itself. */
export async function annotateManifestList(
  host: Host,
  name: string,
  image: string | null,
  options: AccessOptions & { readonly change: EntryChange; readonly subject: string | null },
): Promise<ManifestList> {
  const subject =
    options.subject === null ? undefined : await describe(host, options.subject, options);
  return update(host, name, (list) => {
    const named = { ...list, subject: subject ?? list.subject };
    if (image === null)
      return { ...named, annotations: { ...list.annotations, ...options.change.annotations } };
    const digest = entryDigest(host, list, image);
    const entries = list.entries.map((entry) =>
      entry.digest === digest ? changeEntry(entry, options.change) : entry,
    );
    return { ...named, entries };
  });
}

async function describe(
  host: Host,
  image: string,
  options: AccessOptions,
): Promise<NonNullable<ManifestList["subject"]>> {
  const [entry] = await entriesOf(host, image, {
    ...options,
    isAll: false,
    platform: anyPlatform,
    change: { platform: {}, annotations: {} },
  });
  if (entry === undefined) throw new CooperError("no-such-image", `no such image: ${image}`);
  const { mediaType, digest, size } = entry;
  return { mediaType, digest, size };
}

/** Takes an image out of a list. */
export function removeFromManifestList(host: Host, name: string, image: string): ManifestList {
  return update(host, name, (list) => {
    const digest = entryDigest(host, list, image);
    return { ...list, entries: list.entries.filter((entry) => entry.digest !== digest) };
  });
}

/** Which entry is meant: by its digest, or by the name or id of an image here. */
function entryDigest(host: Host, list: ManifestList, image: string): Digest {
  const isIn = (digest: string | null | undefined): digest is Digest =>
    list.entries.some((entry) => entry.digest === digest);
  const typed = image.startsWith("sha256:") ? image : image.split("@")[1];
  if (isIn(typed)) return typed;
  const here = isDigest(image) ? undefined : findNamedImage(host, image)?.image;
  if (isIn(here?.manifestDigest)) return here.manifestDigest;
  throw new CooperError("no-such-image", `${list.name} has no image ${image}`);
}

/** Forgets a list. Its images stay. */
export function removeManifestList(host: Host, name: string): string {
  const list = manifestList(host, name);
  deleteManifestList(host.database, list.name);
  return list.name;
}

/** A manifest or index at a registry, as it is there. */
export async function manifestAtRegistry(
  host: Host,
  image: string,
  options: AccessOptions,
): Promise<{ readonly reference: Reference; readonly manifest: Manifest | Index }> {
  const place = openImageAtRegistry(host, image, options);
  return { reference: place.reference, manifest: await place.manifest() };
}

/** The manifest or index that an image here came with last, as it was. */
export function manifestHere(host: Host, image: string): string | undefined {
  const name = withDefaultTag(parseName(image.replace(/^docker:\/\//, "")));
  const found = image.startsWith("docker://") ? undefined : findNamedImage(host, image)?.image;
  if (found === undefined) return undefined;
  const stored = manifestsOf(host.database, found.id).find(
    ({ digest }) => digest === (name.digest ?? found.manifestDigest),
  );
  if (stored === undefined) return undefined;
  const decoded = decodeManifest(Buffer.from(stored.text), stored.mediaType, image);
  return digestOf(decoded.text) === stored.digest ? decoded.text : undefined;
}
