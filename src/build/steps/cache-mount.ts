/** `RUN --mount=type=cache`: a directory that outlives the build, by the name that the Dockerfile gives it. */
import { chmodSync, existsSync, lchownSync, mkdirSync, renameSync, utimesSync } from "node:fs";
import { join, posix } from "node:path";
import { findEntry } from "../../container/copy/tree.ts";
import { CooperError } from "../../errors.ts";
import { packTree } from "../../layer/pack.ts";
import { placeTar } from "../../layer/place.ts";
import { digestOf, hexOf } from "../../oci/digest.ts";
import { type FileLock, lock, tryLock } from "../../system/lock.ts";
import { OpenDirectory } from "../../system/tree-read.ts";
import type { StepMount } from "../graph.ts";
import type { BuildSession } from "../session.ts";
import type { StepTrees } from "./run-mounts.ts";

type CacheMount = Extract<StepMount, { kind: "cache" }>;

/** Held while the command runs. */
export interface OpenCache extends Disposable {
  readonly path: string;
}

/**
 * Opens the directory, making it where it is new. Its name is a digest, so that no id leads anywhere else;
 * `private` takes one that nobody else has at the moment, `locked` waits until nobody has it.
 */
export async function openCache(
  session: BuildSession,
  mount: CacheMount,
  trees: StepTrees,
): Promise<OpenCache> {
  const { caches } = session.host.paths;
  const hex = hexOf(digestOf(mount.id)).slice(0, 32);
  mkdirSync(caches, { recursive: true, mode: 0o700 });
  const { held, path } = await take(caches, hex, mount.sharing);
  try {
    const now = new Date();
    utimesSync(`${path}.lock`, now, now); // when it was used last decides what goes first (build-cache.ts)
    if (!existsSync(path)) await make(session, path, mount, trees);
    return { path, [Symbol.dispose]: () => held[Symbol.dispose]() };
  } catch (error) {
    held[Symbol.dispose]();
    throw error;
  }
}

async function take(
  caches: string,
  hex: string,
  sharing: CacheMount["sharing"],
): Promise<{ held: FileLock; path: string }> {
  const place = (number: number) => join(caches, `${hex}-${number}`);
  const lockFile = (number: number) => `${place(number)}.lock`;
  if (sharing !== "private") {
    const mode = sharing === "locked" ? "exclusive" : "shared";
    return { held: await lock(lockFile(0), mode, 2 ** 31 - 1), path: place(0) };
  }
  for (let number = 0; ; number++) {
    const held = tryLock(lockFile(number), "exclusive");
    if (held !== undefined) return { held, path: place(number) };
  }
}

/** Two that share it may make it at once: who is second to rename finds it there. */
async function make(
  session: BuildSession,
  path: string,
  mount: CacheMount,
  trees: StepTrees,
): Promise<void> {
  const staged = session.stage.next("cache");
  mkdirSync(staged, { mode: 0o700 });
  if (mount.tree !== null) await fill(session, staged, mount, trees, mount.tree);
  chmodSync(staged, mount.mode);
  lchownSync(staged, mount.uid, mount.gid);
  try {
    renameSync(staged, path);
  } catch (error) {
    if (!existsSync(path)) throw error;
  }
}

async function fill(
  session: BuildSession,
  staged: string,
  mount: CacheMount,
  trees: StepTrees,
  tree: number,
): Promise<void> {
  using view = trees.isContext(tree)
    ? OpenDirectory.at(trees.context(tree).root)
    : session.view(trees.built(tree));
  const root = `/proc/self/fd/${view.descriptor}`;
  using found = findEntry(root, mount.source, {
    followsLast: true,
    shown: `${mount.source} for a cache`,
  });
  using directory =
    found.name === "."
      ? OpenDirectory.at(`/proc/self/fd/${found.parent.descriptor}`)
      : found.parent.enter(found.name);
  if (directory === undefined)
    throw new CooperError(
      "invalid-argument",
      `${posix.basename(mount.source)} is no directory for a cache to begin with`,
    );
  const tar = packTree(directory, { kind: "filesystem", only: ".", signal: session.signal });
  const where = { root: staged, directory: "/", name: null, owner: null };
  await placeTar(tar, { ...where, overwrites: false });
}
