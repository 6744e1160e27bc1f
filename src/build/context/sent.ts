/** Files that a client sends one by one, as the tar that a context may be. Pure. */
import { CooperError } from "../../errors.ts";
import { tarEnd, tarHeader, tarPadding } from "../../layer/tar-write.ts";

/** One of them; it belongs to root, as all of a context do. */
export interface SentFile {
  readonly path: string;
  readonly kind: "file" | "directory" | "symlink" | "hardlink" | "fifo";
  /** Bits of permission. */
  readonly mode: number;
  /** Seconds since 1970. */
  readonly modifiedAt: number;
  /** Bytes of a file. */
  readonly size: number;
  /** Where a link leads; of a hard link, its path in the context. */
  readonly target: string;
  /** Of a file, in order; read before the next file is asked for. */
  readonly contents?: AsyncIterable<Uint8Array>;
}

/** Files of a build that a client has. */
export interface SentContexts {
  readonly main: AsyncIterable<SentFile>;
  /** Of directories that have a name in the Dockerfile. */
  readonly named: Readonly<Record<string, AsyncIterable<SentFile>>>;
}

const types = { file: "0", hardlink: "1", symlink: "2", directory: "5", fifo: "6" } as const;

/** Names of tars are byte strings. */
const byteString = (text: string) => Buffer.from(text).toString("latin1");

/** @throws CooperError when a file is not as long as was said */
export async function* sentTar(files: AsyncIterable<SentFile>): AsyncGenerator<Uint8Array, void> {
  // without any entry it would be no tar
  yield tarHeader({ name: "./", type: types.directory, mode: 0o755 });
  for await (const file of files) {
    const { path, kind, mode, modifiedAt, target, contents } = file;
    const size = kind === "file" ? file.size : 0;
    yield tarHeader({
      name: byteString(kind === "directory" ? `${path}/` : path),
      type: types[kind],
      mode,
      size,
      mtime: modifiedAt,
      linkName: byteString(target),
    });
    let left = size;
    if (kind === "file")
      for await (const bytes of contents ?? []) {
        left -= bytes.length;
        if (left < 0) break;
        yield bytes;
      }
    if (left !== 0)
      throw new CooperError("conflict", `${path} has changed while the context was sent`);
    yield tarPadding(size);
  }
  yield tarEnd();
}
