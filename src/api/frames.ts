/** Output of a container without a terminal, on one stream: each piece under a header of 8 bytes. Pure. */

const codes = { stdin: 0, stdout: 1, stderr: 2 } as const;

/** Docker's API, "Stream format": stream, three zeros, length in network order. */
export function frame(stream: keyof typeof codes, bytes: Uint8Array): Uint8Array {
  const framed = Buffer.allocUnsafe(8 + bytes.length);
  framed.writeUInt32BE(codes[stream] * 2 ** 24, 0);
  framed.writeUInt32BE(bytes.length, 4);
  framed.set(bytes, 8);
  return framed;
}

/** Content types of streams that leave HTTP, as the version has them. */
export function streamType(hasTty: boolean, version: number): string {
  return hasTty || version < 42
    ? "application/vnd.docker.raw-stream"
    : "application/vnd.docker.multiplexed-stream";
}
