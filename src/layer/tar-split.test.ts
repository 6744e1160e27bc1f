import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { rebuildFromSplit } from "./tar-split.ts";

let root: string;
beforeEach(() => {
  root = mkdtempSync("/tmp/cooper-split-");
  mkdirSync(join(root, "diff/etc"), { recursive: true });
  writeFileSync(join(root, "diff/etc/name"), "box");
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const piece = (text: string) => ({ type: 2, payload: Buffer.from(text).toString("base64") });
const file = (name: string, size: number) => ({ type: 1, name, size, payload: "AA==" });

async function rebuilt(entries: readonly unknown[], files = "diff"): Promise<string> {
  const text = entries.map((entry) => `${JSON.stringify(entry)}\n`).join("");
  writeFileSync(join(root, "split.gz"), gzipSync(text));
  const layer = { root, split: "split.gz", files, name: "layer abc" };
  const chunks: Uint8Array[] = [];
  for await (const chunk of rebuildFromSplit(layer)) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

test("rebuildFromSplit() puts contents between the pieces", async () => {
  const raw = { ...file("", 2), name_raw: Buffer.from("diff-\xff", "latin1").toString("base64") };
  writeFileSync(Buffer.concat([Buffer.from(join(root, "diff/diff-")), Buffer.from([0xff])]), "hi");
  expect(
    await rebuilt([piece("<a>"), file("etc/name", 3), piece("<b>"), raw, file("gone", 0)]),
  ).toBe("<a>box<b>hi");
  expect(await rebuilt([file("./etc/name", 3), file("/etc/name", 3)])).toBe("boxbox");
});

test.each<[string, unknown, string]>([
  ["a file that is gone", file("etc/none", 3), "lost or changed"],
  ["a file of another size", file("etc/name", 4), "lost or changed"],
  ["a directory", file("etc", 3), "lost or changed"],
  ["a NUL in a name", file("etc/na\0me", 3), "is damaged"],
  ["a negative size", file("etc/name", -1), "is damaged"],
  ["an unknown type", { type: 3 }, "is damaged"],
  ["no object", [1], "is damaged"],
])("rebuildFromSplit() refuses %s", async (_, entry, why) => {
  expect(rebuilt([entry])).rejects.toThrow(why);
});

test("rebuildFromSplit() follows no link out of the store", async () => {
  writeFileSync(join(root, "secret"), "outside");
  symlinkSync("../secret", join(root, "diff/up"));
  symlinkSync(join(root, "secret"), join(root, "diff/absolute"));
  for (const name of ["up", "absolute", "../secret", "../../../../../../etc/passwd"])
    expect(rebuilt([file(name, 7)])).rejects.toThrow("lost or changed");
  mkdirSync(`${root}-other`);
  try {
    symlinkSync(`${root}-other`, join(root, "link"));
    expect(rebuilt([], "link")).rejects.toThrow("are missing");
  } finally {
    rmSync(`${root}-other`, { recursive: true });
  }
});
