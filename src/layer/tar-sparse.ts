/** Files with holes in a tar: GNU's old format and its three ways of saying it in pax (GNU tar manual, "Sparse Formats"). */
import { CooperError } from "../errors.ts";
import type { Header } from "./tar-header.ts";
import type { Pax } from "./tar-pax.ts";

/** Where the contents of a sparse file go: `pieces` follow each other in the stream. */
export interface SparseMap {
  /** With the holes. */
  readonly realSize: number;
  readonly pieces: readonly { readonly offset: number; readonly length: number }[];
}

/** No file system of today holds more in one file; ext4 ends at 16 TiB. */
const maxFileBytes = 2 ** 50;

type Pieces = readonly { offset: number; length: number }[];

/**
 * Format 1.0: decimal numbers, a line each, before the contents: the count, then offset and length of
 * each piece. Undefined when more blocks are needed.
 */
export function readSparseMap(bytes: Buffer): Pieces | undefined {
  const lines = bytes.toString("latin1").split("\n");
  lines.pop(); // what has no newline yet
  const first = lines[0];
  if (first === undefined) return undefined;
  const count = decimal(first);
  if (lines.length < 1 + 2 * count) return undefined;
  return pairs(lines.slice(1, 1 + 2 * count));
}

/**
 * The map of a file, if it is sparse, with its true name.
 *
 * @param map of format 1.0
 * @param stored bytes of contents in the stream
 */
export function sparseOf(
  header: Header,
  pax: Pax,
  map: Pieces | null,
  oldPieces: Pieces,
  stored: number,
): { map: SparseMap; name: string | undefined } | null {
  const { records } = pax;
  const text = records.get("GNU.sparse.map");
  const realSize = records.get("GNU.sparse.realsize") ?? records.get("GNU.sparse.size");
  const name = records.get("GNU.sparse.name");
  const check = (pieces: Pieces, size: number) => ({
    map: checked({ realSize: size, pieces }, stored),
    name,
  });
  if (header.type === "S") return check(oldPieces, header.realSize);
  if (map !== null) return check(map, decimal(realSize ?? ""));
  if (text !== undefined)
    return check(pairs(text === "" ? [] : text.split(",")), decimal(realSize ?? ""));
  if (pax.sparsePieces.length > 0) return check(pairs(pax.sparsePieces), decimal(realSize ?? ""));
  return null;
}

function checked(map: SparseMap, stored: number): SparseMap {
  let end = 0;
  let total = 0;
  for (const { offset, length } of map.pieces) {
    if (offset < end) throw invalid();
    end = offset + length;
    total += length;
  }
  if (map.realSize > maxFileBytes)
    throw new CooperError("hostile", `the tar has a file of ${map.realSize} bytes, with holes`);
  if (!Number.isSafeInteger(end) || end > map.realSize || total !== stored) throw invalid();
  return map;
}

function pairs(numbers: readonly string[]): Pieces {
  if (numbers.length % 2 !== 0) throw invalid();
  const pieces: { offset: number; length: number }[] = [];
  for (let at = 0; at < numbers.length; at += 2) {
    pieces.push({ offset: decimal(numbers[at] ?? ""), length: decimal(numbers[at + 1] ?? "") });
  }
  return pieces;
}

function decimal(text: string): number {
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(value)) throw invalid();
  return value;
}

const invalid = () =>
  new CooperError("corrupt", "the tar has a sparse file with an invalid map of its holes");
