/** A tree that files are copied from: a build context, or what a stage or image has. Everything in it may be a stranger's. */
import type { Stats } from "node:fs";
import { posix } from "node:path";
import { findEntry } from "../../container/copy/tree.ts";
import { CooperError } from "../../errors.ts";
import { OpenDirectory } from "../../system/tree-read.ts";
import { type Glob, hasGlob, matchesGlob, parseGlob } from "../glob.ts";
import { type IgnoreRules, isIgnored, matchRules, type RuleMatches } from "../ignore.ts";

export interface SourceTree {
  /** A path to it, for system calls that resolve within it. */
  readonly root: string;
  /** What the user calls it, for errors. */
  readonly shown: string;
  /** What is left out of it; null: nothing. */
  readonly ignore: IgnoreRules | null;
  /** Whether it is the user's: whom its files belong to on this machine then means nothing. */
  readonly isContext: boolean;
}

/** What a path of COPY leads to, held open until it is disposed. */
export interface Picked extends Disposable {
  /** Within the tree, without a slash at its beginning; empty: the tree itself. As it was asked for. */
  readonly path: string;
  readonly parent: OpenDirectory;
  /** A byte string. */
  readonly name: string;
  readonly stats: Stats;
  /** With --parents: how much of `path` is kept. */
  readonly kept: string;
}

const cleaned = (path: string) => posix.join("/", path).slice(1).replace(/\/+$/, "");

/**
 * What a path or pattern leads to, in the order of names. Links on the way, and where it ends, are followed
 * within the tree.
 *
 * @throws CooperError no-such-object when there is nothing
 */
export function pick(tree: SourceTree, typed: string): Picked[] {
  const pivot = /(?:^|\/)\.\//.exec(typed.replace(/^\.\//, ""));
  const bare = typed.replace(/^\.\//, "");
  const base = pivot === null ? "" : cleaned(bare.slice(0, pivot.index));
  const paths = hasGlob(typed) ? expandPaths(tree, cleaned(bare)) : [cleaned(bare)];
  const picked: Picked[] = [];
  try {
    for (const path of paths) picked.push(pickOne(tree, path, base));
  } catch (error) {
    for (const one of picked) one[Symbol.dispose]();
    throw error;
  }
  if (picked.length === 0) throw missing(tree, typed);
  return picked;
}

function pickOne(tree: SourceTree, path: string, base: string): Picked {
  if (path !== "" && tree.ignore !== null && isWhollyIgnored(tree, tree.ignore, path))
    throw missing(tree, path, "it is excluded by the ignore file of the context");
  const found = findEntry(tree.root, `/${path}`, {
    followsLast: true,
    shown: `${JSON.stringify(path)} in ${tree.shown}`,
  });
  const kept = base === "" ? path : posix.relative(`/${base}`, `/${path}`);
  return Object.assign(found, { path, kept });
}

/** A directory that is left out is still there when an exception names something in it. */
function isWhollyIgnored(tree: SourceTree, ignore: IgnoreRules, path: string): boolean {
  if (!isIgnored(ignore, path)) return false;
  if (!ignore.hasExceptions) return true;
  using found = findEntry(tree.root, `/${path}`, { followsLast: true, shown: path });
  return !found.stats.isDirectory();
}

function missing(tree: SourceTree, typed: string, why?: string): CooperError {
  return new CooperError(
    "no-such-object",
    why === undefined
      ? `there is nothing named ${JSON.stringify(typed)} in ${tree.shown}`
      : `${JSON.stringify(typed)} is not in ${tree.shown}: ${why}`,
  );
}

/** All paths that fit a pattern; no deeper than it can reach. */
function expandPaths(tree: SourceTree, pattern: string): string[] {
  const parts = pattern.split("/");
  const plain = parts.findIndex(hasGlob);
  const base = parts.slice(0, plain).join("/");
  const depth = parts.some((part) => part.includes("**")) ? Number.POSITIVE_INFINITY : parts.length;
  const found: string[] = [];
  try {
    using start = findEntry(tree.root, `/${base}`, { followsLast: true, shown: base });
    using directory =
      start.name === "."
        ? OpenDirectory.at(`/proc/self/fd/${start.parent.descriptor}`)
        : start.parent.enter(start.name);
    if (directory !== undefined)
      matchBelow(tree, directory, base, { glob: parseGlob(pattern), depth }, found);
  } catch (error) {
    if (error instanceof CooperError && error.code === "no-such-object") return [];
    if (error instanceof CooperError) throw error;
    throw new CooperError("invalid-argument", error instanceof Error ? error.message : `${error}`);
  }
  return found;
}

function matchBelow(
  tree: SourceTree,
  directory: OpenDirectory,
  path: string,
  wanted: { readonly glob: Glob; readonly depth: number },
  found: string[],
): void {
  for (const name of directory.names()) {
    const child = path === "" ? textOf(name) : `${path}/${textOf(name)}`;
    const ignored = tree.ignore !== null && isIgnored(tree.ignore, child);
    if (ignored && tree.ignore?.hasExceptions !== true) continue;
    const fits = matchesGlob(wanted.glob, child);
    const isDirectory = directory.look(name)?.isDirectory() ?? false;
    if (fits && (!ignored || isDirectory)) found.push(child);
    if (fits || !isDirectory || child.split("/").length >= wanted.depth) continue;
    using inner = directory.enter(name);
    if (inner !== undefined) matchBelow(tree, inner, child, wanted, found);
  }
}

/** Names of files are bytes; patterns are text. */
export const textOf = (name: string) => Buffer.from(name, "latin1").toString("utf8");

/** An entry on the way through what was picked. */
export interface WalkedEntry {
  /** A byte string within what was picked: `a/b`; empty for itself. */
  readonly path: string;
  readonly parent: OpenDirectory;
  readonly name: string;
  readonly stats: Stats;
}

/** Where a walk stands. */
interface Level {
  readonly path: string;
  /** Within the tree, for ignore rules; within what was picked, for excludes. */
  readonly full: string;
  readonly ignored: RuleMatches | undefined;
  readonly excluded: RuleMatches | undefined;
}

/** Itself and all below it that is not left out, directories before what is in them, by name. */
export function* walk(
  tree: SourceTree,
  picked: Picked,
  excludes: IgnoreRules | null,
): Generator<WalkedEntry> {
  const { parent, name, stats } = picked;
  yield { path: "", parent, name, stats };
  if (!stats.isDirectory()) return;
  using directory =
    name === "." ? OpenDirectory.at(`/proc/self/fd/${parent.descriptor}`) : parent.enter(name);
  if (directory === undefined) return;
  const ignored =
    tree.ignore === null || picked.path === "" ? undefined : matchesAt(tree.ignore, picked.path);
  const top = { path: "", full: picked.path, ignored, excluded: undefined };
  yield* walkBelow(tree, directory, top, excludes, []);
}

function matchesAt(ignore: IgnoreRules, path: string): RuleMatches | undefined {
  let above: RuleMatches | undefined;
  const parts = path.split("/");
  for (let length = 1; length <= parts.length; length++)
    above = matchRules(ignore, parts.slice(0, length).join("/"), above).matches;
  return above;
}

/** @param waiting directories that are left out, unless something in them is not */
function* walkBelow(
  tree: SourceTree,
  directory: OpenDirectory,
  level: Level,
  excludes: IgnoreRules | null,
  waiting: WalkedEntry[],
): Generator<WalkedEntry> {
  for (const name of directory.names()) {
    const stats = directory.look(name);
    if (stats === undefined) continue;
    const path = level.path === "" ? name : `${level.path}/${name}`;
    const full = level.full === "" ? textOf(name) : `${level.full}/${textOf(name)}`;
    const ignored = tree.ignore === null ? null : matchRules(tree.ignore, full, level.ignored);
    const excluded = excludes === null ? null : matchRules(excludes, textOf(path), level.excluded);
    const isLeftOut = ignored?.isIgnored === true || excluded?.isIgnored === true;
    const entry = { path, parent: directory, name, stats };
    if (!isLeftOut) {
      yield* waiting.splice(0);
      yield entry;
    }
    if (!stats.isDirectory()) continue;
    const hasExceptions = tree.ignore?.hasExceptions === true || excludes?.hasExceptions === true;
    if (isLeftOut && !hasExceptions) continue;
    using inner = directory.enter(name);
    if (inner === undefined) continue;
    if (isLeftOut) waiting.push(entry);
    const below = { path, full, ignored: ignored?.matches, excluded: excluded?.matches };
    yield* walkBelow(tree, inner, below, excludes, waiting);
    if (isLeftOut && waiting.at(-1) === entry) waiting.pop();
  }
}
