/** Names in a tar → places in the tree, and what the names of whiteouts mean (image-spec, layer.md, "Whiteouts"). */
import { CooperError } from "../errors.ts";
import { shown } from "../system/tree.ts";

/** PATH_MAX and NAME_MAX of limits.h. */
const maxPathBytes = 4095;
const maxNameBytes = 255;

/** What the names of whiteouts begin with. */
export const whiteoutPrefix = ".wh.";
/** Hides all that lower layers have in its directory. */
export const opaqueName = ".wh..wh..opq";
/** Records that AUFS kept in the tree for itself. */
const aufsPrefix = ".wh..wh.";

/** What a name asks for: an entry, or to hide what lower layers have. */
export type Place =
  | { readonly kind: "root" }
  | { readonly kind: "entry"; readonly path: string }
  | { readonly kind: "whiteout"; readonly path: string }
  | { readonly kind: "opaque"; readonly directory: string }
  | { readonly kind: "aufs" };

/**
 * The place of a name: absolute within the layer, without `.`, `..` and doubled slashes. Leading slashes
 * mean nothing, as for every peer; a name that leads out is refused, not bent.
 */
export function placeOf(name: string): Place {
  const parts = cleanParts(name, "an entry");
  const last = parts.pop();
  if (last === undefined) return { kind: "root" };
  const directory = parts.length === 0 ? "" : `/${parts.join("/")}`;
  if (parts.some((part) => part.startsWith(aufsPrefix))) return { kind: "aufs" };
  if (last === opaqueName) return { kind: "opaque", directory: directory === "" ? "/" : directory };
  if (last.startsWith(aufsPrefix)) return { kind: "aufs" };
  if (!last.startsWith(whiteoutPrefix)) return { kind: "entry", path: `${directory}/${last}` };
  const hidden = last.slice(whiteoutPrefix.length);
  if (hidden === "" || hidden === "." || hidden === "..") {
    throw new CooperError("hostile", `the layer has an invalid whiteout: ${printable(name)}`);
  }
  return { kind: "whiteout", path: `${directory}/${hidden}` };
}

/** The place of a name that means nothing but itself. */
export function literalPlaceOf(
  name: string,
): Exclude<Place, { kind: "whiteout" | "opaque" | "aufs" }> {
  const parts = cleanParts(name, "an entry");
  return parts.length === 0 ? { kind: "root" } : { kind: "entry", path: `/${parts.join("/")}` };
}

/** The place that a hard link refers to. */
export function linkTarget(name: string): string {
  return `/${cleanParts(name, "a hard link").join("/")}`;
}

function cleanParts(name: string, what: string): string[] {
  if (name.includes("\0"))
    throw new CooperError("hostile", `the layer has ${what} with NUL in its name`);
  const parts: string[] = [];
  for (const part of name.split("/")) {
    if (part === "" || part === ".") continue;
    if (part !== "..") parts.push(part);
    else if (parts.pop() === undefined) {
      throw new CooperError(
        "hostile",
        `the layer has ${what} that leads out of it: ${printable(name)}`,
      );
    }
    if (part.length > maxNameBytes) throw tooLong(what, name);
  }
  if (name.length > maxPathBytes && parts.join("/").length > maxPathBytes - 1)
    throw tooLong(what, name);
  return parts;
}

function tooLong(what: string, name: string): CooperError {
  return new CooperError(
    "hostile",
    `the layer has ${what} with a name that is too long: ${printable(name)}`,
  );
}

/** A name for an error: cut, and without control characters. */
export function printable(name: string): string {
  const text = name.length > 120 ? `${name.slice(0, 120)}…` : name;
  return JSON.stringify(shown(text));
}
