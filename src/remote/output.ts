/** What a container elsewhere prints, on its way to our stdout and stderr. */
import { CooperError } from "../errors.ts";
import { writeAll } from "../system/pipe.ts";

/** A piece of output. */
export interface Piece {
  readonly stream: "stdout" | "stderr";
  readonly bytes: Uint8Array;
}

/**
 * Takes the headers of 8 bytes away (Docker's API, "Stream format"). A piece is handed on as it comes, however long
 * the header says that it is.
 */
export async function* unframed(output: AsyncIterable<Uint8Array>): AsyncGenerator<Piece, void> {
  let head = Buffer.alloc(0);
  let left = 0;
  let stream: Piece["stream"] = "stdout";
  for await (const chunk of output) {
    let bytes = Buffer.from(chunk);
    while (bytes.length > 0) {
      if (left > 0) {
        const part = bytes.subarray(0, left);
        left -= part.length;
        bytes = bytes.subarray(part.length);
        yield { stream, bytes: part };
        continue;
      }
      const missing = 8 - head.length;
      head = Buffer.concat([head, bytes.subarray(0, missing)]);
      bytes = bytes.subarray(missing);
      if (head.length < 8) continue;
      const kind = head[0] ?? 0;
      if (kind > 2 || head[1] !== 0 || head[2] !== 0 || head[3] !== 0)
        throw new CooperError("hostile", "the engine sent output that is none");
      stream = kind === 2 ? "stderr" : "stdout";
      left = head.readUInt32BE(4);
      head = Buffer.alloc(0);
    }
  }
}

/** As unframed(), for a terminal, which has one stream. */
export async function* bare(output: AsyncIterable<Uint8Array>): AsyncGenerator<Piece, void> {
  for await (const bytes of output) yield { stream: "stdout", bytes };
}

/** Whether somebody reads on. */
export const show = ({ stream, bytes }: Piece): boolean =>
  writeAll(stream === "stdout" ? 1 : 2, bytes) === "written" || stream === "stderr";
