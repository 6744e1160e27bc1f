/**
 * Directories in which names say what is hidden (see name-marks.ts), seen as if they had whiteouts and
 * opaque marks. fuse-overlayfs, too, writes changes like that where it may make no devices.
 */
import type { Stats } from "node:fs";
import { isOnOverlay } from "../system/mount.ts";
import { OpenDirectory, type ReadableDirectory } from "../system/tree-read.ts";
import { whiteout } from "./difference.ts";
import { opaqueName, whiteoutPrefix } from "./entry-path.ts";

/** Opens a directory of the store that holds changes, in whichever form they are. */
export function openChanges(path: string): ReadableDirectory {
  const directory = OpenDirectory.at(path);
  // elsewhere such names are files of whoever made them
  return isOnOverlay(path) ? new NameMarked(directory) : directory;
}

class NameMarked implements ReadableDirectory {
  private readonly directory: ReadableDirectory;

  constructor(directory: ReadableDirectory) {
    this.directory = directory;
  }

  [Symbol.dispose](): void {
    this.directory[Symbol.dispose]();
  }

  names(): string[] {
    const names = this.directory.names();
    const plain = names.filter((name) => !name.startsWith(whiteoutPrefix));
    const hidden = names.flatMap((name) =>
      name.startsWith(whiteoutPrefix) && !name.startsWith(`${whiteoutPrefix}.wh.`)
        ? [name.slice(whiteoutPrefix.length)]
        : [],
    );
    return [...new Set([...plain, ...hidden])].sort();
  }

  look(name: string): Stats | undefined {
    const own = this.directory.look(name);
    if (own !== undefined || name === ".") return own;
    return this.directory.look(`${whiteoutPrefix}${name}`) === undefined ? undefined : whiteout();
  }

  identity(name: string): string {
    return this.directory.identity(name);
  }

  enter(name: string): ReadableDirectory | undefined {
    const inner = this.directory.enter(name);
    return inner && new NameMarked(inner);
  }

  openFile(name: string): number | undefined {
    return this.directory.openFile(name);
  }

  readLink(name: string): string | undefined {
    return this.directory.readLink(name);
  }

  xattrs(name: string): Map<string, Buffer> {
    const found = this.directory.xattrs(name);
    const isOpaque = name === "." && this.directory.look(opaqueName) !== undefined;
    return isOpaque ? found.set("user.overlay.opaque", Buffer.from("y")) : found;
  }
}
