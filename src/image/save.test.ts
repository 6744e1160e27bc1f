import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import {
  configOf,
  dockerArchive,
  layer,
  type Members,
  named,
  ociLayout,
  other,
  storeHost,
  tarOf,
} from "../../test/fixtures/archives.ts";
import type { Host } from "../host.ts";
import { loadImages } from "./load.ts";
import { resolveImage } from "./resolve.ts";
import { type SaveFormat, type SaveOptions, saveFormats, saveImages } from "./save.ts";

// unpacking needs chroot(2)
const isRoot = process.getuid?.() === 0;

const directory = mkdtempSync("/tmp/cooper-save-");
afterAll(() => rmSync(directory, { recursive: true, force: true }));
let host: Host;
let count = 0;
beforeEach(() => {
  host = newHost();
});

const newHost = () => storeHost(join(directory, `store-${count++}`));
const newPath = () => join(directory, `out-${count++}`);

async function load(archive: Members, into = host) {
  const file = newPath();
  writeFileSync(file, tarOf(archive));
  return loadImages(into, { input: file });
}

/** Saves to a new path, which it resolves to. */
async function save(names: string[], format: SaveFormat, more: Partial<SaveOptions> = {}) {
  const output = newPath();
  await saveImages(host, names, { format, output, compression: null, ...more });
  return output;
}

const two = () => dockerArchive(["box:1", "quay.io/a/b:2"], [layer, other, layer]);

describe.skipIf(!isRoot)("saveImages()", () => {
  test.each(saveFormats)("%s comes back as the same image", async (format) => {
    const [loaded] = await load(two());
    const path = await save(["box:1", "quay.io/a/b:2"], format);
    const again = newHost();
    const [back] = await loadImages(again, { input: path });
    expect(back?.image.id).toBe(loaded?.image.id ?? "");
    expect(back?.image.configText).toBe(loaded?.image.configText ?? "");
    const isNamed = format !== "docker-dir"; // it has no place for a name
    expect(back?.names).toEqual(isNamed ? ["docker.io/library/box:1", "quay.io/a/b:2"] : []);
  });

  test.each<[string, Members, SaveFormat, keeps: boolean]>([
    ["plain OCI", ociLayout({ blobs: [layer], annotations: named }), "oci-archive", true],
    ["plain OCI", ociLayout({ blobs: [layer], annotations: named }), "oci-dir", true],
    ["docker archive", dockerArchive(["box:2"]), "docker-dir", true],
    [
      "gzip of another level",
      ociLayout({ blobs: [gzipSync(layer, { level: 1 })], annotations: named }),
      "oci-archive",
      false,
    ],
    ["docker archive", dockerArchive(["box:2"]), "oci-archive", false],
  ])("the manifest of %s, as it came: row %#", async (_, archive, format, isKept) => {
    const [loaded] = await load(archive);
    const [back] = await loadImages(newHost(), { input: await save(["box:2"], format) });
    expect(back?.image.manifestDigest === loaded?.image.manifestDigest).toBe(isKept);
    expect(back?.image.id).toBe(loaded?.image.id ?? "");
  });

  test("what was compressed here once has the same digests for ever", async () => {
    await load(dockerArchive(["box:1"]));
    const first = await save(["box:1"], "oci-archive");
    host = newHost();
    await loadImages(host, { input: first });
    const second = await save(["box:1"], "oci-archive");
    expect(readFileSync(second).equals(readFileSync(first))).toBe(true);
    expect(readFileSync(first).includes("v1.tar+gzip")).toBe(true);
  });

  test.each<[SaveOptions["compression"], string]>([
    ["gzip", "v1.tar+gzip"],
    ["none", 'v1.tar"'],
  ])("compression %s is what the manifest says", async (compression, type) => {
    const archive = compression === "gzip" ? [layer] : [gzipSync(layer)];
    await load(ociLayout({ blobs: archive, annotations: named }));
    const path = await save(["box:2"], "oci-archive", { compression });
    expect(readFileSync(path).includes(type)).toBe(true);
  });

  test("layers of several images are written once", async () => {
    await load(dockerArchive(["a:1"], [layer, other]));
    await load(dockerArchive(["b:1"], [layer], configOf([layer], { author: "b" })));
    const path = await save(["a:1", "b:1"], "oci-dir");
    const blobs = readdirSync(join(path, "blobs/sha256"));
    expect(blobs.length).toBe(2 + 2 + 2); // layers, configurations, manifests
    const images = await loadImages(newHost(), { input: path });
    expect(images.map(({ names }) => names)).toEqual([
      ["docker.io/library/a:1"],
      ["docker.io/library/b:1"],
    ]);
  });

  test("a layout takes in more images, and a name moves", async () => {
    await load(dockerArchive(["a:1"], [layer]));
    await load(dockerArchive(["b:1"], [other]));
    const output = newPath();
    const saveTo = (name: string) =>
      saveImages(host, [name], { format: "oci-dir", output, compression: null });
    await saveTo("a:1");
    await saveTo("b:1");
    await load(dockerArchive(["a:1"], [other, layer]));
    await saveTo("a:1");
    const images = await loadImages(newHost(), { input: output });
    const names = images.map(({ image, names: own }) => [...own, image.layers.length]);
    expect(names).toEqual([
      ["docker.io/library/b:1", 1],
      ["docker.io/library/a:1", 2],
    ]);
  });

  test("by id an image has no name in the archive", async () => {
    const [loaded] = await load(dockerArchive());
    const path = await save([loaded?.image.id ?? ""], "docker-archive");
    expect((await loadImages(newHost(), { input: path }))[0]?.names).toEqual([]);
  });

  test("a damaged layer is told, and no file is left", async () => {
    const [loaded] = await load(dockerArchive());
    const [id = ""] = loaded?.image.layers ?? [];
    writeFileSync(join(host.paths.layer(id).diff, "etc/hostname"), "bax");
    const output = newPath();
    const saving = saveImages(host, ["box:1"], {
      format: "docker-archive",
      output,
      compression: null,
    });
    await expect(saving).rejects.toMatchObject({ code: "corrupt" });
    expect(readdirSync(directory).filter((name) => output.endsWith(name))).toEqual([]);
  });

  test("what is something else is not overwritten", async () => {
    await load(dockerArchive());
    const output = newPath();
    mkdirSync(output);
    writeFileSync(join(output, "thesis.txt"), "");
    for (const format of ["oci-dir", "docker-dir"] as const) {
      const saving = saveImages(host, ["box:1"], { format, output, compression: null });
      await expect(saving).rejects.toThrow("is not empty");
    }
    expect(readdirSync(output)).toEqual(["thesis.txt"]);
  });

  test("another platform than asked for is refused", async () => {
    const [loaded] = await load(dockerArchive());
    expect(resolveImage(host, "box:1").id).toBe(loaded?.image.id ?? "");
    const platform = { os: "linux", architecture: "s390x", variant: null };
    await expect(save(["box:1"], "oci-archive", { platform })).rejects.toThrow(
      "not for linux/s390x",
    );
  });
});
