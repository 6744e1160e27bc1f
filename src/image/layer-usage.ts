/** What layers take on the disk. They never change, so each is measured once. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { errnoName } from "../errors.ts";
import type { Host } from "../host.ts";
import { measuredLayers, setMeasured } from "../records/layers.ts";
import { treeUsage } from "../system/tree-usage.ts";

/** Bytes on the disk by layer id, for all layers. Walks those that nobody has measured. */
export function layerUsage(host: Host): Map<string, number> {
  const known = measuredLayers(host.database);
  const missing = [...known].flatMap(([id, bytes]) => (bytes === null ? [id] : []));
  const measured = new Map(missing.map((id) => [id, measure(host, id)]));
  if (measured.size > 0) noteMeasured(host, measured);
  return new Map(
    [...known].map(([id, bytes]) => [
      id,
      (bytes ?? measured.get(id) ?? 0) + shiftedBytes(host, id),
    ]),
  );
}

/** What is measured now is only a convenience later: a full disk must not keep anybody from asking. */
function noteMeasured(host: Host, measured: ReadonlyMap<string, number>): void {
  try {
    setMeasured(host.database, measured);
  } catch (error) {
    host.debug(`sizes of layers are not kept: ${error}`);
  }
}

/** The layer as it came. Copies with shifted owners come and go beside it. */
function measure(host: Host, id: string): number {
  const { directory } = host.paths.layer(id);
  return treeUsage(directory).diskBytes - shiftedBytes(host, id);
}

function shiftedBytes(host: Host, id: string): number {
  const { directory } = host.paths.layer(id);
  const copies = list(directory).filter((name) => name.startsWith("shift-"));
  return copies.reduce((sum, name) => sum + treeUsage(join(directory, name)).diskBytes, 0);
}

function list(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if (errnoName(error) === "ENOENT") return []; // it went this moment; or is lost: `system check` tells
    throw error;
  }
}
