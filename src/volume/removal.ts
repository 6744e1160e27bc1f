/**
 * Removing volumes. The row is marked first, so that the volume is gone for everybody with all it held;
 * then its files leave their place, and the row goes. Whoever is killed in between leaves the rest to the
 * next one who makes a volume of that name, or removes any.
 */
import { mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { CooperError, errnoName, messageOf } from "../errors.ts";
import type { Host } from "../host.ts";
import { deleteGoingVolume, goingVolumes, markVolumeGoing } from "../records/volumes.ts";
import { clearProjectQuota } from "../system/quota.ts";
import { randomHex } from "../system/random.ts";
import { unmountVolume } from "./mount.ts";

/** Removes a volume that no container uses any more; one that is used stays. Tells whether it went. */
export async function removeVolumeIfUnused(host: Host, name: string): Promise<boolean> {
  let isGone = false;
  {
    using _lock = await host.locks.volume(name);
    isGone = markVolumeGoing(host.database, name);
    if (isGone) takeAway(host, name);
  }
  if (isGone) host.events.emit({ type: "volume", action: "destroy", id: name, name });
  removeRubbish(host);
  return isGone;
}

/** Ends the removals of those who were killed meanwhile. */
export function sweepVolumes(host: Host): void {
  for (const name of goingVolumes(host.database)) {
    using held = host.locks.tryVolume(name);
    if (held !== undefined) takeAway(host, name); // else somebody is at it
  }
  removeRubbish(host);
}

/** Ends the removal of the volume of this name, if there is one under way. */
export function endRemoval(host: Host, name: string): void {
  for (let waits = 0; goingVolumes(host.database).includes(name); waits++) {
    using held = host.locks.tryVolume(name);
    if (held !== undefined) takeAway(host, name);
    else if (waits > 10_000)
      throw new CooperError("timeout", `timed out waiting for the removal of volume ${name}`);
    else Bun.sleepSync(1);
  }
}

/** The caller holds the volume's lock. */
function takeAway(host: Host, name: string): void {
  if (!goingVolumes(host.database).includes(name)) return;
  unmountVolume(host, name); // what was mounted there is not ours to delete
  forgetLimits(host, name);
  moveAway(dirname(host.paths.volume(name)), join(host.paths.staging, rubbishName()));
  host.locks.forgetVolume(name); // before the row: who has neither finds nothing of it any more
  deleteGoingVolume(host.database, name);
}

function forgetLimits(host: Host, name: string): void {
  try {
    clearProjectQuota(host.paths.volume(name));
  } catch (error) {
    // its directory went before, or there are no quotas here: what is left is an unused number
    host.debug(`the limits of volume ${name}: ${messageOf(error)}`);
  }
}

const rubbishPrefix = "volume-";
const rubbishName = () => `${rubbishPrefix}${randomHex(8)}`;

function moveAway(directory: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true, mode: 0o700 });
  try {
    renameSync(directory, to);
  } catch (error) {
    if (errnoName(error) !== "ENOENT") throw error; // it went with a removal that was killed
  }
}

/** Files of volumes that are gone, ours or of somebody who was killed. */
function removeRubbish({ paths }: Host): void {
  let names: string[];
  try {
    names = readdirSync(paths.staging);
  } catch (error) {
    if (errnoName(error) === "ENOENT") return; // nothing was ever staged
    throw error;
  }
  for (const name of names)
    if (name.startsWith(rubbishPrefix))
      rmSync(join(paths.staging, name), { recursive: true, force: true });
}
