import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  closeSync,
  existsSync,
  fstatSync,
  lstatSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { digestOf } from "../oci/digest.ts";
import { layerPaths } from "../paths.ts";
import { rebuildTar } from "./rebuild.ts";
import { paxRecord, type TarFields, tarEnd, tarHeader, tarPadding } from "./tar-write.ts";
import { unpackLayer } from "./unpack.ts";
import { verifyLayer } from "./verify.ts";

// chroot(2) and device nodes need root; a user's own namespace is covered end to end
const isRoot = process.getuid?.() === 0;

let directory = "";
let count = 0;
beforeAll(() => {
  directory = mkdtempSync("/tmp/cooper-unpack-");
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

type Part = Omit<TarFields, "mode"> & { mode?: number; contents?: string };

const dir = (name: string, mode = 0o755): Part => ({ name, type: "5", mode });
const file = (name: string, contents = "x", extra: Partial<Part> = {}): Part => ({
  name,
  type: "0",
  contents,
  ...extra,
});
const symlink = (name: string, linkName: string): Part => ({ name, type: "2", linkName });
const hardlink = (name: string, linkName: string): Part => ({ name, type: "1", linkName });

function tarOf(parts: readonly Part[]): Buffer {
  return Buffer.concat([
    ...parts.flatMap(({ contents = "", mode = 0o644, ...fields }) => [
      tarHeader({ ...fields, mode, size: fields.size ?? contents.length }),
      Buffer.from(contents, "latin1"),
      tarPadding(contents.length),
    ]),
    tarEnd(),
  ]);
}

async function unpack(bytes: Buffer) {
  const target = join(directory, `${count++}`);
  const source = `${target}.tar`;
  writeFileSync(source, bytes);
  const descriptor = openSync(source, "r");
  try {
    const layer = await unpackLayer(
      { kind: "file", descriptor, offset: 0, length: fstatSync(descriptor).size },
      target,
    );
    return { layer, diff: join(target, "diff"), target };
  } finally {
    closeSync(descriptor);
  }
}

/** The tree as lines: type and name, with what tells most. */
function treeOf(root: string, below = ""): string[] {
  return readdirSync(join(root, below))
    .sort()
    .flatMap((name) => {
      const path = join(below, name);
      const stats = lstatSync(join(root, path));
      if (stats.isDirectory())
        return [`d ${path}${isOpaque(join(root, path)) ? " opaque" : ""}`, ...treeOf(root, path)];
      if (stats.isSymbolicLink()) return [`l ${path} -> ${readlinkSync(join(root, path))}`];
      if (stats.isFile()) return [`f ${path} = ${readFileSync(join(root, path), "latin1")}`];
      if (stats.isFIFO()) return [`p ${path}`];
      return [stats.rdev === 0 ? `w ${path}` : `c ${path} ${stats.rdev}`];
    });
}

function isOpaque(path: string): boolean {
  const { stdout } = Bun.spawnSync(
    ["getfattr", "--only-values", "-n", "trusted.overlay.opaque", "--", path],
    { stderr: "ignore" },
  );
  return stdout.toString() === "y";
}

async function rebuilt(target: string): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const chunk of rebuildTar(layerPaths(target))) parts.push(Buffer.from(chunk));
  return Buffer.concat(parts);
}

describe.skipIf(!isRoot)("unpackLayer()", () => {
  test.each<[string, Part[], string[]]>([
    [
      "plain entries",
      [dir("a/"), file("a/f", "hi"), symlink("a/l", "/etc/passwd"), hardlink("h", "a/f")],
      ["d a", "f a/f = hi", "l a/l -> /etc/passwd", "f h = hi"],
    ],
    ["absolute names as relative ones", [file("/abs/f")], ["d abs", "f abs/f = x"]],
    ["parents that are not listed", [file("a/b/c")], ["d a", "d a/b", "f a/b/c = x"]],
    ["dots and doubled slashes", [file("./a//./f")], ["d a", "f a/f = x"]],
    ["`..` that stays inside", [dir("a"), file("a/../f")], ["d a", "f f = x"]],
    ["a whiteout", [file("a/.wh.gone", "")], ["d a", "w a/gone"]],
    [
      "an opaque directory",
      [dir("a"), file("a/.wh..wh..opq", ""), file("a/f")],
      ["d a opaque", "f a/f = x"],
    ],
    [
      "an opaque whiteout before its directory",
      [file("a/.wh..wh..opq", ""), dir("a"), file("a/f")],
      ["d a opaque", "f a/f = x"],
    ],
    ["a file that is also whited out", [file("f"), file(".wh.f", "")], ["f f = x"]],
    [
      "a whiteout whose name comes back as a directory",
      [file(".wh.d", ""), dir("d"), file("d/f")],
      ["d d opaque", "f d/f = x"],
    ],
    [
      "a whiteout below which something comes",
      [file(".wh.d", ""), file("d/f")],
      ["d d opaque", "f d/f = x"],
    ],
    ["a whiteout below a whiteout", [file(".wh.d", ""), file("d/.wh.f", "")], ["w d"]],
    [
      "a directory that is whited out after it came",
      [dir("d"), file("d/f"), file(".wh.d", "")],
      ["d d opaque", "f d/f = x"],
    ],
    [
      "records of AUFS",
      [dir(".wh..wh.plnk"), file(".wh..wh.plnk/1.2", ""), file(".wh..wh.aufs", ""), file("f")],
      ["f f = x"],
    ],
    ["a later file over an earlier one", [file("f", "one"), file("f", "two")], ["f f = two"]],
    ["a file over a directory", [dir("d"), file("d/f"), file("d", "now")], ["f d = now"]],
    ["a directory over a file", [file("d"), dir("d"), file("d/f")], ["d d", "f d/f = x"]],
    [
      "a directory over a symbolic link",
      [dir("t"), symlink("d", "t"), dir("d"), file("d/f")],
      ["d d", "f d/f = x", "d t"],
    ],
    [
      "a file over a symbolic link, not through it",
      [file("t", "safe"), symlink("l", "t"), file("l", "new")],
      ["f l = new", "f t = safe"],
    ],
    [
      "a parent that is a link within the layer",
      [dir("usr/bin"), symlink("bin", "usr/bin"), file("bin/sh")],
      ["l bin -> usr/bin", "d usr", "d usr/bin", "f usr/bin/sh = x"],
    ],
    ["a fifo, which is not opened", [{ name: "p", type: "6" }, file("p", "x")], ["f p = x"]],
    [
      "a hard link to a symbolic link",
      [symlink("l", "/nowhere"), hardlink("h", "l")],
      ["l h -> /nowhere", "l l -> /nowhere"],
    ],
  ])("takes %s", async (_, parts, tree) => {
    const { diff } = await unpack(tarOf(parts));
    expect(treeOf(diff)).toEqual(tree);
  });

  test.each<[string, Part[], string]>([
    ["`..` that leads out", [file("../escaped")], "leads out"],
    ["`..` hidden in the middle", [file("a/../../escaped")], "leads out"],
    ["a hard link to outside", [hardlink("h", "../../../etc/passwd")], "leads out"],
    ["a hard link to what is not in the layer", [hardlink("h", "/etc/passwd")], "does not hold"],
    ["a hard link to itself", [hardlink("h", "./h")], "itself"],
    ["a hard link to a directory", [dir("d"), hardlink("h", "d")], "cannot unpack"],
    ["a whiteout of `..`", [file("a/.wh...", "")], "invalid whiteout"],
    ["a whiteout of `.`", [file("a/.wh..", "")], "invalid whiteout"],
    ["a whiteout of nothing", [file("a/.wh.", "")], "invalid whiteout"],
    ["an entry below a file", [file("f"), file("f/g")], "no directory"],
    [
      "an entry below a device",
      [{ name: "n", type: "3", deviceMajor: 1, deviceMinor: 3 }, file("n/g")],
      "no directory",
    ],
    ["a link that leads to itself as a parent", [symlink("a", "a"), file("a/f")], "cannot be made"],
    ["a file for the root", [file("./", "x", { type: "0" })], "root directory"],
    ["an empty link target", [symlink("l", "")], "invalid target"],
    ["a name that is too long", [file("n".repeat(256))], "too long"],
    ["a path that is too long", [file(`${"d/".repeat(2100)}f`)], "too long"],
    ["the owner that means none", [file("f", "x", { uid: 0xffffffff })], "impossible owner"],
    ["an owner beyond 32 bits", [file("f", "x", { gid: 2 ** 33 })], "impossible owner"],
    [
      "a device with impossible numbers",
      [{ name: "d", type: "3", deviceMajor: 0o7777777, deviceMinor: 0 }],
      "impossible numbers",
    ],
    ["an opaque whiteout in a file", [file("f"), file("f/.wh..wh..opq", "")], "no directory"],
  ])("refuses %s", async (_, parts, message) => {
    await expect(unpack(tarOf(parts))).rejects.toThrow(message);
  });

  test.each<[string, Part[]]>([
    ["a link out and a file through it", [symlink("out", directoryOutside()), file("out/escaped")]],
    [
      "an absolute link to / and a file through it",
      [symlink("root", "/"), file("root/tmp/cooper-escaped")],
    ],
    [
      "a relative link far up",
      [symlink("up", "../../../../../../../../tmp"), file("up/cooper-escaped")],
    ],
    ["a link chain", [symlink("a", "b"), symlink("b", "/tmp"), file("a/cooper-escaped")]],
    [
      "a link swapped in for a directory",
      [dir("d"), symlink("d", "/tmp"), file("d/cooper-escaped")],
    ],
    ["a hard link through a link", [symlink("up", "/etc"), hardlink("h", "up/passwd")]],
    ["a whiteout through a link", [symlink("up", "/tmp"), file("up/.wh.cooper-escaped", "")]],
  ])("keeps inside: %s", async (_, parts) => {
    await unpack(tarOf(parts)).catch(() => undefined); // refused or taken, but never outside
    expect(existsSync("/tmp/cooper-escaped")).toBe(false);
    expect(existsSync(join(directoryOutside(), "escaped"))).toBe(false);
  });

  test("keeps mode, owner, time, attributes and capabilities", async () => {
    const capability = Buffer.from("0100000200040000000000000000000000000000", "hex").toString(
      "latin1",
    );
    const { diff, layer } = await unpack(
      tarOf([
        dir("d", 0o1777),
        file("s", "x", {
          mode: 0o6755,
          uid: 1234,
          gid: 4321,
          pax: {
            mtime: "1700000000.123456789",
            "SCHILY.xattr.security.capability": capability,
            "SCHILY.xattr.user.a": "b",
            "SCHILY.xattr.trusted.overlay.redirect": "/etc",
          },
        }),
        { name: "n", type: "3", mode: 0o666, deviceMajor: 1, deviceMinor: 3 },
      ]),
    );
    const stats = lstatSync(join(diff, "s"), { bigint: true });
    expect([stats.mode & 0o7777n, stats.uid, stats.gid, stats.mtimeNs]).toEqual([
      0o6755n,
      1234n,
      4321n,
      1700000000123456789n,
    ]);
    expect(lstatSync(join(diff, "d")).mode & 0o7777).toBe(0o1777);
    expect(lstatSync(join(diff, "n")).rdev).toBe(0x103);
    const listed = Bun.spawnSync(["getfattr", "-m", "-", "-d", join(diff, "s")]).stdout.toString();
    expect(listed).toContain('user.a="b"');
    expect(listed).toContain("security.capability");
    expect(listed).not.toContain("overlay");
    expect(layer.warnings).toEqual(["attributes of overlayfs were left out"]);
  });

  test.each([
    ["plain", (tar: Buffer) => tar],
    ["gzip", (tar: Buffer) => gzipSync(tar)],
    [
      "gzip in two members",
      (tar: Buffer) => Buffer.concat([gzipSync(tar.subarray(0, 700)), gzipSync(tar.subarray(700))]),
    ],
    ["zstd", (tar: Buffer) => Bun.zstdCompressSync(tar)],
    [
      "zstd in frames",
      (tar: Buffer) =>
        Buffer.concat([
          Bun.zstdCompressSync(tar.subarray(0, 700)),
          Buffer.from("502a4d180300000061626 3".replace(" ", ""), "hex"),
          Bun.zstdCompressSync(tar.subarray(700)),
        ]),
    ],
  ])("names and rebuilds the exact tar: %s", async (_, compress) => {
    const tar = tarOf([
      dir("a"),
      file("a/one", "1".repeat(5000)),
      file("a/\xfftwo", "2"),
      file("e", ""),
      hardlink("h", "a/one"),
      file("a/.wh.w", ""),
      symlink("l", "a"),
      file("l/three", "3".repeat(512)),
    ]);
    const blob = compress(tar);
    const { layer, target } = await unpack(blob);
    expect(layer).toMatchObject({
      digest: digestOf(blob),
      blobSize: blob.length,
      diffId: digestOf(tar),
      tarSize: tar.length,
      isExact: true,
      size: 5000 + 1 + 512,
    });
    expect(digestOf(await rebuilt(target))).toBe(digestOf(tar));
  });

  test.each<[string, Part[], number]>([
    ["a file comes twice", [file("f", "one"), file("f", "second")], 1],
    ["a file comes thrice, by other names", [file("f"), file("./f", "two"), file("/f", "3")], 2],
    ["a file becomes a link", [file("f", "one"), symlink("f", "/etc")], 1],
    ["a link becomes a file", [symlink("f", "/etc"), file("f", "one")], 1],
    ["an empty file gives way", [file("f", ""), dir("f"), file("f/g")], 1],
    ["a directory gives way", [dir("d"), file("d/f"), dir("d/e"), file("d/e/g"), file("d")], 4],
    ["a directory comes back", [dir("d"), file("d/f"), file("d", "x"), dir("d"), file("d/f")], 3],
    ["a linked file gives way", [file("f", "one"), hardlink("h", "f"), file("f", "second")], 1],
    ["a hard link gives way", [file("f", "one"), hardlink("h", "f"), file("h", "second")], 1],
    ["the same link comes twice", [file("f"), hardlink("h", "f"), hardlink("h", "f")], 1],
    ["a whiteout has contents", [file(".wh.f", "xyz"), file("d/.wh..wh..opq", "o")], 2],
    ["aufs kept records", [file(".wh..wh.plnk/1.2", "link"), file(".wh..wh.aufs", "")], 1],
    ["a whiteout is beside its name", [file("f", "1"), file(".wh.f", "2"), file("f", "3")], 2],
    ["a FIFO gives way", [{ name: "p", type: "6" }, file("p", "x")], 1],
    ["a file behind a link gives way", [dir("d"), symlink("l", "d"), file("l/f"), file("l/f")], 1],
  ])("rebuilds the exact tar when %s", async (_, parts, displaced) => {
    const tar = tarOf(parts);
    const { layer, target } = await unpack(tar);
    expect(layer).toMatchObject({ isExact: true, displaced });
    expect(digestOf(await rebuilt(target))).toBe(digestOf(tar));
    const record = { ...layer, id: layer.diffId.slice("sha256:".length) };
    expect(await verifyLayer(layerPaths(target), record, true)).toEqual([]);
  });

  test("what is displaced is no part of the tree, and nothing is kept where nothing was", async () => {
    const { diff, target } = await unpack(
      tarOf([file("f", "one"), dir("f"), file("f/g", "g"), file(".wh.x", "y")]),
    );
    expect(treeOf(diff)).toEqual(["d f", "f f/g = g", "w x"]);
    expect(readdirSync(join(target, "displaced"))).toHaveLength(2);
    const plain = await unpack(tarOf([file("f")]));
    expect(readdirSync(plain.target).sort()).toEqual(["diff", "tar.zst"]);
  });

  test.each<[string, Part[]]>([
    [
      "a link that led to a file gives way",
      [dir("d"), symlink("l", "d"), file("l/f", "one"), file("l"), file("d/f", "else")],
    ],
    [
      "the same file gives way by another path",
      [dir("d"), symlink("l", "d"), file("l/f", "one"), file("d/f", "else")],
    ],
  ])("knows that the tar cannot be rebuilt when %s", async (_, parts) => {
    const { layer, target } = await unpack(tarOf(parts));
    expect(layer.isExact).toBe(false);
    expect(existsSync(join(target, "displaced"))).toBe(false);
  });

  test.each([
    [
      "cut gzip",
      gzipSync(tarOf([file("f", "x".repeat(9000))])).subarray(0, 60),
      "damaged or cut off",
    ],
    [
      "damaged gzip",
      Buffer.concat([gzipSync(Buffer.from("x")).subarray(0, 12), Buffer.from("garbage!")]),
      "damaged or cut off",
    ],
    [
      "cut zstd",
      Bun.zstdCompressSync(tarOf([file("f", "x".repeat(9000))])).subarray(0, 30),
      "damaged or cut off",
    ],
    ["bzip2", Buffer.from("BZh91AY&SY"), "bzip2"],
    ["xz", Buffer.from("\xfd7zXZ\0", "latin1"), "xz"],
    ["what is no tar", Buffer.alloc(1024, 0x41), "no tar"],
    ["a cut tar", tarOf([file("f", "x".repeat(600))]).subarray(0, 1024), "cut off"],
  ])("refuses %s", async (_, bytes, message) => {
    await expect(unpack(bytes)).rejects.toThrow(message);
  });

  test("refuses names with NUL", async () => {
    const record = paxRecord("linkpath", "a\0b");
    const tar = Buffer.concat([
      tarHeader({ name: "p", type: "x", mode: 0, size: record.length }),
      record,
      tarPadding(record.length),
      tarHeader({ name: "l", type: "2", mode: 0, linkName: "a" }),
    ]);
    await expect(unpack(tar)).rejects.toThrow("NUL");
  });

  test("takes what comes in pieces through a pipe", async () => {
    const tar = tarOf([file("f", "x".repeat(300_000)), file("g")]);
    const target = join(directory, `${count++}`);
    const chunks = async function* () {
      for (let at = 0; at < tar.length; at += 1000) yield tar.subarray(at, at + 1000);
    };
    const layer = await unpackLayer({ kind: "stream", chunks: chunks() }, target);
    expect(layer.diffId).toBe(digestOf(tar));
  });

  test("passes on the failure of where the bytes come from, and ends the child", async () => {
    const chunks = async function* () {
      yield tarOf([file("f")]).subarray(0, 512);
      throw new Error("the line is dead");
    };
    expect(
      unpackLayer({ kind: "stream", chunks: chunks() }, join(directory, `${count++}`)),
    ).rejects.toThrow("the line is dead");
  });
});

function directoryOutside(): string {
  return "/tmp/cooper-unpack-outside-that-does-not-exist";
}
