/**
 * A tree as a tar: the changeset that a container's writable layer is (image-spec, layer.md, "Change
 * Types"), or a whole file system. The same tree is the same bytes: entries in the order of their
 * names, times in whole seconds as Docker writes them, no names of users.
 */
import { closeSync, fstatSync, readSync, type Stats } from "node:fs";
import { CooperError } from "../errors.ts";
import { type DataPiece, dataPieces, type ReadableDirectory } from "../system/tree-read.ts";
import { opaqueName, printable } from "./entry-path.ts";
import { type TarFields, tarEnd, tarHeader, tarPadding } from "./tar-write.ts";
import { isOfOverlay } from "./tree-xattrs.ts";

export interface PackOptions {
  /**
   * What the tree is, and becomes: an overlay's upper directory, whose whiteouts become those of OCI; a
   * whole tree that becomes a layer; or a file system, which is no layer.
   */
  readonly kind: "changeset" | "layer" | "filesystem";
  /** From owners on disk to owners in the image. */
  readonly mapOwner?: ((uid: number, gid: number) => { uid: number; gid: number }) | undefined;
  /** The one entry of the root that is packed, as a byte string; `.` packs what is in the root without it. */
  readonly only?: string | undefined;
  /** What all names begin with: `a/b/`. */
  readonly prefix?: string | undefined;
  /** Whether more entries follow, so that the archive does not end here. */
  readonly goesOn?: boolean | undefined;
  /** The time that an entry gets instead of its own; both in seconds. */
  readonly mtimeOf?: ((seconds: number) => number) | undefined;
  /** Leaves an entry out, with all below it. The path is absolute within the tree. */
  readonly leavesOut?: ((path: string, stats: Stats) => boolean) | undefined;
  /** Told of what a tar or layer cannot hold. */
  readonly warn?: ((message: string) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

const chunkBytes = 256 << 10;

/**
 * A file with that many bytes of holes is written as a sparse one (GNU's format 1.0). Smaller ones are
 * written with their zeros: Podman cannot give back a layer with sparse entries.
 */
const sparseBytes = 256 << 20;

/** The tar, in pieces that may be kept. The directory stays the caller's. */
export async function* packTree(
  root: ReadableDirectory,
  options: PackOptions,
): AsyncGenerator<Uint8Array> {
  yield* new Packer(options).pack(root);
}

/** A directory on the way, with what is left to do in it. */
interface Level {
  readonly directory: ReadableDirectory;
  /** `` for the root, else `/a/b`. */
  readonly path: string;
  readonly names: string[];
  next: number;
}

class Packer {
  private readonly options: PackOptions;
  private readonly levels: Level[] = [];
  /** First names of files with several, by device and inode. */
  private readonly linked = new Map<string, string>();
  private pending: Buffer[] = [];
  private pendingBytes = 0;

  constructor(options: PackOptions) {
    this.options = options;
  }

  async *pack(root: ReadableDirectory): AsyncGenerator<Uint8Array> {
    const { only } = this.options;
    if (only === undefined) this.root(root);
    const names = only === undefined || only === "." ? root.names() : [only];
    this.levels.push({ directory: root, path: "", names, next: 0 });
    try {
      for (let level = this.levels.at(-1); level !== undefined; level = this.levels.at(-1)) {
        const name = level.names[level.next++];
        if (name === undefined) {
          this.levels.pop();
          if (level.directory !== root) level.directory[Symbol.dispose]();
          continue;
        }
        yield* this.entry(level, name);
        if (this.pendingBytes >= chunkBytes) yield this.flush();
      }
    } finally {
      for (const { directory } of this.levels) if (directory !== root) directory[Symbol.dispose]();
    }
    if (this.options.goesOn !== true) this.write(tarEnd());
    yield this.flush();
  }

  /** The root has an entry only where it is not what it would be anyway. */
  private root(root: ReadableDirectory): void {
    const stats = root.look(".");
    if (stats === undefined) return;
    const { uid, gid } = this.ownerOf(stats);
    const isUsual = uid === 0 && gid === 0 && (stats.mode & 0o7777) === 0o755;
    if (this.options.kind !== "changeset" || !isUsual)
      this.header(root, ".", "./", stats, { type: "5" });
  }

  private *entry(level: Level, name: string): Generator<Uint8Array> {
    this.options.signal?.throwIfAborted();
    const { directory } = level;
    const path = `${level.path}/${name}`;
    const stats = directory.look(name);
    if (stats === undefined || this.options.leavesOut?.(path, stats)) return;
    if (this.options.kind === "changeset" && isFuseMark(name, stats)) return;
    if (this.options.kind === "changeset" && isWhiteout(stats))
      return this.marker(`${level.path.slice(1)}${level.path === "" ? "" : "/"}.wh.${name}`);
    if (this.options.kind !== "filesystem" && name.startsWith(".wh.")) {
      this.options.warn?.(
        `${printable(path)} was left out: in a layer such a name means that another file is gone`,
      );
      return;
    }
    if (stats.isDirectory()) return this.enter(level, name, path, stats);
    if (stats.nlink > 1) {
      const first = this.linked.get(directory.identity(name));
      if (first !== undefined)
        return this.header(directory, name, path.slice(1), stats, { type: "1", linkName: first });
      this.linked.set(directory.identity(name), path.slice(1));
    }
    if (stats.isFile()) return yield* this.file(directory, name, path, stats);
    this.special(directory, name, path, stats);
  }

  private enter(level: Level, name: string, path: string, stats: Stats): void {
    const directory = level.directory.enter(name);
    if (directory === undefined) return; // replaced or removed meanwhile
    const xattrs = directory.xattrs(".");
    this.header(level.directory, name, `${path.slice(1)}/`, stats, { type: "5" }, xattrs);
    if (this.options.kind === "changeset" && isOpaque(xattrs))
      this.marker(`${path.slice(1)}/.wh..wh..opq`);
    this.levels.push({ directory, path, names: directory.names(), next: 0 });
  }

  private *file(
    directory: ReadableDirectory,
    name: string,
    path: string,
    before: Stats,
  ): Generator<Uint8Array> {
    const descriptor = directory.openFile(name);
    if (descriptor === undefined) return;
    try {
      const stats = fstatSync(descriptor);
      if (!stats.isFile() || stats.ino !== before.ino) return; // something else by now
      const { size } = stats;
      const holes = size - stats.blocks * 512;
      const pieces =
        holes >= sparseBytes ? dataPieces(descriptor, size) : [{ offset: 0, length: size }];
      const map = holes >= sparseBytes ? sparseMap(pieces) : Buffer.alloc(0);
      const stored = map.length + pieces.reduce((sum, { length }) => sum + length, 0);
      const fields = map.length === 0 ? {} : { pax: sparseRecords(path.slice(1), size) };
      this.header(directory, name, path.slice(1), stats, { type: "0", size: stored, ...fields });
      this.write(map);
      for (const piece of pieces) yield* this.contents(descriptor, piece, path);
      this.write(tarPadding(stored));
    } finally {
      closeSync(descriptor);
    }
  }

  /** As many bytes as the header said: what somebody cuts off meanwhile is filled up with zeros, as tar does. */
  private *contents(descriptor: number, piece: DataPiece, path: string): Generator<Uint8Array> {
    for (let at = 0; at < piece.length; ) {
      const buffer = Buffer.allocUnsafe(Math.min(chunkBytes, piece.length - at));
      const count = readSync(descriptor, buffer, 0, buffer.length, piece.offset + at);
      if (count === 0) {
        this.options.warn?.(`${printable(path)} became shorter while it was read`);
        buffer.fill(0);
      }
      at += count === 0 ? buffer.length : count;
      this.write(count === 0 ? buffer : buffer.subarray(0, count));
      if (this.pendingBytes >= chunkBytes) yield this.flush();
    }
  }

  private special(directory: ReadableDirectory, name: string, path: string, stats: Stats): void {
    const short = path.slice(1);
    if (stats.isSymbolicLink()) {
      const linkName = directory.readLink(name);
      if (linkName === undefined) return;
      return this.header(directory, name, short, stats, { type: "2", linkName });
    }
    if (stats.isFIFO()) return this.header(directory, name, short, stats, { type: "6" });
    if (stats.isCharacterDevice() || stats.isBlockDevice()) {
      const type = stats.isCharacterDevice() ? "3" : "4";
      return this.header(directory, name, short, stats, { type, ...deviceOf(stats.rdev) });
    }
    // a socket: there is no such thing in a tar, and it means nothing without who listens
  }

  private header(
    directory: ReadableDirectory,
    name: string,
    path: string,
    stats: Stats,
    more: Pick<TarFields, "type" | "size" | "linkName" | "deviceMajor" | "deviceMinor" | "pax">,
    xattrs = more.type === "1" ? new Map<string, Buffer>() : directory.xattrs(name),
  ): void {
    const isSparse = more.pax?.["GNU.sparse.name"] !== undefined;
    const seconds = Math.floor(stats.mtimeMs / 1000);
    const { prefix = "" } = this.options;
    this.write(
      tarHeader({
        name: prefix + (isSparse ? `GNUSparseFile.0/${path.slice(-80)}` : path),
        mode: stats.mode & 0o7777,
        ...this.ownerOf(stats),
        mtime: this.options.mtimeOf?.(seconds) ?? seconds,
        ...more,
        // a hard link names an entry, a symbolic one says whatever it says
        ...(more.type === "1" && { linkName: prefix + (more.linkName ?? "") }),
        pax: { ...more.pax, ...this.records(path, xattrs) },
      }),
    );
  }

  private records(path: string, xattrs: ReadonlyMap<string, Buffer>): Record<string, string> {
    if (this.options.kind === "changeset" && isReference(xattrs)) {
      throw new CooperError(
        "not-supported",
        `the kernel keeps only a reference to what ${printable(`/${path}`)} was before (redirect_dir or metacopy of overlayfs)`,
        { hint: "commit it with --squash, which reads the whole tree" },
      );
    }
    return xattrRecords(xattrs, this.options.mapOwner !== undefined);
  }

  private marker(name: string): void {
    this.write(tarHeader({ name, type: "0", mode: 0o600 }));
  }

  private ownerOf({ uid, gid }: Stats): { uid: number; gid: number } {
    return this.options.mapOwner?.(uid, gid) ?? { uid, gid };
  }

  private write(bytes: Buffer): void {
    this.pending.push(bytes);
    this.pendingBytes += bytes.length;
  }

  private flush(): Buffer {
    const bytes = Buffer.concat(this.pending);
    this.pending = [];
    this.pendingBytes = 0;
    return bytes;
  }
}

/** overlayfs.rst, "whiteouts and opaque directories". */
export const isWhiteout = (stats: Stats): boolean => stats.isCharacterDevice() && stats.rdev === 0;

/** What fuse-overlayfs leaves in an opaque directory, which has the attribute besides. */
export const isFuseMark = (name: string, stats: Stats): boolean =>
  (name === opaqueName && stats.isFile() && stats.size === 0) ||
  (name === ".wh..opq" && isWhiteout(stats));

/** Whether a directory hides all that lower layers have in it. */
export const isOpaque = (xattrs: ReadonlyMap<string, Buffer>): boolean =>
  ["trusted.overlay.opaque", "user.overlay.opaque", "user.fuseoverlayfs.opaque"].some(
    (key) => xattrs.get(key)?.toString() === "y",
  );

/** Whether the contents are in a lower layer under another name (overlayfs.rst, "redirect_dir", "metacopy"). */
const isReference = (xattrs: ReadonlyMap<string, Buffer>): boolean =>
  [...xattrs.keys()].some((key) => isOfOverlay(key) && /\.(?:redirect|metacopy)$/.test(key));

/**
 * What overlayfs keeps for itself says nothing about the file, and a label of SELinux belongs to the
 * host. Lists of access rights hold ids, which are not translated where owners are.
 */
export function xattrRecords(
  xattrs: ReadonlyMap<string, Buffer>,
  isShifted: boolean,
): Record<string, string> {
  const records: Record<string, string> = {};
  for (const [key, value] of xattrs) {
    if (isOfOverlay(key) || key === "security.selinux") continue;
    if (isShifted && key.startsWith("system.posix_acl_")) continue;
    records[`SCHILY.xattr.${key}`] = value.toString("latin1");
  }
  return records;
}

/** makedev(3) as the kernel tells it in st_rdev. */
export function deviceOf(rdev: number): { deviceMajor: number; deviceMinor: number } {
  const device = BigInt(rdev);
  return {
    deviceMajor: Number((device >> 8n) & 0xfffn),
    deviceMinor: Number((device & 0xffn) | ((device >> 12n) & 0xfff00n)),
  };
}

/** GNU tar manual, "Sparse Formats", 1.0: count, then offset and length of each piece, a number a line. */
function sparseMap(pieces: readonly DataPiece[]): Buffer {
  const numbers = [pieces.length, ...pieces.flatMap(({ offset, length }) => [offset, length])];
  const text = Buffer.from(numbers.map((number) => `${number}\n`).join(""));
  return Buffer.concat([text, tarPadding(text.length)]);
}

function sparseRecords(name: string, size: number): Record<string, string> {
  return {
    "GNU.sparse.major": "1",
    "GNU.sparse.minor": "0",
    "GNU.sparse.name": name,
    "GNU.sparse.realsize": `${size}`,
  };
}
