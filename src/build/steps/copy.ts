/** COPY and ADD: files put on top of a tree. */
import { posix } from "node:path";
import { CooperError } from "../../errors.ts";
import { placeTar } from "../../layer/place.ts";
import { readInRoot } from "../../system/rooted.ts";
import type { OpenDirectory } from "../../system/tree-read.ts";
import { stepKey } from "../cache.ts";
import { parseChmod } from "../chmod.ts";
import { digestOfPicked } from "../context/digest.ts";
import { type CopyLooks, type MadeEntry, type PlacedPick, packCopy } from "../context/pack.ts";
import { type Picked, pick, type SourceTree } from "../context/tree.ts";
import { fileTime } from "../epoch.ts";
import type { CopyStep } from "../graph.ts";
import { type IgnoreRules, parseIgnore } from "../ignore.ts";
import type { BuildSession, BuiltTree } from "../session.ts";
import { archivesAmong, contentsOfArchive } from "./archive.ts";
import { type Destination, findDestination } from "./destination.ts";
import { ownerOf } from "./owner.ts";
import { seal, writeOn } from "./writable.ts";

/** Paths, and where they are looked up. */
export interface CopySource {
  readonly tree: SourceTree;
  readonly paths: readonly string[];
  /** Whether tar archives among them are unpacked. */
  readonly unpacks: boolean;
}

/** What is copied, once it has been looked at. */
export class CopyWork implements Disposable {
  private readonly session: BuildSession;
  private readonly step: CopyStep;
  private readonly picked: {
    readonly tree: SourceTree;
    readonly picked: Picked;
    readonly unpacks: boolean;
  }[] = [];
  private readonly excludes: IgnoreRules | null;
  /** By content. */
  readonly key: string;
  private readonly base: BuiltTree;

  constructor(
    session: BuildSession,
    step: CopyStep,
    base: BuiltTree,
    sources: readonly CopySource[],
  ) {
    this.session = session;
    this.step = step;
    this.base = step.isLinked ? { layers: [] } : base;
    this.excludes = excludesOf(step);
    const digests = sources.map(({ tree, paths, unpacks }) => {
      const all = paths.flatMap((path) => pick(tree, path));
      this.picked.push(...all.map((picked) => ({ tree, picked, unpacks })));
      const memory = tree.isContext ? session.memory : null;
      return digestOfPicked(tree, all, this.excludes, memory);
    });
    this.key = stepKey(step, base, digests, session.options.epoch);
  }

  [Symbol.dispose](): void {
    for (const { picked } of this.picked) picked[Symbol.dispose]();
  }

  /** Copies. Resolves to the id of the layer. */
  async run(): Promise<string> {
    const { session, step } = this;
    const directory = await writeOn(session, this.base, async (root) => {
      const archives = await archivesAmong(
        this.picked.filter(({ unpacks }) => unpacks).map(({ picked }) => picked),
      );
      const looks = this.looks(root);
      const { made, picks } = this.placesIn(root, new Set(archives));
      await place(session, root, packCopy(made, picks, looks, this.now()), "/");
      const { path } = findDestination(root, step.destination);
      for (const archive of archives) await place(session, root, contentsOfArchive(archive), path); // with the owners that it names
    });
    const sealed = await seal(session, this.base, directory);
    return sealed.layers.at(-1) ?? "";
  }

  private now(): number {
    return fileTime(this.session.options.epoch, Math.floor(Date.now() / 1000));
  }

  private looks(root: OpenDirectory): CopyLooks {
    const { chown, chmod, isLinked } = this.step;
    const { epoch } = this.session.options;
    const path = `/proc/self/fd/${root.descriptor}`;
    const accounts = isLinked
      ? null
      : {
          passwd: readInRoot(path, "/etc/passwd") ?? "",
          group: readInRoot(path, "/etc/group") ?? "",
        };
    return {
      owner: chown === null ? null : ownerOf(chown, accounts),
      chmod: chmod === null ? null : chmodOf(chmod),
      excludes: this.excludes,
      mtimeOf: ({ mtimeMs }) => fileTime(epoch, Math.floor(mtimeMs / 1000)),
    };
  }

  /** Which name each thing gets, and which directories and files are made besides. */
  private placesIn(
    root: OpenDirectory,
    archives: ReadonlySet<Picked>,
  ): { made: MadeEntry[]; picks: PlacedPick[] } {
    const { step, picked } = this;
    const made = new Map<string, MadeEntry>();
    const picks: PlacedPick[] = [];
    const isMeant = step.destination.endsWith("/");
    const target = findDestination(root, step.destination);
    const isDirectory = isMeant || target.is === "directory" || picked.length > 1;
    if (isMeant && target.is === "file")
      throw new CooperError(
        "invalid-argument",
        `cannot copy to ${step.destination}: there is a file of that name`,
      );
    const parents = (destination: Destination) => {
      for (const path of destination.missing) addDirectory(made, path);
    };
    for (const { tree, picked: one } of picked) {
      if (archives.has(one)) {
        // what is in an archive goes into a directory, which is made where it is missing
        parents(target);
        if (target.is === "missing") addDirectory(made, target.path);
        continue;
      }
      const contents = one.stats.isDirectory() && !step.keepsParents;
      const inner = step.keepsParents
        ? one.kept
        : contents || !isDirectory
          ? ""
          : posix.basename(one.path === "" ? "." : one.path);
      const place = findDestination(root, posix.join(target.path, inner));
      parents(place);
      if (contents && place.is === "file")
        throw new CooperError(
          "invalid-argument",
          `cannot copy the directory ${one.path} over the file ${step.destination}`,
        );
      if (!one.stats.isDirectory() && place.is === "directory")
        throw new CooperError(
          "invalid-argument",
          `cannot copy the file ${one.path} over the directory ${place.path}`,
        );
      picks.push({
        tree,
        picked: one,
        target: bytes(place.path),
        contentsOnly: contents && (place.is === "directory" || place.path === "/"),
      });
    }
    for (const { name, content } of step.files) {
      const place = findDestination(
        root,
        isDirectory ? posix.join(target.path, name) : target.path,
      );
      parents(place);
      const path = bytes(place.path);
      made.set(path, { kind: "file", name: path, content: Buffer.from(content), mode: 0o644 });
    }
    return { made: [...made.values()], picks };
  }
}

/** Paths in a tar: byte strings without the slash at the beginning. */
const bytes = (path: string) => Buffer.from(path.slice(1)).toString("latin1");

function addDirectory(made: Map<string, MadeEntry>, path: string): void {
  const name = bytes(path);
  if (name !== "" && !made.has(name)) made.set(name, { kind: "directory", name, mode: 0o755 });
}

function excludesOf({ excludes }: CopyStep): IgnoreRules | null {
  return excludes.length === 0 ? null : parseIgnore(excludes.join("\n"), "--exclude");
}

function chmodOf(text: string) {
  try {
    return parseChmod(text);
  } catch (cause) {
    throw new CooperError("invalid-argument", cause instanceof Error ? cause.message : `${cause}`);
  }
}

/** A child of our own writes, with the tree as its root: no name and no link leads out of it. */
async function place(
  session: BuildSession,
  root: OpenDirectory,
  tar: AsyncIterable<Uint8Array>,
  directory: string,
): Promise<void> {
  try {
    const { warnings } = await placeTar(tar, {
      root: { descriptor: root.descriptor },
      directory,
      name: null,
      owner: null,
      overwrites: directory !== "/",
    });
    for (const warning of warnings) session.host.warn(warning);
  } catch (error) {
    // its hint speaks of an option of cp
    if (error instanceof CooperError && error.code === "conflict")
      throw new CooperError("invalid-argument", error.message);
    throw error;
  }
}
