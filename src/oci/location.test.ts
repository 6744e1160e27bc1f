import { describe, expect, test } from "bun:test";
import { formatLocation, type Located, parseLocation } from "./location.ts";

const hex = "0123456789abcdef".repeat(4);

describe("parseLocation()", () => {
  test.each<[string, Located]>([
    ["docker://alpine", { kind: "docker", name: "alpine" }],
    ["docker://localhost:5000/a:1", { kind: "docker", name: "localhost:5000/a:1" }],
    ["oci:/a/b", { kind: "oci", path: "/a/b", selection: null }],
    ["oci:rel", { kind: "oci", path: "rel", selection: null }],
    ["oci:/a:", { kind: "oci", path: "/a", selection: null }],
    ["oci:/a:1.2", { kind: "oci", path: "/a", selection: { by: "name", name: "1.2" } }],
    [
      "oci:/a:docker.io/library/x:1",
      { kind: "oci", path: "/a", selection: { by: "name", name: "docker.io/library/x:1" } },
    ],
    ["oci:/a:@3", { kind: "oci", path: "/a", selection: { by: "index", index: 3 } }],
    [
      `oci:/a@sha256:${hex}`,
      { kind: "oci", path: "/a", selection: { by: "digest", digest: `sha256:${hex}` } },
    ],
    [
      "oci-archive:x.tar:v1",
      { kind: "oci-archive", path: "x.tar", selection: { by: "name", name: "v1" } },
    ],
    ["docker-archive:x.tar", { kind: "docker-archive", path: "x.tar", selection: null }],
    [
      "docker-archive:x.tar:app:1",
      { kind: "docker-archive", path: "x.tar", selection: { by: "name", name: "app:1" } },
    ],
    [
      "docker-archive:x.tar:@0",
      { kind: "docker-archive", path: "x.tar", selection: { by: "index", index: 0 } },
    ],
    ["dir:/a:b", { kind: "dir", path: "/a:b" }],
    ["containers-storage:alpine", { kind: "containers-storage", store: null, image: "alpine" }],
    [`containers-storage:@${hex}`, { kind: "containers-storage", store: null, image: `@${hex}` }],
    [
      "containers-storage:[overlay@/g+/r:overlay.mountopt=nodev]a:1",
      {
        kind: "containers-storage",
        store: { driver: "overlay", graphRoot: "/g", runRoot: "/r" },
        image: "a:1",
      },
    ],
    [
      "containers-storage:[/g]a",
      {
        kind: "containers-storage",
        store: { driver: null, graphRoot: "/g", runRoot: null },
        image: "a",
      },
    ],
    ["docker-daemon:a:1", { kind: "docker-daemon", image: "a:1" }],
    [`docker-daemon:sha256:${hex}`, { kind: "docker-daemon", image: `sha256:${hex}` }],
  ])("%s", (text, expected) => {
    expect(parseLocation(text)).toEqual(expected);
  });

  test.each([
    "alpine",
    "alpine:3",
    "localhost:5000/a",
    "quay.io/a/b:c",
    "ocix:/a",
    "constructor:1",
    "docker:dind",
  ])("%s is a name", (text) => {
    expect(parseLocation(text)).toBeUndefined();
  });

  test.each([
    ["docker://", "names no image"],
    ["oci:", "path is missing"],
    ["oci::1", "path is missing"],
    ["oci:/a:b c", "cannot be the name"],
    ["oci:/a:@x", "a number"],
    ["oci:/a@sha256:12", "64 hexadecimal digits"],
    ["dir:", "path is missing"],
    ["docker-archive:x:UP", "lower case"],
    [`docker-archive:x:a@sha256:${hex}`, "no digests"],
    ["docker-daemon:alpine", "neither tag nor digest"],
    ["docker-daemon:", "names no image"],
    ["containers-storage:", "names no image"],
    ["containers-storage:[/g", "] after the store"],
    ["containers-storage:[overlay@g]a", "absolute path"],
  ])("%s is refused: %s", (text, why) => {
    expect(() => parseLocation(text)).toThrow(why);
  });

  test.each([
    ["sif:x.sif", "Singularity"],
    ["ostree:a@/repo", "OSTree"],
    ["tarball:x.tar", "cooper import"],
    ["atomic:a", "OpenShift"],
  ])("%s is not supported, in words", (text, why) => {
    expect(() => parseLocation(text)).toThrow(why);
  });
});

test.each([
  "oci:/a:1",
  `oci:/a@sha256:${hex}`,
  "oci-archive:x:@2",
  "dir:/a",
  "docker-daemon:a:1",
  "containers-storage:[overlay@/g+/r]a:1",
])("formatLocation() gives back %s", (text) => {
  const location = parseLocation(text);
  if (location === undefined || location.kind === "docker") throw new Error("no location");
  expect(formatLocation(location)).toBe(text);
});
