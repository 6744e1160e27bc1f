/** The header that tells what is at a path. Pure. */
import type { PathStat } from "../../container/copy/stat.ts";

/** Kinds of files as bits of Go's os.FileMode, by those of stat(2). */
const kinds: ReadonlyMap<number, number> = new Map([
  [0o040000, 2 ** 31], // directory
  [0o120000, 2 ** 27], // symbolic link
  [0o010000, 2 ** 25], // FIFO
  [0o140000, 2 ** 24], // socket
  [0o060000, 2 ** 26], // block device
  [0o020000, 2 ** 26 + 2 ** 21], // character device
]);

const [setUid, setGid, sticky] = [2 ** 23, 2 ** 22, 2 ** 20];

/** A mode of stat(2) as Go's os.FileMode. */
export function goFileMode(mode: number): number {
  return (
    (mode & 0o777) +
    (kinds.get(mode & 0o170000) ?? 0) +
    (mode & 0o4000 ? setUid : 0) +
    (mode & 0o2000 ? setGid : 0) +
    (mode & 0o1000 ? sticky : 0)
  );
}

/** `X-Docker-Container-Path-Stat`. */
export function pathStatHeader(stat: PathStat): string {
  const document = {
    name: stat.name,
    size: stat.size,
    mode: goFileMode(stat.mode),
    mtime: new Date(stat.modifiedAtMs).toISOString(),
    linkTarget: stat.linkTarget,
  };
  return Buffer.from(JSON.stringify(document)).toString("base64");
}
