/** Contents of a file that is being unpacked. */
import { ftruncateSync, writeSync } from "node:fs";
import { CooperError, errnoName } from "../errors.ts";
import { printable } from "./entry-path.ts";
import type { SparseMap } from "./tar-sparse.ts";
import { fail } from "./tree-changes.ts";

/** What goes into one file, piece by piece where it has holes. */
export class FileContents {
  private readonly descriptor: number;
  private readonly sparse: SparseMap | null;
  private readonly path: string;
  /** Of a sparse file: which piece, and how much of it has been written. */
  private piece = 0;
  private pieceWritten = 0;

  /** @param path for errors */
  constructor(descriptor: number, sparse: SparseMap | null, path: string) {
    this.descriptor = descriptor;
    this.sparse = sparse;
    this.path = path;
  }

  write(bytes: Uint8Array): void {
    if (this.sparse === null) return writeFully(this.descriptor, bytes, undefined);
    for (let rest = bytes; rest.length > 0; ) {
      const piece = this.sparse.pieces[this.piece];
      if (piece === undefined)
        throw new CooperError("corrupt", `the map of holes is too short: ${printable(this.path)}`);
      const size = Math.min(rest.length, piece.length - this.pieceWritten);
      writeFully(this.descriptor, rest.subarray(0, size), piece.offset + this.pieceWritten);
      this.pieceWritten += size;
      rest = rest.subarray(size);
      if (this.pieceWritten === piece.length) {
        this.piece++;
        this.pieceWritten = 0;
      }
    }
  }

  finish(): void {
    if (this.sparse !== null) setSize(this.descriptor, this.sparse.realSize, this.path);
  }
}

/** Gives a file its length: what is between pieces, and behind the last, becomes a hole. */
function setSize(descriptor: number, size: number, path: string): void {
  try {
    ftruncateSync(descriptor, size);
  } catch (error) {
    throw fail(errnoName(error) ?? "EIO", path);
  }
}

/** Writes all of it. @param position undefined: where the last write ended */
function writeFully(descriptor: number, bytes: Uint8Array, position: number | undefined): void {
  for (let at = 0; at < bytes.length; ) {
    at += writeSync(
      descriptor,
      bytes,
      at,
      bytes.length - at,
      position === undefined ? null : position + at,
    );
  }
}
