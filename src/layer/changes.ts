/** What differs between two trees, in the words of `diff`: added, changed, deleted. */
import type { Stats } from "node:fs";
import type { ReadableDirectory } from "../system/tree-read.ts";
import { isFuseMark, isOpaque, isWhiteout } from "./pack.ts";
import { isOfOverlay } from "./tree-xattrs.ts";

export interface Change {
  readonly kind: "A" | "C" | "D";
  /** Absolute within the tree, as a byte string. */
  readonly path: string;
}

/**
 * What an overlay's upper directory does to what is below it. A directory counts as changed when it is
 * itself, or when something directly in it is; a file that was copied up and not changed does not.
 *
 * @param lower the layers below, as one view
 * @param ignored paths that are not told themselves; what is in a directory is
 */
export function upperChanges(
  upper: ReadableDirectory,
  lower: ReadableDirectory,
  ignored: ReadonlySet<string> = new Set(),
): Change[] {
  return new Comparison(true, ignored).compare(upper, lower);
}

/** How to get from one tree to the other. */
export function treeChanges(
  before: ReadableDirectory,
  after: ReadableDirectory,
  ignored: ReadonlySet<string> = new Set(),
): Change[] {
  return new Comparison(false, ignored).compare(after, before);
}

class Comparison {
  /** Whether the newer tree holds only what differs, and whiteouts. */
  private readonly isUpper: boolean;
  private readonly ignored: ReadonlySet<string>;
  private readonly found: (Change | undefined)[] = [];

  constructor(isUpper: boolean, ignored: ReadonlySet<string>) {
    this.isUpper = isUpper;
    this.ignored = ignored;
  }

  compare(after: ReadableDirectory, before: ReadableDirectory): Change[] {
    this.directory("", after, before, !this.isUpper);
    return this.found.filter((change) => change !== undefined);
  }

  /**
   * @param hidesRest whether what is not in `after` is gone
   * @returns whether anything directly in it differs
   */
  private directory(
    path: string,
    after: ReadableDirectory,
    before: ReadableDirectory | undefined,
    hidesRest: boolean,
  ): boolean {
    const names = after.names();
    const present = new Set(names);
    const missing =
      hidesRest && before !== undefined ? before.names().filter((name) => !present.has(name)) : [];
    let differs = false;
    for (const name of missing.length === 0 ? names : [...names, ...missing].sort()) {
      const isDifferent = present.has(name)
        ? this.entry(`${path}/${name}`, name, after, before)
        : this.add("D", `${path}/${name}`);
      differs = isDifferent || differs;
    }
    return differs;
  }

  private entry(
    path: string,
    name: string,
    after: ReadableDirectory,
    before: ReadableDirectory | undefined,
  ): boolean {
    const now = after.look(name);
    const was = before?.look(name);
    if (now === undefined) return false; // it went this very moment
    if (this.isUpper && isFuseMark(name, now)) return false;
    if (this.isUpper && isWhiteout(now)) return was !== undefined && this.add("D", path);
    if (!now.isDirectory()) {
      if (was === undefined) return this.add("A", path);
      const isSame =
        before !== undefined &&
        haveSameContents(now, was) &&
        haveSameAttributes(name, after, before);
      return !isSame && this.add("C", path);
    }
    return this.below(path, name, after, before, was);
  }

  /** The directory stands before what is in it, and whether it is named is only known after that. */
  private below(
    path: string,
    name: string,
    after: ReadableDirectory,
    before: ReadableDirectory | undefined,
    was: Stats | undefined,
  ): boolean {
    const place = this.found.length;
    this.found.push({ kind: was === undefined ? "A" : "C", path });
    using inner = after.enter(name);
    using outer = was?.isDirectory() ? before?.enter(name) : undefined;
    if (inner === undefined) return true;
    const hidesRest = !this.isUpper || isOpaque(inner.xattrs("."));
    const differsBelow = this.directory(path, inner, outer, hidesRest);
    const isSame = outer !== undefined && !differsBelow && haveSameAttributes(".", inner, outer);
    const isTold = !isSame && !this.ignored.has(path);
    if (!isTold) this.found[place] = undefined;
    return isTold;
  }

  private add(kind: Change["kind"], path: string): boolean {
    if (this.ignored.has(path)) return false;
    this.found.push({ kind, path });
    return true;
  }
}

const typeOf = (stats: Stats) => stats.mode & 0o170000;

/** By size and time, as rsync does: reading all contents would take minutes. */
function haveSameContents(now: Stats, was: Stats): boolean {
  return (
    typeOf(now) === typeOf(was) &&
    now.size === was.size &&
    now.mtimeMs === was.mtimeMs &&
    now.rdev === was.rdev
  );
}

function haveSameAttributes(
  name: string,
  after: ReadableDirectory,
  before: ReadableDirectory,
): boolean {
  const [now, was] = [after.look(name), before.look(name)];
  if (now === undefined || was === undefined) return false;
  if (now.mode !== was.mode || now.uid !== was.uid || now.gid !== was.gid) return false;
  if (now.isSymbolicLink() && after.readLink(name) !== before.readLink(name)) return false;
  return attributesAsText(after, name) === attributesAsText(before, name);
}

function attributesAsText(directory: ReadableDirectory, name: string): string {
  return [...directory.xattrs(name)]
    .filter(([key]) => !isOfOverlay(key))
    .map(([key, value]) => `${key}=${value.toString("latin1")}`)
    .sort()
    .join("\0");
}
