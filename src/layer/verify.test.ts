import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import {
  appendFileSync,
  chmodSync,
  chownSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { type LayerPaths, pathsUnder } from "../paths.ts";
import type { LayerRecord } from "../records/layers.ts";
import { paxRecord, tarEnd, tarHeader, tarPadding } from "./tar-write.ts";
import { unpackLayer } from "./unpack.ts";
import { verifyLayer } from "./verify.ts";

const isRoot = process.getuid?.() === 0; // unpacking needs chroot(2)
const directory = mkdtempSync("/tmp/cooper-verify-");
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const file = (name: string, contents: string) => [
  tarHeader({ name, type: "0", mode: 0o644, mtime: 1000, size: contents.length }),
  Buffer.from(contents),
  tarPadding(contents.length),
];
const entry = (name: string, type: string, linkName = "") => [
  tarHeader({ name, type, mode: 0o755, mtime: 1000, linkName }),
];

/** A file with extended attributes. */
const attributed = (name: string, xattrs: Record<string, Buffer>) => {
  const records = Buffer.concat(
    Object.entries(xattrs).map(([key, value]) =>
      paxRecord(`SCHILY.xattr.${key}`, value.toString("latin1")),
    ),
  );
  return [
    tarHeader({ name: "pax", type: "x", mode: 0o644, size: records.length }),
    records,
    tarPadding(records.length),
    ...file(name, "attributed"),
  ];
};
/** cap_net_raw=ep */
const capability = Buffer.from("0100000200200000000000000000000000000000", "hex");
const setfattr = (path: string, ...args: string[]) =>
  expect(Bun.spawnSync(["setfattr", ...args, path]).exitCode).toBe(0);

const tar = Buffer.concat([
  ...attributed("able", { "security.capability": capability, "user.mine": Buffer.from("1") }),
  ...attributed("steered", { "trusted.overlay.redirect": Buffer.from("/etc") }),
  ...entry("d", "5"),
  ...file("d/file", "contents"),
  ...entry("d/link", "2", "file"),
  ...entry("hard", "1", "d/file"),
  ...file("not/listed/above", "x"),
  ...entry("through", "2", "d"),
  ...file("through/other", "by a link"),
  ...entry("d/.wh.gone", "0"),
  ...file("d/.wh.e/.wh.below", ""),
  ...file("unlisted/.wh..wh..opq", ""),
  ...entry("empty", "5"),
  ...entry("fifo", "6"),
  ...file("\xff", "bytes"),
  ...file("twice", "first"),
  ...file("twice", "second"),
  tarEnd(),
]);

describe.skipIf(!isRoot)("verifyLayer()", () => {
  let layer: LayerPaths;
  let record: LayerRecord;
  let count = 0;

  beforeEach(async () => {
    const root = join(directory, `${count++}`);
    mkdirSync(join(root, "layers"), { recursive: true });
    layer = pathsUnder(root, root).layer("one");
    const chunks = async function* () {
      yield tar;
    };
    const unpacked = await unpackLayer({ kind: "stream", chunks: chunks() }, layer.directory);
    record = { ...unpacked, id: unpacked.diffId.slice("sha256:".length) };
  });

  const at = (name: string) => join(layer.diff, name);
  const problems = (readsContents: boolean) => verifyLayer(layer, record, readsContents);

  test("finds nothing wrong with what was unpacked", async () => {
    expect(await problems(true)).toEqual([]);
  });

  test.each<[string, () => void]>([
    ['"/d/file" is missing', () => rmSync(at("d/file"))],
    ['"/d/file" has another size', () => appendFileSync(at("d/file"), "x")],
    ['"/d/file" was changed', () => writeFileSync(at("d/file"), "CONTENTS")],
    ['"/d/file" has another mode', () => chmodSync(at("d/file"), 0o4644)],
    ['"/d/file" has another owner', () => chownSync(at("d/file"), 7, 0)],
    ['"/d" has another mode', () => chmodSync(at("d"), 0o777)],
    ['"/empty" is missing', () => rmSync(at("empty"), { recursive: true })],
    ['"/d/gone" is missing', () => rmSync(at("d/gone"))],
    ['"/extra" does not belong there', () => writeFileSync(at("extra"), "")],
    [
      '"/d/deep/new" does not belong there',
      () => {
        mkdirSync(at("d/deep"));
        writeFileSync(at("d/deep/new"), "");
      },
    ],
    ['"/not/listed/dir" does not belong there', () => mkdirSync(at("not/listed/dir"))],
    [
      '"/fifo" is of another kind',
      () => {
        rmSync(at("fifo"));
        writeFileSync(at("fifo"), "");
      },
    ],
    [
      '"/d/link" points elsewhere',
      () => {
        rmSync(at("d/link"));
        symlinkSync("/etc/passwd", at("d/link"));
      },
    ],
    [
      '"/hard" is no hard link any more',
      () => {
        renameSync(at("hard"), at("d/x"));
        writeFileSync(at("hard"), "contents");
      },
    ],
    [
      '"/twice" has another size',
      () => appendFileSync(join(layer.displaced, readdirSync(layer.displaced)[0] ?? ""), "x"),
    ],
    ['"/twice" has another size', () => rmSync(layer.displaced, { recursive: true })],
    [
      '"/able" has lost or changed its capabilities',
      () => setfattr(at("able"), "-x", "security.capability"),
    ],
    [
      '"/able" has lost or changed its attribute "user.mine"',
      () => setfattr(at("able"), "-n", "user.mine", "-v", "2"),
    ],
    [
      '"/d/file" has got capabilities that it did not come with',
      () =>
        setfattr(
          at("d/file"),
          "-n",
          "security.capability",
          "-v",
          `0x${capability.toString("hex")}`,
        ),
    ],
    ["its files are gone", () => rmSync(layer.diff, { recursive: true })],
    ["the headers of its tar are gone", () => rmSync(layer.tarHeaders)],
    ["the headers of its tar are damaged", () => truncateSync(layer.tarHeaders, 50)],
  ])("finds that %s", async (problem, damage) => {
    damage();
    expect((await problems(false)).join("\n")).toContain(problem);
  });

  test("reads contents when asked to", async () => {
    const { mtimeMs } = statSync(at("d/file"));
    writeFileSync(at("d/file"), "CONTENTS");
    utimesSync(at("d/file"), mtimeMs / 1000, mtimeMs / 1000);
    utimesSync(at("d"), 1000, 1000);
    expect(await problems(false)).toEqual([]);
    expect(await problems(true)).toEqual(["a file has other contents than it came with"]);
  });

  test("a further name of a file that belongs is a stranger only by its directory", async () => {
    linkSync(at("d/file"), at("empty/again"));
    utimesSync(at("empty"), 1000, 1000);
    // the same inode: contents are right, and nothing is gained by counting names
    expect(await problems(true)).toEqual([]);
  });
});
