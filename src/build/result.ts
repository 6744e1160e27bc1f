/** What was built for one platform becomes an image of the store. */
import { ownManifest } from "../image/own-manifest.ts";
import { publishImage } from "../image/publish.ts";
import { decodeImageConfig } from "../oci/decode-image-config.ts";
import type { Platform } from "../oci/platform.ts";
import type { Image } from "../records/images.ts";
import { annotationsAt, type BuildAnnotation } from "./annotations.ts";
import { buildDocument } from "./document.ts";
import { creationTime, type Epoch } from "./epoch.ts";
import type { GraphResult, PlannedStep } from "./graph.ts";
import type { ImageOverrides } from "./overrides.ts";
import type { BuildSession, BuiltTree } from "./session.ts";
import { inlineAnnotation } from "./shared-cache/format.ts";
import { type Squash, squashed } from "./squash.ts";
import type { BuildImages } from "./steps/image.ts";

/** The files of one platform's target, and what its configuration will say. */
export interface PlatformResult {
  readonly platform: Platform;
  readonly result: GraphResult;
  readonly tree: BuiltTree;
}

export interface ImageOptions {
  readonly overrides?: ImageOverrides | undefined;
  readonly squash: Squash;
  readonly epoch: Epoch | null;
  readonly family: "oci" | "docker";
  readonly annotations: readonly BuildAnnotation[];
  /** Whether its manifest tells what its steps were (--cache-to type=inline). */
  readonly isOwnCache: boolean;
  /** Fully qualified. */
  readonly names: readonly string[];
}

/** The configuration of an image, and its layers. */
export async function documentOf(
  session: BuildSession,
  steps: readonly PlannedStep[],
  { platform, result, tree }: PlatformResult,
  images: BuildImages,
  options: Pick<ImageOptions, "squash" | "epoch" | "overrides">,
) {
  const baseStep = result.base === null ? undefined : steps[result.base]?.step;
  const base = baseStep?.kind === "image" ? await images.get(baseStep) : null;
  const own = tree.layers.slice(base?.layers.length ?? 0);
  const layerTimes = own.map((id) => session.bench.timeOf(id) ?? 0);
  const whole = { layers: tree.layers, layerTimes, base: base?.config ?? null, result };
  const parts = await squashed(session, whole, options.squash);
  const configText = buildDocument({
    ...parts,
    diffIds: parts.layers.map((id) => `sha256:${id}`),
    platform,
    createdAt: options.epoch === null ? null : creationTime(options.epoch),
    omitsHistory: options.overrides?.omitsHistory ?? false,
  });
  const { config } = decodeImageConfig(Buffer.from(configText), "the new image's configuration");
  return { configText, config, layers: parts.layers, baseId: base?.id ?? null };
}

/** Publishes the image. */
export async function publishResult(
  session: BuildSession,
  steps: readonly PlannedStep[],
  of: PlatformResult,
  images: BuildImages,
  options: ImageOptions,
): Promise<Image> {
  const { configText, config, baseId, ...made } = await documentOf(
    session,
    steps,
    of,
    images,
    options,
  );
  const layers = made.layers.map((id) => session.bench.layer(id));
  const annotations = {
    ...annotationsAt(options.annotations, "manifest", of.platform),
    ...(options.isOwnCache && inlineCache(session, made.layers)),
  };
  return publishImage(session.host, {
    config,
    configText,
    manifests: [ownManifest(configText, layers, options.family, annotations)],
    layers,
    names: options.names,
    repoDigests: [],
    parentId: options.squash === "all" ? null : baseId,
  });
}

/** What builds elsewhere find its layers by. With an epoch times are its own, so that equal bytes come out. */
function inlineCache(session: BuildSession, layers: readonly string[]): Record<string, string> {
  const { epoch } = session.options;
  const records = session.doneSteps
    .filter(({ layerId }) => layers.includes(layerId))
    .map(({ key, layerId, createdAt }) => ({
      key,
      layer: layers.indexOf(layerId),
      createdAt: epoch === null ? createdAt : creationTime(epoch),
    }))
    .toSorted((a, b) => a.layer - b.layer || (a.key < b.key ? -1 : 1));
  return { [inlineAnnotation]: JSON.stringify({ records }) };
}
