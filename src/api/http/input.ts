/** What a connection has received and nobody has taken yet, with the peer held back where that is much. */
import { CooperError } from "../../errors.ts";

/** How the source is held back, and let go on. */
export interface Flow {
  pause(): void;
  resume(): void;
}

/** More than this waits in the kernel, and with it the peer. */
const highWater = 1 << 18;
const headEnd = Buffer.from("\r\n\r\n");

/** Bytes in the order they came. One reader at a time. */
export class Input {
  private chunks: Buffer[] = [];
  private size = 0;
  private hasEnded = false;
  private isPaused = false;
  private wake: (() => void) | undefined;
  private readonly flow: Flow;

  constructor(flow: Flow) {
    this.flow = flow;
  }

  push(bytes: Buffer): void {
    this.chunks.push(bytes);
    this.size += bytes.length;
    if (this.size > highWater && !this.isPaused) {
      this.isPaused = true;
      this.flow.pause();
    }
    this.wake?.();
  }

  /** The peer sends nothing more. */
  end(): void {
    this.hasEnded = true;
    this.wake?.();
  }

  get isEmpty(): boolean {
    return this.size === 0;
  }

  /** Some bytes, at most so many; undefined at the end. */
  async read(max: number): Promise<Buffer | undefined> {
    while (this.size === 0) {
      if (this.hasEnded) return undefined;
      await this.more();
    }
    const first = this.chunks[0] ?? Buffer.alloc(0);
    const taken = first.length <= max ? first : first.subarray(0, max);
    this.drop(taken.length);
    return taken;
  }

  /** Everything before a mark, which is dropped; undefined when the peer ended before it began. */
  async readUntil(mark: Buffer, limit: number): Promise<Buffer | undefined> {
    for (let from = 0; ; ) {
      const all = this.joined();
      const at = all.indexOf(mark, Math.max(0, from - mark.length));
      if (at >= 0 && at <= limit) {
        const found = all.subarray(0, at);
        this.drop(at + mark.length);
        return found;
      }
      if (at > limit || all.length > limit)
        throw new CooperError("invalid-argument", "malformed HTTP request: too long");
      if (this.hasEnded) {
        if (all.length === 0) return undefined;
        throw new CooperError("cancelled", "the client has gone in the middle of a request");
      }
      from = all.length;
      await this.more();
    }
  }

  /** As readUntil() up to the empty line after the headers; empty lines before them mean nothing. */
  async readHead(limit: number): Promise<string | undefined> {
    while (!this.isEmpty || !this.hasEnded) {
      if (this.isEmpty) await this.more();
      const first = this.chunks[0]?.[0];
      if (first !== 13 && first !== 10) break;
      this.drop(1);
    }
    return (await this.readUntil(headEnd, limit))?.toString("latin1");
  }

  private more(): Promise<void> {
    return new Promise((resolve) => {
      this.wake = () => {
        this.wake = undefined;
        resolve();
      };
    });
  }

  private joined(): Buffer {
    if (this.chunks.length > 1) this.chunks = [Buffer.concat(this.chunks)];
    return this.chunks[0] ?? Buffer.alloc(0);
  }

  private drop(count: number): void {
    this.size -= count;
    for (let left = count; left > 0; ) {
      const first = this.chunks[0];
      if (first === undefined) break;
      if (first.length > left) {
        this.chunks[0] = first.subarray(left);
        break;
      }
      left -= first.length;
      this.chunks.shift();
    }
    if (this.isPaused && this.size <= highWater / 2) {
      this.isPaused = false;
      this.flow.resume();
    }
  }
}
