/** Ignored files of a context that is mounted: whiteouts above it, so that the command does not see them. */
import { mkdirSync } from "node:fs";
import { CooperError } from "../../errors.ts";
import { makeNode, nodeType } from "../../system/tree.ts";
import { OpenDirectory } from "../../system/tree-read.ts";
import { type IgnoreRules, matchRules, type RuleMatches } from "../ignore.ts";
import { textOf } from "./tree.ts";

/** Fills an overlay's upper directory, which is empty so far. */
export function hideIgnored(root: string, ignore: IgnoreRules, upper: string): void {
  using directory = OpenDirectory.at(root);
  hideBelow(directory, "", "", ignore, undefined, Buffer.from(upper).toString("latin1"));
}

function hideBelow(
  directory: OpenDirectory,
  path: string,
  bytes: string,
  ignore: IgnoreRules,
  above: RuleMatches | undefined,
  upper: string,
): void {
  for (const name of directory.names()) {
    const child = path === "" ? textOf(name) : `${path}/${textOf(name)}`;
    const place = `${bytes}/${name}`;
    const { isIgnored, matches } = matchRules(ignore, child, above);
    const isDirectory = directory.look(name)?.isDirectory() ?? false;
    if (isIgnored && !(isDirectory && ignore.hasExceptions)) whiteout(upper, place);
    else if (isDirectory) {
      using inner = directory.enter(name);
      if (inner !== undefined) hideBelow(inner, child, place, ignore, matches, upper);
    }
  }
}

function whiteout(upper: string, place: string): void {
  const parent = Buffer.from(`${upper}${place.slice(0, place.lastIndexOf("/"))}`, "latin1");
  mkdirSync(parent, { recursive: true, mode: 0o755 });
  const made = makeNode(`${upper}${place}`, nodeType.character, 0, 0);
  if (made !== "")
    throw new CooperError("not-supported", `cannot hide ignored files from a mount: ${made}`);
}
