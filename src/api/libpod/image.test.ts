import { describe, expect, test } from "bun:test";
import type { ImageSummary } from "../../image/list.ts";
import { historyItem, imageItem, type Removal, removalReport, tagItems } from "./image.ts";

const summary = (names: string[], more: Partial<ImageSummary> = {}): ImageSummary => ({
  image: {
    id: "ab",
    config: {
      architecture: "amd64",
      os: "linux",
      rootfs: { type: "layers", diff_ids: [] },
      config: { Labels: { a: "b" } },
    },
    configText: "",
    names,
    repoDigests: [],
    layers: [],
    size: 7,
    createdAt: 2500,
    addedAt: 9000,
    manifestDigest: "sha256:cd",
    parentId: null,
  },
  rows:
    names.length === 0
      ? [{ repository: "<none>", tag: "<none>" }]
      : names.map((name) => ({
          repository: name.slice(0, name.lastIndexOf(":")),
          tag: name.slice(name.lastIndexOf(":") + 1),
        })),
  containers: 1,
  isDangling: names.length === 0,
  isIntermediate: false,
  ...more,
});

describe("imageItem()", () => {
  test("of a named image", () => {
    expect(imageItem(summary(["localhost/x:1"]))).toEqual({
      Id: "ab",
      ParentId: "",
      RepoTags: ["localhost/x:1"],
      RepoDigests: [],
      Created: 2,
      Size: 7,
      SharedSize: 0,
      VirtualSize: 7,
      Labels: { a: "b" },
      Containers: 1,
      Names: ["localhost/x:1"],
      History: ["localhost/x:1"],
      Digest: "sha256:cd",
      Arch: "amd64",
      Os: "linux",
      IsManifestList: false,
    });
  });

  test("of one without a name", () => {
    const item = imageItem(summary([]));
    expect(item).toMatchObject({ RepoTags: null, Dangling: true });
    expect(item).not.toHaveProperty("Names");
  });
});

test("historyItem() of a step whose image is not here", () => {
  const step = { id: null, createdAt: 1999, createdBy: "RUN x", comment: "", size: 3, tags: [] };
  expect(historyItem({ ...step, layerId: null })).toEqual({
    Id: "<missing>",
    Created: 1,
    CreatedBy: "RUN x",
    Tags: null,
    Size: 3,
    Comment: "",
  });
});

const errors = (...kinds: Removal["errors"][number]["kind"][]) =>
  kinds.map((kind) => ({ kind, message: kind }));

test.each([
  ["all went", { untagged: ["x"], deleted: ["ab"], errors: [] }, 0],
  ["one was not there", { untagged: [], deleted: [], errors: errors("missing") }, 1],
  ["one is in use", { untagged: [], deleted: [], errors: errors("missing", "in-use", "other") }, 2],
  ["something else", { untagged: [], deleted: [], errors: errors("missing", "other") }, 125],
])("removalReport(): %s", (_, removal, ExitCode) => {
  const report = removalReport(removal);
  expect(report.ExitCode).toBe(ExitCode);
  expect(report.Errors).toEqual(
    removal.errors.length === 0 ? null : removal.errors.map(({ message }) => message),
  );
  expect("Deleted" in report).toBe(removal.deleted.length > 0);
});

test("tagItems() names the registry", () => {
  expect(tagItems({ name: "quay.io/a/b", tags: ["1", "2"] })).toMatchObject([
    { Index: "quay.io", Name: "quay.io/a/b", Tag: "1" },
    { Index: "quay.io", Name: "quay.io/a/b", Tag: "2" },
  ]);
});
