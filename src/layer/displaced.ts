/**
 * What a layer's tar has and its tree has not. An entry may take the place of an earlier one, and a
 * whiteout may carry contents that mean nothing: the exact tar needs them all the same. They are kept
 * beside the tree, where no container sees them, as files with telling names:
 *
 *     HASH.N   what was at the path of this hash until the tar's entry number N took its place
 *     N        contents of entry number N, which is nothing in the tree
 *
 * Moved there, not copied: a displaced file keeps its attributes, and hard links to it stay what they are.
 */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { errnoName } from "../errors.ts";
import type { LayerPaths } from "../paths.ts";
import { createFileIn, moveInto } from "../system/tree.ts";
import { fail, lookAt, namesIn } from "./tree-changes.ts";

/** Honest layers have a handful. With more, the tar is not rebuilt, so that names stay few enough to be held. */
export const maxDisplaced = 65536;

const hashOf = (path: string): string =>
  new Bun.CryptoHasher("sha256").update(Buffer.from(path, "latin1")).digest("hex");

/** Keeps what is displaced while a layer is unpacked. */
export class DisplacedKeeper {
  /** How many were kept. */
  count = 0;
  /** There were too many: what is kept is of no use any more. */
  hasGivenUp = false;
  private readonly directory: number;

  /** @param directory open, empty, on the file system of the tree; stays the caller's to close */
  constructor(directory: number) {
    this.directory = directory;
  }

  /**
   * Moves what is at a path out of the tree; a directory with all in it.
   *
   * @param ordinal of the entry that comes to stand there
   * @returns false when it is left where it is, to be removed: no more are kept
   */
  displace(path: string, ordinal: number): boolean {
    if (lookAt(path)?.isDirectory()) {
      for (const name of namesIn(path)) {
        if (!this.displace(`${path}/${name}`, ordinal)) return false;
      }
    }
    if (!this.hasRoom()) return false;
    const moved = moveInto(path, this.directory, `${hashOf(path)}.${ordinal}`);
    if (moved !== "") throw fail(moved, path);
    return true;
  }

  /** A file for the contents of an entry that makes none; undefined: no more are kept. */
  create(ordinal: number): number | undefined {
    if (!this.hasRoom()) return undefined;
    const made = createFileIn(this.directory, `${ordinal}`);
    if (typeof made === "string") throw fail(made, `${ordinal}`);
    return made;
  }

  private hasRoom(): boolean {
    if (this.count < maxDisplaced && !this.hasGivenUp) this.count++;
    else this.hasGivenUp = true;
    return !this.hasGivenUp;
  }
}

/** What is kept of a layer, by entries of its tar. */
export class DisplacedFiles {
  private readonly directory: string;
  private readonly ordinals = new Map<string, number[]>();
  private readonly own = new Set<number>();

  constructor({ displaced }: LayerPaths) {
    this.directory = displaced;
    for (const name of list(displaced)) {
      const [hash = "", ordinal] = name.split(".");
      if (ordinal === undefined) {
        this.own.add(Number(hash));
        continue;
      }
      const ordinals = this.ordinals.get(hash);
      if (ordinals === undefined) this.ordinals.set(hash, [Number(ordinal)]);
      else ordinals.push(Number(ordinal));
    }
    for (const ordinals of this.ordinals.values()) ordinals.sort((a, b) => a - b);
  }

  /** Where that which an entry put at a path is now; undefined when nothing took its place. */
  fileOf(path: string, ordinal: number): string | undefined {
    if (this.ordinals.size === 0) return undefined;
    const hash = hashOf(path);
    const by = firstAfter(this.ordinals.get(hash) ?? [], ordinal);
    return by === undefined ? undefined : join(this.directory, `${hash}.${by}`);
  }

  /** Where the contents of an entry are that is nothing in the tree. */
  contentsOf(ordinal: number): string | undefined {
    return this.own.has(ordinal) ? join(this.directory, `${ordinal}`) : undefined;
  }
}

/** @param ascending may be long: a hostile layer has one name all over */
function firstAfter(ascending: readonly number[], bound: number): number | undefined {
  let [low, high] = [0, ascending.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((ascending[middle] ?? 0) > bound) high = middle;
    else low = middle + 1;
  }
  return ascending[low];
}

function list(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if (errnoName(error) === "ENOENT") return []; // nothing was displaced, as nearly always
    throw error;
  }
}
