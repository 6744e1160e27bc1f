/**
 * Reading bbolt files (go.etcd.io/bbolt, page.go and db.go), in which Podman keeps its volumes and Docker
 * and containerd their metadata: a B+ tree of pages, buckets within buckets. A file is read whole and
 * never locked; every offset in it is checked, since the file is another engine's.
 */
import { CooperError } from "../errors.ts";
import { readStoreFile } from "./foreign-store.ts";

/** A bucket: values and further buckets by their names. */
export interface BoltBucket {
  /** The value of a key; undefined when there is none, or a bucket. */
  value(key: string): Buffer | undefined;
  /** The bucket of that name. */
  bucket(name: string): BoltBucket | undefined;
  /** Names of all keys and buckets. */
  names(): string[];
}

const maxFileBytes = 256 << 20;
const magic = 0xed0cdaed;
const [branchPage, leafPage, isBucket] = [1, 2, 1];
const pageHeader = 16;

/** The root of the file; undefined when there is no such file. @throws CooperError corrupt */
export function openBolt(root: string, path: string): BoltBucket | undefined {
  for (let tries = 0; ; tries++) {
    const file = readStoreFile(root, path, maxFileBytes);
    if (file === undefined) return undefined;
    const tree = new Tree(file, `${root}/${path}`);
    const again = readStoreFile(root, path, maxFileBytes);
    // pages are copied when they are written to, but may be used again: a file that rests is whole
    const isSame = again !== undefined && tree.isStateOf(again);
    if (isSame || tries >= 5) return tree.root();
  }
}

/** What stands for a bucket: its root page, or the page itself where it is small. */
interface Place {
  readonly page: number;
  readonly inline: Buffer | null;
}

class Tree {
  private readonly file: Buffer;
  private readonly name: string;
  private readonly pageBytes: number;
  private readonly meta: Buffer;

  constructor(file: Buffer, name: string) {
    this.file = file;
    this.name = name;
    const metas = [0, 1].flatMap((index) => this.metaAt(index));
    const newest = metas.toSorted((a, b) => (transactionOf(a) > transactionOf(b) ? -1 : 1))[0];
    if (newest === undefined) throw this.damaged();
    this.meta = newest;
    this.pageBytes = newest.readUInt32LE(8);
  }

  /** Both first pages say what the tree is; the one that was written last, and whole, holds. */
  private metaAt(index: number): Buffer[] {
    // the second stands behind the first, whose size is only known from within
    const sizes = index === 0 ? [0] : [4096, 8192, 16384, 65536];
    return sizes.flatMap((at) => {
      const meta = this.file.subarray(at + pageHeader, at + pageHeader + 64);
      const isMeta =
        meta.length === 64 && meta.readUInt32LE(0) === magic && meta.readUInt32LE(4) === 2;
      return isMeta && meta.readBigUInt64LE(56) === fnv(meta.subarray(0, 56)) ? [meta] : [];
    });
  }

  /** Whether nothing was committed between two readings. */
  isStateOf(file: Buffer): boolean {
    return file.length === this.file.length && file.includes(this.meta);
  }

  root(): BoltBucket {
    return this.bucketAt({ page: Number(this.meta.readBigUInt64LE(16)), inline: null });
  }

  private bucketAt(place: Place): BoltBucket {
    const values = new Map<string, Buffer>();
    const buckets = new Map<string, Buffer>();
    for (const { key, value, flags } of this.leaves(place, new Set()))
      (flags & isBucket ? buckets : values).set(key, value);
    return {
      value: (key) => values.get(key),
      names: () => [...values.keys(), ...buckets.keys()],
      bucket: (name) => {
        const header = buckets.get(name);
        if (header === undefined) return undefined;
        if (header.length < 16) throw this.damaged();
        const page = Number(header.readBigUInt64LE(0));
        return this.bucketAt({ page, inline: page === 0 ? header.subarray(16) : null });
      },
    };
  }

  private *leaves(
    place: Place,
    seen: Set<number>,
  ): Generator<{ key: string; value: Buffer; flags: number }> {
    // a page that is there twice would make a tree without end
    if (place.inline === null && seen.has(place.page)) throw this.damaged();
    seen.add(place.page);
    const page = place.inline ?? this.pageAt(place.page);
    if (page.length < pageHeader) throw this.damaged();
    const [kind, count] = [page.readUInt16LE(8), page.readUInt16LE(10)];
    for (let index = 0; index < count; index++) {
      const at = pageHeader + 16 * index;
      if (at + 16 > page.length) throw this.damaged();
      if (kind === branchPage) {
        const child = Number(page.readBigUInt64LE(at + 8));
        yield* this.leaves({ page: child, inline: null }, seen);
      } else if (kind === leafPage) {
        const [flags, position] = [page.readUInt32LE(at), at + page.readUInt32LE(at + 4)];
        const [keyBytes, valueBytes] = [page.readUInt32LE(at + 8), page.readUInt32LE(at + 12)];
        const end = position + keyBytes + valueBytes;
        if (end > page.length) throw this.damaged();
        const key = page.toString("utf8", position, position + keyBytes);
        yield { key, value: page.subarray(position + keyBytes, end), flags };
      } else throw this.damaged();
    }
  }

  /** With the pages that it runs over into. */
  private pageAt(number: number): Buffer {
    const start = number * this.pageBytes;
    if (number < 2 || start + pageHeader > this.file.length) throw this.damaged();
    const overflow = this.file.readUInt32LE(start + 12);
    const end = start + (overflow + 1) * this.pageBytes;
    if (end > this.file.length) throw this.damaged();
    return this.file.subarray(start, end);
  }

  private damaged(): CooperError {
    return new CooperError("corrupt", `${this.name} is no database of bbolt, or it is damaged`);
  }
}

const transactionOf = (meta: Buffer): bigint => meta.readBigUInt64LE(48);

/** FNV-1a of 64 bits. */
function fnv(bytes: Uint8Array): bigint {
  let hash = 0xcbf29ce484222325n;
  for (const byte of bytes) hash = ((hash ^ BigInt(byte)) * 0x100000001b3n) & 0xffffffffffffffffn;
  return hash;
}
