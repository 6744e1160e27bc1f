/**
 * Reading tar streams: ustar, pax and GNU (pax(1), tar(5)). A pure push parser: bytes go in, events come
 * out, and nothing is held but one header. Where formats leave room we read as Go's archive/tar does,
 * since the engines that made the image read it that way: two readings of one layer are an attack.
 */
import { CooperError } from "../errors.ts";
import { type Header, isZeroBlock, parseHeader, readOldSparse } from "./tar-header.ts";
import { applyPax, emptyPax, type Pax, parsePax } from "./tar-pax.ts";
import { readSparseMap, type SparseMap, sparseOf } from "./tar-sparse.ts";

export const blockSize = 512;
/** archive/tar, maxSpecialFileSize. */
const maxSpecialBytes = 1 << 20;

export type TarKind =
  | "file"
  | "directory"
  | "symlink"
  | "hardlink"
  | "fifo"
  | "character"
  | "block";

/** One entry. Names are byte strings: one character for each byte. */
export interface TarEntry {
  readonly kind: TarKind;
  /** As written: not cleaned in any way. */
  readonly name: string;
  readonly linkName: string;
  /** Bytes of contents that follow in the stream; 0 for all but files. */
  readonly size: number;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtimeSeconds: number;
  readonly mtimeNanoseconds: number;
  readonly deviceMajor: number;
  readonly deviceMinor: number;
  readonly xattrs: ReadonlyMap<string, Uint8Array>;
  /** Where the pieces of the contents go, when there are holes between them. */
  readonly sparse: SparseMap | null;
}

/** Where the parts of a tar go. Bytes handed over are only valid until the call returns. */
export interface TarSink {
  entry(entry: TarEntry): void;
  /** A piece of the contents of the last entry. */
  data(bytes: Uint8Array): void;
  /** The last entry is complete. Called for every entry. */
  entryEnd(): void;
  /** Everything that is not contents of a regular file, in order: with the contents it makes the tar. */
  rest?(bytes: Uint8Array): void;
}

type State =
  | "header"
  | "special"
  | "sparse-extension"
  | "sparse-map"
  | "data"
  | "padding"
  | "after-end";

/** Parses what `write()` gets, in pieces of any size; `finish()` says that it was all. */
export class TarReader {
  private readonly sink: TarSink;
  private readonly gathered = Buffer.alloc(blockSize);
  private gatheredBytes = 0;
  private state: State = "header";
  private sawZeroBlock = false;
  private pax: Pax = emptyPax;
  /** Of a special entry: its type, contents so far, and bytes that are missing yet. */
  private specialType = "";
  private special: Buffer[] = [];
  private missing = 0;
  private padding = 0;
  private header: Header | undefined;
  private oldSparse: { offset: number; length: number }[] = [];
  private sparseBlocks: Buffer[] = [];
  private position = 0;

  constructor(sink: TarSink) {
    this.sink = sink;
  }

  /** Bytes of contents that come next and may be left out with `skip()`. */
  get skippableBytes(): number {
    return this.state === "data" ? this.missing : 0;
  }

  /** Where the next byte stands in the stream. */
  get offset(): number {
    return this.position;
  }

  /** How many bytes there are up to the end of the block, or of the special entry or padding, that is being read. */
  get bytesToBlockEnd(): number {
    if (this.state === "padding") return this.padding;
    if (this.state === "special") return this.missing;
    return blockSize - this.gatheredBytes;
  }

  /** Acts as if that many bytes of contents had come by; at most `skippableBytes`. */
  skip(count: number): void {
    this.missing -= count;
    this.position += count;
    if (this.missing === 0) this.endEntry();
  }

  write(chunk: Uint8Array): void {
    let at = 0;
    while (at < chunk.length) {
      const size = this.step(chunk, at);
      at += size;
      this.position += size;
    }
  }

  /** @throws CooperError corrupt when the stream stops within an entry */
  finish(): void {
    // as Go does: the two blocks of zeros may be missing, and the padding of the last entry (umoci
    // writes neither), but not a part of an entry
    const isBetween =
      this.state === "after-end" ||
      this.state === "padding" ||
      (this.state === "header" && this.gatheredBytes === 0);
    if (!isBetween) throw new CooperError("corrupt", "the tar ends within an entry: it is cut off");
  }

  /** Takes some bytes; returns how many. */
  private step(chunk: Uint8Array, at: number): number {
    const available = chunk.length - at;
    if (
      this.state === "data" ||
      this.state === "padding" ||
      this.state === "after-end" ||
      this.state === "special"
    ) {
      const size =
        this.state === "after-end"
          ? available
          : Math.min(available, this.state === "padding" ? this.padding : this.missing);
      this.pass(chunk.subarray(at, at + size), size);
      return size;
    }
    const size = Math.min(available, blockSize - this.gatheredBytes);
    this.gathered.set(chunk.subarray(at, at + size), this.gatheredBytes);
    this.gatheredBytes += size;
    if (this.gatheredBytes === blockSize) {
      this.gatheredBytes = 0;
      this.sink.rest?.(this.gathered);
      this.block(this.gathered);
    }
    return size;
  }

  private pass(bytes: Uint8Array, size: number): void {
    switch (this.state) {
      case "data":
        this.sink.data(bytes);
        this.missing -= size;
        if (this.missing === 0) this.endEntry();
        return;
      case "special":
        this.sink.rest?.(bytes);
        this.special.push(Buffer.from(bytes));
        this.missing -= size;
        if (this.missing === 0) this.endSpecial();
        return;
      case "padding":
        this.sink.rest?.(bytes);
        this.padding -= size;
        if (this.padding === 0) this.state = "header";
        return;
      default:
        this.sink.rest?.(bytes);
    }
  }

  private block(block: Buffer): void {
    if (this.state === "sparse-extension") return this.sparseExtension(block);
    if (this.state === "sparse-map") return this.sparseMap(block);
    if (isZeroBlock(block)) {
      if (this.sawZeroBlock) this.state = "after-end";
      this.sawZeroBlock = true;
      return;
    }
    if (this.sawZeroBlock)
      throw new CooperError("corrupt", "the tar goes on after a block of zeros");
    const header = parseHeader(block);
    if ("xgLK".includes(header.type)) return this.beginSpecial(header);
    this.beginEntry(header, block);
  }

  private beginSpecial(header: Header): void {
    if (header.size > maxSpecialBytes) {
      throw new CooperError(
        "hostile",
        `the tar has an extended header of ${header.size} bytes, more than 1 MiB`,
      );
    }
    this.specialType = header.type;
    this.special = [];
    this.missing = header.size;
    this.padding = paddingOf(header.size);
    this.state = "special";
    if (this.missing === 0) this.endSpecial();
  }

  private endSpecial(): void {
    const contents = Buffer.concat(this.special);
    this.special = [];
    this.state = this.padding > 0 ? "padding" : "header";
    // GNU names end with NUL, and are text of bytes like any name
    const text = () => contents.toString("latin1").split("\0", 1)[0] ?? "";
    if (this.specialType === "L") this.pax = { ...this.pax, gnuName: text() };
    else if (this.specialType === "K") this.pax = { ...this.pax, gnuLinkName: text() };
    else if (this.specialType === "x") this.pax = { ...this.pax, ...parsePax(contents) };
    // global headers are checked and otherwise ignored, as archive/tar's users do
    else parsePax(contents);
  }

  private beginEntry(header: Header, block: Buffer): void {
    this.header = applyPax(header, this.pax);
    this.oldSparse = [];
    this.sparseBlocks = [];
    if (this.header.type === "S") {
      const { pieces, isExtended } = readOldSparse(block);
      this.oldSparse = pieces;
      if (isExtended) {
        this.state = "sparse-extension";
        return;
      }
    }
    if (this.pax.records.get("GNU.sparse.major") === "1") {
      this.state = "sparse-map"; // the map stands before the contents
      return;
    }
    this.announce(null, 0);
  }

  private sparseExtension(block: Buffer): void {
    const { pieces, isExtended } = readOldSparse(block, true);
    this.oldSparse.push(...pieces);
    if (this.oldSparse.length > 1 << 20)
      throw new CooperError("hostile", "the tar has a file with a million holes");
    if (!isExtended) this.announce(null, 0);
  }

  private sparseMap(block: Buffer): void {
    this.sparseBlocks.push(Buffer.from(block));
    if (this.sparseBlocks.length > 2048)
      throw new CooperError("hostile", "the tar has a map of holes of more than 1 MiB");
    const map = readSparseMap(Buffer.concat(this.sparseBlocks));
    if (map !== undefined) this.announce(map, this.sparseBlocks.length * blockSize);
  }

  /** @param taken bytes of the contents that were the map of holes */
  private announce(map: readonly { offset: number; length: number }[] | null, taken: number): void {
    const header = this.header;
    if (header === undefined)
      throw new CooperError("internal", "bug in Cooper: a tar entry without header");
    const kind = kindOf(header);
    const stored = kind === "file" ? header.size - taken : 0;
    if (stored < 0)
      throw new CooperError("corrupt", "the tar has a map of holes that is larger than its file");
    const sparse = kind === "file" ? sparseOf(header, this.pax, map, this.oldSparse, stored) : null;
    const name = sparse?.name ?? header.name;
    this.pax = emptyPax;
    this.missing = stored;
    this.padding = paddingOf(stored);
    this.state = "data";
    this.sink.entry({
      ...header,
      name,
      kind,
      size: stored,
      linkName: kind === "symlink" || kind === "hardlink" ? header.linkName : "",
      sparse: sparse?.map ?? null,
    });
    if (this.missing === 0) this.endEntry();
  }

  private endEntry(): void {
    this.header = undefined;
    this.state = this.padding > 0 ? "padding" : "header";
    this.sink.entryEnd();
  }
}

const paddingOf = (size: number): number => (blockSize - (size % blockSize)) % blockSize;

const kinds: Readonly<Record<string, TarKind>> = {
  "0": "file",
  "\0": "file",
  "7": "file",
  S: "file",
  "1": "hardlink",
  "2": "symlink",
  "3": "character",
  "4": "block",
  "5": "directory",
  "6": "fifo",
};

function kindOf(header: Header): TarKind {
  const kind = kinds[header.type];
  if (kind === undefined) {
    throw new CooperError(
      "not-supported",
      `the tar has an entry of the unknown type ${JSON.stringify(header.type)}`,
    );
  }
  // before ustar a directory was a file whose name ends with a slash
  return header.type === "\0" && header.name.endsWith("/") ? "directory" : kind;
}
