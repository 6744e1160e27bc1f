/** Manifests and indexes (image-spec, manifest.md and image-index.md; Docker's schema 2). */
import { CooperError } from "../errors.ts";
import { type Descriptor, decodeDescriptor } from "./descriptor.ts";
import { type Digest, digestOf } from "./digest.ts";
import { decodeStrings, parseJsonObject } from "./json.ts";
import { isImageConfig, isLayer, manifestKindOf, mediaType } from "./media-type.ts";

/** distribution-spec: "registries SHOULD accept manifests of 4 MiB"; more is not read. */
export const maxManifestBytes = 4 << 20;
export const maxConfigBytes = 8 << 20;
/** overlayfs takes at most 500 lower layers (fs/overlayfs/params.c, OVL_MAX_STACK). */
export const maxLayers = 500;

interface Common {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly annotations: Readonly<Record<string, string>>;
  /** Exactly as it was. */
  readonly text: string;
}

export interface Manifest extends Common {
  readonly kind: "manifest";
  readonly config: Descriptor;
  /** Lowest first. */
  readonly layers: readonly Descriptor[];
}

export interface Index extends Common {
  readonly kind: "index";
  readonly manifests: readonly Descriptor[];
}

/**
 * Decodes a manifest or index. What it is must be said the same way everywhere: by the media type it
 * was delivered as, by its own, and by its fields (CVE-2021-41190).
 *
 * @param delivered the media type from outside (descriptor or Content-Type); null where there is none
 */
export function decodeManifest(
  bytes: Uint8Array,
  delivered: string | null,
  where: string,
): Manifest | Index {
  if (bytes.length > maxManifestBytes)
    throw new CooperError("hostile", `${where} is larger than 4 MiB`);
  const { text, value } = parseJsonObject(bytes, where);
  const own = value.mediaType;
  if (value.schemaVersion !== 2) {
    throw new CooperError(
      "not-supported",
      `${where} is in an old format (schema version ${JSON.stringify(value.schemaVersion)})`,
    );
  }
  if (own !== undefined && typeof own !== "string")
    throw new CooperError("corrupt", `${where} has no valid media type`);
  const said =
    own ?? (delivered !== null && manifestKindOf(delivered) !== undefined ? delivered : undefined);
  const fields = value.manifests === undefined ? "manifest" : "index";
  const type = said ?? (fields === "index" ? mediaType.ociIndex : mediaType.ociManifest);
  const kind = manifestKindOf(type);
  if (kind === undefined)
    throw new CooperError(
      "not-supported",
      `${where} has the media type ${type}, which is no image`,
    );
  const isBoth =
    value.manifests !== undefined && (value.layers !== undefined || value.config !== undefined);
  const differs =
    delivered !== null && manifestKindOf(delivered) !== undefined && delivered !== type;
  if (isBoth || kind !== fields || differs) {
    throw new CooperError(
      "hostile",
      `${where} contradicts itself about being an index or a manifest`,
    );
  }
  const common = {
    mediaType: type,
    digest: digestOf(bytes),
    annotations: decodeStrings(value.annotations, where),
    text,
  };
  if (kind === "index") {
    return { ...common, kind, manifests: decodeList(value.manifests, `${where}: entry`, 10_000) };
  }
  const config = decodeDescriptor(value.config, `${where}: config`);
  const layers = decodeList(value.layers, `${where}: layer`, maxLayers);
  const { artifactType } = value;
  checkIsImage(config, layers, typeof artifactType === "string" ? artifactType : null, where);
  return { ...common, kind, config, layers };
}

function decodeList(value: unknown, where: string, max: number): Descriptor[] {
  const list = value ?? []; // Go writes null for an empty list
  if (!Array.isArray(list)) throw new CooperError("corrupt", `${where}s are no list`);
  if (list.length > max) throw new CooperError("hostile", `${where}s are more than ${max}`);
  return list.map((entry, index) => decodeDescriptor(entry, `${where} ${index + 1}`));
}

/** Artifacts are stored as manifests too: charts, signatures, models. */
function checkIsImage(
  config: Descriptor,
  layers: readonly Descriptor[],
  artifactType: string | null,
  where: string,
): void {
  if (!isImageConfig(config.mediaType)) {
    throw new CooperError(
      "not-supported",
      `${where} is of an artifact of type ${artifactType || config.mediaType}, not of an image`,
    );
  }
  const other = layers.find((layer) => !isLayer(layer.mediaType));
  if (other !== undefined) {
    throw new CooperError(
      "not-supported",
      `${where} has a layer of type ${other.mediaType}, which cannot be unpacked`,
    );
  }
}
