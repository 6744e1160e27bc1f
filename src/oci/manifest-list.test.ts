import { describe, expect, test } from "bun:test";
import { digestOf } from "./digest.ts";
import { decodeManifest } from "./manifest.ts";
import {
  changeEntry,
  indexDocument,
  type ListEntry,
  type ManifestList,
  withEntries,
} from "./manifest-list.ts";

const entry = (name: string, change: Partial<ListEntry> = {}): ListEntry => ({
  mediaType: "application/vnd.oci.image.manifest.v1+json",
  digest: digestOf(name),
  size: name.length,
  platform: { os: "linux", architecture: "amd64" },
  annotations: {},
  source: { kind: "local", imageId: name },
  ...change,
});
const list: ManifestList = {
  name: "localhost/l:latest",
  entries: [entry("one"), entry("two")],
  annotations: { who: "me" },
  subject: null,
};

describe("indexDocument()", () => {
  test.each(["oci", "docker"] as const)("of %s is read again", (family) => {
    const made = indexDocument(list, family);
    const index = decodeManifest(Buffer.from(made.text), made.mediaType, "it");
    expect([index.kind, index.digest]).toEqual(["index", made.digest]);
    expect(index.annotations).toEqual(family === "oci" ? { who: "me" } : {});
    expect(made.text).not.toContain("imageId");
  });

  test("has the fields of a platform that are set, in the spelling of the specification", () => {
    const platform = {
      os: "windows",
      architecture: "arm64",
      variant: "v8",
      osVersion: "10.1",
      osFeatures: ["win32k"],
      features: [],
    };
    const { text } = indexDocument({ ...list, entries: [entry("x", { platform })] }, "oci");
    expect(JSON.parse(text).manifests[0].platform).toEqual({
      architecture: "arm64",
      os: "windows",
      variant: "v8",
      "os.version": "10.1",
      "os.features": ["win32k"],
    });
  });
});

test("changeEntry() changes what is named", () => {
  const changed = changeEntry(entry("one", { annotations: { a: "1" } }), {
    platform: { architecture: "arm64" },
    annotations: { b: "2" },
  });
  expect([changed.platform, changed.annotations]).toEqual([
    { os: "linux", architecture: "arm64" },
    { a: "1", b: "2" },
  ]);
});

test("withEntries() has each digest once, the last one as it was added", () => {
  const again = entry("one", { platform: { os: "linux", architecture: "arm64" } });
  expect(
    withEntries(list, [again]).entries.map(({ size, platform }) => [size, platform.architecture]),
  ).toEqual([
    [3, "amd64"],
    [3, "arm64"],
  ]);
});
