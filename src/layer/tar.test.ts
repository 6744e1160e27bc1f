import { describe, expect, test } from "bun:test";
import { type TarEntry, TarReader } from "./tar.ts";
import { paxRecord, tarEnd, tarHeader, tarPadding } from "./tar-write.ts";

/** What a reader said, as lines: entries with their contents. */
function read(
  tar: Uint8Array,
  step = tar.length,
): { lines: string[]; rest: Buffer; entries: TarEntry[] } {
  const lines: string[] = [];
  const rest: Buffer[] = [];
  const entries: TarEntry[] = [];
  let contents = "";
  const reader = new TarReader({
    entry(entry) {
      entries.push(entry);
      contents = "";
    },
    data(bytes) {
      contents += Buffer.from(bytes).toString("latin1");
    },
    entryEnd() {
      const entry = entries.at(-1);
      lines.push(
        `${entry?.kind} ${entry?.name}${entry?.linkName ? ` -> ${entry.linkName}` : ""}${contents && ` = ${contents}`}`,
      );
    },
    rest: (bytes) => rest.push(Buffer.from(bytes)),
  });
  for (let at = 0; at < tar.length; at += step) reader.write(tar.subarray(at, at + step));
  reader.finish();
  return { lines, rest: Buffer.concat(rest), entries };
}

const file = (
  name: string,
  contents: string,
  extra: Partial<Parameters<typeof tarHeader>[0]> = {},
) =>
  Buffer.concat([
    tarHeader({ name, type: "0", mode: 0o644, size: contents.length, ...extra }),
    Buffer.from(contents, "latin1"),
    tarPadding(contents.length),
  ]);

/** A header with some bytes changed, and its checksum made right again. */
function patched(header: Buffer, at: number, bytes: Buffer): Buffer {
  const block = Buffer.from(header);
  bytes.copy(block, at);
  block.fill(0x20, 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return block;
}

const gnuLongName = (name: string) =>
  Buffer.concat([
    tarHeader({ name: "././@LongLink", type: "L", mode: 0, size: name.length + 1 }),
    Buffer.from(`${name}\0`),
    tarPadding(name.length + 1),
  ]);

const pax = (records: string, type = "x") =>
  Buffer.concat([
    tarHeader({ name: "pax", type, mode: 0, size: records.length }),
    Buffer.from(records, "latin1"),
    tarPadding(records.length),
  ]);

const record = (key: string, value: string) => paxRecord(key, value).toString("latin1");

const sample = Buffer.concat([
  tarHeader({ name: "d/", type: "5", mode: 0o755 }),
  file("d/f", "hello"),
  file("d/empty", ""),
  file(`d/${"x".repeat(200)}`, "y".repeat(513)),
  tarHeader({ name: "d/l", type: "2", mode: 0o777, linkName: "f" }),
  tarHeader({ name: "d/h", type: "1", mode: 0o644, linkName: "d/f" }),
  tarEnd(),
]);

describe("TarReader", () => {
  test.each([1, 7, 511, 512, 513, 4096])("gives the same for pieces of %i bytes", (step) => {
    expect(read(sample, step)).toEqual(read(sample));
  });

  test("gives everything but contents as rest, in order", () => {
    const { rest, lines } = read(sample);
    expect(lines).toEqual([
      "directory d/",
      "file d/f = hello",
      "file d/empty",
      `file d/${"x".repeat(200)} = ${"y".repeat(513)}`,
      "symlink d/l -> f",
      "hardlink d/h -> d/f",
    ]);
    expect(rest.length).toBe(sample.length - 5 - 513);
  });

  test.each([
    [
      "GNU long names",
      Buffer.concat([gnuLongName("a/".repeat(90)), file("cut", "x")]),
      [`file ${"a/".repeat(90)} = x`],
    ],
    [
      "a pax path over a GNU one",
      Buffer.concat([gnuLongName("gnu"), pax("12 path=pax\n"), file("cut", "x")]),
      ["file pax = x"],
    ],
    [
      "an empty pax value, which takes a record away",
      Buffer.concat([pax("8 path=\n"), file("own", "x")]),
      ["file own = x"],
    ],
    [
      "global headers, which count for nothing",
      Buffer.concat([pax("12 path=all\n", "g"), file("own", "x")]),
      ["file own = x"],
    ],
    ["names with bytes that are no UTF-8", file("a\xff", "x"), ["file a\xff = x"]],
    [
      "a directory by its slash, as before ustar",
      tarHeader({ name: "old/", type: "\0", mode: 0o755 }),
      ["directory old/"],
    ],
    [
      "a size on a hard link, which means nothing",
      tarHeader({ name: "h", type: "1", mode: 0, linkName: "f", size: 5 }),
      ["hardlink h -> f"],
    ],
    ["an archive without its end", file("f", "x"), ["file f = x"]],
    ["an archive without the last padding", file("f", "x").subarray(0, 513), ["file f = x"]],
    [
      "bytes after the end",
      Buffer.concat([file("f", "x"), tarEnd(), Buffer.from("junk")]),
      ["file f = x"],
    ],
    ["nothing", Buffer.alloc(0), []],
  ])("reads %s", (_, tar, lines) => {
    expect(read(tar).lines).toEqual(lines);
    expect(read(tar, 3).lines).toEqual(lines);
  });

  test.each([
    [
      "octal",
      patched(tarHeader({ name: "f", type: "5", mode: 0 }), 108, Buffer.from("0001750\0")),
      { uid: 1000 },
    ],
    [
      "base 256",
      patched(
        tarHeader({ name: "f", type: "5", mode: 0 }),
        108,
        Buffer.from([0x80, 0, 0, 0, 0x7f, 0xff, 0xff, 0xfe]),
      ),
      { uid: 0x7ffffffe },
    ],
    [
      "negative base 256",
      patched(tarHeader({ name: "f", type: "5", mode: 0 }), 136, Buffer.alloc(12, 0xff)),
      { mtimeSeconds: -1 },
    ],
    [
      "pax times",
      Buffer.concat([
        pax(record("mtime", "1700000000.25")),
        tarHeader({ name: "f", type: "5", mode: 0 }),
      ]),
      { mtimeSeconds: 1700000000, mtimeNanoseconds: 250000000 },
    ],
    [
      "negative pax times",
      Buffer.concat([pax(record("mtime", "-1.5")), tarHeader({ name: "f", type: "5", mode: 0 })]),
      { mtimeSeconds: -2, mtimeNanoseconds: 500000000 },
    ],
    [
      "pax ids",
      Buffer.concat([pax(record("uid", "4000000")), tarHeader({ name: "f", type: "5", mode: 0 })]),
      { uid: 4000000 },
    ],
  ])("reads numbers: %s", (_, tar, expected) => {
    expect(read(tar).entries[0]).toMatchObject(expected);
  });

  test("reads extended attributes as bytes", () => {
    const [entry] = read(
      Buffer.concat([pax(record("SCHILY.xattr.user.a", "\x00\xff=\n\x01\x02")), file("f", "")]),
    ).entries;
    expect(entry?.xattrs.get("user.a")).toEqual(Buffer.from("\x00\xff=\n\x01\x02", "latin1"));
  });

  test("reads sparse files of GNU tar's pax format 1.0", () => {
    const map = Buffer.alloc(512);
    map.write("2\n0\n3\n1000\n2\n");
    const records =
      record("GNU.sparse.major", "1") +
      record("GNU.sparse.minor", "0") +
      record("GNU.sparse.name", "f") +
      record("GNU.sparse.realsize", "2000");
    const tar = Buffer.concat([
      pax(records),
      tarHeader({ name: "GNUSparseFile.1/f", type: "0", mode: 0o644, size: 512 + 5 }),
      map,
      Buffer.from("abcde"),
      tarPadding(517),
    ]);
    const { entries, lines } = read(tar, 100);
    expect(lines).toEqual(["file f = abcde"]);
    expect(entries[0]?.sparse).toEqual({
      realSize: 2000,
      pieces: [
        { offset: 0, length: 3 },
        { offset: 1000, length: 2 },
      ],
    });
  });

  test.each([
    ["a wrong checksum", Buffer.concat([file("f", "x")]).fill(0x41, 0, 1), "checksum"],
    ["an end within contents", file("f", "abc").subarray(0, 514), "cut off"],
    ["an end within a header", file("f", "abc").subarray(0, 100), "cut off"],
    [
      "an entry after a block of zeros",
      Buffer.concat([Buffer.alloc(512), file("f", "x")]),
      "goes on",
    ],
    ["an unknown type", tarHeader({ name: "f", type: "Q", mode: 0 }), "unknown type"],
    [
      "a huge extended header",
      tarHeader({ name: "p", type: "x", mode: 0, size: 2 << 20 }),
      "more than 1 MiB",
    ],
    [
      "a huge GNU name",
      tarHeader({ name: "p", type: "L", mode: 0, size: 1 << 30 }),
      "more than 1 MiB",
    ],
    ["a pax record that is too long", pax("99 path=x\n"), "invalid extended header"],
    ["a pax record without length", pax("path=x\n"), "invalid extended header"],
    ["a pax record of length 0", pax("0 path=x\n"), "invalid extended header"],
    ["a pax path with NUL", pax(record("path", "a\0b")), "NUL"],
    [
      "a negative size",
      patched(tarHeader({ name: "f", type: "0", mode: 0 }), 124, Buffer.alloc(12, 0xff)),
      "negative size",
    ],
    [
      "a size beyond all numbers",
      patched(
        tarHeader({ name: "f", type: "0", mode: 0 }),
        124,
        Buffer.from([0x80, 0, 0, 0x7f, 255, 255, 255, 255, 255, 255, 255, 255]),
      ),
      "invalid number",
    ],
    [
      "letters for a number",
      patched(tarHeader({ name: "f", type: "0", mode: 0 }), 124, Buffer.from("zzzzzzzzzzz\0")),
      "invalid number",
    ],
    [
      "a negative pax size",
      Buffer.concat([pax(record("size", "-1")), file("f", "")]),
      "invalid size",
    ],
    [
      "holes that overlap",
      Buffer.concat([pax(record("GNU.sparse.map", "0,3,2,3")), file("f", "abcdef")]),
      "invalid map",
    ],
    [
      "more pieces than contents",
      Buffer.concat([pax(record("GNU.sparse.map", "0,3,4,30")), file("f", "abcdef")]),
      "invalid map",
    ],
  ])("refuses %s", (_, tar, message) => {
    expect(() => read(tar)).toThrow(message);
  });
});
