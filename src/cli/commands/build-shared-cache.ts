/** `--cache-from` and `--cache-to`, as they are typed. */
import type { CacheTarget } from "../../build/shared-cache/export.ts";
import type { CacheSource } from "../../build/shared-cache/import.ts";
import { CooperError } from "../../errors.ts";
import { parseName } from "../../oci/reference.ts";
import { pairs } from "../pairs.ts";
import { compressionOf, fieldsOf, truth } from "./build-output.ts";

/** Where the cache of a repository is that was named without a tag, as Podman does. */
const ownTag = "cooper-cache";

const elsewhere = ["gha", "s3", "azblob"];

/** `type=registry,ref=NAME`, `type=local,src=DIR`, or a name alone. */
export function cacheSourceOf(text: string): CacheSource {
  const { type, ...words } = wordsOf(text, "--cache-from");
  if (type === "registry") {
    const { ref, ...rest } = words;
    assertNone(rest, "--cache-from");
    return { kind: "registry", names: names(needed(ref, "--cache-from: ref is required")) };
  }
  assertLocal(type, "--cache-from");
  const { src, tag = "latest", digest = null, ...rest } = words;
  assertNone(rest, "--cache-from");
  return { kind: "local", directory: needed(src, "--cache-from: src is required"), tag, digest };
}

/** An image of that name may carry its cache with it, which docker means by such a name. */
const names = (name: string) => (hasTag(name) ? [name] : [`${name}:${ownTag}`, name]);

function hasTag(name: string): boolean {
  const { tag, digest } = parseName(name);
  return tag !== null || digest !== null;
}

/** `type=registry,ref=NAME,mode=max`, `type=local,dest=DIR`, `type=inline`, or a name alone. */
export function cacheTargetOf(text: string): CacheTarget {
  const { type, ...words } = wordsOf(text, "--cache-to");
  if (type === "inline") {
    assertNone(words, "--cache-to");
    return { kind: "inline" };
  }
  const {
    mode = text.includes("=") ? "min" : "max", // Podman keeps all steps
    compression,
    "compression-level": level,
    "force-compression": forced,
    "ignore-error": ignored,
    "image-manifest": imageManifest,
    "oci-mediatypes": ociTypes,
    ref,
    dest,
    tag = "latest",
    ...rest
  } = words;
  assertNone(rest, "--cache-to");
  if (mode !== "min" && mode !== "max")
    throw new CooperError(
      "invalid-argument",
      `--cache-to: the mode ${mode} is neither min nor max`,
    );
  for (const [name, value] of Object.entries({ imageManifest, ociTypes }))
    if (value !== undefined && !truth(name, value))
      throw new CooperError(
        "not-supported",
        "--cache-to: a cache is an OCI image manifest, always",
      );
  const common = {
    mode,
    ignoresErrors: ignored !== undefined && truth("ignore-error", ignored),
    compression: compressionOf(compression, level, forced),
  } as const;
  if (type === "registry") {
    const name = needed(ref, "--cache-to: ref is required");
    return { ...common, kind: "registry", name: hasTag(name) ? name : `${name}:${ownTag}` };
  }
  assertLocal(type, "--cache-to");
  return { ...common, kind: "local", directory: needed(dest, "--cache-to: dest is required"), tag };
}

/** A name alone is one in a registry. */
function wordsOf(text: string, flag: string): Record<string, string> & { type: string } {
  if (!text.includes("=")) return { type: "registry", ref: text };
  const { type = "registry", ...words } = pairs(fieldsOf(text), "cache");
  if (elsewhere.includes(type))
    throw new CooperError(
      "not-supported",
      `${flag}: caches of the type ${type} are not supported`,
      {
        hint: "use type=registry, or type=local with a directory that is kept between builds",
      },
    );
  return { ...words, type };
}

function assertLocal(type: string, flag: string): void {
  if (type !== "local")
    throw new CooperError("invalid-argument", `${flag}: ${type} is no type of cache`, {
      hint: "there are registry, local and inline",
    });
}

function needed(value: string | undefined, why: string): string {
  if (value === undefined || value === "") throw new CooperError("invalid-argument", why);
  return value;
}

function assertNone(words: Readonly<Record<string, string>>, flag: string): void {
  const [unknown] = Object.keys(words);
  if (unknown !== undefined)
    throw new CooperError("not-supported", `${flag}: ${unknown} is not supported`);
}
