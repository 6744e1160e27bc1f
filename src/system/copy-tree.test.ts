import { afterEach, beforeEach, expect, test } from "bun:test";
import {
  chmodSync,
  closeSync,
  ftruncateSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { type CopiedFile, copyTree, draftCopy } from "./copy-tree.ts";
import { setXattr } from "./tree.ts";
import { listXattrs, readXattr } from "./xattr.ts";

let root: string;
let from: string;
let to: string;
beforeEach(() => {
  root = mkdtempSync("/var/tmp/cooper-copy-"); // /tmp may be a tmpfs without user attributes
  from = join(root, "from");
  to = join(root, "to");
  mkdirSync(from);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function copy() {
  const descriptor = openSync(from, "r");
  try {
    return copyTree(descriptor, to);
  } finally {
    closeSync(descriptor);
  }
}

test("copyTree() keeps contents, modes, times, links and names that are no UTF-8", () => {
  const odd = Buffer.from([0x61, 0xff, 0xfe]);
  mkdirSync(join(from, "dir/sub"), { recursive: true });
  writeFileSync(join(from, "dir/file"), "content");
  chmodSync(join(from, "dir/file"), 0o4751);
  utimesSync(join(from, "dir/file"), 12345.5, 12345.5);
  linkSync(join(from, "dir/file"), join(from, "dir/sub/again"));
  symlinkSync("/etc/passwd", join(from, "link"));
  writeFileSync(Buffer.concat([Buffer.from(`${from}/`), odd]), "odd");
  chmodSync(join(from, "dir"), 0o1733);
  utimesSync(join(from, "dir"), 777, 777);
  expect(copy()).toEqual({ files: 6, bytes: 10, warnings: [] });
  expect(readFileSync(join(to, "dir/file"), "utf8")).toBe("content");
  expect(lstatSync(join(to, "dir/file"))).toMatchObject({ mode: 0o104751, mtimeMs: 12345500 });
  expect(lstatSync(join(to, "dir/sub/again")).ino).toBe(lstatSync(join(to, "dir/file")).ino);
  expect(lstatSync(join(to, "dir/file")).ino).not.toBe(lstatSync(join(from, "dir/file")).ino);
  expect(readlinkSync(join(to, "link"))).toBe("/etc/passwd");
  expect(readdirSync(to, { encoding: "buffer" })).toContainEqual(odd);
  expect(lstatSync(join(to, "dir"))).toMatchObject({ mode: 0o041733, mtimeMs: 777000 });
});

test("copyTree() keeps holes", () => {
  const sparse = openSync(join(from, "sparse"), "w");
  ftruncateSync(sparse, 1 << 30);
  writeSync(sparse, "middle", 1 << 29);
  closeSync(sparse);
  expect(copy().bytes).toBe(1 << 30);
  expect(lstatSync(join(to, "sparse")).blocks).toBeLessThan(1000);
  const read = Buffer.alloc(6);
  const descriptor = openSync(join(to, "sparse"), "r");
  readSync(descriptor, read, 0, 6, 1 << 29);
  closeSync(descriptor);
  expect(read.toString()).toBe("middle");
});

test("copyTree() keeps attributes of files and directories", () => {
  writeFileSync(join(from, "file"), "");
  if (setXattr(join(from, "file"), "user.mine", Buffer.from("v")) === "EOPNOTSUPP") return;
  setXattr(from, "user.top", Buffer.from("t"));
  copy();
  expect(listXattrs(join(to, "file"))).toContain("user.mine");
  expect(readXattr(join(to, "file"), "user.mine")?.toString()).toBe("v");
  expect(readXattr(to, "user.top")?.toString()).toBe("t");
});

test("copyTree() refuses a tree that never ends", () => {
  let deep = from;
  for (let level = 0; level < 402; level++) deep += "/d";
  mkdirSync(deep, { recursive: true });
  expect(copy).toThrow("more than 400 directories deep");
  rmSync(root, { recursive: true, force: true }); // here, where it may take long
}, 60_000); // each step down is a look at every level, which a busy machine takes seconds for

test("copyTree() never fills what is there already", () => {
  mkdirSync(to);
  expect(copy).toThrow("cannot copy");
});

/** Copies, lets something happen, and copies again what is different; the copy must be as a new one. */
function copyAround(act: () => void, isSuspect: (file: CopiedFile) => boolean = () => false) {
  const descriptor = openSync(from, "r");
  try {
    const draft = draftCopy(descriptor, to);
    act();
    draft.finish(isSuspect);
    rmSync(join(root, "expected"), { recursive: true, force: true });
    copyTree(descriptor, join(root, "expected"));
  } finally {
    closeSync(descriptor);
  }
  const list = (path: string) =>
    Bun.spawnSync(["find", ".", "-printf", "%p %y %m %U %G %s %T@ %n %l\n"], { cwd: path })
      .stdout.toString()
      .split("\n")
      .sort();
  expect(list(to)).toEqual(list(join(root, "expected")));
  expect(
    Bun.spawnSync(["diff", "-r", "--no-dereference", to, join(root, "expected")]).success,
  ).toBe(true);
}

test.each<[string, () => void]>([
  ["nothing happens", () => undefined],
  [
    "contents change, but neither size nor time",
    () => {
      const { atime, mtime } = lstatSync(join(from, "dir/file"));
      writeFileSync(join(from, "dir/file"), "CONTENT");
      utimesSync(join(from, "dir/file"), atime, mtime);
    },
  ],
  [
    "files come and go",
    () => {
      rmSync(join(from, "dir/file"));
      writeFileSync(join(from, "new"), "new");
    },
  ],
  ["a directory gets another name", () => renameSync(join(from, "dir"), join(from, "named"))],
  [
    "a directory becomes a file",
    () => {
      rmSync(join(from, "dir"), { recursive: true });
      writeFileSync(join(from, "dir"), "file");
    },
  ],
  [
    "a file becomes a directory",
    () => {
      rmSync(join(from, "file"));
      mkdirSync(join(from, "file/in"), { recursive: true });
    },
  ],
  [
    "a link points elsewhere",
    () => {
      rmSync(join(from, "link"));
      symlinkSync("b", join(from, "link"));
    },
  ],
  [
    "modes change",
    () => {
      chmodSync(join(from, "dir"), 0o700);
      chmodSync(join(from, "file"), 0o600);
    },
  ],
  ["a file with two names changes", () => writeFileSync(join(from, "one"), "other")],
  ["a file with two names loses one", () => rmSync(join(from, "one"))],
  [
    "a file with two names gets a third",
    () => linkSync(join(from, "one"), join(from, "dir/three")),
  ],
  [
    "the second name becomes a file of its own",
    () => {
      rmSync(join(from, "two"));
      writeFileSync(join(from, "two"), "same");
    },
  ],
])("draftCopy() catches up when %s", (_title, act) => {
  mkdirSync(join(from, "dir/sub"), { recursive: true });
  writeFileSync(join(from, "dir/file"), "content");
  writeFileSync(join(from, "dir/sub/deep"), "deep");
  writeFileSync(join(from, "file"), "file");
  writeFileSync(join(from, "one"), "same");
  linkSync(join(from, "one"), join(from, "two"));
  symlinkSync("a", join(from, "link"));
  copyAround(act);
});

test("draftCopy() gives up attributes of a directory that are gone", () => {
  mkdirSync(join(from, "dir"));
  const at = join(from, "dir");
  setXattr(at, "user.kept", Buffer.from("1"));
  setXattr(at, "user.gone", Buffer.from("1"));
  copyAround(() => Bun.spawnSync(["setfattr", "-x", "user.gone", at]));
  expect(listXattrs(join(to, "dir"))).toEqual(["user.kept"]);
});

test("draftCopy() copies what is suspect once more, under all of its names", () => {
  writeFileSync(join(from, "one"), "same");
  linkSync(join(from, "one"), join(from, "two"));
  writeFileSync(join(from, "other"), "other");
  const { ino } = lstatSync(join(from, "one"), { bigint: true });
  const seen: bigint[] = [];
  copyAround(
    () => writeFileSync(join(to, "one"), "old!"), // as if a store had escaped the change time
    (file) => {
      seen.push(file.ino);
      return file.ino === ino;
    },
  );
  expect(readFileSync(join(to, "two"), "utf8")).toBe("same");
  expect(seen).toHaveLength(3);
});
