/** `--squash`, `--squash-all`: what the steps made, or all of it, as one layer. */
import { stageOneLayer } from "../image/stage-layers.ts";
import { packTree } from "../layer/pack.ts";
import { openUnion } from "../layer/union.ts";
import type { ImageConfig } from "../oci/image-config.ts";
import { fileTime } from "./epoch.ts";
import type { GraphResult } from "./graph.ts";
import type { BuildSession } from "./session.ts";

/** Which layers become one. */
export type Squash = "none" | "own" | "all";

/** What an image is put together from. */
export interface ImageParts {
  /** Ids, lowest first. */
  readonly layers: readonly string[];
  /** When each layer that is not the base's was made (ms). */
  readonly layerTimes: readonly number[];
  readonly base: ImageConfig | null;
  readonly result: GraphResult;
}

/** The parts with fewer layers. The history keeps its lines, none of which has a layer of its own then. */
export async function squashed(
  session: BuildSession,
  parts: ImageParts,
  squash: Squash,
): Promise<ImageParts> {
  const count = squash === "all" ? parts.layers.length : parts.layerTimes.length;
  if (squash === "none" || count === 0) return parts;
  const below = parts.layers.slice(0, parts.layers.length - count);
  const layer = await oneLayer(session, parts.layers.slice(below.length), below.length === 0);
  const { base, result } = parts;
  const baseTime = Date.parse(base?.created ?? "") || 0;
  const line = { createdBy: `squash of ${count} layers`, isEmptyLayer: false };
  return {
    layers: [...below, layer],
    layerTimes: [Math.max(baseTime, ...parts.layerTimes)],
    base: below.length === 0 && base !== null ? withoutLayers(base) : base,
    result: {
      ...result,
      history: [...result.history.map((one) => ({ ...one, isEmptyLayer: true })), line],
    },
  };
}

const withoutLayers = (base: ImageConfig): ImageConfig => ({
  ...base,
  history: (base.history ?? []).map((entry) => ({ ...entry, empty_layer: true })),
});

/** @param isWhole whether nothing stands below, so that nothing has to be hidden there */
async function oneLayer(
  session: BuildSession,
  layers: readonly string[],
  isWhole: boolean,
): Promise<string> {
  const { host, stage, signal, options } = session;
  const { epoch } = options;
  using tree = isWhole ? session.view({ layers }) : openUnion(session.directories({ layers }));
  const chunks = packTree(tree, {
    kind: isWhole ? "layer" : "changeset",
    ...(epoch !== null && { mtimeOf: (seconds: number) => fileTime(epoch, seconds) }),
    warn: (message) => host.warn(message),
    signal,
  });
  const source = { kind: "stream" as const, chunks };
  const made = await stageOneLayer(host, stage.next("layer"), source, signal);
  session.bench.addMade(made);
  return made.id;
}
