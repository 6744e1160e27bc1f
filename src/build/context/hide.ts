/** Ignored files of a context that is mounted: whiteouts above it, so that the command does not see them. */
import { mkdirSync, writeFileSync } from "node:fs";
import { CooperError } from "../../errors.ts";
import { whiteoutPrefix } from "../../layer/entry-path.ts";
import { makeNode, nodeType } from "../../system/tree.ts";
import { OpenDirectory } from "../../system/tree-read.ts";
import { type IgnoreRules, matchRules, type RuleMatches } from "../ignore.ts";
import { textOf } from "./tree.ts";

/**
 * Fills an overlay's upper directory, which is empty so far.
 *
 * @param byName whether names say what is hidden, for drivers that stand in for the kernel's
 */
export function hideIgnored(
  root: string,
  ignore: IgnoreRules,
  upper: string,
  byName: boolean,
): void {
  using directory = OpenDirectory.at(root);
  const place = Buffer.from(upper).toString("latin1");
  const hide = byName ? markByName : whiteout;
  hideBelow(directory, "", "", ignore, undefined, (path) => hide(place, path));
}

function hideBelow(
  directory: OpenDirectory,
  path: string,
  bytes: string,
  ignore: IgnoreRules,
  above: RuleMatches | undefined,
  hide: (path: string) => void,
): void {
  for (const name of directory.names()) {
    const child = path === "" ? textOf(name) : `${path}/${textOf(name)}`;
    const place = `${bytes}/${name}`;
    const { isIgnored, matches } = matchRules(ignore, child, above);
    const isDirectory = directory.look(name)?.isDirectory() ?? false;
    if (isIgnored && !(isDirectory && ignore.hasExceptions)) hide(place);
    else if (isDirectory) {
      using inner = directory.enter(name);
      if (inner !== undefined) hideBelow(inner, child, place, ignore, matches, hide);
    }
  }
}

function markByName(upper: string, place: string): void {
  const name = place.lastIndexOf("/") + 1;
  const parent = Buffer.from(`${upper}${place.slice(0, name)}`, "latin1");
  mkdirSync(parent, { recursive: true, mode: 0o755 });
  const mark = `${upper}${place.slice(0, name)}${whiteoutPrefix}${place.slice(name)}`;
  writeFileSync(Buffer.from(mark, "latin1"), "");
}

function whiteout(upper: string, place: string): void {
  const parent = Buffer.from(`${upper}${place.slice(0, place.lastIndexOf("/"))}`, "latin1");
  mkdirSync(parent, { recursive: true, mode: 0o755 });
  const made = makeNode(`${upper}${place}`, nodeType.character, 0, 0);
  if (made !== "")
    throw new CooperError("not-supported", `cannot hide ignored files from a mount: ${made}`);
}
