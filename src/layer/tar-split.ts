/**
 * The exact tar of a layer in Podman's or Docker's store. Both keep what vbatts/tar-split made of it:
 * lines of JSON, each a piece of the tar that is no file's content, or the name of the file whose
 * content comes here (tar/storage/entry.go).
 */
import { closeSync, constants, createReadStream, fstatSync, readSync } from "node:fs";
import { CooperError, errnoName } from "../errors.ts";
import { isObject } from "../oci/json.ts";
import { openInRoot } from "../system/rooted.ts";
import { compressionOf, decompressed } from "./decompress.ts";

/** A layer of another engine: paths within the root of its store. */
export interface SplitLayer {
  readonly root: string;
  /** The compressed lines. */
  readonly split: string;
  /** Where the layer's files are. */
  readonly files: string;
  /** For errors: how its engine calls it. */
  readonly name: string;
}

const chunkBytes = 256 << 10;
/** A piece is at most a few headers with their extensions; a MiB of it is two thirds of such a line. */
const maxLineBytes = 16 << 20;

/**
 * The bytes of the tar; the caller compares their digest, which also tells whether a file has been
 * changed or another layer was put in its place. Nothing is read outside of the store, whatever its
 * names and links say.
 */
export async function* rebuildFromSplit(layer: SplitLayer): AsyncGenerator<Uint8Array> {
  const files = openDirectory(layer);
  try {
    const root = `/proc/self/fd/${files}`;
    for await (const line of lines(layer)) {
      const entry = decodeEntry(line, layer);
      if (entry.kind === "bytes") yield entry.bytes;
      else if (entry.size > 0) yield* contentsOf(root, entry, layer);
    }
  } finally {
    closeSync(files);
  }
}

function openDirectory(layer: SplitLayer): number {
  try {
    return openInRoot(layer.root, layer.files, constants.O_RDONLY | constants.O_DIRECTORY);
  } catch (cause) {
    throw cannotOpen(layer, "its files", cause);
  }
}

async function* lines(layer: SplitLayer): AsyncGenerator<string> {
  let descriptor: number;
  try {
    descriptor = openInRoot(layer.root, layer.split, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (cause) {
    throw cannotOpen(layer, "the record of its tar", cause);
  }
  const start = Buffer.alloc(4);
  readSync(descriptor, start, 0, 4, 0);
  // the stream closes the descriptor
  const file: AsyncIterable<Uint8Array> = createReadStream("", {
    fd: descriptor,
    start: 0,
    highWaterMark: chunkBytes,
  });
  let rest = "";
  const decoder = new TextDecoder();
  for await (const chunk of decompressed(file, compressionOf(start))) {
    rest += decoder.decode(chunk, { stream: true });
    const parts = rest.split("\n");
    rest = parts.pop() ?? "";
    if (rest.length > maxLineBytes) throw damaged(layer);
    yield* parts;
  }
  if (rest !== "") yield rest;
}

type Entry =
  | { readonly kind: "bytes"; readonly bytes: Uint8Array }
  | { readonly kind: "file"; readonly name: Buffer; readonly size: number };

/** entry.go: type 1 is a file, type 2 a piece; `name_raw` stands for a name that is no UTF-8. */
function decodeEntry(line: string, layer: SplitLayer): Entry {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw damaged(layer);
  }
  if (!isObject(value)) throw damaged(layer);
  const { type, payload, size = 0, name = "", name_raw: raw } = value;
  if (type === 2 && (typeof payload === "string" || payload === null || payload === undefined))
    return { kind: "bytes", bytes: Buffer.from(payload ?? "", "base64") };
  const isSize = typeof size === "number" && Number.isSafeInteger(size) && size >= 0;
  if (type !== 1 || !isSize || typeof name !== "string") throw damaged(layer);
  const bytes = typeof raw === "string" ? Buffer.from(raw, "base64") : Buffer.from(name);
  if (bytes.includes(0)) throw damaged(layer);
  return { kind: "file", name: bytes, size };
}

function* contentsOf(
  root: string,
  { name, size }: Extract<Entry, { kind: "file" }>,
  layer: SplitLayer,
): Generator<Uint8Array> {
  let descriptor: number;
  try {
    descriptor = openInRoot(root, name, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (cause) {
    if (errnoName(cause) === "EACCES" || errnoName(cause) === "EMFILE") throw cause;
    throw lost(name, layer, cause);
  }
  try {
    const there = fstatSync(descriptor);
    if (!there.isFile() || there.size !== size) throw lost(name, layer);
    for (let position = 0; position < size; ) {
      const buffer = Buffer.allocUnsafe(Math.min(chunkBytes, size - position));
      const count = readSync(descriptor, buffer, 0, buffer.length, position);
      if (count === 0) throw lost(name, layer);
      position += count;
      yield buffer.subarray(0, count);
    }
  } finally {
    closeSync(descriptor);
  }
}

function cannotOpen(layer: SplitLayer, what: string, cause: unknown): CooperError {
  const errno = errnoName(cause);
  if (errno === "EACCES" || errno === "EPERM")
    return new CooperError("permission-denied", `${layer.name}: ${what} may not be read`, {
      cause,
    });
  return new CooperError("corrupt", `${layer.name}: ${what} are missing (${errno ?? "unknown"})`, {
    cause,
  });
}

function damaged(layer: SplitLayer): CooperError {
  return new CooperError("corrupt", `${layer.name}: the record of its tar is damaged`);
}

function lost(name: Buffer, layer: SplitLayer, cause?: unknown): CooperError {
  return new CooperError(
    "corrupt",
    `${layer.name} has lost or changed the contents of ${JSON.stringify(name.toString().slice(0, 200))}`,
    { cause },
  );
}
