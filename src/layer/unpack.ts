/** Unpacking a layer: a child process of our own does it, chrooted into where the files go. */
import { mkdirSync, rmSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { CooperError } from "../errors.ts";
import { hexOf } from "../oci/digest.ts";
import { type LayerPaths, layerPaths } from "../paths.ts";
import { decodeAnswer, type UnpackedLayer, type UnpackRequest } from "./unpack-protocol.ts";

/** Where a layer's bytes come from. */
export type LayerSource =
  /** Part of an open file. */
  | {
      readonly kind: "file";
      readonly descriptor: number;
      readonly offset: number;
      readonly length: number;
    }
  | { readonly kind: "stream"; readonly chunks: AsyncIterable<Uint8Array> }
  /** A file that is still being written to its final length: `grown` tells how much of it there is. */
  | {
      readonly kind: "growing";
      readonly descriptor: number;
      readonly length: number;
      readonly grown: AsyncIterable<number>;
    };

/** No layer of an honest image comes near these; both keep a hostile one from filling what it can. */
const maxTarBytes = 2 ** 40;
const maxEntries = 10_000_000;

/** How many layers are unpacked at once: each keeps about one core busy. */
export const parallelUnpacks = Math.max(2, Math.min(availableParallelism(), 6));

/**
 * Unpacks a layer into `directory` (made here, with `diff/` and `tar.zst`). What the bytes were is
 * reported, not checked: the caller compares digests. After a failure the directory holds rubbish.
 */
export async function unpackLayer(
  source: LayerSource,
  directory: string,
  signal?: AbortSignal,
): Promise<UnpackedLayer> {
  const unpacked = await unpackByChild(source, directory, signal);
  const paths = layerPaths(directory);
  const isExact =
    unpacked.isExact && (unpacked.displaced === 0 || (await isWhole(paths, unpacked)));
  // of no use: without it, or with all of it
  if (unpacked.displaced === 0 || !isExact)
    rmSync(paths.displaced, { recursive: true, force: true });
  return { ...unpacked, isExact };
}

/**
 * Whether a layer with displaced entries is what came in. They are rare, and links that other entries
 * replaced may have led anywhere: nothing but trying tells. So what `check` compares later holds now.
 */
async function isWhole(paths: LayerPaths, { diffId, size, tarSize }: UnpackedLayer) {
  const { verifyLayer } = await import("./verify.ts");
  const record = { id: hexOf(diffId), size, tarSize, isExact: true };
  return (await verifyLayer(paths, record, true)).length === 0;
}

async function unpackByChild(
  source: LayerSource,
  directory: string,
  signal: AbortSignal | undefined,
): Promise<UnpackedLayer> {
  mkdirSync(directory, { mode: 0o700 });
  const request: UnpackRequest = {
    directory,
    range: source.kind === "file" ? { offset: source.offset, length: source.length } : null,
    growsTo: source.kind === "growing" ? source.length : null,
    maxTarBytes,
    maxEntries,
  };
  const child = Bun.spawn(
    [...childCommand("__unpack", "unpack-child.ts"), JSON.stringify(request)],
    {
      cwd: "/",
      env: {},
      stdio: [
        source.kind === "file" ? source.descriptor : "pipe",
        "pipe",
        "pipe",
        ...(source.kind === "growing" ? [source.descriptor] : []),
      ] as ["pipe", "pipe", "pipe"],
    },
  );
  const stop = () => child.kill("SIGKILL");
  signal?.addEventListener("abort", stop, { once: true });
  try {
    const texts = Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
    ]);
    const sink = child.stdin as unknown as Bun.FileSink;
    if (source.kind === "stream") await feed(source.chunks, sink, child.exited);
    if (source.kind === "growing") await feed(marks(source.grown), sink, child.exited);
    const [answer, complaint] = await texts;
    await child.exited;
    signal?.throwIfAborted();
    const decoded = decodeAnswer(answer);
    if (decoded instanceof CooperError) throw decoded;
    if (decoded === undefined) {
      const why =
        complaint.trim().split("\n").at(-1) ||
        `it ended with ${child.signalCode ?? child.exitCode}`;
      throw new CooperError("helper-failed", `the process that unpacks layers failed: ${why}`);
    }
    return decoded;
  } finally {
    signal?.removeEventListener("abort", stop);
    if (child.exitCode === null) stop();
    await child.exited;
  }
}

/** What the child is told; it takes them in as they come, so nothing waits for its work. */
async function* marks(grown: AsyncIterable<number>): AsyncGenerator<Uint8Array> {
  for await (const size of grown) {
    const mark = Buffer.alloc(8);
    mark.writeBigUInt64LE(BigInt(size));
    yield mark;
  }
}

/** Writes with back-pressure. The child may end early with an error, which then counts more than our EPIPE. */
export async function feed(
  chunks: AsyncIterable<Uint8Array>,
  sink: Bun.FileSink,
  ended: Promise<number>,
): Promise<void> {
  let hasEnded = false;
  void ended.then(() => {
    hasEnded = true;
  });
  for await (const chunk of chunks) {
    if (hasEnded) return;
    try {
      sink.write(chunk);
      await sink.flush();
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "EPIPE") return;
      throw error;
    }
  }
  await sink.end();
}

/** This very program again, with a hidden command; from the sources, the file that does it. */
export function childCommand(command: "__unpack" | "__place", file: string): string[] {
  const isCompiled = Bun.main.startsWith("/$bunfs/");
  return isCompiled ? [process.execPath, command] : [process.execPath, join(import.meta.dir, file)];
}
