/** The child process that puts a tar from its standard input into a tree (`cooper __place`). */
import { readSync, writeSync } from "node:fs";
import { CooperError, errnoName, messageOf } from "../errors.ts";
import { dieWithParent, enterRoot, setUmask } from "../system/chroot.ts";
import { mapsSingleId } from "../system/own-limits.ts";
import { isInUserNamespace } from "../system/userns.ts";
import { literalPlaceOf, type Place, printable } from "./entry-path.ts";
import type { PlaceRequest } from "./place.ts";
import { TarReader } from "./tar.ts";
import { fail, lookAt } from "./tree-changes.ts";
import { type Placement, TreeWriter } from "./tree-writer.ts";
import { encodeFailure } from "./unpack-protocol.ts";

/** Does what the one argument says; resolves to the exit status. The answer is a line on stdout. */
export function placeMain(argv: readonly string[]): number {
  try {
    dieWithParent();
    const { size, warnings } = place(JSON.parse(argv[0] ?? "") as PlaceRequest);
    writeSync(1, `${JSON.stringify({ size, warnings })}\n`);
    return 0;
  } catch (error) {
    writeSync(1, `${encodeFailure(inWords(error))}\n`);
    return 1;
  }
}

/** The writer speaks of layers, which is what it mostly writes. */
function inWords(error: unknown): CooperError {
  const known =
    error instanceof CooperError
      ? error
      : errnoName(error) === "ENOSPC"
        ? fail("ENOSPC", "/")
        : new CooperError("internal", `cannot copy: ${messageOf(error)}`);
  const message = known.message
    .replace(/^the layer /, "the archive ")
    .replace(/^cannot unpack /, "cannot write ");
  return new CooperError(known.code, message, known.hint === undefined ? {} : { hint: known.hint });
}

function place(request: PlaceRequest): { size: number; warnings: readonly string[] } {
  const inNamespace = isInUserNamespace();
  const hasSingleId = inNamespace && mapsSingleId();
  setUmask(0o022);
  if (typeof request.root !== "string")
    throw new CooperError("internal", "bug in Cooper: the child was told no path");
  enterRoot(request.root);
  const writer = new TreeWriter({
    overlayPrefix: "user.overlay.", // never used: nothing here hides anything
    hasSingleId,
    isInUserNamespace: inNamespace,
    maxEntries: Number.MAX_SAFE_INTEGER,
    marksByName: false,
    keeper: null,
    placement: placementOf(request),
  });
  const reader = new TarReader({
    entry: (entry) => writer.entry(entry),
    data: (bytes) => writer.data(bytes),
    entryEnd: () => writer.entryEnd(),
  });
  const buffer = Buffer.allocUnsafe(1 << 20);
  for (let count = read(buffer); count > 0; count = read(buffer))
    reader.write(buffer.subarray(0, count));
  reader.finish();
  return writer.finish();
}

function read(buffer: Buffer): number {
  return readSync(0, buffer, 0, buffer.length, null);
}

function placementOf(request: PlaceRequest): Placement {
  const { directory, name, owner, overwrites } = request;
  const base = directory === "/" ? "" : Buffer.from(directory).toString("latin1");
  const latin1 = (text: string) => Buffer.from(text).toString("latin1");
  const renames = new Map(
    Object.entries(request.renames ?? {}).map(([from, to]) => [latin1(from), latin1(to)]),
  );
  const renamed = (first: string) => (name === null ? (renames.get(first) ?? first) : latin1(name));
  return {
    placeOf(entryName): Place {
      const found = literalPlaceOf(entryName);
      // the directory that is written into keeps what it is
      if (found.kind === "root") return { kind: "aufs" };
      const path = found.path.replace(/^\/[^/]*/, (first) => `/${renamed(first.slice(1))}`);
      return { kind: "entry", path: `${base}${path}` };
    },
    ownerOf: (entry) => owner ?? entry,
    assertMayReplace(path, byDirectory) {
      const isDirectory = lookAt(path)?.isDirectory() ?? false;
      if (overwrites || isDirectory === byDirectory) return;
      throw new CooperError(
        "conflict",
        byDirectory
          ? `cannot put a directory in the place of the file ${printable(path)}`
          : `cannot put a file in the place of the directory ${printable(path)}`,
        { hint: "--overwrite does it all the same" },
      );
    },
  };
}

if (import.meta.main) process.exitCode = placeMain(process.argv.slice(2));
