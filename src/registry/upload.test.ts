import { describe, expect, test } from "bun:test";
import { fixtureRegistry } from "../../test/fixtures/registry.ts";
import { digestOf } from "../oci/digest.ts";
import { RegistrySession } from "./session.ts";
import { Uploader } from "./upload.ts";

const bytes = Buffer.alloc(3 << 20, "some layer ");
const blob = { digest: digestOf(bytes), size: bytes.length };
const source = {
  async *from(offset: number) {
    for (let at = offset; at < bytes.length; at += 65_536) yield bytes.subarray(at, at + 65_536);
  },
  finished: Promise.resolve(blob),
};
const uploaderTo = (host: string, retries = 2) =>
  new Uploader(new RegistrySession(host, { retries, retryDelayMs: 1 }), "a/b", "a/b");
const quiet = () => undefined;

describe("Uploader.upload()", () => {
  test("sends a blob in one piece, and the registry has it then", async () => {
    using registry = await fixtureRegistry();
    const uploader = uploaderTo(registry.host);
    expect(await uploader.has(blob)).toBe(false);
    expect(await uploader.upload(source, quiet)).toEqual(blob);
    expect(await uploader.has(blob)).toBe(true);
    expect(registry.blobs.get(blob.digest)?.equals(bytes)).toBe(true);
    expect(registry.asked.map((line) => line.split(" ")[0])).toEqual([
      "HEAD",
      "POST",
      "PATCH",
      "PUT",
      "HEAD",
    ]);
  });

  test("goes on where the registry stands after a dropped connection", async () => {
    using registry = await fixtureRegistry();
    let drops = 0;
    registry.fault = (line) =>
      line.startsWith("PATCH") && drops++ < 2 ? { kind: "drop", afterBytes: 700_000 } : undefined;
    await uploaderTo(registry.host).upload(source, quiet);
    expect(registry.blobs.get(blob.digest)?.equals(bytes)).toBe(true);
    const patches = registry.asked.filter((line) => line.startsWith("PATCH"));
    expect(patches.length).toBe(3);
    expect(patches[1]).toMatch(/ [1-9]\d+-3145727$/);
    expect(registry.asked.filter((line) => line.startsWith("POST")).length).toBe(1);
  });

  test("begins anew where the registry has forgotten the upload", async () => {
    using registry = await fixtureRegistry();
    let isFirst = true;
    registry.fault = (line) => {
      if (line.startsWith("GET")) return { kind: "status", status: 404 };
      if (!line.startsWith("PATCH") || !isFirst) return undefined;
      isFirst = false;
      return { kind: "drop", afterBytes: 100_000 };
    };
    await uploaderTo(registry.host).upload(source, quiet);
    expect(registry.blobs.has(blob.digest)).toBe(true);
    expect(registry.asked.filter((line) => line.startsWith("POST")).length).toBe(2);
  });

  test.each([
    ["that is always busy", { kind: "status", status: 503 }, "status 503"],
    ["that takes nothing", { kind: "status", status: 403 }, "does not take a/b"],
  ] as const)("gives up at a registry %s", async (_, fault, message) => {
    using registry = await fixtureRegistry();
    registry.fault = (line) => (line.startsWith("PATCH") ? fault : undefined);
    await expect(uploaderTo(registry.host, 1).upload(source, quiet)).rejects.toThrow(message);
  });

  test("passes on the failure of what it sends", async () => {
    using registry = await fixtureRegistry();
    const finished = Promise.reject(new Error("the disk is gone"));
    finished.catch(() => undefined);
    const broken = {
      async *from() {
        yield bytes.subarray(0, 1000);
        throw new Error("the disk is gone");
      },
      finished,
    };
    await expect(uploaderTo(registry.host).upload(broken, quiet)).rejects.toThrow(
      "the disk is gone",
    );
    expect(registry.blobs.size).toBe(0);
  });
});

test("Uploader.mount() takes over what the registry has, and gives up the upload that it begins else", async () => {
  using registry = await fixtureRegistry();
  const uploader = uploaderTo(registry.host);
  expect(await uploader.mount(blob.digest, "c/d")).toBe(false);
  expect(registry.asked.map((line) => line.split(" ")[0])).toEqual(["POST", "DELETE"]);
  registry.blobs.set(blob.digest, bytes);
  expect(await uploader.mount(blob.digest, "c/d")).toBe(true);
});

test("Uploader.putManifest() finds out a registry that keeps another one", async () => {
  using registry = await fixtureRegistry();
  const uploader = uploaderTo(registry.host);
  const manifest = { text: "{}", mediaType: "application/vnd.oci.image.manifest.v1+json" };
  expect(await uploader.putManifest("t", manifest)).toBe(digestOf("{}"));
  expect(registry.manifests.get("a/b:t")?.type).toBe(manifest.mediaType);
  registry.fault = () => ({
    kind: "status",
    status: 201,
    headers: { "docker-content-digest": digestOf("other") },
  });
  await expect(uploader.putManifest("t", manifest)).rejects.toThrow("keeps another manifest");
});
