/** Clearing away what dead processes left, and layers that nothing holds any more. */
import { readdirSync, readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { errnoName } from "../errors.ts";
import type { Host } from "../host.ts";
import { allFrozenIds, forgetUnheldFrozen } from "../records/frozen.ts";
import { allLayerIds, layerOfBlob } from "../records/layers.ts";
import { tryLock } from "../system/lock.ts";
import { randomHex } from "../system/random.ts";
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
  sweepPartials(host, keepPartialsMs);
  await sweepLayers(host);
  await sweepFrozen(host);
}

/** How long what was fetched of a layer waits for the pull to be taken up again. */
const keepPartialsMs = 24 * 3600 * 1000;

/** Removes what is left of broken pulls that nobody has touched for so long, or whose layer is here by now. */
export function sweepPartials(host: Host, olderThanMs: number): void {
  for (const name of list(host.paths.partials)) {
    const hex = name.replace(/\.lock$/, "");
    const paths = host.paths.partial(hex);
    const touched = statSync(paths.directory, { throwIfNoEntry: false })?.mtimeMs ?? 0;
    const isHere = layerOfBlob(host.database, `sha256:${hex}`) !== undefined;
    if (!isHere && Date.now() - touched < olderThanMs) continue;
    using held = tryLock(paths.lock, "exclusive");
    if (held === undefined) continue;
    rmSync(paths.directory, { recursive: true, force: true });
    held.forget(paths.lock);
  }
}

/** Layers that a killed pull had moved into the store, and that the next one will commit. */
function claimedLayers(host: Host): Set<string> {
  const claimed = new Set<string>();
  for (const name of list(host.paths.partials)) {
    if (name.endsWith(".lock")) continue;
    try {
      const text = readFileSync(host.paths.partial(name).result, "utf8");
      const { layer } = JSON.parse(text) as { layer: { diffId: string } };
      claimed.add(layer.diffId.replace("sha256:", ""));
    } catch (error) {
      if (!["ENOENT", "ENOTDIR"].includes(errnoName(error) ?? "")) throw error;
    }
  }
  return claimed;
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
  await sweepRowless(host, host.paths.layers, () => {
    const [rows, claimed] = [allLayerIds(host.database), claimedLayers(host)];
    return (name) => rows.has(name) || claimed.has(name);
  });
}

/** Removes frozen trees that nothing needs any more. Never waits, as sweep(). */
export async function sweepFrozen(host: Host): Promise<void> {
  forgetUnheldFrozen(host.database);
  await sweepRowless(host, host.paths.frozen, () => {
    const rows = allFrozenIds(host.database);
    return (name) => rows.has(name);
  });
}

/** @param known looks which names in the directory somebody needs */
async function sweepRowless(
  host: Host,
  directory: string,
  known: () => (name: string) => boolean,
): Promise<void> {
  const names = list(directory);
  if (names.length === 0 || names.every(known())) return;
  // out of the store by a rename, which is short; removing the files takes long and needs no lock
  using trash = await openStage(host);
  {
    using held = host.locks.tryStore("exclusive");
    if (held === undefined)
      return host.debug("something is being published: rubbish is left for the next time");
    const isKnown = known(); // again: now nobody adds any
    for (const name of names) {
      if (isKnown(name)) continue;
      renameIfThere(join(directory, name), join(trash.directory, `${name}-${randomHex(4)}`));
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
