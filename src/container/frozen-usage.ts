/** What frozen trees take on the disk. They never change, so each is measured once. */
import type { Host } from "../host.ts";
import { measuredFrozen, setFrozenMeasured } from "../records/frozen.ts";
import { treeUsage } from "../system/tree-usage.ts";

/**
 * Bytes on the disk by id. Walks those that nobody has measured.
 *
 * @param wanted all, where it is left out
 */
export function frozenUsage(host: Host, wanted?: ReadonlySet<string>): Map<string, number> {
  const measured = new Map<string, number>();
  const usage = new Map<string, number>();
  for (const [id, known] of measuredFrozen(host.database)) {
    if (wanted?.has(id) === false) continue;
    const bytes = known ?? treeUsage(host.paths.frozenTree(id)).diskBytes;
    if (known === null && bytes > 0) measured.set(id, bytes); // none yet: it is being moved there
    usage.set(id, bytes);
  }
  try {
    if (measured.size > 0) setFrozenMeasured(host.database, measured);
  } catch (error) {
    // only a convenience later: a full disk must not keep anybody from asking
    host.debug(`sizes of frozen trees are not kept: ${error}`);
  }
  return usage;
}
