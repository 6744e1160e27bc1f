import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { storeHost } from "../../test/fixtures/archives.ts";
import { type FixtureRegistry, fixtureRegistry } from "../../test/fixtures/registry.ts";
import type { Host } from "../host.ts";
import { tarEnd, tarHeader, tarPadding } from "../layer/tar-write.ts";
import { digestOf, hexOf } from "../oci/digest.ts";
import { pullImage } from "./pull.ts";
import { sweep, sweepPartials } from "./sweep.ts";

const isRoot = process.getuid?.() === 0;
const directory = mkdtempSync("/tmp/cooper-fetch-");
afterAll(() => rmSync(directory, { recursive: true, force: true }));
let root = "";
let host: Host;
let count = 0;
beforeEach(() => {
  root = join(directory, `${count++}`);
  host = storeHost(root, () => undefined);
});

/** A layer that does not compress, so that it comes in many pieces. */
function layerOf(name: string, size = 600_000): Buffer {
  const pieces = Array.from({ length: Math.ceil(size / 64) }, (_, at) => digestOf(`${name} ${at}`));
  const content = Buffer.from(pieces.join("").replaceAll("sha256:", ""), "hex");
  const bytes = Buffer.concat([content, content]).subarray(0, size);
  return Buffer.concat([
    tarHeader({ name, type: "0", mode: 0o644, size }),
    bytes,
    tarPadding(size),
    tarEnd(),
  ]);
}

/** Puts an image of these layers into a registry; returns the blobs of the layers. */
function publish(registry: FixtureRegistry, tag: string, layers: readonly Buffer[]): Buffer[] {
  const blobs = layers.map((layer) => gzipSync(layer, { level: 1 }));
  const type = "application/vnd.oci.image";
  const config = Buffer.from(
    JSON.stringify({
      architecture: "amd64",
      os: "linux",
      rootfs: { type: "layers", diff_ids: layers.map(digestOf) },
    }),
  );
  const descriptor = (mediaType: string, bytes: Buffer) => ({
    mediaType,
    digest: digestOf(bytes),
    size: bytes.length,
  });
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: `${type}.manifest.v1+json`,
      config: descriptor(`${type}.config.v1+json`, config),
      layers: blobs.map((blob) => descriptor(`${type}.layer.v1.tar+gzip`, blob)),
    }),
  );
  for (const blob of [...blobs, config]) registry.blobs.set(digestOf(blob), blob);
  const kept = { bytes: manifest, type: `${type}.manifest.v1+json` };
  registry.manifests.set(`a/b:${tag}`, kept);
  registry.manifests.set(`a/b@${digestOf(manifest)}`, kept);
  return blobs;
}

const list = (path: string) => (existsSync(path) ? readdirSync(path) : []);
const quick = { retries: 1, retryDelayMs: 1 };
const isBlob = (line: string, blob: Buffer) => line.includes(digestOf(blob));

describe.skipIf(!isRoot)("LayerFetcher", () => {
  test("takes up what an earlier pull has fetched, and keeps nothing of it afterwards", async () => {
    using registry = await fixtureRegistry();
    const [blob = Buffer.alloc(0)] = publish(registry, "t", [layerOf("one")]);
    let isBroken = true;
    registry.fault = (line) =>
      isBlob(line, blob) && isBroken
        ? line.includes("bytes=")
          ? { kind: "status", status: 503 }
          : { kind: "drop", afterBytes: 200_000 }
        : undefined;
    const name = `${registry.host}/a/b:t`;
    await expect(pullImage(host, name, quick)).rejects.toThrow("503");
    const held = readFileSync(host.paths.partial(hexOf(digestOf(blob))).blob);
    expect(held.equals(blob.subarray(0, held.length))).toBe(true);
    expect(held.length).toBeGreaterThan(0);
    isBroken = false;
    registry.asked.length = 0;
    await sweep(host); // other commands leave it alone
    await pullImage(
      storeHost(root, () => undefined),
      name,
      quick,
    );
    expect(registry.asked.filter((line) => isBlob(line, blob))).toEqual([
      `GET a/b/blobs/${digestOf(blob)} bytes=${held.length}-`,
    ]);
    expect(list(host.paths.partials)).toEqual([]);
  });

  test.each(["ignored", "elsewhere", "other-size"] as const)(
    "comes to the right bytes where the registry lies about ranges: %s",
    async (lie) => {
      using registry = await fixtureRegistry();
      const [blob = Buffer.alloc(0)] = publish(registry, "t", [layerOf("one")]);
      let isFirst = true;
      registry.fault = (line) => {
        if (!isBlob(line, blob)) return undefined;
        if (!isFirst) return line.includes("bytes=") ? { kind: "range", lie } : undefined;
        isFirst = false;
        return { kind: "drop", afterBytes: 150_000 };
      };
      const { image } = await pullImage(host, `${registry.host}/a/b:t`, quick);
      expect(image.layers).toEqual([hexOf(digestOf(layerOf("one")))]);
    },
  );

  test("refuses other bytes, and keeps nothing of them", async () => {
    using registry = await fixtureRegistry();
    const [blob = Buffer.alloc(0)] = publish(registry, "t", [layerOf("one")]);
    const other = Buffer.from(blob);
    other[blob.length - 1] = (other[blob.length - 1] ?? 0) ^ 1;
    registry.fault = (line) => (isBlob(line, blob) ? { kind: "bytes", bytes: other } : undefined);
    await expect(pullImage(host, `${registry.host}/a/b:t`, quick)).rejects.toThrow("damaged");
    expect([list(host.paths.partials), list(host.paths.layers)]).toEqual([[], []]);
  });

  test("fetches all of it once more where what was kept has been spoilt", async () => {
    using registry = await fixtureRegistry();
    const [blob = Buffer.alloc(0)] = publish(registry, "t", [layerOf("one")]);
    const name = `${registry.host}/a/b:t`;
    registry.fault = (line) =>
      isBlob(line, blob) ? { kind: "drop", afterBytes: 100_000 } : undefined;
    await expect(pullImage(host, name, { ...quick, retries: 0 })).rejects.toThrow();
    const { blob: kept } = host.paths.partial(hexOf(digestOf(blob)));
    writeFileSync(kept, Buffer.alloc(readFileSync(kept).length, 7));
    registry.fault = () => undefined;
    await pullImage(host, name, quick);
    expect(registry.asked.filter((line) => isBlob(line, blob)).at(-1)).not.toContain("bytes=");
    expect(list(host.paths.partials)).toEqual([]);
  });

  test("takes a layer that was unpacked by a pull that did not come to its end", async () => {
    using registry = await fixtureRegistry();
    const [one = Buffer.alloc(0), two = Buffer.alloc(0)] = publish(registry, "t", [
      layerOf("one"),
      layerOf("two-two"),
    ]);
    const name = `${registry.host}/a/b:t`;
    registry.fault = (line) => (isBlob(line, two) ? { kind: "status", status: 404 } : undefined);
    await expect(pullImage(host, name, quick)).rejects.toThrow("has no");
    const partial = host.paths.partial(hexOf(digestOf(one)));
    expect([existsSync(partial.blob), existsSync(partial.result)]).toEqual([false, true]);
    registry.fault = () => undefined;
    registry.asked.length = 0;
    await sweep(host);
    await pullImage(host, name, quick);
    expect(registry.asked.filter((line) => isBlob(line, one))).toEqual([]);
    expect(list(host.paths.partials)).toEqual([]);
  });

  test("two stores' worth of pulls at once fetch each layer once", async () => {
    using registry = await fixtureRegistry();
    const shared = [layerOf("base"), layerOf("middle1")];
    const blobs = publish(registry, "one", [...shared, layerOf("top-one1")]);
    blobs.push(...publish(registry, "two", [layerOf("first-two12"), ...shared.toReversed()]));
    const pulls = ["one", "two", "one", "two"].map((tag) =>
      pullImage(
        storeHost(root, () => undefined),
        `${registry.host}/a/b:${tag}`,
        quick,
      ),
    );
    await Promise.all(pulls);
    const fetched = registry.asked.filter((line) => blobs.some((blob) => isBlob(line, blob)));
    expect(fetched.length).toBe(new Set(fetched).size);
    expect(list(host.paths.partials)).toEqual([]);
    expect(list(host.paths.layers).length).toBe(4);
  });

  test("what nobody takes up goes with prune, and old rubbish by itself", async () => {
    using registry = await fixtureRegistry();
    const [blob = Buffer.alloc(0)] = publish(registry, "t", [layerOf("one")]);
    registry.fault = (line) =>
      isBlob(line, blob) ? { kind: "drop", afterBytes: 9_000 } : undefined;
    await expect(
      pullImage(host, `${registry.host}/a/b:t`, { ...quick, retries: 0 }),
    ).rejects.toThrow();
    await sweep(host);
    expect(list(host.paths.partials).length).toBe(2);
    sweepPartials(host, 0);
    expect(list(host.paths.partials)).toEqual([]);
  });
});

describe.skipIf(!isRoot)("pullImage() again", () => {
  test("asks once whether a tag is unchanged, and nothing for a digest that is here", async () => {
    using registry = await fixtureRegistry();
    publish(registry, "t", [layerOf("one")]);
    const name = `${registry.host}/a/b:t`;
    await pullImage(host, name, quick);
    registry.asked.length = 0;
    expect((await pullImage(host, name, quick)).isNew).toBe(false);
    expect(registry.asked).toEqual(["HEAD a/b/manifests/t"]);
    const digest = digestOf(registry.manifests.get("a/b:t")?.bytes ?? "");
    registry.asked.length = 0;
    await pullImage(host, `${registry.host}/a/b@${digest}`, quick);
    expect(registry.asked).toEqual([]);
  });
});

describe.skipIf(!isRoot)("pullImage() refuses in words", () => {
  const oci = "application/vnd.oci.image";
  const part = (mediaType: string) => ({ mediaType, digest: digestOf("x"), size: 1 });
  const config = part(`${oci}.config.v1+json`);
  test.each<[string, object, string]>([
    [
      "an artifact",
      {
        artifactType: "application/x.chart",
        config: part("application/vnd.oci.empty.v1+json"),
        layers: [],
      },
      "is of an artifact of type application/x.chart, not of an image",
    ],
    [
      "foreign layers",
      { config, layers: [part(`${oci}.layer.nondistributable.v1.tar+gzip`)] },
      "layers that its registry does not keep",
    ],
    ["Docker's first schema", { schemaVersion: 1, fsLayers: [] }, "old format (schema version 1)"],
  ])("%s", async (_, document, message) => {
    using registry = await fixtureRegistry();
    const type = `${oci}.manifest.v1+json`;
    const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: type, ...document }));
    registry.manifests.set("a/b:t", { bytes, type });
    await expect(pullImage(host, `${registry.host}/a/b:t`, quick)).rejects.toThrow(message);
    expect(registry.asked.filter((line) => line.includes("/blobs/"))).toEqual([]);
  });
});
