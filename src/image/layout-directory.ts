/** Directories that images and caches are written into, beside what is there. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { CooperError } from "../errors.ts";
import { decodeManifest, maxManifestBytes } from "../oci/manifest.ts";
import { mediaType } from "../oci/media-type.ts";
import type { IndexEntry } from "./archive-formats.ts";

/**
 * What is in a directory that may be written into: nothing is overwritten that is not of the same format.
 *
 * @param sign the file by which the format is known
 */
export function namesIn(directory: string, sign: string, format: string): string[] {
  const there = statSync(directory, { throwIfNoEntry: false });
  if (there !== undefined && !there.isDirectory())
    throw new CooperError("invalid-argument", `${directory} is no directory`);
  const names = there === undefined ? [] : readdirSync(directory);
  if (names.length > 0 && !names.includes(sign)) {
    throw new CooperError("invalid-argument", `${directory} is not empty, and no ${format}`, {
      hint: "choose a new directory with --output",
    });
  }
  return names;
}

/** Entries of the OCI layout in a directory, or of one that can be made there; they stay as they are, whatever fields they have. */
export function entriesInLayout(directory: string): IndexEntry[] {
  if (!namesIn(directory, "oci-layout", "oci-dir").includes("index.json")) return [];
  const file = join(directory, "index.json");
  if (statSync(file).size > maxManifestBytes)
    throw new CooperError("hostile", `${file} is larger than 4 MiB`);
  const { kind, text } = decodeManifest(readFileSync(file), mediaType.ociIndex, file);
  if (kind !== "index") throw new CooperError("corrupt", `${file} is no index`);
  return (JSON.parse(text) as { manifests?: IndexEntry[] | null }).manifests ?? [];
}
