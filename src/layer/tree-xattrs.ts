/** Extended attributes of a layer's files: which are stored, and which are the store's own. */
import { setXattr } from "../system/tree.ts";
import { fail } from "./tree-changes.ts";

/**
 * Attributes through which overlayfs or fuse-overlayfs would be steered (redirects, opaque marks): an image says such
 * things with whiteouts and has no business with them.
 */
export const isOfOverlay = (name: string): boolean =>
  /^(?:(?:trusted|user)\.overlay|user\.fuseoverlayfs)\./.test(name);

/** What the kernel or file system says where an attribute cannot be had here. */
const unsupported = ["EOPNOTSUPP", "EPERM", "EINVAL", "E95"];

/** Stores the attributes; returns a warning when one could not be, as peers do for all but a full disk. */
export function storeXattrs(
  at: string | number,
  path: string,
  xattrs: ReadonlyMap<string, Uint8Array>,
): string | undefined {
  let warning: string | undefined;
  for (const [name, value] of xattrs) {
    if (isOfOverlay(name)) {
      warning = "attributes of overlayfs were left out";
      continue;
    }
    const result = setXattr(at, name, value);
    if (result === "") continue;
    if (!unsupported.includes(result)) throw fail(result, path);
    const kind = name.slice(0, name.indexOf(".") < 0 ? name.length : name.indexOf("."));
    warning = `extended attributes (${/^[a-z]+$/.test(kind) ? kind : "?"}.*) could not be stored`;
  }
  return warning;
}
