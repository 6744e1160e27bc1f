/** What files are, as one digest: names, modes, owners, contents; never times. */

import type { Database } from "bun:sqlite";
import { closeSync, fstatSync, readSync, type Stats } from "node:fs";
import { type FileDigest, fileDigests, insertFileDigests } from "../../records/build-cache.ts";
import type { OpenDirectory } from "../../system/tree-read.ts";
import type { IgnoreRules } from "../ignore.ts";
import { type Picked, type SourceTree, type WalkedEntry, walk } from "./tree.ts";

/**
 * A file that changed so short a time ago may change again without its times telling (the kernel's clock
 * of files goes in steps of some milliseconds).
 */
const settledMs = 2000;

/** Digests of files by what the kernel says of them, so that a context is read once and not at each build. */
export class DigestMemory {
  private readonly database: Database;
  private readonly known = new Map<number, Map<number, FileDigest>>();
  private readonly learned: FileDigest[] = [];
  private readonly begunAt = Date.now();

  constructor(database: Database) {
    this.database = database;
  }

  recall(stats: Stats): string | undefined {
    let device = this.known.get(stats.dev);
    if (device === undefined) {
      device = fileDigests(this.database, stats.dev);
      this.known.set(stats.dev, device);
    }
    const found = device.get(stats.ino);
    const isSame =
      found !== undefined &&
      found.size === stats.size &&
      found.modified === stats.mtimeMs &&
      found.changed === stats.ctimeMs;
    return isSame ? found.digest : undefined;
  }

  learn(stats: Stats, digest: string): void {
    if (stats.ctimeMs > this.begunAt - settledMs) return;
    this.learned.push({
      device: stats.dev,
      inode: stats.ino,
      size: stats.size,
      modified: stats.mtimeMs,
      changed: stats.ctimeMs,
      digest,
    });
  }

  save(): void {
    if (this.learned.length > 0) insertFileDigests(this.database, this.learned.splice(0));
  }
}

/** The digest of all that was picked, in hex. */
export function digestOfPicked(
  tree: SourceTree,
  all: readonly Picked[],
  excludes: IgnoreRules | null,
  memory: DigestMemory | null,
): string {
  const hash = new Bun.CryptoHasher("sha256");
  const linked = new Map<string, string>();
  for (const picked of all) {
    hash.update(`\0\0${picked.path}\0${picked.kept}\n`);
    for (const { path, parent, name, stats } of walk(tree, picked, excludes)) {
      const owner = tree.isContext ? "" : `${stats.uid}:${stats.gid}`;
      const what = contentOf({ parent, name, stats }, linked, memory);
      hash.update(`${path}\0${stats.mode}\0${owner}\0${what}${attributesOf(tree, parent, name)}\n`);
    }
  }
  return hash.digest("hex");
}

/** Of a stage's files they are copied; of the user's they are none of the image's business. */
function attributesOf(tree: SourceTree, parent: OpenDirectory, name: string): string {
  if (tree.isContext) return "";
  return [...parent.xattrs(name)]
    .filter(([key]) => !/^(?:trusted|user)\.overlay\./.test(key))
    .map(([key, value]) => `\0${key}=${value.toString("hex")}`)
    .sort()
    .join("");
}

/** @param linked of files with several names, which are read once */
function contentOf(
  { parent, name, stats }: Pick<WalkedEntry, "parent" | "name" | "stats">,
  linked: Map<string, string>,
  memory: DigestMemory | null,
): string {
  if (stats.isFile()) {
    const recalled = memory?.recall(stats);
    if (recalled !== undefined || stats.nlink === 1)
      return recalled ?? readDigest(parent, name, memory);
    const identity = parent.identity(name);
    const digest = linked.get(identity) ?? readDigest(parent, name, memory);
    linked.set(identity, digest);
    return digest;
  }
  if (stats.isSymbolicLink()) return parent.readLink(name) ?? "";
  return stats.isDirectory() ? "" : `${stats.rdev}`;
}

const buffer = Buffer.allocUnsafe(1 << 20);

function readDigest(parent: OpenDirectory, name: string, memory: DigestMemory | null): string {
  const descriptor = parent.openFile(name);
  if (descriptor === undefined) return "";
  try {
    const stats = fstatSync(descriptor);
    if (!stats.isFile()) return "";
    const hash = new Bun.CryptoHasher("sha256");
    for (;;) {
      const count = readSync(descriptor, buffer, 0, buffer.length, null);
      if (count === 0) break;
      hash.update(buffer.subarray(0, count));
    }
    const digest = hash.digest("hex");
    memory?.learn(stats, digest);
    return digest;
  } finally {
    closeSync(descriptor);
  }
}
