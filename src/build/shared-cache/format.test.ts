import { describe, expect, test } from "bun:test";
import type { Digest } from "../../oci/digest.ts";
import { mediaType } from "../../oci/media-type.ts";
import { decodeCache, decodeCacheManifest, encodeCache, inlineAnnotation } from "./format.ts";

const digest = (digit: string): Digest => `sha256:${digit.repeat(64)}`;
const blob = { mediaType: mediaType.ociLayerGzip, digest: digest("b"), size: 3 };
const cache = {
  layers: [{ diffId: digest("a"), blob }],
  records: [{ key: "c".repeat(64), layer: 0, createdAt: 5 }],
};
const read = (value: unknown) => decodeCacheManifest(Buffer.from(JSON.stringify(value)), "it");

test("decodeCache() gives back what encodeCache() wrote", () => {
  const { config, manifest } = encodeCache(cache);
  const decoded = decodeCacheManifest(Buffer.from(manifest), "it");
  if (decoded.kind !== "cache") throw new Error(decoded.kind);
  expect(decodeCache(Buffer.from(config), decoded.blobs, "it")).toMatchObject(cache);
});

describe("decodeCacheManifest() tells", () => {
  const config = { mediaType: mediaType.ociConfig, digest: digest("e"), size: 1 };
  const records = JSON.stringify({ records: cache.records });
  test.each([
    ["an image that is its own cache", { annotations: { [inlineAnnotation]: records } }, "inline"],
    ["an image that is none", {}, "other"],
    [
      "BuildKit's",
      { config: { ...config, mediaType: "application/vnd.buildkit.cacheconfig.v0" } },
      "other",
    ],
  ] as const)("%s", (_, more, kind) => {
    expect(read({ config, layers: [blob], ...more }).kind).toBe(kind);
  });
});

describe("decodeCache() refuses", () => {
  const { config } = encodeCache(cache);
  const good = JSON.parse(config);
  const record = cache.records[0];
  test.each([
    ["another version", { ...good, version: 2 }],
    ["another number of layers", { ...good, layers: [] }],
    ["a layer that has no digest", { ...good, layers: ["../../etc/passwd"] }],
    ["steps that are no list", { ...good, records: {} }],
    ["a key that is none", { ...good, records: [{ ...record, key: "../x" }] }],
    ["a layer that is not there", { ...good, records: [{ ...record, layer: 1 }] }],
    ["a layer before the first", { ...good, records: [{ ...record, layer: -1 }] }],
    ["a time that is none", { ...good, records: [{ ...record, createdAt: "now" }] }],
  ])("%s", (_, value) => {
    const bytes = Buffer.from(JSON.stringify(value));
    const described = { ...blob, annotations: {}, platform: null };
    expect(() => decodeCache(bytes, [described], "it")).toThrow("it");
  });
});
