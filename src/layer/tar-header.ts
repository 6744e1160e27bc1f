/** One header block of a tar (tar(5)): v7, ustar and GNU. */
import { CooperError } from "../errors.ts";

/** The fields of a header; names are byte strings. */
export interface Header {
  readonly type: string;
  readonly name: string;
  readonly linkName: string;
  readonly size: number;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtimeSeconds: number;
  readonly mtimeNanoseconds: number;
  readonly deviceMajor: number;
  readonly deviceMinor: number;
  readonly xattrs: ReadonlyMap<string, Uint8Array>;
  /** Of a GNU sparse file: its size with the holes. */
  readonly realSize: number;
}

const noXattrs: ReadonlyMap<string, Uint8Array> = new Map();

/** Whether all 512 bytes are zero. */
export function isZeroBlock(block: Buffer): boolean {
  for (let at = 0; at < block.length; at++) if (block[at] !== 0) return false;
  return true;
}

/** @throws CooperError corrupt when the checksum or a number is wrong */
export function parseHeader(block: Buffer): Header {
  checkSum(block);
  const magic = block.toString("latin1", 257, 265);
  const isGnu = magic === "ustar  \0";
  const isPosix = magic.startsWith("ustar\0");
  const type = String.fromCharCode(block[156] ?? 0);
  const prefix = isPosix ? text(block, 345, 155) : "";
  const name = text(block, 0, 100);
  const hasDevice = (type === "3" || type === "4") && (isGnu || isPosix);
  return {
    type,
    name: prefix === "" ? name : `${prefix}/${name}`,
    linkName: text(block, 157, 100),
    size: size(block, 124, 12),
    mode: number(block, 100, 8) & 0o7777,
    uid: number(block, 108, 8),
    gid: number(block, 116, 8),
    mtimeSeconds: number(block, 136, 12),
    mtimeNanoseconds: 0,
    deviceMajor: hasDevice ? number(block, 329, 8) : 0,
    deviceMinor: hasDevice ? number(block, 337, 8) : 0,
    xattrs: noXattrs,
    realSize: isGnu && type === "S" ? size(block, 483, 12) : 0,
  };
}

/** The old GNU format's map of a sparse file: 4 pieces in the header, 21 in each block that extends it. */
export function readOldSparse(
  block: Buffer,
  isExtension = false,
): { pieces: { offset: number; length: number }[]; isExtended: boolean } {
  const [start, count] = isExtension ? [0, 21] : [386, 4];
  const pieces: { offset: number; length: number }[] = [];
  for (let index = 0; index < count; index++) {
    const at = start + index * 24;
    if (block[at] === 0) break;
    pieces.push({ offset: size(block, at, 12), length: size(block, at + 12, 12) });
  }
  return { pieces, isExtended: block[start + count * 24] !== 0 };
}

/** The sum of all bytes with the checksum's own as spaces; some old tars summed signed bytes. */
function checkSum(block: Buffer): void {
  let sum = 8 * 32;
  let high = 0;
  for (let at = 0; at < block.length; at++) {
    if (at >= 148 && at < 156) continue;
    const byte = block[at] ?? 0;
    sum += byte;
    if (byte > 127) high++;
  }
  const stored = octal(block, 148, 8);
  if (stored !== sum && stored !== sum - 256 * high) {
    throw new CooperError(
      "corrupt",
      "this is no tar, or it is damaged: the checksum of a header is wrong",
    );
  }
}

function text(block: Buffer, at: number, length: number): string {
  let end = at;
  while (end < at + length && block[end] !== 0) end++;
  return block.toString("latin1", at, end);
}

function size(block: Buffer, at: number, length: number): number {
  const value = number(block, at, length);
  if (value < 0) throw new CooperError("corrupt", "the tar has an entry of negative size");
  return value;
}

/** Octal digits between spaces and NULs; or, with the top bit set, a binary number (GNU's base 256). */
function number(block: Buffer, at: number, length: number): number {
  if (((block[at] ?? 0) & 0x80) !== 0) return binary(block, at, length);
  return safe(octal(block, at, length));
}

/** NaN when there is something else than digits. By bytes: this runs some ten times for each entry. */
function octal(block: Buffer, start: number, length: number): number {
  const end = start + length;
  let at = start;
  while (at < end && (block[at] === 0x20 || block[at] === 0)) at++;
  let value = 0;
  for (; at < end; at++) {
    const byte = block[at] ?? 0;
    if (byte === 0x20 || byte === 0) break;
    if (byte < 0x30 || byte > 0x37) return Number.NaN;
    value = value * 8 + byte - 0x30;
  }
  return value;
}

function binary(block: Buffer, at: number, length: number): number {
  const isNegative = ((block[at] ?? 0) & 0x40) !== 0;
  let value = isNegative ? -1n : 0n;
  for (let index = 0; index < length; index++) {
    let byte = block[at + index] ?? 0;
    if (index === 0) byte = isNegative ? byte | 0x80 : byte & 0x7f;
    value = BigInt.asIntN(128, (value << 8n) | BigInt(byte));
  }
  return safe(Number(value));
}

function safe(value: number): number {
  if (!Number.isSafeInteger(value))
    throw new CooperError("corrupt", "the tar has a header with an invalid number");
  return value;
}
