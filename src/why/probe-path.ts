/** Looks at paths in a container's files as its process would meet them; follows no link out of them. */
import { closeSync, fstatSync, opendirSync, type Stats, statSync } from "node:fs";
import { posix } from "node:path";
import { errnoName } from "../errors.ts";
import { findInRoot } from "../system/rooted.ts";
import type { MountFacts, PathFacts, UserFacts } from "./evidence.ts";

/** The files of a container: its own tree, and what is mounted over it. */
export interface Tree {
  /** A directory to resolve within. */
  readonly root: string;
  readonly mounts: readonly (MountFacts & { readonly root: string | null })[];
  readonly user: UserFacts;
  /** Whether the process passes where modes forbid it: root with CAP_DAC_OVERRIDE. */
  readonly overridesModes: boolean;
  /** From owners on disk to those that the container sees. */
  readonly toInside: (uid: number, gid: number) => { uid: number; gid: number };
}

/** An owner that the container has no id for (user_namespaces(7), overflowuid). */
export const nobody = 65534;

/** The place of a path: in the innermost mount that holds it, or in the tree. */
function locate(
  tree: Tree,
  path: string,
): { root: string; within: string; mount: MountFacts | null } {
  const holders = tree.mounts.filter(
    ({ target }) => path === target || path.startsWith(`${target.replace(/\/$/, "")}/`),
  );
  const [mount] = holders.sort((a, b) => b.target.length - a.target.length);
  if (mount === undefined) return { root: tree.root, within: path, mount: null };
  if (mount.root === null) return { root: tree.root, within: path, mount };
  // a file of its own: to resolve within takes a directory
  if (path === mount.target && !isDirectory(mount.root))
    return { root: posix.dirname(mount.root), within: posix.basename(mount.root), mount };
  return { root: mount.root, within: path.slice(mount.target.length) || "/", mount };
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

interface Looked {
  readonly stats: Stats;
  readonly uid: number;
  readonly gid: number;
}

/** What is at a path, links followed; undefined when there is nothing, or no way to it. */
function look(tree: Tree, path: string): Looked | undefined {
  const { root, within } = locate(tree, path);
  let descriptor: number | undefined;
  try {
    descriptor = findInRoot(root, within);
    if (descriptor === undefined) return undefined;
    const stats = fstatSync(descriptor);
    return { stats, ...tree.toInside(stats.uid, stats.gid) };
  } catch (error) {
    if (["EACCES", "ENOENT", "ENAMETOOLONG", "EINVAL"].includes(errnoName(error) ?? ""))
      return undefined; // not ours to look at either, or no name for a file
    throw error;
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

/** Looks at an absolute path of the container. */
export function probePath(tree: Tree, path: string): PathFacts {
  const clean = posix.normalize(path);
  const { mount } = locate(tree, clean);
  const way = ancestors(clean);
  const missing = way.find((directory) => look(tree, directory) === undefined) ?? null;
  const denied = way
    .map((directory) => ({ path: directory, found: look(tree, directory) }))
    .find(({ found }) => found !== undefined && !may(tree, found, 1));
  const found = look(tree, clean);
  const plain = mount === null ? null : mountFacts(mount);
  return {
    path: clean,
    kind: found === undefined ? "missing" : kindOf(found.stats),
    uid: found?.uid ?? 0,
    gid: found?.gid ?? 0,
    mode: (found?.stats.mode ?? 0) & 0o7777,
    missing,
    denied:
      denied?.found === undefined
        ? null
        : { path: denied.path, uid: denied.found.uid, mode: denied.found.stats.mode & 0o7777 },
    canRead: found !== undefined && may(tree, found, 4),
    canWrite: found !== undefined && may(tree, found, 2),
    canExecute: found !== undefined && may(tree, found, 1),
    mount: plain,
  };
}

function mountFacts({ target, kind, source, readOnly, options }: MountFacts): MountFacts {
  return { target, kind, source, readOnly, options };
}

function kindOf(stats: Stats): PathFacts["kind"] {
  if (stats.isFile()) return "file";
  return stats.isDirectory() ? "directory" : "other";
}

/** `/a/b/c`: `/`, `/a`, `/a/b`. */
function ancestors(path: string): string[] {
  const parts = path.split("/").filter(Boolean).slice(0, -1);
  return ["/", ...parts.map((_, index) => `/${parts.slice(0, index + 1).join("/")}`)];
}

/** path_resolution(7), "Permissions"; a file that is executable for nobody is not for root either. */
function may({ user, overridesModes }: Tree, { stats, uid, gid }: Looked, bit: 1 | 2 | 4): boolean {
  // capabilities do not reach what belongs to ids that are not mapped (user_namespaces(7))
  if (overridesModes && uid !== nobody) {
    return bit !== 1 || stats.isDirectory() || (stats.mode & 0o111) !== 0;
  }
  if (uid === user.uid) return (stats.mode & (bit << 6)) !== 0;
  if (gid === user.gid || user.groups.includes(gid)) return (stats.mode & (bit << 3)) !== 0;
  return (stats.mode & bit) !== 0;
}

const mostNames = 5000;

/** The names in a directory, of a giant only some; none where it cannot be read. */
export function namesIn(tree: Tree, directory: string): string[] {
  const { root, within } = locate(tree, directory);
  let descriptor: number | undefined;
  try {
    descriptor = findInRoot(root, within);
    if (descriptor === undefined) return [];
    using opened = opendirSync(`/proc/self/fd/${descriptor}`);
    const names: string[] = [];
    for (let entry = opened.readSync(); entry !== null && names.length < mostNames; ) {
      names.push(entry.name);
      entry = opened.readSync();
    }
    return names;
  } catch {
    return []; // no directory, or not ours to read
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

/** Where within which root a path's bytes are to be read. */
export function placeOf(tree: Tree, path: string): { root: string; within: string } {
  const { root, within } = locate(tree, path);
  return { root, within };
}
