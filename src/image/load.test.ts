import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import {
  configOf,
  dockerArchive,
  layer,
  type Members,
  named,
  ociIndex,
  ociLayout,
  ociManifest,
  other,
  storeHost,
  tarOf,
} from "../../test/fixtures/archives.ts";
import type { Host } from "../host.ts";
import { paxRecord, tarEnd, tarHeader } from "../layer/tar-write.ts";
import { digestOf, hexOf } from "../oci/digest.ts";
import { loadImages } from "./load.ts";
import { findImage } from "./resolve.ts";

// unpacking needs chroot(2)
const isRoot = process.getuid?.() === 0;

const directory = mkdtempSync("/tmp/cooper-load-");
afterAll(() => rmSync(directory, { recursive: true, force: true }));
let host: Host;
let count = 0;
beforeEach(() => {
  host = storeHost(join(directory, `${count++}`));
});

async function load(archive: Members | Buffer) {
  const file = join(directory, `archive-${count++}`);
  writeFileSync(file, Buffer.isBuffer(archive) ? archive : tarOf(archive));
  return loadImages(host, { input: file });
}

const filesOf = (path: string) => (existsSync(path) ? readdirSync(path).sort() : []);

describe.skipIf(!isRoot)("loadImages()", () => {
  test.each<[string, Members | Buffer, string[][]]>([
    ["a docker archive", dockerArchive(), [["docker.io/library/box:1"]]],
    ["a compressed archive", gzipSync(tarOf(dockerArchive())), [["docker.io/library/box:1"]]],
    [
      "a zstd archive",
      Buffer.from(Bun.zstdCompressSync(tarOf(dockerArchive()))),
      [["docker.io/library/box:1"]],
    ],
    ["one without names", dockerArchive(null), [[]]],
    [
      "several names",
      dockerArchive(["box:1", "quay.io/a/b"]),
      [["docker.io/library/box:1", "quay.io/a/b:latest"]],
    ],
    [
      "a layer twice in an image",
      dockerArchive(["box:1"], [layer, layer]),
      [["docker.io/library/box:1"]],
    ],
    ["no layers", dockerArchive(["box:1"], []), [["docker.io/library/box:1"]]],
    ["an OCI layout", ociLayout({ annotations: named }), [["localhost/box:2"]]],
    [
      "an OCI layout with containerd's names",
      ociLayout({
        annotations: { ...named, "io.containerd.image.name": "docker.io/library/box:3" },
      }),
      [["docker.io/library/box:3"]],
    ],
    [
      "both formats at once, as Docker 25 writes",
      {
        ...ociLayout(),
        "manifest.json": JSON.stringify([
          {
            Config: `blobs/sha256/${hexOf(digestOf(configOf([layer])))}`,
            RepoTags: ["box:4"],
            Layers: [],
          },
        ]),
      },
      [["docker.io/library/box:4"]],
    ],
  ])("takes %s", async (_, archive, names) => {
    const loaded = await load(archive);
    expect(loaded.map((image) => image.names)).toEqual(names);
    expect(filesOf(host.paths.staging)).toEqual([]);
    expect(filesOf(host.paths.layers)).toEqual(
      [...new Set(loaded.flatMap(({ image }) => image.layers))].sort(),
    );
  });

  test("follows the links that docker save writes for a layer that occurs twice", async () => {
    const config = configOf([layer, layer]);
    const members = {
      "config.json": config,
      "a/layer.tar": layer,
      "manifest.json": JSON.stringify([
        { Config: "config.json", RepoTags: ["box"], Layers: ["a/layer.tar", "b/layer.tar"] },
      ]),
    };
    const [loaded] = await load(tarOf(members, { "b/layer.tar": "../a/layer.tar" }));
    expect(loaded?.image.id).toBe(hexOf(digestOf(config)));
  });

  test("chooses the platform in an index", async () => {
    const one = ociLayout();
    const manifests = (JSON.parse(String(one["index.json"])) as { manifests: object[] }).manifests;
    const inner = Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: ociIndex,
        manifests: [
          {
            mediaType: ociManifest,
            digest: digestOf("elsewhere"),
            size: 1,
            platform: { os: "linux", architecture: "riscv64" },
          },
          {
            ...manifests[0],
            platform: { os: "linux", architecture: process.arch === "arm64" ? "arm64" : "amd64" },
          },
        ],
      }),
    );
    const outer = {
      schemaVersion: 2,
      manifests: [
        { mediaType: ociIndex, digest: digestOf(inner), size: inner.length, annotations: named },
      ],
    };
    const [loaded] = await load({
      ...one,
      [`blobs/sha256/${hexOf(digestOf(inner))}`]: inner,
      "index.json": JSON.stringify(outer),
    });
    expect(loaded?.image.names).toEqual(["localhost/box:2"]);
  });

  test("reads directories, and no link out of them", async () => {
    const at = join(directory, `layout-${count++}`);
    for (const [name, contents] of Object.entries(ociLayout({ annotations: named }))) {
      mkdirSync(join(at, name, ".."), { recursive: true });
      writeFileSync(join(at, name), contents);
    }
    expect((await loadImages(host, { input: at }))[0]?.names).toEqual(["localhost/box:2"]);
    const blob = join(at, "blobs/sha256", hexOf(digestOf(configOf([layer]))));
    rmSync(blob);
    Bun.spawnSync(["ln", "-s", "/etc/hostname", blob]);
    await expect(loadImages(host, { input: at })).rejects.toThrow("incomplete");
    rmSync(blob);
    Bun.spawnSync(["mkfifo", blob]);
    await expect(loadImages(host, { input: at })).rejects.toThrow("incomplete");
  });

  const escaped = Buffer.concat([tarHeader({ name: "../x", type: "0", mode: 0 }), tarEnd()]);
  const hugeName = paxRecord("path", "x");
  test.each<[string, Members | Buffer, string]>([
    [
      "another layer than the config names",
      dockerArchive(["box"], [other], configOf([layer])),
      "not what the image's configuration names",
    ],
    [
      "more layers than the config names",
      dockerArchive(["box"], [layer, other], configOf([layer])),
      "lists 2 layers for an image of 1",
    ],
    ["an invalid name", dockerArchive(["Box Office"]), "invalid image name"],
    ["a layer that leads out", dockerArchive(["box"], [escaped]), "leads out"],
    ["a config that is no JSON", { ...dockerArchive(), "config.json": "{" }, "not valid JSON"],
    [
      "a config that is no UTF-8",
      { ...dockerArchive(), "config.json": Buffer.from([0x7b, 0xff, 0x7d]) },
      "not valid JSON",
    ],
    [
      "a config with a wrong type in it",
      dockerArchive(["box"], [layer], configOf([layer], { config: { Env: "PATH=/" } })),
      "invalid Env",
    ],
    [
      "a config without layers' ids",
      dockerArchive(["box"], [layer], configOf([layer], { rootfs: { diff_ids: ["md5:1"] } })),
      "only sha256",
    ],
    [
      "a huge config",
      { ...dockerArchive(), "config.json": Buffer.alloc(9 << 20, 0x20) },
      "larger than 8 MiB",
    ],
    [
      "a list that is none",
      { ...dockerArchive(), "manifest.json": '[{"Config":1}]' },
      "not a list of images",
    ],
    [
      "a missing layer",
      {
        ...dockerArchive(),
        "manifest.json": '[{"Config":"config.json","RepoTags":null,"Layers":["nowhere"]}]',
      },
      "has no nowhere",
    ],
    [
      "a missing config",
      {
        ...dockerArchive(),
        "config.json": "",
        "manifest.json": '[{"Config":"nowhere","Layers":[]}]',
      },
      "has no nowhere",
    ],
    ["an empty list", { "manifest.json": "[]" }, "holds no image"],
    ["a tar of something else", { "etc/passwd": "" }, "no archive of images"],
    ["a cut archive", tarOf(dockerArchive()).subarray(0, 1500), "cut off"],
    ["what is no archive", Buffer.from("hello".repeat(300)), "no tar"],
    [
      "a damaged blob",
      ociLayout({ blobs: [gzipSync(other)] }),
      "not what the image's configuration names",
    ],
    [
      "a blob that is not what its name says",
      { ...ociLayout(), [`blobs/sha256/${hexOf(digestOf(gzipSync(layer)))}`]: gzipSync(other) },
      "damaged",
    ],
    [
      "a config that is not what its name says",
      { ...ociLayout(), [`blobs/sha256/${hexOf(digestOf(configOf([layer])))}`]: configOf([other]) },
      "damaged",
    ],
    [
      "a manifest that is an index too",
      ociLayout({ manifest: { manifests: [] } }),
      "contradicts itself",
    ],
    ["an index that has layers too", ociLayout({ index: { layers: [] } }), "contradicts itself"],
    [
      "a manifest delivered as an index",
      ociLayout({ descriptor: { mediaType: ociIndex } }),
      "contradicts itself",
    ],
    ["a wrong size in a descriptor", ociLayout({ descriptor: { size: 1 } }), "damaged"],
    [
      "another digest algorithm",
      ociLayout({ descriptor: { digest: "sha512:abcd" } }),
      "only sha256",
    ],
    [
      "a digest with a path in it",
      ociLayout({ descriptor: { digest: "sha256:../../../../etc/passwd" } }),
      "no valid digest",
    ],
    [
      "an artifact that is no image",
      ociLayout({
        manifest: {
          config: {
            mediaType: "application/vnd.cncf.helm.config.v1+json",
            digest: digestOf("{}"),
            size: 2,
          },
        },
      }),
      "of an artifact of type",
    ],
    ["the old manifest format", ociLayout({ manifest: { schemaVersion: 1 } }), "old format"],
    ["too many layers", ociLayout({ manifest: { layers: Array(501).fill({}) } }), "more than 500"],
    [
      "a pax bomb for a name",
      Buffer.concat([tarHeader({ name: "p", type: "x", mode: 0, size: 1 << 30 }), hugeName]),
      "more than 1 MiB",
    ],
  ])("refuses %s, and leaves nothing behind", async (_, archive, message) => {
    await expect(load(archive)).rejects.toThrow(message);
    expect(filesOf(host.paths.staging)).toEqual([]);
    expect(filesOf(host.paths.layers)).toEqual([]);
    expect(findImage(host, "box")).toBeUndefined();
  });

  test("several loads of one archive may race", async () => {
    const loaded = await Promise.all([1, 2, 3].map(() => load(dockerArchive())));
    expect(new Set(loaded.map(([first]) => first?.image.id)).size).toBe(1);
    expect(filesOf(host.paths.layers)).toEqual([hexOf(digestOf(layer))]);
  });

  test("a blob's digest is only trusted once it was unpacked here", async () => {
    await load(dockerArchive(["box:1"], [layer])); // the diff ID is known now, the gzip blob is not
    const lying = ociLayout({ blobs: [gzipSync(other)], annotations: named });
    await expect(load(lying)).rejects.toThrow("not what the image's configuration names");
  });
});
