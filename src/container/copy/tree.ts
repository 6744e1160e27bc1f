/** Finding the ends of a copy in a tree that may be a stranger's: within its root, link by link. */
import { closeSync, constants, fstatSync, type Stats } from "node:fs";
import { posix } from "node:path";
import { CooperError, errnoName } from "../../errors.ts";
import { findInRoot, openInRoot } from "../../system/rooted.ts";
import { OpenDirectory } from "../../system/tree-read.ts";
import type { CopyTarget } from "./plan.ts";

/** An entry, by the open directory that it is in. */
export interface FoundEntry extends Disposable {
  readonly parent: OpenDirectory;
  /** A byte string, as all names in an OpenDirectory. */
  readonly name: string;
  readonly stats: Stats;
}

/** As the kernel limits it (path_resolution(7)). */
const maxLinks = 40;

/**
 * The entry at an absolute path within `root`; links on the way are followed, the last one only if asked.
 *
 * @throws CooperError no-such-object, with `shown` as the user named it
 */
export function findEntry(
  root: string,
  path: string,
  options: { readonly followsLast: boolean; readonly shown: string },
): FoundEntry {
  let at = posix.normalize(`/${path}`).replace(/(.)\/+$/, "$1");
  for (let links = 0; links <= maxLinks; links++) {
    const parent = openParent(root, at);
    const name = at === "/" ? "." : Buffer.from(posix.basename(at)).toString("latin1");
    const stats = parent?.look(name);
    if (parent === undefined || stats === undefined) {
      parent?.[Symbol.dispose]();
      throw new CooperError("no-such-object", `there is no ${options.shown}`);
    }
    if (!stats.isSymbolicLink() || !options.followsLast)
      return { parent, name, stats, [Symbol.dispose]: () => parent[Symbol.dispose]() };
    const target = Buffer.from(parent.readLink(name) ?? ".", "latin1").toString();
    parent[Symbol.dispose]();
    at = posix.resolve(posix.dirname(at), target);
  }
  throw new CooperError("invalid-argument", `${options.shown} is a link that leads to itself`);
}

function openParent(root: string, path: string): OpenDirectory | undefined {
  try {
    const flags = constants.O_RDONLY | constants.O_DIRECTORY;
    return new OpenDirectory(openInRoot(root, posix.dirname(path), flags));
  } catch (error) {
    if (["ENOENT", "ENOTDIR", "ELOOP"].includes(errnoName(error) ?? "")) return undefined;
    throw error;
  }
}

/** What is at the path that a copy goes to. */
export function lookAtTarget(root: string, path: string, shown: string): CopyTarget {
  const absolute = posix.normalize(`/${path}`).replace(/(.)\/+$/, "$1");
  return {
    path: absolute,
    is: kindOf(root, absolute),
    hasParent: kindOf(root, posix.dirname(absolute)) === "directory",
    isMeantAsDirectory: /(^|\/)\.?$/.test(path),
    shown,
  };
}

function kindOf(root: string, path: string): CopyTarget["is"] {
  const descriptor = findInRoot(root, path);
  if (descriptor === undefined) return "missing";
  try {
    return fstatSync(descriptor).isDirectory() ? "directory" : "file";
  } finally {
    closeSync(descriptor);
  }
}
