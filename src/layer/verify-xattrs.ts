/** Whether a file has the extended attributes, capabilities among them, that its header tells. */
import { listXattrs, readXattr, supportsXattr } from "../system/xattr.ts";
import type { TarEntry } from "./tar.ts";
import { isOfOverlay } from "./tree-xattrs.ts";

const capability = "security.capability";

/** Of a path, not followed, or of an open descriptor. Those through which overlays are steered are left out. */
export function layerXattrs(at: string | number): ReadonlyMap<string, Buffer> {
  const found = new Map<string, Buffer>();
  for (const name of listXattrs(at)) {
    const value = isOfOverlay(name) ? undefined : readXattr(at, name);
    if (value !== undefined) found.set(name, value);
  }
  return found;
}

/**
 * What is wrong with the attributes, in words; undefined when nothing is. What the file system, or the
 * user namespace, could not store has been left out when the layer was unpacked.
 *
 * @param diff the tree of the layer, on the file system that is asked
 */
export function xattrDifference(
  entry: TarEntry,
  found: ReadonlyMap<string, Buffer>,
  diff: string,
  isInNamespace: boolean,
): string | undefined {
  const counts = (name: string) =>
    name === capability ||
    (name.startsWith("user.") && (entry.kind === "file" || entry.kind === "directory")) ||
    (name.startsWith("trusted.") && !isInNamespace);
  for (const [name, value] of entry.xattrs) {
    if (isOfOverlay(name) || !counts(name)) continue;
    const own = found.get(name);
    const isSame = own?.equals(value) ?? !supportsXattr(diff, name);
    if (!isSame && !isOfNamespace(name, value)) return `has lost or changed its ${nameFor(name)}`;
  }
  // a directory that is listed twice has the attributes of both
  if (entry.kind === "directory") return undefined;
  const extra = [...found.keys()].find((name) => counts(name) && !entry.xattrs.has(name));
  return extra === undefined ? undefined : `has got ${nameFor(extra)} that it did not come with`;
}

/** Capabilities that name the root of a namespace are converted by the kernel (VFS_CAP_REVISION_3). */
const isOfNamespace = (name: string, value: Uint8Array): boolean =>
  name === capability && value[3] === 3;

const nameFor = (name: string): string =>
  name === capability ? "capabilities" : `attribute ${JSON.stringify(name)}`;
