/**
 * Whether zstd data is whole (RFC 8878, 3.1): Bun's decompressor takes the end of its input for the end of
 * the data, wherever that is, so the frames are counted along beside it.
 */

const magic = 0xfd2fb528;
const skippableMagic = 0x184d2a50;

type Expected = "magic" | "skippable-size" | "descriptor" | "block" | "skip";

/** Follows frames and blocks without looking into them. */
export class ZstdFrames {
  private readonly field = Buffer.alloc(4);
  private gathered = 0;
  private expected: Expected = "magic";
  private skipping = 0;
  private afterSkip: Expected = "magic";
  private hasChecksum = false;

  /** Whether nothing is missing: the data ends here, or a new frame begins. */
  get isComplete(): boolean {
    return this.expected === "magic" && this.gathered === 0;
  }

  write(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length; ) {
      if (this.expected === "skip") {
        const size = Math.min(this.skipping, chunk.length - at);
        at += size;
        this.skipping -= size;
        if (this.skipping === 0) this.expected = this.afterSkip;
        continue;
      }
      this.field[this.gathered++] = chunk[at++] ?? 0;
      if (this.gathered < lengths[this.expected]) continue;
      this.gathered = 0;
      this.next(this.expected);
    }
  }

  private next(field: Exclude<Expected, "skip">): void {
    switch (field) {
      case "magic": {
        const value = this.field.readUInt32LE(0);
        if (value === magic) this.expected = "descriptor";
        else if (value >>> 4 === skippableMagic >>> 4) this.expected = "skippable-size";
        // anything else is for the decompressor to complain about
        else this.skip(Number.POSITIVE_INFINITY, "magic");
        return;
      }
      case "skippable-size":
        return this.skip(this.field.readUInt32LE(0), "magic");
      case "descriptor": {
        const descriptor = this.field[0] ?? 0;
        const isSingleSegment = (descriptor & 0x20) !== 0;
        this.hasChecksum = (descriptor & 0x04) !== 0;
        const window = isSingleSegment ? 0 : 1;
        const dictionary = [0, 1, 2, 4][descriptor & 3] ?? 0;
        const contentSize = [isSingleSegment ? 1 : 0, 2, 4, 8][descriptor >>> 6] ?? 0;
        return this.skip(window + dictionary + contentSize, "block");
      }
      case "block": {
        const header = this.field.readUIntLE(0, 3);
        const isLast = (header & 1) !== 0;
        const isRepeated = ((header >>> 1) & 3) === 1; // one byte stands for all
        const checksum = isLast && this.hasChecksum ? 4 : 0;
        return this.skip((isRepeated ? 1 : header >>> 3) + checksum, isLast ? "magic" : "block");
      }
    }
  }

  private skip(count: number, then: Expected): void {
    this.skipping = count;
    this.afterSkip = then;
    this.expected = count === 0 ? then : "skip";
  }
}

const lengths = { magic: 4, "skippable-size": 4, descriptor: 1, block: 3 } as const;
