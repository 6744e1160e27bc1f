/**
 * The archives of `docker save` and `podman save`: `manifest.json` lists images by their config, names and
 * layers (moby, image/tarexport). Layers are plain tars, or compressed where other tools wrote them.
 */
import { CooperError } from "../errors.ts";
import { decodeImageConfig } from "../oci/decode-image-config.ts";
import { type Digest, digestOf } from "../oci/digest.ts";
import { isObject } from "../oci/json.ts";
import { dockerReference, type Selection } from "../oci/location.ts";
import { maxConfigBytes, maxManifestBytes } from "../oci/manifest.ts";
import { mediaType } from "../oci/media-type.ts";
import { formatReference } from "../oci/reference.ts";
import type { StoredManifest } from "../records/images.ts";
import { type Archive, readMember } from "./archive.ts";
import type { ImagePlan } from "./load-plan.ts";
import { notAmong } from "./oci-layout.ts";
import type { StagedLayer } from "./publish.ts";
import type { LayerPlan } from "./stage-layers.ts";

interface Item {
  readonly configName: string;
  readonly tags: readonly string[];
  readonly layerNames: readonly string[];
}

/**
 * The images that `manifest.json` lists; undefined when the archive has none.
 *
 * @param selection only that one of them, with only the name it was selected by
 * @throws CooperError no-such-image when the selected one is not among them
 */
export function dockerArchiveImages(
  archive: Archive,
  selection: Selection | null = null,
): ImagePlan[] | undefined {
  const items = readItems(archive);
  if (items === undefined || selection === null) return items?.map((item) => planOf(archive, item));
  const found = items.flatMap((item, index) => {
    if (selection.by === "index") return index === selection.index ? [item] : [];
    const name = selection.by === "name" ? dockerName(selection.name) : "";
    return item.tags.some((tag) => dockerName(tag) === name) ? [{ ...item, tags: [name] }] : [];
  });
  if (found.length > 0) return found.map((item) => planOf(archive, item));
  throw notAmong(
    archive,
    selection,
    items.flatMap(({ tags }) => tags),
  );
}

/** Names by config digest, for archives that are an OCI layout at the same time (Docker 25 and later). */
export function dockerArchiveNames(archive: Archive): ReadonlyMap<Digest, readonly string[]> {
  const names = new Map<Digest, readonly string[]>();
  for (const { configName, tags } of readItems(archive) ?? []) {
    const config = readMember(archive, configName, maxConfigBytes);
    if (config !== undefined) names.set(digestOf(config), tags.map(dockerName));
  }
  return names;
}

function readItems(archive: Archive): Item[] | undefined {
  const bytes = readMember(archive, "manifest.json", maxManifestBytes);
  if (bytes === undefined) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString("utf8"));
  } catch (cause) {
    throw new CooperError("corrupt", `manifest.json in ${archive.name} is not valid JSON`, {
      cause,
    });
  }
  if (!Array.isArray(value)) return undefined; // the manifest of a `dir:` directory
  return value.map((item) => decodeItem(item, archive));
}

function decodeItem(item: unknown, archive: Archive): Item {
  const strings = (list: unknown): list is string[] | null | undefined =>
    list === null ||
    list === undefined ||
    (Array.isArray(list) && list.every((part) => typeof part === "string"));
  if (
    !isObject(item) ||
    typeof item.Config !== "string" ||
    !strings(item.RepoTags) ||
    !strings(item.Layers)
  ) {
    throw new CooperError("corrupt", `manifest.json in ${archive.name} is not a list of images`);
  }
  return { configName: item.Config, tags: item.RepoTags ?? [], layerNames: item.Layers ?? [] };
}

function planOf(archive: Archive, item: Item): ImagePlan {
  const bytes = readMember(archive, item.configName, maxConfigBytes);
  if (bytes === undefined) throw missing(archive, item.configName);
  const config = decodeImageConfig(bytes, `${item.configName} in ${archive.name}`);
  if (config.diffIds.length !== item.layerNames.length) {
    throw new CooperError(
      "corrupt",
      `${archive.name} lists ${item.layerNames.length} layers for an image of ${config.diffIds.length}`,
    );
  }
  const layers = config.diffIds.map((diffId, index): LayerPlan => {
    const name = item.layerNames[index] ?? "";
    return {
      diffId,
      blob: null,
      open() {
        const member = archive.find(name);
        if (member === undefined) throw missing(archive, name);
        return { kind: "file", ...member };
      },
    };
  });
  return { config, manifests: null, layers, names: item.tags.map(dockerName) };
}

function missing(archive: Archive, name: string): CooperError {
  return new CooperError("corrupt", `${archive.name} is incomplete: it has no ${name}`);
}

/** In these archives a short name is Docker's own: one of Docker Hub. */
function dockerName(tag: string): string {
  return formatReference(dockerReference(tag));
}

/**
 * The manifest that Podman shows for such an image, byte for byte: Docker's schema 2 over the uncompressed
 * layers (containers/image, docker/internal/tarfile/src.go, GetManifest).
 */
export function manifestForArchive(
  configText: string,
  layers: readonly StagedLayer[],
): StoredManifest {
  const text = JSON.stringify({
    schemaVersion: 2,
    mediaType: mediaType.dockerManifest,
    config: {
      mediaType: mediaType.dockerConfig,
      size: Buffer.byteLength(configText),
      digest: digestOf(configText),
    },
    layers: layers.map((layer) => ({
      mediaType: mediaType.dockerLayerGzip, // sic, whatever they are
      size: layer.tarSize,
      digest: `sha256:${layer.id}`,
    })),
  });
  return { digest: digestOf(text), mediaType: mediaType.dockerManifest, text };
}
