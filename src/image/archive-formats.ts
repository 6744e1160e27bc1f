/**
 * What archives of images are made of, format by format: their members in order, as values. Nothing is
 * written here; the contents of layers are streams that begin when they are opened.
 */
import { digestOf, hexOf } from "../oci/digest.ts";
import { mediaType } from "../oci/media-type.ts";
import type { StoredManifest } from "../records/images.ts";
import type { OutgoingBlob, OutgoingImage } from "./outgoing.ts";

/** A file of an archive. */
export interface OutgoingMember {
  /** Relative, with `/` between its parts. */
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  open(): AsyncIterable<Uint8Array>;
}

/** An entry of an OCI index; those that we do not read are kept. */
export interface IndexEntry {
  readonly digest: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

const textMember = (name: string, text: string): OutgoingMember => ({
  name,
  size: Buffer.byteLength(text),
  open: async function* () {
    yield Buffer.from(text);
  },
});

/** Equal names are equal contents, as names are made of digests: each is written once. */
function once(members: readonly OutgoingMember[]): OutgoingMember[] {
  return [...new Map(members.map((member) => [member.name, member])).values()];
}

const member = (name: string, { size, open }: OutgoingBlob): OutgoingMember => ({
  name,
  size,
  open,
});

/**
 * What `docker load` reads (moby, image/tarexport): configurations and plain layers by digest, and
 * `manifest.json`, which says what belongs together.
 */
export function dockerArchiveMembers(images: readonly OutgoingImage[]): OutgoingMember[] {
  const configName = ({ config }: OutgoingImage) => `${hexOf(config.digest)}.json`;
  const layerName = ({ digest }: OutgoingBlob) => `${hexOf(digest)}.tar`;
  const items = images.map((image) => ({
    Config: configName(image),
    RepoTags: image.names.map(dockerTag),
    Layers: image.layers.map(layerName),
  }));
  return [
    ...once(
      images.flatMap((image) => [
        ...image.layers.map((layer) => member(layerName(layer), layer)),
        member(configName(image), image.config),
      ]),
    ),
    textMember("manifest.json", JSON.stringify(items)),
  ];
}

/** Docker takes any name, and shows its own ones short: as it writes them itself. */
function dockerTag(name: string): string {
  return name.replace(/^docker\.io\/(?:library\/)?/, "");
}

/** What an OCI layout is made of. */
export interface LayoutContent {
  readonly blobs: readonly OutgoingBlob[];
  /** Manifests, indexes and configurations, which are blobs too. */
  readonly texts: readonly string[];
  /** What its index names. */
  readonly entries: readonly LayoutEntry[];
}

interface LayoutEntry extends IndexEntry {
  readonly mediaType: string;
  readonly size: number;
}

/** Images in an OCI layout. @param kept entries of a layout that is there already, which the new ones join */
export function ociLayoutMembers(
  images: readonly OutgoingImage[],
  kept: readonly IndexEntry[] = [],
): OutgoingMember[] {
  return layoutMembers(
    {
      blobs: images.flatMap(({ layers, config }) => [...layers, config]),
      texts: images.map(({ manifest }) => manifest.text),
      entries: images.flatMap(({ manifest, names }) => layoutEntries(manifest, names)),
    },
    kept,
  );
}

/**
 * An OCI layout (image-spec, image-layout.md). `index.json` comes last: what has none is no layout, so one
 * that was left half-written in a directory is not taken for whole.
 */
export function layoutMembers(
  { blobs, texts, entries }: LayoutContent,
  kept: readonly IndexEntry[],
): OutgoingMember[] {
  const blobName = (digest: string) => `blobs/sha256/${digest.slice("sha256:".length)}`;
  const names = new Set(entries.map(nameOf));
  const index = {
    schemaVersion: 2,
    mediaType: mediaType.ociIndex,
    // a name that is given again moves, as a tag does
    manifests: [
      ...kept.filter((entry) =>
        nameOf(entry) === undefined
          ? entries.every(({ digest }) => digest !== entry.digest)
          : !names.has(nameOf(entry)),
      ),
      ...entries,
    ],
  };
  return [
    textMember("oci-layout", JSON.stringify({ imageLayoutVersion: "1.0.0" })),
    ...once([
      ...blobs.map((blob) => member(blobName(blob.digest), blob)),
      ...texts.map((text) => textMember(blobName(digestOf(text)), text)),
    ]),
    textMember("index.json", JSON.stringify(index)),
  ];
}

const refName = "org.opencontainers.image.ref.name";
const nameOf = (entry: IndexEntry): string | undefined => entry.annotations?.[refName];

/** An entry for each name, as skopeo and Podman write and look for it. */
export function layoutEntries(
  { mediaType: type, digest, text }: StoredManifest,
  names: readonly string[],
): LayoutEntry[] {
  const entry = { mediaType: type, digest, size: Buffer.byteLength(text) };
  return names.length === 0
    ? [entry]
    : names.map((name) => ({ ...entry, annotations: { [refName]: name } }));
}

/** The flat directory of one image that skopeo calls `dir:` (containers-transports(5)). */
export function flatDirectoryMembers(image: OutgoingImage): OutgoingMember[] {
  return [
    textMember("version", "Directory Transport Version: 1.1\n"),
    ...once([...image.layers, image.config].map((blob) => member(hexOf(blob.digest), blob))),
    textMember("manifest.json", image.manifest.text),
  ];
}
