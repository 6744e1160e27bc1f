/**
 * The child process that unpacks one layer (`cooper __unpack`): it reads the blob from its standard
 * input, hashes and decompresses it, and writes the files below its own root. Several run at once.
 */
import { closeSync, mkdirSync, openSync, statfsSync, writeSync } from "node:fs";
import { CooperError, errnoName, messageOf } from "../errors.ts";
import { layerPaths } from "../paths.ts";
import { dieWithParent, enterRoot, setUmask } from "../system/chroot.ts";
import { isOnOverlay } from "../system/mount.ts";
import { mapsSingleId } from "../system/own-limits.ts";
import { isInUserNamespace } from "../system/userns.ts";
import { compressionOf, decompressed, unsupportedCompressionOf } from "./decompress.ts";
import { DisplacedKeeper } from "./displaced.ts";
import { HeaderStream } from "./header-stream.ts";
import { TarReader } from "./tar.ts";
import { fail } from "./tree-changes.ts";
import { TreeWriter } from "./tree-writer.ts";
import { chunks, inputOf, readFirst } from "./unpack-input.ts";
import { encodeFailure, type UnpackedLayer, type UnpackRequest } from "./unpack-protocol.ts";

/** How much stays free on the disk whatever a layer asks for. */
const reserveBytes = 64 << 20;

/**
 * What compressed data may grow to. gzip reaches 1:1032 and zstd far more, but only with nothing but
 * zeros; real layers stay below 1:20. So much is allowed besides that a large empty file is no bomb.
 */
const bombRatio = 200;
const bombBytes = 8 * 2 ** 30;

/** Does what the one argument says; resolves to the exit status. The answer is a line on stdout. */
export async function unpackMain(argv: readonly string[]): Promise<number> {
  try {
    dieWithParent();
    const request = JSON.parse(argv[0] ?? "") as UnpackRequest;
    writeSync(1, `${JSON.stringify(await unpack(request))}\n`);
    return 0;
  } catch (error) {
    writeSync(1, `${encodeFailure(asCooperError(error))}\n`);
    return 1;
  }
}

function asCooperError(error: unknown): CooperError {
  if (error instanceof CooperError) return error;
  const errno = errnoName(error);
  if (errno === "ENOSPC" || errno === "EDQUOT") return fail(errno, "/");
  return new CooperError("internal", `cannot unpack the layer: ${messageOf(error)}`, {
    cause: error,
  });
}

async function unpack(request: UnpackRequest): Promise<UnpackedLayer> {
  const inNamespace = isInUserNamespace();
  const hasSingleId = inNamespace && mapsSingleId();
  const { diff, displaced, tarHeaders } = layerPaths(request.directory);
  const headers = openSync(tarHeaders, "wx", 0o600);
  mkdirSync(diff, { mode: 0o755 });
  // opened before the new root hides it: nothing of the tar can name what is outside
  mkdirSync(displaced, { mode: 0o700 });
  const keeper = new DisplacedKeeper(openSync(displaced, "r"));
  const free = statfsSync(request.directory);
  const maxTarBytes = Math.min(request.maxTarBytes, free.bavail * free.bsize - reserveBytes);
  setUmask(0o022);
  enterRoot(diff);

  const writer = new TreeWriter({
    overlayPrefix: inNamespace ? "user.overlay." : "trusted.overlay.",
    hasSingleId,
    isInUserNamespace: inNamespace,
    maxEntries: request.maxEntries,
    marksByName: isOnOverlay("/"),
    keeper,
  });
  const stream = new HeaderStream(headers);
  const reader = new TarReader({
    entry: (entry) => writer.entry(entry),
    data: (bytes) => writer.data(bytes),
    entryEnd: () => writer.entryEnd(),
    rest: (bytes) => stream.write(bytes),
  });
  const sums = await pump(request, maxTarBytes, reader);
  reader.finish();
  const { size, warnings } = writer.finish();
  stream.flush();
  closeSync(headers);
  return { ...sums, size, isExact: !keeper.hasGivenUp, displaced: keeper.count, warnings };
}

type Sums = Pick<UnpackedLayer, "digest" | "blobSize" | "compression" | "diffId" | "tarSize">;

/** Moves the blob into the reader, hashing it before and after decompression. */
async function pump(request: UnpackRequest, maxTarBytes: number, reader: TarReader): Promise<Sums> {
  const blobHash = new Bun.CryptoHasher("sha256");
  let blobSize = 0;
  let tarSize = 0;
  const input = inputOf(request);
  const first = await readFirst(input);
  const start = first.subarray(0, 512);
  const compression = compressionOf(start);
  const unsupported = compression === "none" ? unsupportedCompressionOf(start) : undefined;
  if (unsupported !== undefined) {
    throw new CooperError(
      "not-supported",
      `the layer is compressed with ${unsupported}; only gzip and zstd are unpacked`,
    );
  }
  const isPlain = compression === "none";
  const tarHash = isPlain ? blobHash : new Bun.CryptoHasher("sha256");
  const source = async function* () {
    for await (const chunk of chunks(input, first, !isPlain)) {
      blobSize += chunk.length;
      if (!isPlain) blobHash.update(chunk);
      yield chunk;
    }
  };
  for await (const chunk of decompressed(source(), compression)) {
    tarSize += chunk.length;
    if (tarSize > maxTarBytes) throw tooLarge(request.maxTarBytes, maxTarBytes);
    if (tarSize > bombBytes + bombRatio * blobSize) {
      throw new CooperError(
        "hostile",
        `the layer is a bomb: ${blobSize} compressed bytes unpack to more than ${tarSize}`,
      );
    }
    tarHash.update(chunk);
    reader.write(chunk);
  }
  const diffId = `sha256:${tarHash.digest("hex")}` as const;
  const digest = isPlain ? diffId : (`sha256:${blobHash.digest("hex")}` as const);
  return { digest, blobSize, compression, diffId, tarSize };
}

function tooLarge(limit: number, held: number): CooperError {
  if (held < limit) {
    return new CooperError(
      "no-space",
      "the layer unpacks to more than there is space on the device",
      {
        hint: "free some with: cooper image prune",
      },
    );
  }
  return new CooperError("hostile", `the layer unpacks to more than ${limit} bytes`);
}

if (import.meta.main) process.exitCode = await unpackMain(process.argv.slice(2));
