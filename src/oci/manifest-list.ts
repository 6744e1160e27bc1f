/** Indexes that are put together here: what they hold, and the document that they become (image-spec, image-index.md). */
import { type Digest, digestOf } from "./digest.ts";
import { mediaType } from "./media-type.ts";

/** What an index says of an entry's platform. */
export interface ListPlatform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
  readonly osVersion?: string;
  readonly osFeatures?: readonly string[];
  /** Docker's lists: of the processor. */
  readonly features?: readonly string[];
}

/** Where an entry's image is, to be pushed with the list. */
export type EntrySource =
  | { readonly kind: "local"; readonly imageId: string }
  /** `registry/repository`, whence it is copied by its digest. */
  | { readonly kind: "registry"; readonly repository: string };

export interface ListEntry {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly size: number;
  readonly platform: ListPlatform;
  readonly annotations: Readonly<Record<string, string>>;
  readonly source: EntrySource;
}

/** A list under a name in the store. */
export interface ManifestList {
  readonly name: string;
  readonly entries: readonly ListEntry[];
  readonly annotations: Readonly<Record<string, string>>;
  readonly subject: {
    readonly mediaType: string;
    readonly digest: Digest;
    readonly size: number;
  } | null;
}

/** What an index says of something, wherever that comes from. */
export type IndexItem = Omit<ListEntry, "source">;

/** The index as it is pushed; Docker's lists have no place for annotations and subjects. */
export function indexDocument(
  list: Pick<ManifestList, "annotations" | "subject"> & { readonly entries: readonly IndexItem[] },
  family: "oci" | "docker",
): { readonly text: string; readonly mediaType: string; readonly digest: Digest } {
  const isOci = family === "oci";
  const type = isOci ? mediaType.ociIndex : mediaType.dockerList;
  const document = {
    schemaVersion: 2,
    mediaType: type,
    manifests: list.entries.map((entry) => ({
      mediaType: entry.mediaType,
      digest: entry.digest,
      size: entry.size,
      platform: platformDocument(entry.platform),
      ...(isOci && hasAny(entry.annotations) && { annotations: entry.annotations }),
    })),
    ...(isOci && list.subject !== null && { subject: list.subject }),
    ...(isOci && hasAny(list.annotations) && { annotations: list.annotations }),
  };
  const text = JSON.stringify(document, null, 2);
  return { text, mediaType: type, digest: digestOf(text) };
}

function platformDocument(platform: ListPlatform): Record<string, unknown> {
  const { os, architecture, variant, osVersion, osFeatures = [], features = [] } = platform;
  return {
    architecture,
    os,
    ...(osVersion !== undefined && osVersion !== "" && { "os.version": osVersion }),
    ...(osFeatures.length > 0 && { "os.features": osFeatures }),
    ...(variant !== undefined && variant !== "" && { variant }),
    ...(features.length > 0 && { features }),
  };
}

const hasAny = (map: Readonly<Record<string, string>>): boolean => Object.keys(map).length > 0;

/** What the user wants an entry to say. */
export interface EntryChange {
  readonly platform: Partial<ListPlatform>;
  readonly annotations: Readonly<Record<string, string>>;
}

/** An entry that says what the user wants, and the rest as before. */
export function changeEntry(entry: ListEntry, change: EntryChange): ListEntry {
  return {
    ...entry,
    platform: { ...entry.platform, ...change.platform },
    annotations: { ...entry.annotations, ...change.annotations },
  };
}

/** The list with entries added; one of the same digest is replaced. */
export function withEntries(list: ManifestList, added: readonly ListEntry[]): ManifestList {
  const digests = new Set(added.map(({ digest }) => digest));
  const kept = list.entries.filter(({ digest }) => !digests.has(digest));
  return { ...list, entries: [...kept, ...added] };
}
