import { Database } from "bun:sqlite";
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { ociLayout } from "../../test/fixtures/archives.ts";
import { boltFile } from "../../test/fixtures/bolt.ts";
import { digestOf, hexOf } from "../oci/digest.ts";
import { openBolt } from "./bolt.ts";
import { openDockerStore } from "./docker-store.ts";
import { findForeignImage, imageNamesOf } from "./foreign-store.ts";
import { dockerVolumes, podmanVolumes } from "./foreign-volumes.ts";
import { openPodmanStore } from "./podman-store.ts";

let root: string;
beforeEach(() => {
  root = mkdtempSync("/tmp/cooper-foreign-");
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function write(path: string, contents: string | Uint8Array): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), contents);
}

describe("openBolt()", () => {
  test("reads values and buckets in buckets, also over several pages", () => {
    const large = "x".repeat(10_000);
    write("b", boltFile({ one: "1", large, deep: { er: { value: "here" } } }));
    const bolt = openBolt(root, "b");
    expect(bolt?.names().toSorted()).toEqual(["deep", "large", "one"]);
    expect(bolt?.value("large")?.toString()).toBe(large);
    expect(bolt?.value("deep")).toBeUndefined();
    expect(bolt?.bucket("one")).toBeUndefined();
    expect(bolt?.bucket("deep")?.bucket("er")?.value("value")?.toString()).toBe("here");
    expect(openBolt(root, "none")).toBeUndefined();
  });

  const at = 2 * 4096;
  test.each<[string, (file: Buffer) => void]>([
    ["an unknown kind of page", (file) => void file.writeUInt16LE(64, at + 8)],
    ["more entries than the page has", (file) => void file.writeUInt16LE(60_000, at + 10)],
    ["contents behind the page", (file) => void file.writeUInt32LE(1 << 20, at + 16 + 4)],
    ["more pages than the file", (file) => void file.writeUInt32LE(1000, at + 12)],
    [
      "a branch that leads to itself",
      (file) => {
        file.writeUInt16LE(1, at + 8);
        file.writeBigUInt64LE(2n, at + 16 + 8);
      },
    ],
  ])("refuses %s", (_, change) => {
    write("b", boltFile({ one: "1" }, change));
    expect(() => openBolt(root, "b")?.names()).toThrow("damaged");
  });

  test("refuses what is cut off, altered, or none", () => {
    for (const bytes of [
      boltFile({}).subarray(0, 100),
      Buffer.alloc(20_000),
      Buffer.from("text"),
    ]) {
      write("b", bytes);
      expect(() => openBolt(root, "b")?.names()).toThrow("damaged");
    }
  });
});

describe("volumes", () => {
  const record = (more: object) =>
    JSON.stringify({ labels: { k: "v" }, volumeDriver: "local", ...more });

  test("of Podman, by bbolt or SQLite: with labels, without anonymous ones and mounts", () => {
    for (const name of ["data", "anonymous", "mounted", "plugin", "unknown", "0".repeat(64)])
      mkdirSync(join(root, `volumes/${name}/_data`), { recursive: true });
    const rows = {
      data: record({}),
      anonymous: record({ isAnon: true }),
      mounted: record({ options: { type: "nfs", device: ":/x", o: "addr=h" } }),
      plugin: record({ volumeDriver: "rclone" }),
    };
    const expected = [
      { name: "data", labels: { k: "v" }, path: "volumes/data/_data", refusal: null },
      {
        name: "mounted",
        refusal: expect.stringContaining("--opt type=nfs --opt device=:/x --opt o=addr=h"),
      },
      { name: "plugin", refusal: "its contents are kept by the plugin rclone" },
      { name: "unknown", labels: {}, refusal: null },
    ];
    const buckets = Object.entries(rows).map(([name, config]) => [name, { config }]);
    write("libpod/bolt_state.db", boltFile({ vol: Object.fromEntries(buckets) }));
    expect(podmanVolumes(root)).toMatchObject(expected);
    rmSync(join(root, "libpod"), { recursive: true });
    const database = new Database(join(root, "db.sql"));
    database.run("create table VolumeConfig (Name text primary key, StorageID text, JSON text)");
    for (const [name, text] of Object.entries(rows)) {
      const row = [name, Buffer.from(text)]; // as Podman 5.8 writes it
      database.run("insert into VolumeConfig (Name, JSON) values (?, ?)", row);
    }
    database.close();
    expect(podmanVolumes(root)).toMatchObject(expected);
  });

  test("of Docker", () => {
    for (const name of ["data", "mounted"])
      mkdirSync(join(root, `volumes/${name}/_data`), { recursive: true });
    const volumes = {
      data: '{"Name":"data","Driver":"local","Labels":{"k":"v"},"Options":null}',
      mounted: '{"Driver":"local","Labels":null,"Options":{"type":"tmpfs","device":"tmpfs"}}',
    };
    write("volumes/metadata.db", boltFile({ volumes }));
    expect(dockerVolumes(root)).toMatchObject([
      { name: "data", labels: { k: "v" }, refusal: null },
      { name: "mounted", refusal: expect.stringContaining("it is a mount") },
    ]);
  });
});

describe("Podman's store", () => {
  const id = "ab".repeat(32);
  const list = (images: unknown, layers: unknown = []) => {
    write("overlay-images/images.json", JSON.stringify(images));
    write("overlay-layers/layers.json", JSON.stringify(layers));
    return () => openPodmanStore(root, null).images();
  };

  test("layers that are their own parents end", () => {
    const [image] = list(
      [{ id, layer: "l" }],
      [
        { id: "l", parent: "m" },
        { id: "m", parent: "l" },
      ],
    )();
    expect(image?.size).toBeNull();
    expect(() => image?.open()).toThrow("no configuration that its id names");
  });

  test("a configuration that is another one is damaged", () => {
    const key = `sha256:${id}`;
    const images = list([{ id, "big-data-names": [key] }]);
    write(`overlay-images/${id}/=${Buffer.from(key).toString("base64")}`, "{}");
    expect(() => images()[0]?.open()).toThrow("is damaged");
  });

  test("a link out of the store is not followed", () => {
    const text = '{"rootfs":{"type":"layers","diff_ids":[]}}';
    const own = hexOf(digestOf(text));
    const key = `sha256:${own}`;
    writeFileSync(`${root}-config`, text);
    try {
      const images = list([{ id: own, "big-data-names": [key] }]);
      mkdirSync(join(root, `overlay-images/${own}`));
      const file = `=${Buffer.from(key).toString("base64")}`;
      symlinkSync(`${root}-config`, join(root, `overlay-images/${own}`, file));
      expect(() => images()[0]?.open()).toThrow("no configuration");
    } finally {
      rmSync(`${root}-config`);
    }
  });

  test.each([
    ["no list", {}, "not a list"],
    ["an id that is a path", [{ id: "../../etc" }], "without id"],
    ["no id", [{}], "without id"],
  ])("refuses %s", (_, images, why) => {
    expect(list(images)).toThrow(why);
  });
});

test("Docker's images in containerd's store have their names and manifests", () => {
  const members = ociLayout();
  const index = JSON.parse(String(members["index.json"])) as {
    manifests: { digest: string; mediaType: string }[];
  };
  const [{ digest, mediaType } = { digest: "", mediaType: "" }] = index.manifests;
  const daemon = "containerd/daemon";
  for (const [name, bytes] of Object.entries(members))
    if (name.startsWith("blobs/"))
      write(`${daemon}/io.containerd.content.v1.content/${name}`, bytes);
  const image = { target: { digest, mediatype: mediaType } };
  const images = { "docker.io/library/box:1": image, "docker.io/library/box:2": image };
  const tree = { v1: { moby: { images }, other: { images: { "a.io/b:1": image } } } };
  write(`${daemon}/io.containerd.metadata.v1.bolt/meta.db`, boltFile(tree));
  const [found, ...more] = openDockerStore(root).images();
  expect(more).toEqual([]);
  expect(found?.names).toEqual(["docker.io/library/box:1", "docker.io/library/box:2"]);
  using opened = found?.open();
  expect(opened?.plan.manifests?.map((manifest) => manifest.digest)).toEqual([digest]);
  expect(opened?.plan.layers.map(({ blob }) => blob !== null)).toEqual([true]);
});

test("imageNamesOf() lets nothing through that is no whole name", () => {
  const names = [
    "a.io/b:1",
    "a.io/b",
    "b:1",
    "A B",
    "a.io/b:\u001b[2J",
    `a.io/b@sha256:${"0".repeat(64)}`,
  ];
  expect(imageNamesOf(names)).toEqual(["a.io/b:1", `a.io/b@sha256:${"0".repeat(64)}`]);
});

test("findForeignImage() takes names before ends of names before ids", () => {
  const image = (id: string, ...names: string[]) => ({
    id,
    names,
    repoDigests: [],
    size: null,
    open: () => {
      throw new Error("not opened");
    },
  });
  const images = [
    image("aa1", "a.io/x:1"),
    image("aa2", "localhost/y:1"),
    image("bb3", "b.io/y:1"),
  ];
  const find = (
    ...words: Parameters<typeof findForeignImage> extends [unknown, ...infer R] ? R : never
  ) => findForeignImage(images, ...words)?.image.id;
  expect(find(["localhost/y:1"], null, "y:1")).toBe("aa2");
  expect(find(["docker.io/x:1"], null, "x:1")).toBe("aa1");
  expect(find(["docker.io/y:1"], null, "y:1")).toBeUndefined();
  expect(find([], "bb", null)).toBe("bb3");
  expect(find([], "aa", null)).toBeUndefined();
});
