/** `import`: an image of one layer, from a tar of a whole file system. */
import { closeSync, fstatSync, readSync } from "node:fs";
import { CooperError } from "../errors.ts";
import type { Host } from "../host.ts";
import { unsupportedCompressionOf } from "../layer/decompress.ts";
import { throughProgram } from "../layer/other-compression.ts";
import type { LayerSource } from "../layer/unpack.ts";
import { decodeImageConfig } from "../oci/decode-image-config.ts";
import type { ProcessConfig } from "../oci/image-config.ts";
import { anyPlatform, type PlatformChoice, resolvePlatform } from "../oci/platform.ts";
import { formatReference, parseTarget } from "../oci/reference.ts";
import type { Image } from "../records/images.ts";
import { bodyChunks, request } from "../registry/http.ts";
import { applyChange } from "./change.ts";
import { emitImage } from "./events.ts";
import { ownManifest } from "./own-manifest.ts";
import { publishImage, type StagedLayer } from "./publish.ts";
import { openInput } from "./spool.ts";
import { openStage } from "./stage.ts";
import { stageOneLayer } from "./stage-layers.ts";
import { sweep } from "./sweep.ts";
import { assertAccepted, loadPolicy } from "./trust/accept.ts";
import { tarballCandidate } from "./trust/origin.ts";

export interface ImportOptions {
  /** A file or an http(s) URL; null: standard input. */
  readonly input: string | null;
  readonly name: string | null;
  /** Instructions as in a Dockerfile. */
  readonly changes?: readonly string[];
  readonly message?: string | null;
  readonly platform?: PlatformChoice;
  /** A file in place of the machine's policy.json. */
  readonly signaturePolicy?: string;
  readonly signal?: AbortSignal;
}

/** Makes an image of a tar, compressed or not. */
export async function importImage(host: Host, options: ImportOptions): Promise<Image> {
  const reference = options.name === null ? null : parseTarget(options.name);
  const config = (options.changes ?? []).reduce<ProcessConfig>(applyChange, {});
  const policy = loadPolicy(options.signaturePolicy);
  await assertAccepted(host, policy, tarballCandidate(options.input ?? "standard input"));
  await sweep(host);
  using stage = await openStage(host);
  using input = await openSource(options);
  const layer = await stageOneLayer(host, stage.next("layer"), input.source, options.signal);
  const configText = configOf(config, layer, options);
  const image = await publishImage(host, {
    config: decodeImageConfig(Buffer.from(configText), "the new image's configuration").config,
    configText,
    manifests: [ownManifest(configText, [layer])],
    layers: [layer],
    names: reference === null ? [] : [formatReference(reference)],
    repoDigests: [],
    parentId: null,
  });
  emitImage(host, "import", image.id, image.names[0] ?? image.id);
  return image;
}

interface OpenSource extends Disposable {
  readonly source: LayerSource;
}

async function openSource({ input, signal }: ImportOptions): Promise<OpenSource> {
  if (input !== null && /^https?:\/\//i.test(input)) {
    const response = await request({
      method: "GET",
      url: new URL(input),
      headers: {},
      trust: { isInsecure: false },
      signal,
    });
    if (!response.ok)
      throw new CooperError("network", `${input} answered with status ${response.status}`);
    return {
      source: { kind: "stream", chunks: bodyChunks(response) },
      [Symbol.dispose]: () => undefined,
    };
  }
  const descriptor = input === null ? 0 : openInput(input);
  const dispose = () => {
    if (descriptor !== 0) closeSync(descriptor);
  };
  const stats = fstatSync(descriptor);
  if (stats.isDirectory())
    throw new CooperError("invalid-argument", `${input} is a directory: import takes a tar of it`);
  if (!stats.isFile())
    return {
      source: { kind: "stream", chunks: Bun.file(descriptor).stream() },
      [Symbol.dispose]: dispose,
    };
  const start = Buffer.alloc(6);
  readSync(descriptor, start, 0, start.length, 0);
  const tool = { xz: "xz", bzip2: "bzip2" }[unsupportedCompressionOf(start) ?? ""];
  const source: LayerSource =
    tool === undefined
      ? { kind: "file", descriptor, offset: 0, length: stats.size }
      : { kind: "stream", chunks: throughProgram(tool, descriptor, input ?? "standard input") };
  return { source, [Symbol.dispose]: dispose };
}

function configOf(config: ProcessConfig, layer: StagedLayer, options: ImportOptions): string {
  const { os, architecture, variant } = resolvePlatform(options.platform ?? anyPlatform);
  const created = new Date().toISOString();
  const from = options.input ?? "-";
  const comment = options.message || `Imported from ${from}`;
  return JSON.stringify({
    created,
    architecture,
    os,
    ...(variant !== "" && { variant }),
    config,
    rootfs: { type: "layers", diff_ids: [`sha256:${layer.id}`] },
    history: [{ created, created_by: `/bin/sh -c #(nop) ADD file:${layer.id} in /`, comment }],
  });
}
