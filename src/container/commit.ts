/** `commit`: an image of what a container's files and configuration have become. */
import { CooperError } from "../errors.ts";
import type { Host } from "../host.ts";
import { emitImage } from "../image/events.ts";
import { ownManifest } from "../image/own-manifest.ts";
import { publishImage, type StagedLayer } from "../image/publish.ts";
import { openStage, type Stage } from "../image/stage.ts";
import { stageOneLayer } from "../image/stage-layers.ts";
import { sweep } from "../image/sweep.ts";
import { packTree } from "../layer/pack.ts";
import { decodeImageConfig } from "../oci/decode-image-config.ts";
import type { ProcessConfig } from "../oci/image-config.ts";
import { hostPlatform } from "../oci/platform.ts";
import { formatReference, parseTarget } from "../oci/reference.ts";
import { resolveContainer } from "../records/containers.ts";
import type { Image } from "../records/images.ts";
import { getLayer } from "../records/layers.ts";
import { settleContainer } from "./cleanup.ts";
import { committedConfig, imageDocument } from "./commit-config.ts";
import { emitContainer } from "./events.ts";
import { holdStill } from "./hold-still.ts";
import { isAlive } from "./live-state.ts";
import { commandOf } from "./process-of.ts";
import type { ContainerRecord } from "./record.ts";
import { isMountPoint, openContainerTree, openUpper, ownerMap } from "./trees.ts";

export interface CommitOptions {
  readonly name: string | null;
  readonly author: string;
  readonly message: string;
  /** Instructions as in a Dockerfile. */
  readonly changes: readonly string[];
  /** Fields of the configuration, as a JSON file gave them. */
  readonly config: ProcessConfig;
  /** Whether its processes are held meanwhile; null: where that is possible. */
  readonly pauses: boolean | null;
  /** One layer instead of one more. */
  readonly squashes: boolean;
  readonly family: "oci" | "docker";
  readonly includesVolumes: boolean;
  readonly signal?: AbortSignal;
}

/** Makes an image of a container, running or not. */
export async function commitContainer(
  host: Host,
  nameOrId: string,
  options: CommitOptions,
): Promise<Image> {
  const reference = options.name === null ? null : parseTarget(options.name);
  const { id } = resolveContainer(host.database, nameOrId);
  using _lock = await host.locks.container(id);
  const container = (await settleContainer(host, id)) ?? resolveContainer(host.database, nameOrId);
  if (container.spec.rootfs?.isOverlay === false && !options.squashes) {
    throw new CooperError(
      "not-supported",
      `the container ${nameOrId} runs in ${container.spec.rootfs.path} itself, and has no image to add a layer to`,
      { hint: "make an image of all of it with --squash" },
    );
  }
  const config = committedConfig(container, options); // complains before the long work
  await sweep(host);
  using stage = await openStage(host);
  const layers = await layersOf(host, container, stage, options);
  const configText = imageDocument({
    ...options,
    config,
    base: container.resolved.imageConfig,
    diffIds: layers.map((layer) => `sha256:${layer.id}`),
    command: commandOf(container.spec, container.resolved.imageConfig),
    isSquashed: options.squashes,
    created: new Date(),
    platform: hostPlatform(),
  });
  const decoded = decodeImageConfig(Buffer.from(configText), "the new image's configuration");
  const image = await publishImage(host, {
    config: decoded.config,
    configText,
    manifests: [ownManifest(configText, layers, options.family)],
    layers,
    names: reference === null ? [] : [formatReference(reference)],
    repoDigests: [],
    parentId: options.squashes ? null : container.imageId,
  });
  emitContainer(host, container, "commit");
  emitImage(host, "commit", image.id, image.names[0] ?? image.id);
  return image;
}

/** Those of the container's image, which its row keeps in the store, and what it changed. */
async function layersOf(
  host: Host,
  container: ContainerRecord,
  stage: Stage,
  options: CommitOptions,
): Promise<StagedLayer[]> {
  await using _still = isAlive(container) ? await holdStill(host, container, options.pauses) : null;
  const changes = await ownLayer(host, container, stage, options);
  if (options.squashes) return [changes];
  const below = container.resolved.layers.map((layerId): StagedLayer => {
    const layer = getLayer(host.database, layerId);
    if (layer === undefined)
      throw new CooperError(
        "corrupt",
        `the store has lost a layer of the container ${container.name}`,
      );
    return { ...layer, directory: null, blobs: [] };
  });
  return [...below, changes];
}

/**
 * The tar of the changes goes straight into the child that unpacks layers: it becomes one like any
 * other, read once and written once. Hard links would not do, since the container goes on writing to
 * its files.
 */
async function ownLayer(
  host: Host,
  container: ContainerRecord,
  stage: Stage,
  options: CommitOptions,
): Promise<StagedLayer> {
  using tree = options.squashes
    ? await openContainerTree(host, container, stage.directory)
    : await openUpper(host, container, stage.directory);
  const chunks =
    tree === undefined
      ? emptyTar()
      : packTree(tree, {
          kind: options.squashes ? "layer" : "changeset",
          mapOwner: ownerMap(container),
          leavesOut: isMountPoint,
          warn: (message) => host.warn(message),
          signal: options.signal,
        });
  return await stageOneLayer(host, stage.next("layer"), { kind: "stream", chunks }, options.signal);
}

/** A container that never ran changed nothing. */
async function* emptyTar(): AsyncGenerator<Uint8Array> {
  yield new Uint8Array(1024);
}
