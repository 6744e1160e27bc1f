/**
 * A writable tree that nobody writes to any more becomes a layer where it is: nothing is copied, its files
 * are read once for their digest.
 */
import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import type { Digest } from "../oci/digest.ts";
import { OpenDirectory } from "../system/tree-read.ts";
import { HeaderStream } from "./header-stream.ts";
import { type PackOptions, packTree } from "./pack.ts";
import { TarReader } from "./tar.ts";

/** What the layer is known by. */
export interface SealedLayer {
  readonly diffId: Digest;
  readonly tarSize: number;
  /** Bytes in regular files. */
  readonly size: number;
}

/**
 * Reads `diff/` of a directory, an overlay's upper one, and writes `tar.zst` beside it. The result is as
 * if the tar of these changes had been unpacked here.
 */
export async function sealLayer(
  directory: string,
  options: Omit<PackOptions, "kind">,
): Promise<SealedLayer> {
  using root = OpenDirectory.at(join(directory, "diff"));
  const headers = openSync(join(directory, "tar.zst"), "wx", 0o600);
  try {
    const stream = new HeaderStream(headers);
    const hash = new Bun.CryptoHasher("sha256");
    let size = 0;
    let tarSize = 0;
    const reader = new TarReader({
      entry(entry) {
        if (entry.kind === "file") size += entry.sparse?.realSize ?? entry.size;
      },
      data: () => undefined,
      entryEnd: () => undefined,
      rest: (bytes) => stream.write(bytes),
    });
    for await (const chunk of packTree(root, { ...options, kind: "changeset" })) {
      hash.update(chunk);
      reader.write(chunk);
      tarSize += chunk.length;
    }
    reader.finish();
    stream.flush();
    return { diffId: `sha256:${hash.digest("hex")}`, tarSize, size };
  } finally {
    closeSync(headers);
  }
}
