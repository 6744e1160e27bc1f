import { describe, expect, test } from "bun:test";
import type { Reference } from "../../oci/reference.ts";
import { isSignedFor } from "./identity.ts";
import { decodeClaim, encodeClaim } from "./payload.ts";
import type { SignedIdentity } from "./policy.ts";
import { namespacesOf, pathScope, storageScope } from "./scope.ts";

const digest = `sha256:${"0a".repeat(32)}` as const;
const tagged: Reference = { registry: "a.io", repository: "b/c", tag: "1", digest: null };
const byDigest: Reference = { ...tagged, tag: null, digest };

describe("isSignedFor()", () => {
  test.each<[SignedIdentity, Reference | null, string, boolean]>([
    [{ type: "matchExact" }, tagged, "a.io/b/c:1", true],
    [{ type: "matchExact" }, tagged, "a.io/b/c:2", false],
    [{ type: "matchExact" }, tagged, "a.io/b/c", false],
    [{ type: "matchExact" }, byDigest, "a.io/b/c:1", false],
    [{ type: "matchExact" }, null, "a.io/b/c:1", false],
    [{ type: "matchRepoDigestOrExact" }, tagged, "a.io/b/c:1", true],
    [{ type: "matchRepoDigestOrExact" }, tagged, "a.io/b/c:2", false],
    [{ type: "matchRepoDigestOrExact" }, byDigest, "a.io/b/c:2", true],
    [{ type: "matchRepoDigestOrExact" }, byDigest, "a.io/b/d:2", false],
    [{ type: "matchRepository" }, tagged, "a.io/b/c", true],
    [{ type: "matchRepository" }, tagged, "a.io/b/c:9", true],
    [{ type: "matchRepository" }, tagged, "b.io/b/c:1", false],
    [{ type: "exactReference", reference: "x.io/y:3" }, tagged, "x.io/y:3", true],
    [{ type: "exactReference", reference: "x.io/y:3" }, null, "x.io/y:3", true],
    [{ type: "exactReference", reference: "x.io/y:3" }, tagged, "a.io/b/c:1", false],
    [{ type: "exactRepository", repository: "x.io/y" }, null, "x.io/y:3", true],
    [{ type: "exactRepository", repository: "x.io/y" }, null, "x.io/z:3", false],
    [
      { type: "remapIdentity", prefix: "a.io", signedPrefix: "q.io/m" },
      tagged,
      "q.io/m/b/c:1",
      true,
    ],
    [
      { type: "remapIdentity", prefix: "a.io/b/c", signedPrefix: "q.io/x" },
      tagged,
      "q.io/x:1",
      true,
    ],
    [{ type: "remapIdentity", prefix: "a.i", signedPrefix: "q" }, tagged, "qo/b/c:1", false],
    [{ type: "remapIdentity", prefix: "a.io", signedPrefix: "q.io" }, tagged, "a.io/b/c:1", false],
    [{ type: "matchRepository" }, tagged, "", false],
    [{ type: "matchRepository" }, tagged, "A B", false],
  ])("%p of %p, signed for %s: %p", (identity, wanted, signed, expected) => {
    expect(isSignedFor(identity, wanted, signed)).toBe(expected);
  });

  test("short names are Docker Hub's, as for the tools that sign", () => {
    const hub: Reference = {
      registry: "docker.io",
      repository: "library/busybox",
      tag: "latest",
      digest: null,
    };
    expect(isSignedFor({ type: "matchExact" }, hub, "busybox:latest")).toBe(true);
    expect(isSignedFor({ type: "matchExact" }, hub, "docker.io/library/busybox:latest")).toBe(true);
    expect(isSignedFor({ type: "matchExact" }, hub, "busybox")).toBe(false);
  });
});

describe("scopes", () => {
  test("namespacesOf() goes up to the registry, and its domains", () => {
    const reference = { ...tagged, registry: "r.example.com:5000" };
    expect(namespacesOf(reference)).toEqual([
      "r.example.com:5000/b/c",
      "r.example.com:5000/b",
      "r.example.com:5000",
      "*.example.com",
      "*.com",
    ]);
  });

  test("pathScope() goes up, but not to the root", () => {
    expect(pathScope("dir", "/a/b").names).toEqual(["/a/b", "/a"]);
  });

  test("storageScope() ends with the store", () => {
    expect(storageScope("overlay", "/s", tagged).names).toEqual([
      "[overlay@/s]a.io/b/c:1",
      "[overlay@/s]a.io/b/c",
      "[overlay@/s]a.io/b",
      "[overlay@/s]a.io",
      "[overlay@/s]",
      "[/s]",
    ]);
  });
});

describe("decodeClaim()", () => {
  const claim = { digest, reference: "a.io/b:1" };
  const text = encodeClaim(claim, "simple", { creator: "x", timestamp: 1 });
  const changed = (change: (value: Record<string, never>) => unknown) =>
    Buffer.from(JSON.stringify(change(JSON.parse(text))));

  test("reads what encodeClaim() writes", () => {
    expect(decodeClaim(Buffer.from(text), "simple")).toEqual(claim);
    expect(() => decodeClaim(Buffer.from(text), "sigstore")).toThrow("another type");
  });

  test("cosign writes null where nothing is optional", () => {
    expect(
      decodeClaim(
        changed((value) => ({ ...value, optional: null })),
        "simple",
      ),
    ).toEqual(claim);
  });

  test.each<[string, (value: { critical: object }) => unknown]>([
    ["a field beside", (value) => ({ ...value, more: 1 })],
    [
      "a critical field that is unknown",
      ({ critical }) => ({ critical: { ...critical, only: "x" } }),
    ],
    ["no identity", ({ critical }) => ({ critical: { ...critical, identity: {} } })],
    ["no image", ({ critical }) => ({ critical: { ...critical, image: undefined } })],
    [
      "a reference that is no text",
      ({ critical }) => ({ critical: { ...critical, identity: { "docker-reference": 1 } } }),
    ],
    [
      "another algorithm",
      ({ critical }) => ({
        critical: { ...critical, image: { "docker-manifest-digest": "sha512:00" } },
      }),
    ],
  ])("refuses %s", (_, change) => {
    expect(() => decodeClaim(changed(change as never), "simple")).toThrow();
  });
});
