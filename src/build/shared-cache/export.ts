/** `--cache-to`: what this build did, for builds elsewhere. */
import { CooperError, invariant, messageOf } from "../../errors.ts";
import type { Host } from "../../host.ts";
import { layoutEntries, layoutMembers } from "../../image/archive-formats.ts";
import { writeMembers } from "../../image/archive-writer.ts";
import type { FetchOptions } from "../../image/for-container.ts";
import { entriesInLayout } from "../../image/layout-directory.ts";
import { Outgoing } from "../../image/outgoing.ts";
import { destinationOf, uploaderFor } from "../../image/push.ts";
import { type PushCompression, pushLayer } from "../../image/push-layer.ts";
import { openStage } from "../../image/stage.ts";
import { digestOf } from "../../oci/digest.ts";
import { mediaType } from "../../oci/media-type.ts";
import { formatReference, formatRepository } from "../../oci/reference.ts";
import { getLayer, type LayerRecord } from "../../records/layers.ts";
import type { Progress } from "../progress.ts";
import type { BuildSession } from "../session.ts";
import { tellTransfer } from "../transfer.ts";
import { encodeCache, type SharedCache, type SharedLayer } from "./format.ts";

interface Common {
  /** All steps, or only those whose layers the result has. */
  readonly mode: "min" | "max";
  /** Whether a failure is told, and no failure of the build. */
  readonly ignoresErrors: boolean;
  readonly compression: PushCompression;
}

/** Where a cache goes. */
export type CacheTarget =
  | (Common & { readonly kind: "registry"; readonly name: string })
  | (Common & { readonly kind: "local"; readonly directory: string; readonly tag: string })
  /** Into the manifest of the image itself. */
  | { readonly kind: "inline" };

interface ExportOptions {
  readonly fetch: FetchOptions;
  readonly progress: Progress;
}

/** @param resultLayers ids of the layers that the results have */
export async function exportCache(
  session: BuildSession,
  resultLayers: readonly string[],
  target: CacheTarget,
  options: ExportOptions,
): Promise<void> {
  if (target.kind === "inline") return; // it is in the image already
  const { progress } = options;
  const name = target.kind === "registry" ? target.name : target.directory;
  const key = `cache to ${name}`;
  const title = `exporting cache to ${name}`;
  progress.started(key, title);
  try {
    const steps = session.doneSteps.filter(
      ({ layerId }) => target.mode === "max" || resultLayers.includes(layerId),
    );
    const layerIds = [...new Set(steps.map(({ layerId }) => layerId))];
    const records = steps.map(({ key: stepKey, layerId, createdAt }) => ({
      key: stepKey,
      layer: layerIds.indexOf(layerId),
      createdAt,
    }));
    const way = { session, layerIds, records, key };
    await (target.kind === "registry"
      ? toRegistry(way, target, options)
      : toDirectory(way, target));
    progress.done(key);
  } catch (error) {
    progress.failed(key, title, messageOf(error));
    if (!target.ignoresErrors || !(error instanceof CooperError)) throw error;
  }
}

interface Way extends Pick<SharedCache, "records"> {
  readonly session: BuildSession;
  readonly layerIds: readonly string[];
  /** Under which progress is told. */
  readonly key: string;
}

async function toRegistry(
  { session, layerIds, records, key }: Way,
  target: Extract<CacheTarget, { readonly kind: "registry" }>,
  options: ExportOptions,
): Promise<void> {
  const { host } = session;
  const reference = destinationOf(target.name);
  const { signal } = session;
  const how = { ...options.fetch, signal };
  const uploader = uploaderFor(host, reference, how);
  using stage = await openStage(host);
  const place = { host, stage, uploader, reference, family: "oci" as const, signal };
  const repository = formatRepository(reference);
  const layers: SharedLayer[] = [];
  for (const id of layerIds) {
    const diffId = `sha256:${id}` as const;
    const remote = session.remoteOf(id);
    // what came from there, and was not needed here, is there already
    if (remote?.repository === repository && (await uploader.has(remote.layer.blob))) {
      layers.push(remote.layer);
      continue;
    }
    await session.ensure([id]);
    const blob = await pushLayer(
      {
        ...place,
        compression: target.compression,
        onProgress: (event) => tellTransfer(options.progress, key, event),
      },
      storedLayer(host, id),
      undefined,
    );
    layers.push({ diffId, blob });
  }
  const { config, manifest } = encodeCache({ layers, records });
  const bytes = Buffer.from(config);
  const blob = { digest: digestOf(bytes), size: bytes.length };
  if (!(await uploader.has(blob))) await uploader.uploadBytes(bytes);
  const tag = reference.tag ?? "latest";
  await uploader.putManifest(tag, { text: manifest, mediaType: mediaType.ociManifest });
  options.progress.status(key, `writing cache manifest ${formatReference(reference)}`, "done");
}

async function toDirectory(
  { session, layerIds, records }: Way,
  target: Extract<CacheTarget, { readonly kind: "local" }>,
): Promise<void> {
  const { host, signal } = session;
  await session.ensure(layerIds);
  using stage = await openStage(host);
  const compression = target.compression.format ?? "gzip";
  using outgoing = new Outgoing(host, stage, {
    family: "oci",
    compression,
    otherwise: compression,
    level: target.compression.level,
    signal,
  });
  const blobs = [];
  for (const id of layerIds) blobs.push(await outgoing.layer(storedLayer(host, id), compression));
  const layers = blobs.map(
    (blob, index): SharedLayer => ({ diffId: `sha256:${layerIds[index]}`, blob }),
  );
  const { config, manifest: text } = encodeCache({ layers, records });
  const manifest = { text, mediaType: mediaType.ociManifest, digest: digestOf(text) };
  const content = { blobs, texts: [config, text], entries: layoutEntries(manifest, [target.tag]) };
  await writeMembers(layoutMembers(content, entriesInLayout(target.directory)), target.directory);
}

function storedLayer(host: Host, id: string): LayerRecord {
  const layer = getLayer(host.database, id);
  invariant(layer !== undefined, `the layer ${id} is not in the store`);
  return layer;
}
