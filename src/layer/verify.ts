/**
 * Whether an unpacked layer is what came in: the headers that were kept say what must be where, and with
 * the files they must give the tar that the diff ID names.
 */
import {
  closeSync,
  constants,
  createReadStream,
  existsSync,
  fstatSync,
  lstatSync,
  readlinkSync,
  type Stats,
} from "node:fs";
import { CooperError, errnoName } from "../errors.ts";
import type { LayerPaths } from "../paths.ts";
import type { LayerRecord } from "../records/layers.ts";
import { mapsSingleId } from "../system/own-limits.ts";
import { openInRoot } from "../system/rooted.ts";
import { OpenDirectory } from "../system/tree-read.ts";
import { isInUserNamespace } from "../system/userns.ts";
import { decompressed } from "./decompress.ts";
import { DisplacedFiles } from "./displaced.ts";
import { linkTarget, opaqueName, placeOf, printable, whiteoutPrefix } from "./entry-path.ts";
import { isWhiteout } from "./pack.ts";
import { exactTar } from "./rebuild.ts";
import { type TarEntry, TarReader } from "./tar.ts";
import { layerXattrs, xattrDifference } from "./verify-xattrs.ts";

/** So many are told of one layer; the first ones say what happened. */
const maxProblems = 20;

/**
 * What is wrong with a layer, in words; nothing when it is whole.
 *
 * @param readsContents whether files are read, not only looked at
 */
export async function verifyLayer(
  layer: LayerPaths,
  record: LayerRecord,
  readsContents: boolean,
): Promise<string[]> {
  if (!existsSync(layer.diff)) return ["its files are gone"];
  if (!existsSync(layer.tarHeaders)) return ["the headers of its tar are gone"];
  // what displaced entries leave does not always tell what was there; unpacking compared the bytes
  if (!record.isExact) return [];
  const comparison = new Comparison(layer);
  try {
    await comparison.headers();
  } catch (error) {
    if (!(error instanceof CooperError)) throw error;
    return [`the headers of its tar are damaged: ${error.message}`];
  }
  comparison.strays();
  const { problems } = comparison;
  if (readsContents && problems.length === 0) {
    const damage = await damageOfContents(layer, record);
    if (damage !== undefined) problems.push(damage);
  }
  return problems;
}

async function damageOfContents(
  layer: LayerPaths,
  record: LayerRecord,
): Promise<string | undefined> {
  try {
    for await (const _ of exactTar(layer, record)); // compares as it goes by
    return undefined;
  } catch (error) {
    if (error instanceof CooperError && error.code === "corrupt")
      return "a file has other contents than it came with";
    throw error;
  }
}

class Comparison {
  readonly problems: string[] = [];
  private readonly layer: LayerPaths;
  /** Inodes of all that the headers name: what is not among them is a stranger. */
  private readonly known = new Set<number>();
  /** A directory may be listed twice: what counts is the last time. */
  private readonly directories = new Map<string, Listed>();
  private readonly displaced: DisplacedFiles;
  private ordinal = 0;
  private readonly keepsOwners = !mapsSingleId();
  private readonly isInNamespace = isInUserNamespace();

  constructor(layer: LayerPaths) {
    this.layer = layer;
    this.displaced = new DisplacedFiles(layer);
  }

  /** Compares every entry of the tar with what is at its place. */
  async headers(): Promise<void> {
    let size = 0;
    const reader = new TarReader({
      entry: (entry) => {
        size = entry.size;
        this.ordinal++;
        this.entry(entry);
      },
      data: () => undefined,
      entryEnd: () => undefined,
    });
    const file: AsyncIterable<Uint8Array> = createReadStream(this.layer.tarHeaders);
    for await (const chunk of decompressed(file, "zstd")) {
      // contents are missing in this stream: each header is followed by the next one
      for (let at = 0; at < chunk.length; ) {
        const step = Math.min(chunk.length - at, reader.bytesToBlockEnd);
        reader.write(chunk.subarray(at, at + step));
        at += step;
        if (size > 0) reader.skip(size);
        size = 0;
      }
    }
    for (const [path, listed] of this.directories) {
      // what was in it went first: it is not what it was
      if (this.displaced.fileOf(path, listed.ordinal) === undefined) this.compare(listed, path);
    }
  }

  /** Looks for what no header names. */
  strays(): void {
    using root = OpenDirectory.at(this.layer.diff);
    this.straysIn(root, "");
  }

  private entry(entry: TarEntry): void {
    const place = placeOf(entry.name);
    if (place.kind === "aufs" || place.kind === "root") return;
    if (place.kind === "opaque") {
      const directory = this.look(place.directory);
      if (directory !== undefined) this.known.add(directory.stats.ino); // it may be listed nowhere else
      return;
    }
    const listed = { entry, ordinal: this.ordinal };
    if (place.kind === "entry" && entry.kind === "directory") {
      this.directories.set(place.path, listed);
      return;
    }
    this.compare(listed, place.path, place.kind === "whiteout");
  }

  private compare({ entry, ordinal }: Listed, path: string, isHidden = false): void {
    const found = isHidden ? this.look(path) : this.lookFor(path, ordinal);
    if (found === undefined) {
      if (isHidden && this.isHiddenByName(path)) return;
      // there is nothing to hide below what is hidden itself
      const parent = this.look(path.slice(0, path.lastIndexOf("/")) || "/");
      if (isHidden && parent?.stats.isDirectory() !== true) return;
      if (this.isLeftOut(entry)) return;
      return this.problem(`${printable(path)} is missing`);
    }
    this.known.add(found.stats.ino);
    if (isHidden) return;
    const why = this.difference(entry, found, ordinal);
    if (why !== undefined) this.problem(`${printable(path)} ${why}`);
  }

  private difference(
    entry: TarEntry,
    { stats, target, xattrs }: Found,
    ordinal: number,
  ): string | undefined {
    if (entry.kind === "hardlink") {
      const other = this.lookFor(linkTarget(entry.linkName), ordinal);
      return other?.stats.ino === stats.ino ? undefined : "is no hard link any more";
    }
    if (!isKind(entry, stats)) return "is of another kind";
    if (entry.kind === "symlink" && target !== entry.linkName) return "points elsewhere";
    if (entry.kind === "file" && stats.size !== (entry.sparse?.realSize ?? entry.size))
      return "has another size";
    if (entry.kind !== "symlink" && (stats.mode & 0o7777) !== entry.mode) return "has another mode";
    if (this.keepsOwners && (stats.uid !== entry.uid || stats.gid !== entry.gid))
      return "has another owner";
    const { mtimeSeconds } = entry;
    // times beyond that are not kept by every file system
    const isUsual = mtimeSeconds >= 0 && mtimeSeconds < 2 ** 32;
    if (isUsual && Math.floor(stats.mtimeMs / 1000) !== mtimeSeconds) return "was changed";
    return xattrDifference(entry, xattrs, this.layer.diff, this.isInNamespace);
  }

  /** As in a store on an overlay: see name-marks.ts. */
  private isHiddenByName(path: string): boolean {
    const name = path.lastIndexOf("/") + 1;
    const mark = this.look(`${path.slice(0, name)}${whiteoutPrefix}${path.slice(name)}`);
    if (mark !== undefined) this.known.add(mark.stats.ino);
    return mark !== undefined;
  }

  /** As the unpacker leaves out what only the machine's root can make. */
  private isLeftOut({ kind }: TarEntry): boolean {
    return this.isInNamespace && (kind === "character" || kind === "block");
  }

  /** What an entry put at a path, which may be aside by now. */
  private lookFor(path: string, ordinal: number): Found | undefined {
    const aside = this.displaced.fileOf(path, ordinal);
    if (aside === undefined) return this.look(path);
    const stats = lstatSync(aside);
    const target = stats.isSymbolicLink() ? readlinkSync(aside, "latin1") : "";
    return { stats, target, xattrs: layerXattrs(aside) };
  }

  private look(path: string): Found | undefined {
    const pathOnly = 0o10000000;
    let descriptor: number;
    try {
      const name = Buffer.from(path, "latin1");
      descriptor = openInRoot(this.layer.diff, name, pathOnly | constants.O_NOFOLLOW);
    } catch (error) {
      if (["ENOENT", "ENOTDIR", "ELOOP"].includes(errnoName(error) ?? "")) return undefined;
      throw error;
    }
    try {
      const stats = fstatSync(descriptor);
      const target = stats.isSymbolicLink() ? linkOf(this.layer.diff, path) : "";
      return { stats, target, xattrs: layerXattrs(descriptor) };
    } finally {
      closeSync(descriptor);
    }
  }

  /** @returns whether anything in it is known, so that the directory itself was needed */
  private straysIn(directory: OpenDirectory, path: string): boolean {
    let isNeeded = false;
    for (const name of directory.names()) {
      const stats = directory.look(name);
      if (stats === undefined) continue;
      const here = `${path}/${name}`;
      if (name === opaqueName && stats.isFile() && stats.size === 0) continue; // see name-marks.ts
      const isKnown = this.known.has(stats.ino);
      if (!stats.isDirectory()) {
        if (!isKnown) this.problem(`${printable(here)} does not belong there`);
        isNeeded = true;
        continue;
      }
      using inner = directory.enter(name);
      const isUsed = inner !== undefined && this.straysIn(inner, here);
      if (!isKnown && !isUsed && !isWhiteout(stats))
        this.problem(`${printable(here)} does not belong there`);
      isNeeded = isNeeded || isKnown || isUsed;
    }
    return isNeeded;
  }

  private problem(text: string): void {
    if (this.problems.length < maxProblems) this.problems.push(text);
  }
}

interface Listed {
  readonly entry: TarEntry;
  /** Which one of the tar it is. */
  readonly ordinal: number;
}

interface Found {
  readonly stats: Stats;
  /** Of a symbolic link. */
  readonly target: string;
  readonly xattrs: ReadonlyMap<string, Buffer>;
}

/** The directory that holds it is resolved within the layer; the link itself is not followed. */
function linkOf(diff: string, path: string): string {
  const slash = path.lastIndexOf("/");
  const parent = openInRoot(
    diff,
    Buffer.from(path.slice(0, slash) || "/", "latin1"),
    constants.O_RDONLY | constants.O_DIRECTORY,
  );
  using directory = new OpenDirectory(parent);
  return directory.readLink(path.slice(slash + 1)) ?? "";
}

function isKind({ kind }: TarEntry, stats: Stats): boolean {
  switch (kind) {
    case "file":
      return stats.isFile();
    case "directory":
      return stats.isDirectory();
    case "symlink":
      return stats.isSymbolicLink();
    case "fifo":
      return stats.isFIFO();
    case "character":
      return stats.isCharacterDevice();
    default:
      return stats.isBlockDevice();
  }
}
