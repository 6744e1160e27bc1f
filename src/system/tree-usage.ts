/** What a tree takes on its disk, counted as du(1) does. */
import type { Stats } from "node:fs";
import { errnoName } from "../errors.ts";
import { OpenDirectory } from "./tree-read.ts";

export interface TreeUsage {
  /** Bytes of the blocks that are taken; what has several names counts once. */
  readonly diskBytes: number;
  /** Sum of the lengths of regular files. */
  readonly fileBytes: number;
}

/** Counts a tree, or a single file. Other file systems mounted in it do not count; what is not there is nothing. */
export function treeUsage(path: string): TreeUsage {
  const slash = path.lastIndexOf("/");
  const parent = enter(path.slice(0, slash) || "/");
  if (parent === undefined) return { diskBytes: 0, fileBytes: 0 };
  using directory = parent;
  const name = Buffer.from(path.slice(slash + 1)).toString("latin1");
  const stats = directory.look(name);
  const counter = new Counter(stats?.dev ?? -1);
  if (stats !== undefined) counter.add(directory, name, stats);
  return counter;
}

class Counter implements TreeUsage {
  diskBytes = 0;
  fileBytes = 0;
  private readonly device: number;
  private readonly linked = new Set<string>();

  constructor(device: number) {
    this.device = device;
  }

  add(directory: OpenDirectory, name: string, stats: Stats): void {
    if (stats.dev !== this.device) return;
    if (!stats.isDirectory() && stats.nlink > 1) {
      const identity = directory.identity(name);
      if (this.linked.has(identity)) return;
      this.linked.add(identity);
    }
    this.diskBytes += stats.blocks * 512;
    if (stats.isFile()) this.fileBytes += stats.size;
    if (!stats.isDirectory()) return;
    const inner = directory.enter(name);
    if (inner === undefined) return; // it went meanwhile
    using below = inner;
    for (const child of below.names()) {
      const found = below.look(child);
      if (found !== undefined) this.add(below, child, found);
    }
  }
}

function enter(path: string): OpenDirectory | undefined {
  try {
    return OpenDirectory.at(path);
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes(errnoName(error) ?? "")) return undefined;
    throw error;
  }
}
