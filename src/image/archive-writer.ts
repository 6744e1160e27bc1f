/** Writing the members of an archive: as one tar stream, or as files of a directory. */
import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { CooperError } from "../errors.ts";
import { tarEnd, tarHeader, tarPadding } from "../layer/tar-write.ts";
import { syncDirectory } from "../system/sync.ts";
import type { OutgoingMember } from "./archive-formats.ts";
import { writeFully } from "./spool.ts";

/**
 * The members as a tar, one after the other; nothing is held but the piece that goes by. Times are zero
 * and owners root, so that the same images are the same bytes.
 */
export async function* tarOfMembers(
  members: readonly OutgoingMember[],
): AsyncGenerator<Uint8Array> {
  const made = new Set<string>();
  for (const { name, size, open } of members) {
    // an ordinary user's skopeo cannot make those that are only implied: it gives them to root
    for (const directory of parentsOf(name)) {
      if (!made.has(directory)) yield tarHeader({ name: directory, type: "5", mode: 0o755 });
      made.add(directory);
    }
    yield tarHeader({ name, type: "0", mode: 0o644, size });
    let left = size;
    for await (const chunk of open()) {
      left -= chunk.length;
      yield chunk;
    }
    assertWhole(name, left);
    yield tarPadding(size);
  }
  yield tarEnd();
}

/** `a/`, `a/b/` of `a/b/c`. */
function parentsOf(name: string): string[] {
  const parts = name.split("/").slice(0, -1);
  return parts.map((_, at) => `${parts.slice(0, at + 1).join("/")}/`);
}

/**
 * The members as files, each under its name only when it is whole. What is there already under a name
 * made of a digest stays; anything else is replaced at once.
 */
export async function writeMembers(
  members: readonly OutgoingMember[],
  directory: string,
): Promise<void> {
  const touched = new Set<string>();
  for (const { name, size, open } of members) {
    const path = join(directory, name);
    const isNamedByDigest = /(?:^|\/)[0-9a-f]{64}$/.test(name);
    if (isNamedByDigest && statSync(path, { throwIfNoEntry: false })?.size === size) continue;
    mkdirSync(dirname(path), { recursive: true });
    const staged = `${path}.part-${process.pid}`;
    const descriptor = openSync(staged, "wx", 0o644);
    try {
      let left = size;
      for await (const chunk of open()) {
        left -= chunk.length;
        writeFully(descriptor, chunk);
      }
      assertWhole(name, left);
      fsyncSync(descriptor);
      renameSync(staged, path);
    } catch (error) {
      rmSync(staged, { force: true });
      throw error;
    } finally {
      closeSync(descriptor);
    }
    touched.add(dirname(path));
  }
  for (const path of touched) syncDirectory(path);
}

function assertWhole(name: string, left: number): void {
  if (left === 0) return;
  throw new CooperError(
    "corrupt",
    `${name} has ${Math.abs(left)} bytes ${left > 0 ? "less" : "more"} than it should`,
  );
}
