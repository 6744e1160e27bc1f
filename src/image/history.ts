/** `history`: how an image was made, step by step. */
import type { Host } from "../host.ts";
import { layersOfImage } from "../records/layers.ts";
import { resolveImage } from "./resolve.ts";

/** A step, as both peers print it. */
export interface HistoryStep {
  /** The image's id for the last step; null for those before, whose images are not here. */
  readonly id: string | null;
  /** ms; 0 when not told. */
  readonly createdAt: number;
  readonly createdBy: string;
  readonly comment: string;
  /** Bytes of the files that the step added. */
  readonly size: number;
  /** The image's names, for the last step. */
  readonly tags: readonly string[];
  /** Hex of the diff ID; null for a step that changed no files. */
  readonly layerId: string | null;
}

/** The steps of an image, newest first. */
export function imageHistory(host: Host, name: string): HistoryStep[] {
  const image = resolveImage(host, name);
  const layers = layersOfImage(host.database, image.id);
  const listed = image.config.history ?? [];
  // some builders write no history, or not for every layer
  const filled = listed.filter((entry) => entry.empty_layer !== true).length;
  const missing = Array.from({ length: Math.max(0, layers.length - filled) }, () => ({}));
  let next = 0;
  const steps = [...missing, ...listed].map((entry): HistoryStep => {
    const layer = "empty_layer" in entry && entry.empty_layer === true ? undefined : layers[next++];
    const {
      created = "",
      created_by = "",
      comment = "",
    } = entry as { created?: string; created_by?: string; comment?: string };
    return {
      id: null,
      createdAt: Date.parse(created) || 0,
      createdBy: created_by,
      comment,
      size: layer?.size ?? 0,
      tags: [],
      layerId: layer?.id ?? null,
    };
  });
  const last = steps.at(-1);
  if (last !== undefined) steps[steps.length - 1] = { ...last, id: image.id, tags: image.names };
  return steps.reverse();
}
