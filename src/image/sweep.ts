/** Clearing away what dead processes left, and layers that nothing holds any more. */
import { randomBytes } from "node:crypto";
import { readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { errnoName } from "../errors.ts";
import type { Host } from "../host.ts";
import { allLayerIds } from "../records/layers.ts";
import { tryLock } from "../system/lock.ts";
import { openStage, stageLock } from "./stage.ts";

/**
 * Removes stages whose maker is dead, and layers without a row. Never waits: while somebody publishes,
 * the layers are left for the next time. Lists directories, so it is for commands that change images.
 */
export async function sweep(host: Host): Promise<void> {
  for (const name of list(host.paths.staging)) {
    if (name.endsWith(".lock")) sweepLock(join(host.paths.staging, name));
    else sweepStage(join(host.paths.staging, name));
  }
  await sweepLayers(host);
}

/** The lock of a stage that was not made, or not there any more. */
function sweepLock(lockFile: string): void {
  using held = tryLock(lockFile, "exclusive");
  if (held === undefined) return;
  try {
    rmSync(lockFile.slice(0, -".lock".length), { recursive: true, force: true });
  } catch (error) {
    // the killed maker's child is dying this very moment and has written once more: next time then
    if (errnoName(error) === "ENOTEMPTY") return;
    throw error;
  }
  rmSync(lockFile, { force: true });
}

function sweepStage(directory: string): void {
  sweepLock(stageLock(directory));
}

async function sweepLayers(host: Host): Promise<void> {
  const names = list(host.paths.layers);
  if (names.length === 0) return;
  const known = allLayerIds(host.database);
  if (names.every((name) => known.has(name))) return;
  // out of the store by a rename, which is short; removing the files takes long and needs no lock
  using trash = await openStage(host);
  {
    using held = host.locks.tryStore("exclusive");
    if (held === undefined)
      return host.debug("layers are being published: rubbish is left for the next time");
    const rows = allLayerIds(host.database); // again: now nobody adds any
    for (const name of names) {
      if (rows.has(name)) continue;
      renameIfThere(
        join(host.paths.layers, name),
        join(trash.directory, `${name}-${randomBytes(4).toString("hex")}`),
      );
    }
  }
}

function renameIfThere(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if (errnoName(error) !== "ENOENT") throw error;
  }
}

function list(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if (errnoName(error) === "ENOENT") return []; // nothing was ever staged or stored
    throw error;
  }
}
