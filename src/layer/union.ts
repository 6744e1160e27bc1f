/**
 * Directories in overlay form, one upon another, as one directory in the same form: what several layers
 * do to whatever is below them. A mounted overlay shows what they make of it, but not that they took
 * something away.
 */
import type { Stats } from "node:fs";
import type { ReadableDirectory } from "../system/tree-read.ts";
import { openChanges } from "./name-marks-view.ts";
import { isOpaque, isWhiteout } from "./pack.ts";

/** Opens them; topmost first. They hide nothing but each other, and what is below. */
export function openUnion(directories: readonly string[]): ReadableDirectory {
  const [only, ...more] = directories;
  if (only !== undefined && more.length === 0) return openChanges(only);
  const parts: ReadableDirectory[] = [];
  try {
    for (const path of directories) parts.push(openChanges(path));
    return new Union(parts, false);
  } catch (error) {
    for (const part of parts) part[Symbol.dispose]();
    throw error;
  }
}

/** As openUnion(), of all there is: what is hidden does not show. Where the kernel mounts no overlay. */
export function openMerged(directories: readonly string[]): ReadableDirectory {
  return new Merged(openUnion(directories));
}

class Merged implements ReadableDirectory {
  private readonly union: ReadableDirectory;

  constructor(union: ReadableDirectory) {
    this.union = union;
  }

  [Symbol.dispose](): void {
    this.union[Symbol.dispose]();
  }

  names(): string[] {
    return this.union.names().filter((name) => this.look(name) !== undefined);
  }

  look(name: string): Stats | undefined {
    const stats = this.union.look(name);
    return stats === undefined || isWhiteout(stats) ? undefined : stats;
  }

  identity(name: string): string {
    return this.union.identity(name);
  }

  enter(name: string): ReadableDirectory | undefined {
    const inner = this.union.enter(name);
    return inner && new Merged(inner);
  }

  openFile(name: string): number | undefined {
    return this.union.openFile(name);
  }

  readLink(name: string): string | undefined {
    return this.union.readLink(name);
  }

  xattrs(name: string): Map<string, Buffer> {
    return this.union.xattrs(name);
  }
}

class Union implements ReadableDirectory {
  /** Topmost first. */
  private readonly parts: readonly ReadableDirectory[];
  /** Whether nothing shows of what is below all of them. */
  private readonly hidesRest: boolean;

  constructor(parts: readonly ReadableDirectory[], hidesRest: boolean) {
    this.parts = parts;
    this.hidesRest = hidesRest;
  }

  [Symbol.dispose](): void {
    for (const part of this.parts) part[Symbol.dispose]();
  }

  names(): string[] {
    return [...new Set(this.parts.flatMap((part) => part.names()))].sort();
  }

  look(name: string): Stats | undefined {
    return this.holder(name)?.look(name);
  }

  identity(name: string): string {
    return (this.holder(name) ?? this.top).identity(name);
  }

  openFile(name: string): number | undefined {
    return this.holder(name)?.openFile(name);
  }

  readLink(name: string): string | undefined {
    return this.holder(name)?.readLink(name);
  }

  xattrs(name: string): Map<string, Buffer> {
    const found = this.holder(name)?.xattrs(name) ?? new Map<string, Buffer>();
    if (name === "." && this.hidesRest) found.set("user.overlay.opaque", Buffer.from("y"));
    return found;
  }

  /** As overlayfs looks a name up: down to what is no directory, or an opaque one (overlayfs.rst). */
  enter(name: string): ReadableDirectory | undefined {
    const found: ReadableDirectory[] = [];
    let hidesRest = false;
    for (const part of this.parts) {
      const stats = part.look(name);
      if (stats === undefined) continue;
      const directory = stats.isDirectory() ? part.enter(name) : undefined;
      if (directory === undefined) {
        hidesRest = true;
        break;
      }
      found.push(directory);
      if (isOpaque(directory.xattrs("."))) {
        hidesRest = true;
        break;
      }
    }
    if (found.length === 0) return undefined;
    const [only, ...more] = found;
    return only !== undefined && more.length === 0 && !hidesRest
      ? only
      : new Union(found, hidesRest);
  }

  /** The topmost part that has the name, a whiteout too. */
  private holder(name: string): ReadableDirectory | undefined {
    return this.parts.find((part) => part.look(name) !== undefined);
  }

  private get top(): ReadableDirectory {
    const [top] = this.parts;
    if (top === undefined) throw new RangeError("a union of no directories");
    return top;
  }
}
