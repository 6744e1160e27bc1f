/** `save`: images as an archive or directory that docker, podman, skopeo, buildah, umoci and we read. */
import { CooperError } from "../errors.ts";
import type { Host } from "../host.ts";
import { type Digest, digestOf } from "../oci/digest.ts";
import type { PlatformChoice } from "../oci/platform.ts";
import type { Image } from "../records/images.ts";
import { openNewFile } from "../system/new-file.ts";
import {
  dockerArchiveMembers,
  flatDirectoryMembers,
  type OutgoingMember,
  ociLayoutMembers,
} from "./archive-formats.ts";
import { tarOfMembers, writeMembers } from "./archive-writer.ts";
import { emitImage } from "./events.ts";
import { entriesInLayout, namesIn } from "./layout-directory.ts";
import {
  type LayerCompression,
  Outgoing,
  type OutgoingImage,
  type OutgoingOptions,
} from "./outgoing.ts";
import { assertForPlatform } from "./platform-image.ts";
import { resolveNamedImage } from "./resolve.ts";
import { writeFully } from "./spool.ts";
import { openStage } from "./stage.ts";
import { taggedAs } from "./tagged.ts";

export const saveFormats = ["docker-archive", "oci-archive", "oci-dir", "docker-dir"] as const;
export type SaveFormat = (typeof saveFormats)[number];

export interface SaveOptions {
  readonly format: SaveFormat;
  /** A path, or what takes the bytes of an archive; of a directory then the tar of its files. */
  readonly output: string | ((bytes: Uint8Array) => void | Promise<void>);
  /** What the image is called there, in place of the names that it was asked for by: for one image. */
  readonly namesThere?: readonly string[];
  /** Which family of media types a docker-dir has; default: Docker's. */
  readonly family?: "oci" | "docker";
  /** How layers are compressed; null: so that digests stay, see OutgoingOptions. */
  readonly compression: LayerCompression | null;
  /** Of what is compressed; null, or not given: fast. */
  readonly level?: number | null;
  /** null: whatever the image is for. */
  readonly platform?: PlatformChoice | null;
  readonly signal?: AbortSignal;
}

/** What was written. */
export interface SavedImage {
  readonly id: string;
  /** Of the manifest that the image has there. */
  readonly digest: Digest;
}

/** What is to be saved: an image, and the names by which it was asked for. */
interface Wanted {
  readonly image: Image;
  readonly names: string[];
}

/**
 * Saves images, each under the names that were given for it. The archive, or the last file of the
 * directory, gets its name when all is written.
 */
export async function saveImages(
  host: Host,
  names: readonly string[],
  options: SaveOptions,
): Promise<SavedImage[]> {
  // nobody sweeps meanwhile: an image that is removed now keeps its layers until we are done
  using _lock = await host.locks.store("shared");
  const wanted = wantedImages(host, names, options);
  if (options.format === "docker-dir" && wanted.length > 1)
    throw new CooperError("invalid-argument", "a docker-dir holds one image, not several");
  using stage = await openStage(host);
  using outgoing = new Outgoing(host, stage, outgoingOptions(options));
  const images: OutgoingImage[] = [];
  for (const { image, names: own } of wanted) {
    images.push(await outgoing.image(image, options.namesThere ?? own));
  }
  await write(images, options);
  for (const { id, names: own } of images) emitImage(host, "save", id, own[0] ?? id);
  return images.map(({ id, manifest }) => ({ id, digest: digestOf(manifest.text) }));
}

function outgoingOptions({
  format,
  compression,
  family,
  level = null,
  signal,
}: SaveOptions): OutgoingOptions {
  if (format === "docker-archive")
    return { family: "docker", compression: "none", otherwise: "none", level, signal };
  const isOci = format !== "docker-dir";
  return {
    family: isOci ? "oci" : (family ?? "docker"),
    compression: compression ?? "as-it-came",
    otherwise: isOci ? "gzip" : "none",
    level,
    signal,
  };
}

/**
 * In the order in which they were named. An id, or a name by digest, gives an image no name; a repository
 * without a tag means all its tags, as Docker has it, where the format takes several.
 */
function wantedImages(
  host: Host,
  names: readonly string[],
  { platform = null, format, namesThere }: SaveOptions,
): Wanted[] {
  const wanted = new Map<string, Wanted>();
  const takesAll = format.endsWith("-archive") && namesThere === undefined;
  const each = names.flatMap((name) => {
    const tagged = takesAll ? taggedAs(host, name) : [];
    return tagged.length === 0 ? [name] : tagged.map((one) => one.name);
  });
  for (const name of each) {
    const found = resolveNamedImage(host, name);
    assertForPlatform(found.image, name, platform);
    const one = wanted.get(found.image.id) ?? { image: found.image, names: [] };
    wanted.set(found.image.id, one);
    if (!found.isById && found.image.names.includes(found.name) && !one.names.includes(found.name))
      one.names.push(found.name);
  }
  return [...wanted.values()];
}

async function write(images: readonly OutgoingImage[], options: SaveOptions): Promise<void> {
  const { format, output } = options;
  if ((format === "oci-dir" || format === "docker-dir") && typeof output === "string")
    return writeDirectory(images, format, output);
  const members = membersOf(images, format);
  if (typeof output !== "string") {
    for await (const chunk of tarOfMembers(members)) {
      options.signal?.throwIfAborted();
      await output(chunk);
    }
    return;
  }
  using file = openNewFile(output);
  for await (const chunk of tarOfMembers(members)) {
    options.signal?.throwIfAborted();
    writeFully(file.descriptor, chunk);
  }
  file.commit();
}

function membersOf(images: readonly OutgoingImage[], format: SaveFormat): OutgoingMember[] {
  switch (format) {
    case "oci-archive":
    case "oci-dir":
      return ociLayoutMembers(images);
    case "docker-archive":
      return dockerArchiveMembers(images);
    case "docker-dir":
      return images.slice(0, 1).flatMap(flatDirectoryMembers);
  }
}

async function writeDirectory(
  images: readonly OutgoingImage[],
  format: "oci-dir" | "docker-dir",
  directory: string,
): Promise<void> {
  if (format === "oci-dir")
    return writeMembers(ociLayoutMembers(images, entriesInLayout(directory)), directory);
  namesIn(directory, "version", format);
  const [image] = images;
  if (image !== undefined) await writeMembers(flatDirectoryMembers(image), directory);
}
