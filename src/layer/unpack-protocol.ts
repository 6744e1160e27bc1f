/** What the parent asks of the child that unpacks a layer, and what that answers: one line of JSON each. */
import { CooperError, type ErrorCode, exitStatus } from "../errors.ts";
import type { Digest } from "../oci/digest.ts";
import { isObject } from "../oci/json.ts";

/** Handed over as the child's one argument. */
export interface UnpackRequest {
  /** An empty directory; gets `diff/`, `tar.zst` and `displaced/`. */
  readonly directory: string;
  /** Part of the file that is the child's standard input; null: all that comes from it. */
  readonly range: { readonly offset: number; readonly length: number } | null;
  /**
   * How long the file at descriptor 3 will be, which is still being written: standard input then tells
   * how much of it there is (little-endian numbers of eight bytes, each as it grows). null: no such file.
   */
  readonly growsTo: number | null;
  /** More bytes of tar than this are refused: a bomb. */
  readonly maxTarBytes: number;
  readonly maxEntries: number;
}

/** What became of the layer. */
export interface UnpackedLayer {
  /** Of the bytes as they came, perhaps compressed. */
  readonly digest: Digest;
  readonly blobSize: number;
  readonly compression: "none" | "gzip" | "zstd";
  /** Of the uncompressed tar. */
  readonly diffId: Digest;
  readonly tarSize: number;
  /** Bytes in regular files. */
  readonly size: number;
  /** Whether the exact tar can be made again. */
  readonly isExact: boolean;
  /** How many things beside the tree that takes: see displaced.ts. */
  readonly displaced: number;
  readonly warnings: readonly string[];
}

/** An error on its way through a pipe. */
export function encodeFailure(error: CooperError): string {
  return JSON.stringify({
    failure: { code: error.code, message: error.message, hint: error.hint },
  });
}

/** The child's answer: the layer, or the error that it met. Undefined when it is neither. */
export function decodeAnswer(text: string): UnpackedLayer | CooperError | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined; // it died before it could answer; its exit status tells more
  }
  if (!isObject(value)) return undefined;
  const { failure } = value;
  if (!isObject(failure)) return value as unknown as UnpackedLayer;
  const code =
    typeof failure.code === "string" && Object.hasOwn(exitStatus, failure.code)
      ? failure.code
      : "internal";
  return new CooperError(code as ErrorCode, String(failure.message), {
    ...(typeof failure.hint === "string" && { hint: failure.hint }),
  });
}
