/**
 * Writes the entries of a layer's tar as files, below the root of this process: it has been chrooted
 * into the layer, so that no name, symbolic link or hard link of the tar leads anywhere else. Whiteouts
 * take the form in which overlayfs wants them (kernel: filesystems/overlayfs.rst, "whiteouts and opaque
 * directories").
 */
import { closeSync } from "node:fs";
import { CooperError } from "../errors.ts";
import {
  createFile,
  makeDirectory,
  makeHardLink,
  makeNode,
  makeSymlink,
  nodeType,
  setMode,
  setOwner,
  setTime,
  setXattr,
} from "../system/tree.ts";
import type { DisplacedKeeper } from "./displaced.ts";
import { linkTarget, type Place, placeOf, printable } from "./entry-path.ts";
import { FileContents } from "./file-contents.ts";
import { hideByName, markOpaqueByName } from "./name-marks.ts";
import type { TarEntry, TarSink } from "./tar.ts";
import { clearPlace, fail, isWhiteout, lookAt, makeParents } from "./tree-changes.ts";
import { storeXattrs } from "./tree-xattrs.ts";

export interface WriterOptions {
  /** `trusted.overlay.`, or `user.overlay.` within a user namespace. */
  readonly overlayPrefix: string;
  /** Only one id is mapped: owners cannot be kept. */
  readonly hasSingleId: boolean;
  readonly isInUserNamespace: boolean;
  readonly maxEntries: number;
  /** Whether names say what is hidden: see name-marks.ts. */
  readonly marksByName: boolean;
  /** Gets what later entries take the place of; null: that is removed. */
  readonly keeper: DisplacedKeeper | null;
  /** Left out: the entries are those of a layer. */
  readonly placement?: Placement;
}

/** How entries that are no layer's are put into a tree that is there already. */
export interface Placement {
  /** Where a name goes; whiteouts mean nothing here. */
  placeOf(name: string): Place;
  ownerOf(entry: TarEntry): { readonly uid: number; readonly gid: number };
  /** Throws where what is at a path may not give way to a directory, or to anything else. */
  assertMayReplace(path: string, byDirectory: boolean): void;
}

/** What was written. */
export interface WriterResult {
  /** Bytes in regular files. */
  readonly size: number;
  readonly entries: number;
  readonly warnings: readonly string[];
}

/** An entry whose contents are being written. */
interface OpenFile {
  readonly descriptor: number;
  readonly path: string;
  readonly entry: TarEntry;
  /** Whether it is no part of the tree, and only its contents count. */
  readonly isAside: boolean;
  readonly contents: FileContents;
}

/** Writes the entries of one changeset below the root directory of this process, which is chrooted there. */
export class TreeWriter implements TarSink {
  private readonly options: WriterOptions;
  private open: OpenFile | undefined;
  private readonly directoryTimes: { path: string; seconds: number; nanoseconds: number }[] = [];
  private readonly hidden: string[] = [];
  private readonly warned = new Map<string, number>();
  private size = 0;
  private entries = 0;

  constructor(options: WriterOptions) {
    this.options = options;
  }

  entry(entry: TarEntry): void {
    if (++this.entries > this.options.maxEntries) {
      throw new CooperError(
        "hostile",
        `the layer has more than ${this.options.maxEntries} entries`,
      );
    }
    const place = this.placeOf(entry.name);
    if (place.kind === "aufs" || place.kind === "opaque" || place.kind === "whiteout") {
      if (entry.size > 0) this.keepContents(entry);
      if (place.kind === "opaque") this.makeOpaque(place.directory);
      if (place.kind === "whiteout") this.makeWhiteout(place.path);
      return;
    }
    if (place.kind === "entry") return this.make(entry, place.path);
    if (entry.kind === "directory") this.finishDirectory(entry, "/");
    else
      throw new CooperError("hostile", "the layer has a file in the place of its root directory");
  }

  data(bytes: Uint8Array): void {
    this.open?.contents.write(bytes);
  }

  entryEnd(): void {
    const file = this.open;
    if (file === undefined) return;
    this.open = undefined;
    const { descriptor, entry, path } = file;
    try {
      file.contents.finish();
      if (file.isAside) return;
      this.setOwner(descriptor, entry, path);
      setMode(descriptor, entry.mode);
      this.note(storeXattrs(descriptor, path, entry.xattrs)); // after chown(2), which takes capabilities away
      setTime(descriptor, entry.mtimeSeconds, entry.mtimeNanoseconds);
    } finally {
      closeSync(descriptor);
    }
    this.size += entry.size;
  }

  /** Sets what had to wait: the times of directories, which each new entry in them changed. */
  finish(): WriterResult {
    for (const path of this.hidden) hideByName(path);
    for (const { path, seconds, nanoseconds } of this.directoryTimes) {
      if (lookAt(path)?.isDirectory()) setTime(path, seconds, nanoseconds); // it may have been replaced since
    }
    const warnings = [...this.warned].map(([what, count]) =>
      count === 1 ? what : `${what} (${count} times)`,
    );
    return { size: this.size, entries: this.entries, warnings };
  }

  private make(entry: TarEntry, path: string): void {
    switch (entry.kind) {
      case "file":
        return this.openFile(entry, path);
      case "directory":
        return this.makeDirectory(entry, path);
      case "symlink":
        if (
          entry.linkName === "" ||
          entry.linkName.includes("\0") ||
          entry.linkName.length > 4095
        ) {
          throw new CooperError(
            "hostile",
            `the layer has a symbolic link with an invalid target: ${printable(path)}`,
          );
        }
        this.place(path, () => makeSymlink(entry.linkName, path));
        this.setOwner(path, entry, path);
        this.note(storeXattrs(path, path, entry.xattrs));
        return setTime(path, entry.mtimeSeconds, entry.mtimeNanoseconds);
      case "hardlink":
        return this.makeHardLink(entry, path);
      default:
        return this.makeNode(entry, path);
    }
  }

  private openFile(entry: TarEntry, path: string): void {
    let descriptor = -1;
    this.place(path, () => {
      const made = createFile(path);
      if (typeof made === "string") return made;
      descriptor = made;
      return "";
    });
    this.begin(descriptor, path, entry, false);
  }

  /** Contents of a whiteout mean nothing, and yet belong to the tar. */
  private keepContents(entry: TarEntry): void {
    const descriptor = this.options.keeper?.create(this.entries);
    if (descriptor !== undefined) this.begin(descriptor, entry.name, entry, true);
  }

  private begin(descriptor: number, path: string, entry: TarEntry, isAside: boolean): void {
    const contents = new FileContents(descriptor, entry.sparse, path);
    this.open = { descriptor, path, entry, isAside, contents };
  }

  private makeDirectory(entry: TarEntry, path: string): void {
    const made = makeDirectory(path, 0o700);
    if (made === "EEXIST") {
      const there = lookAt(path);
      // a directory entry for what is one already changes its attributes and nothing else
      if (there === undefined || !there.isDirectory()) {
        this.options.placement?.assertMayReplace(path, true);
        const hides = there !== undefined && isWhiteout(there);
        this.clear(path);
        this.must(makeDirectory(path, 0o700), path);
        if (hides) this.markOpaque(path);
      }
    } else if (made !== "") {
      this.makeParents(path);
      this.must(makeDirectory(path, 0o700), path);
    }
    this.finishDirectory(entry, path);
  }

  private finishDirectory(entry: TarEntry, path: string): void {
    this.setOwner(path, entry, path);
    setMode(path, entry.mode);
    this.note(storeXattrs(path, path, entry.xattrs));
    this.directoryTimes.push({
      path,
      seconds: entry.mtimeSeconds,
      nanoseconds: entry.mtimeNanoseconds,
    });
  }

  private makeHardLink(entry: TarEntry, path: string): void {
    const target = this.linkTarget(entry.linkName);
    if (target === path)
      throw new CooperError("hostile", `the layer has a hard link to itself: ${printable(path)}`);
    this.place(path, () => {
      const made = makeHardLink(target, path);
      if (made !== "ENOENT" || lookAt(target) !== undefined) return made;
      throw new CooperError(
        "corrupt",
        `the layer has a hard link to what it does not hold: ${printable(entry.linkName)}`,
      );
    });
  }

  private makeNode(entry: TarEntry, path: string): void {
    const type =
      entry.kind === "fifo"
        ? nodeType.fifo
        : entry.kind === "block"
          ? nodeType.block
          : nodeType.character;
    const [major, minor] = entry.kind === "fifo" ? [0, 0] : [entry.deviceMajor, entry.deviceMinor];
    if (major < 0 || major > 0xfff || minor < 0 || minor > 0xfffff) {
      throw new CooperError(
        "hostile",
        `the layer has a device with impossible numbers: ${printable(path)}`,
      );
    }
    let isSkipped = false;
    this.place(path, () => {
      const made = makeNode(path, type | 0o600, major, minor);
      // mknod(2) of a real device needs CAP_MKNOD in the initial user namespace
      isSkipped = made === "EPERM" && this.options.isInUserNamespace;
      return isSkipped ? "" : made;
    });
    if (isSkipped) {
      // those in /dev are hidden by the one that each container gets
      if (path.startsWith("/dev/")) return;
      return this.note("device files were left out, since only root can make them");
    }
    this.setOwner(path, entry, path);
    setMode(path, entry.mode);
    this.note(storeXattrs(path, path, entry.xattrs));
    setTime(path, entry.mtimeSeconds, entry.mtimeNanoseconds);
  }

  private placeOf(name: string): Place {
    return this.options.placement?.placeOf(name) ?? placeOf(name);
  }

  private linkTarget(name: string): string {
    const place = this.options.placement?.placeOf(name);
    return place?.kind === "entry" ? place.path : linkTarget(name);
  }

  /** Hides a name of lower layers. What this layer has itself under that name stays. */
  private makeWhiteout(path: string): void {
    if (this.options.marksByName) {
      this.hidden.push(path); // at the end, when it is known what the layer has there itself
      return;
    }
    const made = makeNode(path, nodeType.character, 0, 0);
    if (made === "") return;
    if (made === "EEXIST") {
      if (lookAt(path)?.isDirectory()) this.markOpaque(path);
      return;
    }
    // below what is hidden there is nothing left to hide
    if (made === "ENOTDIR" && this.isBelowWhiteout(path)) return;
    this.makeParents(path);
    this.must(makeNode(path, nodeType.character, 0, 0), path);
  }

  private isBelowWhiteout(path: string): boolean {
    for (let at = path.lastIndexOf("/"); at > 0; at = path.lastIndexOf("/", at - 1)) {
      const there = lookAt(path.slice(0, at));
      if (there !== undefined) return isWhiteout(there);
    }
    return false;
  }

  /** Hides all that lower layers have in a directory. */
  private makeOpaque(directory: string): void {
    if (directory !== "/" && lookAt(directory) === undefined) {
      this.makeParents(`${directory}/x`);
    }
    const there = lookAt(directory);
    if (there === undefined || isWhiteout(there)) return;
    if (!there.isDirectory())
      throw new CooperError(
        "hostile",
        `the layer has an opaque whiteout in what is no directory: ${printable(directory)}`,
      );
    this.markOpaque(directory);
  }

  private markOpaque(directory: string): void {
    if (this.options.marksByName) return markOpaqueByName(directory);
    this.must(
      setXattr(directory, `${this.options.overlayPrefix}opaque`, Buffer.from("y")),
      directory,
    );
  }

  /** Makes something at a path, after its parents and instead of what may be there. */
  private place(path: string, make: () => string): void {
    let made = make();
    if (made === "ENOENT" || made === "ENOTDIR") {
      this.makeParents(path);
      made = make();
    }
    if (made === "EEXIST") {
      this.options.placement?.assertMayReplace(path, false);
      this.clear(path);
      made = make();
    }
    this.must(made, path);
  }

  /** A whiteout is gone without a trace: its entry says it all. */
  private clear(path: string): void {
    const there = lookAt(path);
    const hides = there !== undefined && isWhiteout(there);
    const isKept = !hides && this.options.keeper?.displace(path, this.entries) === true;
    if (!isKept) clearPlace(path);
  }

  private makeParents(path: string): void {
    makeParents(path, (parent) => this.markOpaque(parent));
  }

  private setOwner(at: string | number, entry: TarEntry, path: string): void {
    const { uid, gid } = this.options.placement?.ownerOf(entry) ?? entry;
    // the last id, (uid_t)-1, means "leave it" to chown(2)
    if (uid < 0 || gid < 0 || uid >= 0xffffffff || gid >= 0xffffffff) {
      throw new CooperError(
        "hostile",
        `the layer has a file with an impossible owner (${uid}:${gid}): ${printable(path)}`,
      );
    }
    if (this.options.hasSingleId) return;
    const result = setOwner(at, uid, gid);
    if (result === "EINVAL" && this.options.isInUserNamespace) throw notMapped(uid, gid, path);
    this.must(result, path);
  }

  private note(warning: string | undefined): void {
    if (warning !== undefined) this.warned.set(warning, (this.warned.get(warning) ?? 0) + 1);
  }

  private must(result: string, path: string): void {
    if (result !== "") throw fail(result, path);
  }
}

function notMapped(uid: number, gid: number, path: string): CooperError {
  return new CooperError(
    "invalid-argument",
    `the layer has a file of ${uid}:${gid}, ids that are not mapped in your user namespace: ${printable(path)}`,
    {
      hint: "give yourself more subordinate ids: sudo usermod --add-subuids 200000-300000 --add-subgids 200000-300000 $USER, then log in anew",
    },
  );
}
