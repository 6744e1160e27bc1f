import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  chmodSync,
  closeSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { pathsUnder } from "../paths.ts";
import { makeNode, nodeType, setXattr } from "../system/tree.ts";
import { OpenDirectory } from "../system/tree-read.ts";
import { treeChanges, upperChanges } from "./changes.ts";
import { openView } from "./overlay-view.ts";
import { type PackOptions, packTree } from "./pack.ts";
import { exactTar } from "./rebuild.ts";
import { unpackLayer } from "./unpack.ts";

// devices, owners, overlays and chroot(2)
const isRoot = process.getuid?.() === 0;
const directory = mkdtempSync("/tmp/cooper-pack-");
afterAll(() => rmSync(directory, { recursive: true, force: true }));
let count = 0;
const newPath = () => join(directory, `${count++}`);

async function pack(tree: string, options: Partial<PackOptions> = {}): Promise<Buffer> {
  using root = OpenDirectory.at(tree);
  const parts: Uint8Array[] = [];
  for await (const chunk of packTree(root, { kind: "changeset", ...options })) parts.push(chunk);
  return Buffer.concat(parts);
}

/** What tar(1) says is in it. */
function listed(tar: Buffer): string[] {
  const result = Bun.spawnSync(["tar", "-tv", "--numeric-owner", "--utc"], { stdin: tar });
  if (!result.success) throw new Error(`${result.stderr}`);
  return result.stdout
    .toString("latin1")
    .trimEnd()
    .split("\n")
    .map((line) => line.replace(/ +/g, " ").replace(/ \d{4}-\d\d-\d\d \d\d:\d\d/, ""));
}

async function unpacked(tar: Buffer) {
  const target = newPath();
  const chunks = async function* () {
    yield tar;
  };
  const layer = await unpackLayer({ kind: "stream", chunks: chunks() }, target);
  return { layer, target, diff: join(target, "diff") };
}

/** A tree with one of everything that a container may leave. */
function makeTree(): string {
  const tree = newPath();
  mkdirSync(tree, { mode: 0o755 });
  mkdirSync(join(tree, "d"), { mode: 0o1777 });
  chmodSync(join(tree, "d"), 0o1777);
  writeFileSync(join(tree, "d/file"), "contents", { mode: 0o4755 });
  chmodSync(join(tree, "d/file"), 0o4755);
  linkSync(join(tree, "d/file"), join(tree, "link"));
  symlinkSync("../there", join(tree, "d/symlink"));
  writeFileSync(Buffer.from(`${tree}/\xff\xfe`, "latin1"), "bytes");
  const long = `${"l".repeat(200)}/${"m".repeat(200)}`;
  mkdirSync(join(tree, long), { recursive: true });
  writeFileSync(join(tree, long, "n".repeat(250)), "deep");
  makeNode(join(tree, "null"), nodeType.character | 0o666, 1, 3);
  makeNode(join(tree, "block"), nodeType.block | 0o660, 259, 70_000);
  makeNode(join(tree, "fifo"), nodeType.fifo | 0o600, 0, 0);
  setXattr(join(tree, "d/file"), "user.mine", Buffer.from("yes\0no"));
  setXattr(join(tree, "d/file"), "trusted.overlay.origin", Buffer.from("internal"));
  // layers keep whole seconds
  Bun.spawnSync(["find", tree, "-exec", "touch", "-h", "-d", "@1700000000", "{}", "+"]);
  utimesSync(join(tree, "d/file"), 1_000_000_000, 1_000_000_000);
  Bun.spawnSync(["touch", "-h", "-d", "@-5", join(tree, "d/symlink")]);
  return tree;
}

describe.skipIf(!isRoot)("packTree()", () => {
  let tree = "";
  beforeAll(() => {
    tree = makeTree();
  });

  test("gives a tar that tar(1) understands", async () => {
    const lines = listed(await pack(tree));
    const deep = `${"l".repeat(200)}/${"m".repeat(200)}/${"n".repeat(250)}`;
    expect(lines).toContain("drwxrwxrwt 0/0 0 d/");
    expect(lines).toContain("-rwsr-xr-x 0/0 8 d/file");
    expect(lines).toContain("lrwxrwxrwx 0/0 0 d/symlink -> ../there");
    expect(lines).toContain("hrwsr-xr-x 0/0 0 link link to d/file");
    expect(lines).toContain("crw-r--r-- 0/0 1,3 null");
    expect(lines).toContain("brw-r----- 0/0 259,70000 block");
    expect(lines).toContain("prw------- 0/0 0 fifo");
    expect(lines).toContain("-rw-r--r-- 0/0 5 \\377\\376");
    expect(lines.some((line) => line.endsWith(deep))).toBe(true);
  });

  test("comes back as it was, through a layer", async () => {
    const tar = await pack(tree);
    const { layer, diff } = await unpacked(tar);
    using before = OpenDirectory.at(tree);
    using after = OpenDirectory.at(diff);
    expect(treeChanges(before, after)).toEqual([]);
    expect(lstatSync(join(diff, "d/file")).nlink).toBe(2);
    expect(lstatSync(join(diff, "d/file")).mtimeMs).toBe(1_000_000_000_000);
    expect(lstatSync(join(diff, "d/symlink")).mtimeMs).toBe(-5000);
    expect(after.enter("d")?.xattrs("file").get("user.mine")?.toString()).toBe("yes\0no");
    expect(after.enter("d")?.xattrs("file").has("trusted.overlay.origin")).toBe(false);
    expect(layer.isExact).toBe(true);
  });

  test("the same tree is the same bytes", async () => {
    expect((await pack(tree)).equals(await pack(tree))).toBe(true);
  });

  test("maps owners", async () => {
    const lines = listed(
      await pack(tree, { mapOwner: (uid, gid) => ({ uid: uid + 7, gid: gid + 9 }) }),
    );
    expect(lines).toContain("-rwsr-xr-x 7/9 8 d/file");
    expect(lines[0]).toBe("drwxr-xr-x 7/9 0 ./");
  });

  test("whiteouts and opaque directories become those of OCI", async () => {
    const upper = newPath();
    mkdirSync(join(upper, "gone-and-new"), { recursive: true, mode: 0o755 });
    writeFileSync(join(upper, "gone-and-new/f"), "");
    setXattr(join(upper, "gone-and-new"), "trusted.overlay.opaque", Buffer.from("y"));
    makeNode(join(upper, "removed"), nodeType.character, 0, 0);
    const names = listed(await pack(upper)).map((line) => line.split(" ").at(-1));
    expect(names).toEqual([
      "gone-and-new/",
      "gone-and-new/.wh..wh..opq",
      "gone-and-new/f",
      ".wh.removed",
    ]);
    const { diff } = await unpacked(await pack(upper));
    expect(lstatSync(join(diff, "removed")).rdev).toBe(0);
  });

  test("a name that would be a whiteout is left out and told, in a file system it stays", async () => {
    const odd = newPath();
    mkdirSync(odd, { mode: 0o755 });
    writeFileSync(join(odd, ".wh.etc"), "mine");
    const warnings: string[] = [];
    expect(listed(await pack(odd, { warn: (text) => warnings.push(text) }))).toEqual([""]);
    expect(warnings.join()).toContain(".wh.etc");
    expect(listed(await pack(odd, { kind: "filesystem" })).join()).toContain(".wh.etc");
  });

  test("what the kernel keeps as a reference to a lower layer is refused", async () => {
    const upper = newPath();
    mkdirSync(join(upper, "moved"), { recursive: true, mode: 0o755 });
    setXattr(join(upper, "moved"), "trusted.overlay.redirect", Buffer.from("/old"));
    await expect(pack(upper)).rejects.toThrow("reference");
  });

  test("giants of holes stay small, and rebuild to the byte", async () => {
    const sparse = newPath();
    mkdirSync(sparse, { mode: 0o755 });
    const file = join(sparse, "giant");
    writeFileSync(file, "start");
    truncateSync(file, 2 ** 40);
    const descriptor = openSync(file, "r+");
    writeSync(descriptor, "middle", 2 ** 39);
    closeSync(descriptor);
    const tar = await pack(sparse);
    expect(tar.length).toBeLessThan(1 << 20);
    const { layer, target, diff } = await unpacked(tar);
    expect(lstatSync(join(diff, "giant")).size).toBe(2 ** 40);
    expect(layer.isExact).toBe(true);
    const paths = pathsUnder(directory, directory).layer("");
    const own = { ...paths, diff, tarHeaders: join(target, "tar.zst") };
    const record = { id: layer.diffId.slice(7), size: 0, tarSize: layer.tarSize, isExact: true };
    let size = 0;
    for await (const chunk of exactTar(own, record)) size += chunk.length;
    expect(size).toBe(tar.length);
  });

  test("a link put in the place of a directory leads nowhere", async () => {
    const racing = newPath();
    mkdirSync(join(racing, "d"), { recursive: true, mode: 0o755 });
    using root = OpenDirectory.at(racing);
    rmSync(join(racing, "d"), { recursive: true });
    symlinkSync("/etc", join(racing, "d"));
    expect(root.enter("d")).toBeUndefined();
    expect(root.openFile("d")).toBeUndefined();
  });
});

describe.skipIf(!isRoot)("upperChanges()", () => {
  test("tells of all kinds of changes, and of nothing that only was copied up", async () => {
    const [lower, upper] = [newPath(), newPath()];
    for (const name of ["kept", "cut", "opaque", "meta", "replaced"])
      mkdirSync(join(lower, name), { recursive: true, mode: 0o755 });
    for (const name of [
      "kept/same",
      "kept/mode",
      "cut/gone",
      "opaque/old",
      "opaque/both",
      "replaced/x",
    ])
      writeFileSync(join(lower, name), "1");
    mkdirSync(upper, { mode: 0o755 });
    Bun.spawnSync(["cp", "-a", "kept", "meta", upper], { cwd: lower });
    chmodSync(join(upper, "kept/mode"), 0o600);
    chmodSync(join(upper, "meta"), 0o700);
    mkdirSync(join(upper, "cut"), { mode: 0o755 });
    makeNode(join(upper, "cut/gone"), nodeType.character, 0, 0);
    makeNode(join(upper, "cut/never-was"), nodeType.character, 0, 0);
    mkdirSync(join(upper, "opaque"), { mode: 0o755 });
    setXattr(join(upper, "opaque"), "trusted.overlay.opaque", Buffer.from("y"));
    writeFileSync(join(upper, "opaque/both"), "22");
    writeFileSync(join(upper, "replaced"), "a file now");
    mkdirSync(join(upper, "new/inner"), { recursive: true });
    using below = openView([lower], newPath());
    using own = OpenDirectory.at(upper);
    const lines = upperChanges(own, below).map(({ kind, path }) => `${kind} ${path}`);
    expect(lines).toEqual([
      "C /cut",
      "D /cut/gone",
      "C /kept",
      "C /kept/mode",
      "C /meta",
      "A /new",
      "A /new/inner",
      "C /opaque",
      "C /opaque/both",
      "D /opaque/old",
      "C /replaced",
    ]);
    const whole = openView([upper, lower], newPath());
    using after = whole;
    expect(treeChanges(below, after).map(({ kind, path }) => `${kind} ${path}`)).toEqual(lines);
    expect(existsSync(join(upper, "kept/same"))).toBe(true);
    expect(readFileSync(join(upper, "kept/same"), "utf8")).toBe("1");
  });
});
