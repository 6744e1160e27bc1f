/** The body of a request, taken as it comes. */
import { CooperError } from "../../errors.ts";
import type { Input } from "./input.ts";

const lineEnd = Buffer.from("\r\n");
const pieceSize = 1 << 16;

/** Can be read once, in one way. */
export class Body {
  private readonly input: Input;
  /** Of the whole body, or in chunks of the current one. */
  private left: number;
  private readonly isChunked: boolean;
  private hasEnded: boolean;
  private onFirstRead: (() => void) | undefined;

  /** @param onFirstRead tells a client that waits for it to go on (`Expect: 100-continue`) */
  constructor(input: Input, length: number | null, onFirstRead?: () => void) {
    this.input = input;
    this.isChunked = length === null;
    this.left = length ?? 0;
    this.hasEnded = length === 0;
    this.onFirstRead = onFirstRead;
  }

  /** Whether nothing of it is left to be read. */
  get isOver(): boolean {
    return this.hasEnded;
  }

  /** Whether a client still waits to be told that it may send it. */
  get isUnasked(): boolean {
    return !this.hasEnded && this.onFirstRead !== undefined;
  }

  /** Some more of it; undefined at the end. */
  async read(): Promise<Buffer | undefined> {
    if (this.hasEnded) return undefined;
    this.onFirstRead?.();
    this.onFirstRead = undefined;
    if (this.isChunked && this.left === 0) await this.nextChunk();
    if (this.hasEnded) return undefined;
    const bytes = await this.input.read(Math.min(this.left, pieceSize));
    if (bytes === undefined) throw gone();
    this.left -= bytes.length;
    if (this.left === 0) {
      if (!this.isChunked) this.hasEnded = true;
      else if ((await this.input.readUntil(lineEnd, 2))?.length !== 0) throw malformed();
    }
    return bytes;
  }

  private async nextChunk(): Promise<void> {
    const line = await this.input.readUntil(lineEnd, 256);
    if (line === undefined) throw gone();
    const size = /^([0-9a-fA-F]{1,8})\s*(;.*)?$/.exec(line.toString("latin1"))?.[1];
    if (size === undefined) throw malformed();
    this.left = Number.parseInt(size, 16);
    if (this.left > 0) return;
    // trailers, which mean nothing here, up to an empty line
    for (let count = 0; count < 64; count++) {
      const trailer = await this.input.readUntil(lineEnd, 8192);
      if (trailer === undefined) throw gone();
      if (trailer.length === 0) {
        this.hasEnded = true;
        return;
      }
    }
    throw malformed();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void> {
    for (let bytes = await this.read(); bytes !== undefined; bytes = await this.read()) yield bytes;
  }

  /** All of it. @throws CooperError invalid-argument when it is longer than `limit` */
  async bytes(limit: number): Promise<Buffer> {
    const parts: Uint8Array[] = [];
    let size = 0;
    for await (const bytes of this) {
      size += bytes.length;
      if (size > limit)
        throw new CooperError(
          "invalid-argument",
          `the request's body is longer than ${limit} bytes`,
        );
      parts.push(bytes);
    }
    return Buffer.concat(parts);
  }

  /** Reads what is left of a small one, so that the connection can go on; false: it is too much. */
  async drain(limit: number): Promise<boolean> {
    for (let size = 0; !this.hasEnded; ) {
      if (size > limit) return false;
      size += (await this.read())?.length ?? 0;
    }
    return true;
  }
}

const gone = () =>
  new CooperError("cancelled", "the client has gone in the middle of the request's body");
const malformed = () =>
  new CooperError("invalid-argument", "malformed HTTP request: a chunk of its body");
