/**
 * A layer that is being pulled, in a place that outlives the process: killed at any point, the next pull
 * goes on from the bytes that were fetched, or takes the layer as it was unpacked.
 *
 * The bytes of the blob are kept until the layer is unpacked and verified, and the layer until its image
 * is published. Nothing here needs to be durable: bytes are verified again when they are taken up, and an
 * unpacked layer is only trusted within the boot in which it was unpacked, since power loss can undo
 * writes that a killed process had made.
 */
import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { errnoName } from "../errors.ts";
import type { Host } from "../host.ts";
import { decodeAnswer, type UnpackedLayer } from "../layer/unpack-protocol.ts";
import { type Digest, hexOf } from "../oci/digest.ts";
import type { PartialPaths } from "../paths.ts";
import { type FileLock, tryLock } from "../system/lock.ts";
import { bootId } from "../system/process.ts";

interface Result {
  readonly bootId: string;
  readonly layer: UnpackedLayer;
}

/** Held by one process at a time; disposing lets others have it. */
export class PartialLayer implements Disposable {
  readonly paths: PartialPaths;
  private readonly held: FileLock;
  private descriptor = -1;
  private bytes = 0;

  /** Undefined when somebody else pulls the blob right now. */
  static tryOpen(host: Host, digest: Digest): PartialLayer | undefined {
    const paths = host.paths.partial(hexOf(digest));
    const held = tryLock(paths.lock, "exclusive");
    return held === undefined ? undefined : new PartialLayer(paths, held);
  }

  private constructor(paths: PartialPaths, held: FileLock) {
    this.paths = paths;
    this.held = held;
  }

  /** How many bytes of the blob there are. */
  get size(): number {
    return this.bytes;
  }

  /** The layer, if it was unpacked by somebody who did not come to publish it. */
  result(): UnpackedLayer | undefined {
    let text: string;
    try {
      text = readFileSync(this.paths.result, "utf8");
    } catch (error) {
      if (errnoName(error) === "ENOENT") return undefined;
      throw error;
    }
    const { bootId: boot, layer } = JSON.parse(text) as Result;
    const decoded = boot === bootId() ? decodeAnswer(JSON.stringify(layer)) : undefined;
    return decoded instanceof Error ? undefined : decoded;
  }

  /** Makes ready to take bytes in, after those that are there; more than `maxBytes` are nonsense. */
  begin(maxBytes: number): number {
    removeTree(this.paths.layer);
    rmSync(this.paths.result, { force: true });
    mkdirSync(this.paths.directory, { recursive: true, mode: 0o700 });
    const flags = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW;
    if (this.descriptor < 0) this.descriptor = openSync(this.paths.blob, flags, 0o600);
    this.bytes = fstatSync(this.descriptor).size;
    if (this.bytes > maxBytes) this.forgetBytes();
    return this.descriptor;
  }

  append(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length; ) {
      const count = writeSync(this.descriptor, chunk, at, chunk.length - at, this.bytes);
      at += count;
      this.bytes += count;
    }
  }

  /** They were not those of the blob. */
  forgetBytes(): void {
    if (this.descriptor >= 0) ftruncateSync(this.descriptor);
    this.bytes = 0;
  }

  /** The layer is whole: its blob is needed no more. */
  finish(layer: UnpackedLayer): void {
    const result: Result = { bootId: bootId(), layer };
    // it gets its name when it is whole: a killed writer leaves none
    writeFileSync(`${this.paths.result}.new`, JSON.stringify(result), { mode: 0o600 });
    renameSync(`${this.paths.result}.new`, this.paths.result);
    this.close();
    rmSync(this.paths.blob, { force: true });
  }

  /** Nothing of it is needed any more: it is in the store, or was no layer. */
  remove(): void {
    this.close();
    removeTree(this.paths.directory);
    this.held.forget(this.paths.lock);
  }

  private close(): void {
    if (this.descriptor >= 0) closeSync(this.descriptor);
    this.descriptor = -1;
  }

  [Symbol.dispose](): void {
    this.close();
    this.held[Symbol.dispose]();
  }
}

/** A killed puller's child dies a moment later, and may write once more meanwhile. */
function removeTree(directory: string): void {
  for (let tries = 0; ; tries++) {
    try {
      return rmSync(directory, { recursive: true, force: true });
    } catch (error) {
      if (errnoName(error) !== "ENOTEMPTY" || tries >= 50) throw error;
      Bun.sleepSync(10);
    }
  }
}
