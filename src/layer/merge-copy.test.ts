import { expect, test } from "bun:test";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { copyMerged } from "./merge-copy.ts";

/** Content of a file, `-> TARGET` of a symbolic link; a name with a slash at its end is a directory. */
type Tree = Record<string, string>;

function make(directory: string, tree: Tree): string {
  mkdirSync(directory);
  for (const [name, content] of Object.entries(tree)) {
    const path = join(directory, name);
    mkdirSync(name.endsWith("/") ? path : dirname(path), { recursive: true });
    if (name.endsWith("/")) continue;
    if (content.startsWith("-> ")) symlinkSync(content.slice(3), path);
    else writeFileSync(path, content);
  }
  return directory;
}

function read(directory: string): Tree {
  const tree: Tree = {};
  for (const name of readdirSync(directory, { recursive: true }) as string[]) {
    const stats = lstatSync(join(directory, name));
    if (stats.isFile()) tree[name] = readFileSync(join(directory, name), "utf8");
    if (stats.isSymbolicLink()) tree[name] = "->";
  }
  return tree;
}

test.each<[string, Tree[], Tree]>([
  ["later layers win", [{ a: "1", b: "1" }, { b: "2" }], { a: "1", b: "2" }],
  ["a whiteout hides a file", [{ a: "1", b: "1" }, { ".wh.a": "" }], { b: "1" }],
  ["a whiteout hides a directory", [{ "d/x": "1", b: "1" }, { ".wh.d": "" }], { b: "1" }],
  ["a whiteout of nothing", [{ b: "1" }, { ".wh.d": "", "e/.wh.f": "" }], { b: "1" }],
  [
    "an opaque directory hides what was in it",
    [
      { "d/x": "1", "d/y/z": "1" },
      { "d/.wh..wh..opq": "", "d/y/n": "2" },
    ],
    { "d/y/n": "2" },
  ],
  ["a file takes the place of a directory", [{ "d/x": "1" }, { d: "2" }], { d: "2" }],
  ["a directory takes the place of a file", [{ d: "1" }, { "d/x": "2" }], { "d/x": "2" }],
  ["a link takes the place of a directory", [{ "d/x": "1" }, { d: "-> e" }], { d: "->" }],
])("copyMerged(): %s", (_, layers, expected) => {
  const place = mkdtempSync("/tmp/cooper-merge-");
  try {
    const directories = layers.map((tree, index) => make(join(place, `${index}`), tree));
    copyMerged(directories.reverse(), join(place, "merged"));
    expect(read(join(place, "merged"))).toEqual(expected);
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
});

test("copyMerged() follows no link of a lower layer out of the tree", () => {
  const place = mkdtempSync("/tmp/cooper-merge-");
  try {
    make(join(place, "outside"), { kept: "1", written: "1" });
    const lower = make(join(place, "lower"), {
      d: `-> ${join(place, "outside")}`,
      written: `-> ${join(place, "outside/written")}`,
    });
    const upper = make(join(place, "upper"), { "d/.wh.kept": "", "d/new": "2", written: "2" });
    copyMerged([upper, lower], join(place, "merged"));
    expect(read(join(place, "outside"))).toEqual({ kept: "1", written: "1" });
    expect(read(join(place, "merged"))).toEqual({ "d/new": "2", written: "2" });
    expect(existsSync(join(place, "merged/d/.wh.kept"))).toBe(false);
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
});
