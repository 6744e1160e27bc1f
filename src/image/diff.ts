/** `image diff`: what the last layer of an image changes, or how two images differ. */
import type { Host } from "../host.ts";
import { type Change, treeChanges, upperChanges } from "../layer/changes.ts";
import { openChanges } from "../layer/name-marks-view.ts";
import { openView } from "../layer/overlay-view.ts";
import { layerStack, resolveImage } from "./resolve.ts";
import { openStage } from "./stage.ts";

/**
 * The changes in the order of their paths.
 *
 * @param other the image to compare with; null: what is below the last layer
 */
export async function imageChanges(
  host: Host,
  name: string,
  other: string | null,
): Promise<Change[]> {
  using _lock = await host.locks.store("shared"); // nobody sweeps layers meanwhile
  const layers = layerStack(host, resolveImage(host, name));
  using stage = await openStage(host);
  if (other !== null) {
    using before = openView(layerStack(host, resolveImage(host, other)), stage.next("before"));
    using after = openView(layers, stage.next("after"));
    return treeChanges(before, after);
  }
  const [last, ...below] = layers;
  if (last === undefined) return [];
  using upper = openChanges(last);
  using lower = openView(below, stage.next("below"));
  return upperChanges(upper, lower);
}
