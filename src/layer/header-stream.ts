/**
 * What a layer keeps of its tar: everything but the contents of regular files, compressed. Together with
 * the unpacked files it gives back the exact tar that the diff ID names.
 */
import { writeSync } from "node:fs";

const frameBytes = 1 << 20;

/** Collects the bytes and writes them as one zstd frame for each MiB (RFC 8878: frames may follow each other). */
export class HeaderStream {
  private readonly descriptor: number;
  private readonly buffer = Buffer.allocUnsafe(frameBytes);
  private used = 0;

  /** @param descriptor stays the caller's to close */
  constructor(descriptor: number) {
    this.descriptor = descriptor;
  }

  write(bytes: Uint8Array): void {
    let rest = bytes;
    while (rest.length > 0) {
      const size = Math.min(rest.length, frameBytes - this.used);
      this.buffer.set(rest.subarray(0, size), this.used);
      this.used += size;
      rest = rest.subarray(size);
      if (this.used === frameBytes) this.flush();
    }
  }

  /** Writes what is left. */
  flush(): void {
    if (this.used === 0) return;
    // level 1: headers of a tar shrink to a twentieth with any level
    const frame = Bun.zstdCompressSync(this.buffer.subarray(0, this.used), { level: 1 });
    for (let at = 0; at < frame.length; ) at += writeSync(this.descriptor, frame, at);
    this.used = 0;
  }
}
