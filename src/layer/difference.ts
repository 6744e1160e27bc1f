/**
 * What lies between two whole trees, in the form of an overlay's upper directory: for containers that are
 * copies of their image, and so do not keep their changes apart.
 */
import { lstatSync, type Stats } from "node:fs";
import type { ReadableDirectory } from "../system/tree-read.ts";
import { treeChanges } from "./changes.ts";

/** What became of each name in a directory of which anything differs. */
type Names = Map<string, "here" | "gone">;

/** The changes from `before` to `after`, which becomes this view's to close. */
export function openDifference(
  before: ReadableDirectory,
  after: ReadableDirectory,
): ReadableDirectory {
  const directories = new Map<string, Names>();
  const note = (path: string, state: "here" | "gone") => {
    const slash = path.lastIndexOf("/");
    const parent = path.slice(0, slash);
    const names = directories.get(parent) ?? new Map<string, "here" | "gone">();
    const isNew = names.size === 0;
    directories.set(parent, names.set(path.slice(slash + 1), state));
    if (isNew && parent !== "") note(parent, "here"); // what leads there is part of it
  };
  for (const { kind, path } of treeChanges(before, after))
    note(path, kind === "D" ? "gone" : "here");
  return new Difference(after, "", directories);
}

class Difference implements ReadableDirectory {
  private readonly after: ReadableDirectory;
  private readonly path: string;
  private readonly directories: ReadonlyMap<string, Names>;
  private readonly own: Names;

  constructor(after: ReadableDirectory, path: string, directories: ReadonlyMap<string, Names>) {
    this.after = after;
    this.path = path;
    this.directories = directories;
    this.own = directories.get(path) ?? new Map();
  }

  [Symbol.dispose](): void {
    this.after[Symbol.dispose]();
  }

  names(): string[] {
    return [...this.own.keys()].sort();
  }

  look(name: string): Stats | undefined {
    if (name === ".") return this.after.look(name);
    const state = this.own.get(name);
    if (state === undefined) return undefined;
    return state === "gone" ? whiteout() : this.after.look(name);
  }

  identity(name: string): string {
    return this.after.identity(name);
  }

  enter(name: string): ReadableDirectory | undefined {
    const inner = this.own.get(name) === "here" ? this.after.enter(name) : undefined;
    return inner && new Difference(inner, `${this.path}/${name}`, this.directories);
  }

  openFile(name: string): number | undefined {
    return this.own.get(name) === "here" ? this.after.openFile(name) : undefined;
  }

  readLink(name: string): string | undefined {
    return this.own.get(name) === "here" ? this.after.readLink(name) : undefined;
  }

  xattrs(name: string): Map<string, Buffer> {
    return name === "." || this.own.get(name) === "here" ? this.after.xattrs(name) : new Map();
  }
}

/** A character device 0/0, as overlayfs says "not there". */
export function whiteout(): Stats {
  return Object.assign(lstatSync("/dev/null"), { rdev: 0, size: 0, nlink: 1 });
}
