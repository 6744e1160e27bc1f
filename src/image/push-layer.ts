/** A layer on its way to a registry: taken from what is there already, or else sent. */
import type { Host } from "../host.ts";
import { compressed } from "../layer/compress.ts";
import { exactTar } from "../layer/rebuild.ts";
import type { Digest } from "../oci/digest.ts";
import type { Reference } from "../oci/reference.ts";
import {
  addLayerBlob,
  blobsOfLayer,
  type LayerRecord,
  repositoriesOfLayer,
} from "../records/layers.ts";
import type { Uploader } from "../registry/upload.ts";
import { GrowingFile } from "./growing-file.ts";
import { type LayerCompression, layerType, type Named, type OriginalLayer } from "./outgoing.ts";
import type { Stage } from "./stage.ts";
import type { TransferProgress } from "./transfer-progress.ts";

/** How a layer may be compressed at its target. */
export interface PushCompression {
  /** null: as it came, or else by the configuration. */
  readonly format: "gzip" | "zstd" | null;
  readonly level: number | null;
  /** Also where the registry has the layer in another form. */
  readonly isForced: boolean;
}

/** What all layers of a push have in common. */
export interface LayerTarget {
  readonly host: Host;
  readonly stage: Stage;
  readonly uploader: Uploader;
  readonly reference: Reference;
  readonly family: "oci" | "docker";
  readonly compression: PushCompression;
  readonly signal?: AbortSignal | undefined;
  onProgress?(progress: TransferProgress): void;
}

interface Form {
  readonly digest: Digest;
  readonly size: number;
  readonly compression: LayerCompression;
  readonly mediaType?: string;
}

/** A layer is tried to be taken over so many times: each costs two requests when it is not there. */
const maxMounts = 4;

/**
 * Sees to it that the registry has a layer, and tells in which form. What the registry has already keeps
 * its digest: in the repository, or in another one of the same registry that we know to have it.
 */
export async function pushLayer(
  target: LayerTarget,
  layer: LayerRecord,
  original: OriginalLayer | undefined,
): Promise<Named> {
  const { uploader, host, onProgress } = target;
  const id = `sha256:${layer.id}`;
  const forms = formsOf(target, layer, original);
  for (const form of forms) {
    if (!(await uploader.has(form))) continue;
    onProgress?.({ kind: "done", digest: id, note: "already exists" });
    return named(target, form);
  }
  const taken = await mountOne(target, layer, forms);
  if (taken !== undefined) {
    onProgress?.({ kind: "done", digest: id, note: `mounted from ${taken.from}` });
    return named(target, taken.form);
  }
  const compression = compressionFor(target, original);
  const form = await send(target, layer, compression);
  addLayerBlob(host.database, layer.id, form);
  return named(target, form);
}

function named({ family }: LayerTarget, form: Form): Named {
  const { digest, size, compression } = form;
  return { digest, size, mediaType: form.mediaType ?? layerType(family, compression) };
}

/** What the layer may be at the target, best first: as the image's manifest has it, then as we saw it otherwise. */
function formsOf(
  target: LayerTarget,
  layer: LayerRecord,
  original: OriginalLayer | undefined,
): Form[] {
  const { host, compression, family } = target;
  const first: Form[] =
    original === undefined ? [] : [{ ...original, digest: original.digest as Digest }];
  const seen = blobsOfLayer(host.database, layer.id)
    .filter(({ digest }) => digest !== original?.digest)
    .map((blob): Form => ({ ...blob, digest: blob.digest as Digest }));
  const wanted = compressionFor(target, original);
  return [...first, ...seen].filter((form) => {
    if (family === "docker" && form.compression === "zstd") return false;
    if (compression.isForced) return form.compression === wanted;
    // plain bytes are as good as any only where nothing else was asked for
    return form === first[0]
      ? compression.format === null || form.compression !== "none"
      : form.compression === wanted;
  });
}

/** How it is compressed when it has to be sent. */
function compressionFor(
  { compression, host, family }: LayerTarget,
  original: OriginalLayer | undefined,
): LayerCompression {
  if (compression.format !== null) return compression.format;
  // what was made or loaded here was never compressed, and is now, as everybody does it
  const own = original?.compression ?? "none";
  if (own !== "none" && !(family === "docker" && own === "zstd")) return own;
  return host.settings.compressionFormat === "gzip" || family === "docker" ? "gzip" : "zstd";
}

async function mountOne(
  { host, uploader, reference }: LayerTarget,
  layer: LayerRecord,
  forms: readonly Form[],
): Promise<{ readonly form: Form; readonly from: string } | undefined> {
  const prefix = `${reference.registry}/`;
  const repositories = repositoriesOfLayer(host.database, layer.id)
    .filter((name) => name.startsWith(prefix) && name !== `${prefix}${reference.repository}`)
    .map((name) => name.slice(prefix.length));
  const tries = repositories.flatMap((from) => forms.map((form) => ({ form, from })));
  for (const one of tries.slice(0, maxMounts))
    if (await uploader.mount(one.form.digest, one.from)) return one;
  return undefined;
}

async function send(
  target: LayerTarget,
  layer: LayerRecord,
  compression: LayerCompression,
): Promise<Form> {
  const { host, stage, uploader, onProgress } = target;
  const id = `sha256:${layer.id}`;
  const tar = watched(exactTar(host.paths.layer(layer.id), layer), target, layer);
  const { level } = target.compression;
  using file = new GrowingFile(
    stage,
    compression === "none"
      ? tar
      : compressed(tar, compression, level ?? host.settings.compressionLevel),
  );
  const blob = await uploader.upload(file, () => target.signal?.throwIfAborted());
  onProgress?.({ kind: "done", digest: id, note: "" });
  return { ...blob, compression };
}

/** Progress is counted where the bytes are known beforehand: in the uncompressed layer. */
async function* watched(
  chunks: AsyncIterable<Uint8Array>,
  { onProgress, signal }: LayerTarget,
  layer: LayerRecord,
): AsyncGenerator<Uint8Array> {
  let doneBytes = 0;
  const totalBytes = layer.tarSize;
  for await (const chunk of chunks) {
    signal?.throwIfAborted();
    yield chunk;
    doneBytes += chunk.length;
    // the end is told when the registry has it
    if (doneBytes < totalBytes)
      onProgress?.({ kind: "layer", digest: `sha256:${layer.id}`, doneBytes, totalBytes });
  }
}
