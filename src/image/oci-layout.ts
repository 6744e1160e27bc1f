/**
 * Images in an OCI layout (image-spec, image-layout.md), as directory or archive, and in the flat
 * directories that skopeo calls `dir:`.
 */
import { CooperError } from "../errors.ts";
import { decodeImageConfig } from "../oci/decode-image-config.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { type Digest, digestOf, hexOf } from "../oci/digest.ts";
import type { Selection } from "../oci/location.ts";
import {
  decodeManifest,
  type Index,
  type Manifest,
  maxConfigBytes,
  maxManifestBytes,
} from "../oci/manifest.ts";
import { mediaType } from "../oci/media-type.ts";
import { choosePlatform, type PlatformChoice } from "../oci/platform.ts";
import { formatReference, parseTarget } from "../oci/reference.ts";
import type { StoredManifest } from "../records/images.ts";
import { type Archive, readMember } from "./archive.ts";
import type { ImagePlan } from "./load-plan.ts";
import type { LayerPlan } from "./stage-layers.ts";

type NamesByConfig = ReadonlyMap<Digest, readonly string[]>;

/** An index in an index in an index is enough; cyclic ones end here too. */
const maxDepth = 3;

/**
 * The images of `index.json`, one for each name in it; undefined when this is no OCI layout.
 *
 * @param selection only that one of them
 * @throws CooperError no-such-image when the selected one is not among them
 */
export function ociLayoutImages(
  archive: Archive,
  choice: PlatformChoice,
  otherNames: NamesByConfig,
  selection: Selection | null = null,
): ImagePlan[] | undefined {
  const bytes = readMember(archive, "index.json", maxManifestBytes);
  if (bytes === undefined) return undefined;
  const index = decodeManifest(bytes, mediaType.ociIndex, `index.json in ${archive.name}`);
  if (index.kind !== "index")
    throw new CooperError("corrupt", `index.json in ${archive.name} is no index`);
  const plans = new Map<Digest, ImagePlan>();
  const wanted = selection === null ? index.manifests : select(archive, index, selection);
  for (const [name, entries] of byName(wanted)) {
    const plan = planOf(archive, choosePresent(archive, entries, choice), choice, 0, []);
    const id = digestOf(plan.config.text);
    const names = [
      ...(plans.get(id)?.names ?? []),
      ...(name === "" ? [] : [name]),
      ...(otherNames.get(id) ?? []),
    ];
    plans.set(id, { ...plan, names: [...new Set(names)] });
  }
  return [...plans.values()];
}

function select(archive: Archive, index: Index, selection: Selection): readonly Descriptor[] {
  const found = index.manifests.filter((entry, position) => {
    if (selection.by === "index") return position === selection.index;
    if (selection.by === "digest") return entry.digest === selection.digest;
    const { annotations } = entry;
    return (
      annotations["org.opencontainers.image.ref.name"] === selection.name ||
      nameOf(annotations) === formatReference(parseTarget(selection.name))
    );
  });
  if (found.length > 0) return found;
  const names = index.manifests.map(({ annotations, digest }) => nameOf(annotations) || digest);
  throw notAmong(archive, selection, names);
}

/** The error that says which images there are instead. */
export function notAmong(
  archive: Archive,
  selection: Selection,
  names: readonly string[],
): CooperError {
  const wanted =
    selection.by === "index"
      ? `@${selection.index}`
      : selection.by === "digest"
        ? selection.digest
        : selection.name;
  const some = names.slice(0, 10).join(", ") + (names.length > 10 ? ", …" : "");
  return new CooperError("no-such-image", `${archive.name} holds no image ${wanted}`, {
    ...(some !== "" && { hint: `it holds: ${some}` }),
  });
}

/** The image that a descriptor leads to, wherever it stands. */
export function imageOf(
  archive: Archive,
  descriptor: Descriptor,
  choice: PlatformChoice,
): ImagePlan {
  return planOf(archive, descriptor, choice, 0, []);
}

/** Entries without a name, or with the same one, are one image for several platforms. */
function byName(entries: readonly Descriptor[]): Map<string, Descriptor[]> {
  const groups = new Map<string, Descriptor[]>();
  for (const entry of entries) {
    const name = nameOf(entry.annotations);
    groups.set(name, [...(groups.get(name) ?? []), entry]);
  }
  return groups;
}

/** What containerd writes is a full name; the spec's annotation often is a tag alone. Podman reads both so. */
function nameOf(annotations: Readonly<Record<string, string>>): string {
  const text =
    annotations["io.containerd.image.name"] ??
    annotations["org.opencontainers.image.ref.name"] ??
    "";
  return text === "" ? "" : formatReference(parseTarget(text));
}

/** `docker save` writes whole indexes, with the blobs of only those platforms that it has. */
function choosePresent(
  archive: Archive,
  entries: readonly Descriptor[],
  choice: PlatformChoice,
): Descriptor {
  const present = entries.filter((entry) => archive.find(blobName(entry.digest)) !== undefined);
  const only = present[0];
  if (only === undefined)
    throw new CooperError(
      "corrupt",
      `${archive.name} is incomplete: it has no ${blobName(entries[0]?.digest ?? "sha256:")}`,
    );
  return present.length === 1 ? only : choosePlatform(present, choice, archive.name);
}

const blobName = (digest: Digest): string => `blobs/sha256/${hexOf(digest)}`;

function planOf(
  archive: Archive,
  descriptor: Descriptor,
  choice: PlatformChoice,
  depth: number,
  above: readonly StoredManifest[],
): ImagePlan {
  const manifest = readManifest(archive, descriptor);
  const manifests = [
    ...above,
    { digest: manifest.digest, mediaType: manifest.mediaType, text: manifest.text },
  ];
  if (manifest.kind === "manifest") return { ...partsOf(archive, manifest, blobName), manifests };
  if (depth >= maxDepth)
    throw new CooperError("hostile", `${archive.name} has indexes in indexes in indexes`);
  return planOf(
    archive,
    choosePresent(archive, manifest.manifests, choice),
    choice,
    depth + 1,
    manifests,
  );
}

function readManifest(archive: Archive, descriptor: Descriptor): Manifest | Index {
  const name = blobName(descriptor.digest);
  const bytes = verified(archive, name, descriptor, maxManifestBytes);
  return decodeManifest(bytes, descriptor.mediaType, `${name} in ${archive.name}`);
}

/** Reads a small member and compares it with what names it. */
function verified(
  archive: Archive,
  name: string,
  descriptor: Descriptor,
  maxBytes: number,
): Buffer {
  const bytes = readMember(archive, name, maxBytes);
  if (bytes === undefined)
    throw new CooperError("corrupt", `${archive.name} is incomplete: it has no ${name}`);
  if (bytes.length !== descriptor.size || digestOf(bytes) !== descriptor.digest) {
    throw new CooperError(
      "corrupt",
      `${name} in ${archive.name} is damaged: it is not ${descriptor.digest}`,
    );
  }
  return bytes;
}

/** Config and layers of a manifest, whose blobs have the names that `locate` gives. */
function partsOf(
  archive: Archive,
  manifest: Manifest,
  locate: (digest: Digest) => string,
): Pick<ImagePlan, "config" | "layers" | "names"> {
  const configName = locate(manifest.config.digest);
  const bytes = verified(archive, configName, manifest.config, maxConfigBytes);
  const config = decodeImageConfig(bytes, `${configName} in ${archive.name}`);
  if (config.diffIds.length !== manifest.layers.length) {
    throw new CooperError(
      "corrupt",
      `${archive.name} has an image of ${config.diffIds.length} layers whose manifest lists ${manifest.layers.length}`,
    );
  }
  const layers = manifest.layers.map(
    (layer, index): LayerPlan => ({
      diffId: config.diffIds[index] ?? layer.digest,
      blob: { digest: layer.digest, size: layer.size },
      open() {
        const member = archive.find(locate(layer.digest));
        if (member === undefined)
          throw new CooperError(
            "corrupt",
            `${archive.name} is incomplete: it has no ${locate(layer.digest)}`,
          );
        return { kind: "file", ...member };
      },
    }),
  );
  return { config, layers, names: [] };
}

/** The image of a `dir:` directory: `manifest.json`, and blobs by their hexadecimal digest. */
export function flatDirectoryImages(archive: Archive): ImagePlan[] | undefined {
  const bytes = readMember(archive, "manifest.json", maxManifestBytes);
  if (bytes === undefined || readMember(archive, "version", 1024) === undefined) return undefined;
  const manifest = decodeManifest(bytes, null, `manifest.json in ${archive.name}`);
  if (manifest.kind === "index") {
    throw new CooperError(
      "not-supported",
      `${archive.name} holds images for several platforms; copy one of them with skopeo`,
    );
  }
  const stored = { digest: manifest.digest, mediaType: manifest.mediaType, text: manifest.text };
  return [{ ...partsOf(archive, manifest, hexOf), manifests: [stored] }];
}
