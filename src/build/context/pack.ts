/** What COPY takes, as a tar with the names, owners and modes that it gets. */
import { closeSync, fstatSync, readSync, type Stats } from "node:fs";
import { deviceOf, xattrRecords } from "../../layer/pack.ts";
import { type TarFields, tarEnd, tarHeader, tarPadding } from "../../layer/tar-write.ts";
import type { OpenDirectory } from "../../system/tree-read.ts";
import type { ModeChange } from "../chmod.ts";
import type { IgnoreRules } from "../ignore.ts";
import { type Picked, type SourceTree, type WalkedEntry, walk } from "./tree.ts";

/** Something picked, and the name that it gets: a byte string without a slash at its beginning. */
export interface PlacedPick {
  readonly tree: SourceTree;
  readonly picked: Picked;
  readonly target: string;
  /** Whether the directory itself is there already, and stays as it is. */
  readonly contentsOnly: boolean;
}

export interface CopyLooks {
  /** null: those of the source; of a context, root's. */
  readonly owner: { readonly uid: number; readonly gid: number } | null;
  readonly chmod: ModeChange | null;
  readonly excludes: IgnoreRules | null;
  /** Seconds; null: each file's own. */
  mtimeOf(stats: Stats): number;
}

const chunkBytes = 256 << 10;

/** A directory that has to be made on the way, or a file that the Dockerfile itself holds. */
export type MadeEntry =
  | { readonly kind: "directory"; readonly name: string; readonly mode: number }
  | {
      readonly kind: "file";
      readonly name: string;
      readonly content: Uint8Array;
      readonly mode: number;
    };

/** The tar, in pieces that may be kept. */
export async function* packCopy(
  made: readonly MadeEntry[],
  picks: readonly PlacedPick[],
  looks: CopyLooks,
  now: number,
): AsyncGenerator<Uint8Array> {
  let pending: Buffer[] = [];
  let bytes = 0;
  const flush = () => {
    const whole = Buffer.concat(pending);
    pending = [];
    bytes = 0;
    return whole;
  };
  const add = (piece: Buffer) => {
    pending.push(piece);
    bytes += piece.length;
  };
  for (const entry of made) {
    for (const piece of madePieces(entry, looks, now)) add(piece);
  }
  const linked = new Map<string, string>();
  for (const { tree, picked, target, contentsOnly } of picks) {
    for (const entry of walk(tree, picked, looks.excludes)) {
      if (entry.path === "" && contentsOnly) continue;
      const name = [target, entry.path].filter((part) => part !== "").join("/");
      for (const piece of pieces(tree, entry, name, looks, linked)) {
        add(piece);
        if (bytes >= chunkBytes) yield flush();
      }
    }
  }
  add(tarEnd());
  yield flush();
}

function madePieces(entry: MadeEntry, { owner, chmod }: CopyLooks, mtime: number): Buffer[] {
  const isFile = entry.kind === "file";
  const size = isFile ? entry.content.length : 0;
  const header = tarHeader({
    name: isFile ? entry.name : `${entry.name}/`,
    type: isFile ? "0" : "5",
    mode: isFile && chmod !== null ? chmod(entry.mode, false) : entry.mode,
    size,
    mtime,
    ...(owner ?? { uid: 0, gid: 0 }),
  });
  return isFile ? [header, Buffer.from(entry.content), tarPadding(size)] : [header];
}

function* pieces(
  tree: SourceTree,
  { parent, name, stats }: WalkedEntry,
  target: string,
  looks: CopyLooks,
  linked: Map<string, string>,
): Generator<Buffer> {
  const fields = fieldsOf(tree, stats, target, looks);
  const xattrs = tree.isContext ? {} : { pax: xattrRecords(parent.xattrs(name), false) };
  if (stats.isDirectory()) yield tarHeader({ ...fields, ...xattrs, name: `${target}/`, type: "5" });
  else if (stats.isSymbolicLink()) {
    const linkName = parent.readLink(name);
    if (linkName !== undefined) yield tarHeader({ ...fields, type: "2", linkName, mode: 0o777 });
  } else if (stats.isFIFO()) yield tarHeader({ ...fields, type: "6" });
  else if (stats.isCharacterDevice() || stats.isBlockDevice()) {
    const type = stats.isCharacterDevice() ? "3" : "4";
    yield tarHeader({ ...fields, type, ...deviceOf(stats.rdev) });
  } else if (stats.isFile()) {
    const first = stats.nlink > 1 ? firstName(linked, parent, name, target) : undefined;
    if (first !== undefined) {
      yield tarHeader({ ...fields, type: "1", linkName: first });
      return;
    }
    const descriptor = parent.openFile(name);
    if (descriptor === undefined) return;
    try {
      const { size } = fstatSync(descriptor);
      yield tarHeader({ ...fields, ...xattrs, type: "0", size });
      yield* contents(descriptor, size);
      yield tarPadding(size);
    } finally {
      closeSync(descriptor);
    }
  }
}

/** The name under which a file with several has been copied already. */
function firstName(
  linked: Map<string, string>,
  parent: OpenDirectory,
  name: string,
  target: string,
): string | undefined {
  const identity = parent.identity(name);
  const first = linked.get(identity);
  if (first === undefined) linked.set(identity, target);
  return first;
}

function fieldsOf(
  tree: SourceTree,
  stats: Stats,
  name: string,
  looks: CopyLooks,
): Omit<TarFields, "type"> {
  const mode = stats.mode & 0o7777;
  const own = tree.isContext ? { uid: 0, gid: 0 } : { uid: stats.uid, gid: stats.gid };
  return {
    name,
    mode: looks.chmod === null ? mode : looks.chmod(mode, stats.isDirectory()),
    mtime: looks.mtimeOf(stats),
    ...(looks.owner ?? own),
  };
}

/** As many bytes as the header said: what is cut off meanwhile is filled up with zeros, as tar does. */
function* contents(descriptor: number, size: number): Generator<Buffer> {
  for (let at = 0; at < size; ) {
    const buffer = Buffer.allocUnsafe(Math.min(chunkBytes, size - at));
    const count = readSync(descriptor, buffer, 0, buffer.length, at);
    if (count === 0) buffer.fill(0);
    at += count === 0 ? buffer.length : count;
    yield count === 0 ? buffer : buffer.subarray(0, count);
  }
}
