/**
 * What a runtime makes in a tree only to mount something on it (/proc, /etc/hosts, the target of a
 * `RUN --mount`) is no change of the command's, and not a part of its layer.
 */
import { rmdirSync, unlinkSync } from "node:fs";
import { posix } from "node:path";
import type { OpenDirectory } from "../../system/tree-read.ts";

const always = [
  "/dev",
  "/etc/hostname",
  "/etc/hosts",
  "/etc/resolv.conf",
  "/proc",
  "/run/.containerenv",
  "/sys",
];

/** Places that may be made, with the directories that they are in; deepest first. */
export function mountPoints(targets: readonly string[]): string[] {
  const all = new Set<string>();
  for (const target of [...always, ...targets])
    for (let path = target; path !== "/" && path !== "."; path = posix.dirname(path)) all.add(path);
  return [...all].sort((a, b) => b.split("/").length - a.split("/").length);
}

/** What a place was before the command ran: nothing, or a directory with these looks. */
export type Before = ReadonlyMap<string, string | undefined>;

const looksOf = (mode: number, uid: number, gid: number) => `${mode} ${uid} ${gid}`;

/** Looks at the places in a tree. */
export function lookBefore(root: OpenDirectory, points: readonly string[]): Before {
  const looks = new Map<string, string | undefined>();
  for (const point of points)
    looks.set(
      point,
      at(root, point, (parent, name) => {
        const stats = parent.look(name);
        return stats === undefined ? undefined : looksOf(stats.mode, stats.uid, stats.gid);
      }),
    );
  return looks;
}

/**
 * Takes away from an upper directory, or from a whole tree, what is there for mounts alone: empty files and directories that were
 * not there before, and directories that came along unchanged.
 */
export function removeMountPoints(
  upper: OpenDirectory,
  points: readonly string[],
  before: Before,
  isWhole = false,
): void {
  for (const point of points) {
    at(upper, point, (parent, name) => {
      const stats = parent.look(name);
      if (stats === undefined) return undefined;
      const was = before.get(point);
      const path = Buffer.from(`/proc/self/fd/${parent.descriptor}/${name}`, "latin1");
      if (stats.isFile() && stats.size === 0 && was === undefined) unlinkSync(path);
      if (!stats.isDirectory()) return undefined;
      const isSame =
        was === undefined || (!isWhole && was === looksOf(stats.mode, stats.uid, stats.gid));
      if (isSame && isEmpty(parent, name)) rmdirSync(path);
      return undefined;
    });
  }
}

function isEmpty(parent: OpenDirectory, name: string): boolean {
  using directory = parent.enter(name);
  if (directory === undefined || directory.names().length > 0) return false;
  const opaque = ["trusted.overlay.opaque", "user.overlay.opaque"];
  return ![...directory.xattrs(".").keys()].some((key) => opaque.includes(key));
}

/** Acts on an entry by its parent, which is reached without following any link. */
function at<T>(
  root: OpenDirectory,
  path: string,
  act: (parent: OpenDirectory, name: string) => T | undefined,
): T | undefined {
  using stack = new DisposableStack();
  const parts = path
    .split("/")
    .filter((part) => part !== "")
    .map((part) => Buffer.from(part).toString("latin1"));
  let directory = root;
  for (const part of parts.slice(0, -1)) {
    const next = directory.enter(part);
    if (next === undefined) return undefined;
    directory = stack.use(next);
  }
  const name = parts.at(-1);
  return name === undefined ? undefined : act(directory, name);
}
