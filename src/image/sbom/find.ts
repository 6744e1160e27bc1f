/**
 * Looks for the records of package systems in a tree that a stranger filled: from one open directory to
 * the next, following no link, with a limit on everything.
 */
import { closeSync, fstatSync } from "node:fs";
import { readFromStart } from "../../system/rooted.ts";
import type { ReadableDirectory } from "../../system/tree-read.ts";
import type { Distribution, FoundPackage } from "./package.ts";
import { sortedPackages } from "./package.ts";
import { apkPackages, debPackages, distributionOf, npmPackage, pythonPackage } from "./records.ts";
import { rpmPackages } from "./rpm.ts";

/** What a tree holds. */
export interface Inventory {
  readonly distribution: Distribution | null;
  readonly packages: readonly FoundPackage[];
  /** Whether a limit was met, so that there may be more. */
  readonly isCut: boolean;
}

const maxEntries = 2_000_000;
const maxDepth = 64;
const maxTextBytes = 64 << 20;
const maxManifestBytes = 1 << 20;
const maxDatabaseBytes = 512 << 20;

interface Finder {
  readonly maxBytes: number;
  matches(path: string): boolean;
  read(bytes: Buffer, path: string): FoundPackage[];
}

const finders: readonly Finder[] = [
  {
    maxBytes: maxTextBytes,
    matches: (path) =>
      path === "var/lib/dpkg/status" ||
      (path.startsWith("var/lib/dpkg/status.d/") && !path.endsWith(".md5sums")),
    read: (bytes, path) => debPackages(bytes.toString("utf8"), path),
  },
  {
    maxBytes: maxTextBytes,
    matches: (path) => path === "lib/apk/db/installed" || path === "usr/lib/apk/db/installed",
    read: (bytes, path) => apkPackages(bytes.toString("utf8"), path),
  },
  {
    maxBytes: maxDatabaseBytes,
    matches: (path) =>
      /^(var\/lib\/rpm|usr\/(lib\/sysimage|share)\/rpm)\/rpmdb\.sqlite$/.test(path),
    read: rpmPackages,
  },
  {
    maxBytes: maxManifestBytes,
    matches: (path) => /(^|\/)node_modules\/(@[^/]+\/)?[^/]+\/package\.json$/.test(path),
    read: (bytes, path) => npmPackage(bytes.toString("utf8"), path),
  },
  {
    maxBytes: maxManifestBytes,
    matches: (path) => /(\.dist-info\/METADATA|\.egg-info\/PKG-INFO|\.egg-info)$/.test(path),
    read: (bytes, path) => pythonPackage(bytes.toString("utf8"), path),
  },
];

/** Finds what package systems have installed below a directory, which stays the caller's to close. */
export function findPackages(root: ReadableDirectory): Inventory {
  const packages: FoundPackage[] = [];
  let entries = 0;
  let isCut = false;
  const walk = (directory: ReadableDirectory, prefix: string, depth: number): void => {
    for (const name of directory.names()) {
      if (++entries > maxEntries) {
        isCut = true;
        return;
      }
      const path = prefix + Buffer.from(name, "latin1").toString("utf8");
      const there = directory.look(name);
      if (there?.isDirectory()) {
        if (depth >= maxDepth) {
          isCut = true;
          continue;
        }
        using below = directory.enter(name);
        if (below !== undefined) walk(below, `${path}/`, depth + 1);
      } else if (there?.isFile()) {
        const finder = finders.find(({ matches }) => matches(path));
        if (finder === undefined) continue;
        const bytes = readWhole(directory, name, finder.maxBytes);
        if (bytes === undefined) isCut = true;
        else packages.push(...finder.read(bytes, path));
      }
    }
  };
  walk(root, "", 0);
  return { distribution: readDistribution(root), packages: sortedPackages(packages), isCut };
}

/** etc/os-release is a link in most, so its target is asked first. */
function readDistribution(root: ReadableDirectory): Distribution | null {
  for (const [first, ...rest] of [
    ["usr", "lib", "os-release"],
    ["etc", "os-release"],
  ]) {
    const file = rest.at(-1) ?? "";
    using top = root.enter(first ?? "");
    using lib = rest.length > 1 ? top?.enter(rest[0] ?? "") : undefined;
    const directory = rest.length > 1 ? lib : top;
    const bytes = directory === undefined ? undefined : readWhole(directory, file, 1 << 16);
    const found = bytes === undefined ? null : distributionOf(bytes.toString("utf8"));
    if (found !== null) return found;
  }
  return null;
}

/** Undefined when it is larger, or no file (any more). */
function readWhole(
  directory: ReadableDirectory,
  name: string,
  maxBytes: number,
): Buffer | undefined {
  const descriptor = directory.openFile(name);
  if (descriptor === undefined) return undefined;
  try {
    const stats = fstatSync(descriptor);
    if (!stats.isFile() || stats.size > maxBytes) return undefined;
    return readFromStart(descriptor, stats.size);
  } finally {
    closeSync(descriptor);
  }
}
