import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  dockerArchive,
  layer,
  type Members,
  other,
  storeHost,
  tarOf,
} from "../../test/fixtures/archives.ts";
import type { Host } from "../host.ts";
import { digestOf, hexOf } from "../oci/digest.ts";
import { loadImages } from "./load.ts";
import { pruneImages } from "./prune.ts";
import { removeImage } from "./remove.ts";
import { findImage, resolveImage } from "./resolve.ts";
import { sweep } from "./sweep.ts";
import { tagImage, untagImage } from "./tag.ts";

// unpacking needs chroot(2)
const isRoot = process.getuid?.() === 0;

const directory = mkdtempSync("/tmp/cooper-names-");
afterAll(() => rmSync(directory, { recursive: true, force: true }));
let host: Host;
let count = 0;
beforeEach(() => {
  host = storeHost(join(directory, `${count++}`));
});

async function load(archive: Members) {
  const file = join(directory, `archive-${count++}`);
  writeFileSync(file, tarOf(archive));
  return loadImages(host, { input: file });
}

const filesOf = (path: string) => (existsSync(path) ? readdirSync(path).sort() : []);

describe.skipIf(!isRoot)("names", () => {
  test("are found as typed, before ids", async () => {
    const [loaded] = await load(dockerArchive(["box:1", "quay.io/team/tool:7"]));
    const id = loaded?.image.id ?? "";
    const found = [
      "box:1",
      "docker.io/box:1",
      "docker.io/library/box:1",
      "team/tool:7",
      "tool:7",
      id,
      id.slice(0, 12),
      `sha256:${id}`,
      `box@${loaded?.image.manifestDigest}`,
    ];
    for (const name of found) expect([name, findImage(host, name)?.id]).toEqual([name, id]);
    for (const name of ["box", "localhost/box:1", "tool", "ool:7", "g", `sha256:${"0".repeat(64)}`])
      expect([name, findImage(host, name)]).toEqual([name, undefined]);
    tagImage(host, id, [`${id.slice(0, 4)}:latest`]);
    expect(resolveImage(host, id.slice(0, 4)).names).toContain(
      `localhost/${id.slice(0, 4)}:latest`,
    );
    expect(() => resolveImage(host, "Box")).toThrow("lower case");
  });

  test("move to another image, and are taken away", async () => {
    const [one] = await load(dockerArchive(["a:1"], [layer]));
    const [two] = await load(dockerArchive(["b:1"], [other]));
    tagImage(host, "a:1", ["localhost/c", "docker.io/library/b:1"]);
    expect(resolveImage(host, "b:1").id).toBe(one?.image.id ?? "");
    expect(resolveImage(host, two?.image.id ?? "").names).toEqual([]);
    expect(untagImage(host, "a:1", ["c"])).toEqual(["localhost/c:latest"]);
    expect(() => untagImage(host, "a:1", ["c"])).toThrow("no name of the image");
    expect(untagImage(host, "a:1").length).toBe(2);
    expect(() => tagImage(host, one?.image.id ?? "", ["x@sha256:"])).toThrow("invalid image name");
    expect((await pruneImages(host)).deleted.length).toBe(2);
    expect(filesOf(host.paths.layers)).toEqual([]);
  });

  test("decide what rmi removes", async () => {
    const [loaded] = await load(dockerArchive(["a:1", "a:2"]));
    const id = loaded?.image.id ?? "";
    await expect(removeImage(host, id)).rejects.toThrow("several names");
    expect(await removeImage(host, "a:1")).toEqual({
      untagged: ["docker.io/library/a:1"],
      deleted: [],
    });
    host.database.run(
      "insert into container (id, name, image_id, created_at, intent, record) values ('c1', 'web', ?, 0, 'created', '{}')",
      [id],
    );
    await expect(removeImage(host, "a:2")).rejects.toThrow("in use by the container web");
    expect((await pruneImages(host, { all: true })).deleted).toEqual([]);
    expect(await removeImage(host, "a:2", { force: true })).toEqual({
      untagged: ["docker.io/library/a:2"],
      deleted: [id],
    });
    await expect(removeImage(host, "a:2")).rejects.toThrow("no such image");
  });
});

describe.skipIf(!isRoot)("sweep()", () => {
  test("removes what the dead left, and nothing that is held", async () => {
    await load(dockerArchive(["a:1"]));
    mkdirSync(join(host.paths.staging, "dead"), { recursive: true });
    writeFileSync(join(host.paths.staging, "dead.lock"), "");
    mkdirSync(join(host.paths.staging, "lockless/layer0/diff"), { recursive: true });
    mkdirSync(join(host.paths.layers, "f".repeat(64), "diff"), { recursive: true });
    const held = await host.locks.store("shared"); // somebody publishes
    await sweep(host);
    expect(filesOf(host.paths.staging)).toEqual([]);
    expect(filesOf(host.paths.layers).length).toBe(2);
    held[Symbol.dispose]();
    await sweep(host);
    expect(filesOf(host.paths.layers)).toEqual([hexOf(digestOf(layer))]);
  });
});
