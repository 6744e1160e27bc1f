/** A file that is read while it is being written, by whoever cannot wait for its end. */
import { closeSync, readSync } from "node:fs";
import type { Digest } from "../oci/digest.ts";
import { nameless, writeFully } from "./spool.ts";
import type { Stage } from "./stage.ts";

const chunkBytes = 256 << 10;

/** Bytes in a stage, with their digest when all have come. */
export class GrowingFile implements Disposable {
  /** Rejects with what the source failed with. */
  readonly finished: Promise<{ readonly digest: Digest; readonly size: number }>;
  private readonly descriptor: number;
  private size = 0;
  private isWhole = false;
  private isClosed = false;
  private failure: unknown;
  private readonly readers = new Set<() => void>();

  /** Begins to take the source in; how fast the readers are makes no difference to it. */
  constructor(stage: Stage, source: AsyncIterable<Uint8Array>) {
    this.descriptor = nameless(stage);
    this.finished = this.fill(source);
    this.finished.catch((error: unknown) => {
      this.failure = error;
      this.wake();
    });
  }

  private async fill(source: AsyncIterable<Uint8Array>): Promise<{ digest: Digest; size: number }> {
    const hash = new Bun.CryptoHasher("sha256");
    for await (const chunk of source) {
      if (this.isClosed) throw new Error("the file was closed before it was whole");
      hash.update(chunk);
      writeFully(this.descriptor, chunk);
      this.size += chunk.length;
      this.wake();
    }
    this.isWhole = true;
    this.wake();
    return { digest: `sha256:${hash.digest("hex")}`, size: this.size };
  }

  private wake(): void {
    for (const wake of this.readers) wake();
    this.readers.clear();
  }

  /** From there to the end, waiting for what is still to come. */
  async *from(offset: number): AsyncGenerator<Uint8Array> {
    for (let position = offset; ; ) {
      if (position < this.size) {
        const buffer = Buffer.allocUnsafe(Math.min(chunkBytes, this.size - position));
        const count = readSync(this.descriptor, buffer, 0, buffer.length, position);
        position += count;
        yield buffer.subarray(0, count);
      } else if (this.failure !== undefined) throw this.failure;
      else if (this.isWhole) return;
      else await new Promise<void>((resolve) => this.readers.add(resolve));
    }
  }

  [Symbol.dispose](): void {
    if (!this.isClosed) closeSync(this.descriptor);
    this.isClosed = true;
  }
}
