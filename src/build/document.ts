/** The configuration of the image that comes out, as text (image-spec, config.md). Pure. */
import type { HistoryEntry, ImageConfig } from "../oci/image-config.ts";
import type { Platform } from "../oci/platform.ts";
import type { GraphResult, ResultConfig } from "./graph.ts";
import { historyComment } from "./history.ts";

export interface DocumentParts {
  readonly result: GraphResult;
  /** The image that it stands on; null: none. */
  readonly base: ImageConfig | null;
  /** `sha256:…`, lowest first: the base's, then one for each line of the history that is no empty layer. */
  readonly diffIds: readonly string[];
  /** When each of the base's followers was made (ms), in order. */
  readonly layerTimes: readonly number[];
  readonly platform: Platform;
  /** ms; null: as young as its youngest layer. */
  readonly createdAt: number | null;
  readonly omitsHistory: boolean;
}

/** Equal parts are equal bytes: a build that needed no work comes to the very image of the one before. */
export function buildDocument(parts: DocumentParts): string {
  const { result, base, diffIds, platform } = parts;
  const history = historyOf(parts);
  const last = history.at(-1)?.created ?? base?.created ?? new Date(0).toISOString();
  const created = parts.createdAt === null ? last : new Date(parts.createdAt).toISOString();
  const author = result.author || base?.author;
  const variant = base === null ? platform.variant : base.variant;
  return JSON.stringify({
    created,
    ...(author !== undefined && author !== "" && { author }),
    architecture: base?.architecture || platform.architecture,
    os: base?.os || platform.os,
    ...(variant !== undefined && variant !== "" && { variant }),
    config: withoutEmpty(result.config),
    rootfs: { type: "layers", diff_ids: diffIds },
    ...(!parts.omitsHistory && { history: [...(base?.history ?? []), ...history] }),
  });
}

/** A step without a layer is as old as the layer before it. */
function historyOf({ result, base, layerTimes, createdAt }: DocumentParts): HistoryEntry[] {
  let time = createdAt ?? (Date.parse(base?.created ?? "") || 0);
  let next = 0;
  return result.history.map(({ createdBy, isEmptyLayer }): HistoryEntry => {
    if (!isEmptyLayer) time = createdAt ?? layerTimes[next] ?? time;
    if (!isEmptyLayer) next++;
    return {
      created: new Date(time).toISOString(),
      created_by: createdBy,
      comment: historyComment,
      ...(isEmptyLayer && { empty_layer: true }),
    };
  });
}

/** Fields that say nothing are left out, as Docker does. */
function withoutEmpty(config: ResultConfig): Partial<ResultConfig> {
  const sorted = (of: Readonly<Record<string, unknown>>) =>
    Object.fromEntries(Object.entries(of).sort(([a], [b]) => (a < b ? -1 : 1)));
  const whole = {
    ...config,
    ExposedPorts: sorted(config.ExposedPorts),
    Volumes: sorted(config.Volumes),
    Labels: sorted(config.Labels),
  };
  return Object.fromEntries(
    Object.entries(whole).filter(([, value]) => {
      if (value === null || value === "") return false;
      return typeof value !== "object" || Object.keys(value).length > 0;
    }),
  );
}
