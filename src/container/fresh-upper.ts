/** A new upper directory on frozen trees, which shows what was there before. */
import { mkdirSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { isOfOverlay } from "../layer/tree-xattrs.ts";
import { setMode, setOwner, setTime, setXattr } from "../system/tree.ts";
import { listXattrs, readXattr } from "../system/xattr.ts";

/**
 * Makes a new upper directory. Its own owner, mode and attributes are those that the container sees at
 * its root, so they are taken over from what the root was before.
 */
export function makeUpperLike(frozen: string, upper: string): void {
  const staged = `${upper}.new`;
  rmSync(staged, { recursive: true, force: true });
  mkdirSync(staged, { recursive: true, mode: 0o755 });
  const at = Buffer.from(staged).toString("latin1");
  const from = Buffer.from(frozen).toString("latin1");
  const { uid, gid, mode, mtimeMs } = statSync(frozen);
  setOwner(at, uid, gid);
  setMode(at, mode & 0o7777);
  for (const name of listXattrs(from)) {
    if (isOfOverlay(name)) continue;
    const value = readXattr(from, name);
    if (value !== undefined) setXattr(at, name, value); // a label that cannot be kept is the host's
  }
  setTime(at, Math.floor(mtimeMs / 1000), 0);
  renameSync(staged, upper);
}

/** Whether an upper directory says nothing that the root below it does not say. */
export function isUntouched(
  upper: string,
  below: { uid: number; gid: number; mode: number },
): boolean {
  const { uid, gid, mode } = statSync(upper);
  const isSame =
    uid === below.uid && gid === below.gid && (mode & 0o7777) === (below.mode & 0o7777);
  return isSame && readdirSync(upper).length === 0;
}
