import { afterAll, afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { storeHost } from "../../test/fixtures/archives.ts";
import type { Host } from "../host.ts";
import { tarEnd, tarHeader, tarPadding } from "../layer/tar-write.ts";
import { digestOf, hexOf } from "../oci/digest.ts";
import { parsePlatform } from "../oci/platform.ts";
import { pullAllTags, pullImage } from "./pull.ts";
import { findImage } from "./resolve.ts";
import type { TransferProgress } from "./transfer-progress.ts";

const isRoot = process.getuid?.() === 0;

const directory = mkdtempSync("/tmp/cooper-pull-");
afterAll(() => rmSync(directory, { recursive: true, force: true }));
let host: Host;
let warnings: string[] = [];
let count = 0;
beforeEach(() => {
  warnings = [];
  host = storeHost(join(directory, `${count++}`), (message) => warnings.push(message));
});
let stop: () => unknown = () => undefined;
afterEach(() => stop());

/** A registry with tags and blobs, and the list of what was asked for. */
function registryOf(tags: Record<string, Buffer>, blobs: readonly Buffer[]) {
  const asked: string[] = [];
  const byDigest = new Map(
    [...blobs, ...Object.values(tags)].map((blob) => [digestOf(blob) as string, blob]),
  );
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch(request) {
      const { pathname } = new URL(request.url);
      if (pathname === "/v2/") return new Response("{}");
      asked.push(pathname.replace("/v2/a/b/", "").replace(/sha256:([0-9a-f]{6})[0-9a-f]+/, "$1"));
      if (pathname.endsWith("/tags/list")) return Response.json({ tags: Object.keys(tags) });
      const last = pathname.split("/").at(-1) ?? "";
      const found = pathname.includes("/manifests/")
        ? (tags[last] ?? byDigest.get(last))
        : byDigest.get(last);
      if (found === undefined) return new Response("", { status: 404 });
      const type =
        (pathname.includes("/manifests/") &&
          (JSON.parse(found.toString()) as { mediaType?: string }).mediaType) ||
        "application/octet-stream";
      return new Response(found as unknown as BodyInit, { headers: { "content-type": type } });
    },
  });
  stop = () => server.stop(true);
  return { name: `127.0.0.1:${server.port}/a/b`, asked, stop: () => server.stop(true) };
}

function layerWith(name: string): Buffer {
  return Buffer.concat([
    tarHeader({ name, type: "0", mode: 0o644, size: 1 }),
    Buffer.from("x"),
    tarPadding(1),
    tarEnd(),
  ]);
}

/** An image as blobs and its manifest. */
function imageOf(
  layers: readonly Buffer[],
  architecture = "amd64",
  diffIds = layers.map(digestOf),
) {
  const blobs = layers.map((layer) => gzipSync(layer));
  const config = Buffer.from(
    JSON.stringify({ architecture, os: "linux", rootfs: { type: "layers", diff_ids: diffIds } }),
  );
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: "application/vnd.oci.image.manifest.v1+json",
      config: {
        mediaType: "application/vnd.oci.image.config.v1+json",
        digest: digestOf(config),
        size: config.length,
      },
      layers: blobs.map((blob) => ({
        mediaType: "application/vnd.oci.image.layer.v1.tar+gzip",
        digest: digestOf(blob),
        size: blob.length,
      })),
    }),
  );
  return { blobs: [...blobs, config], manifest, id: hexOf(digestOf(config)) };
}

function indexOf(images: readonly { manifest: Buffer; architecture: string }[]): Buffer {
  return Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: "application/vnd.oci.image.index.v1+json",
      manifests: images.map(({ manifest, architecture }) => ({
        mediaType: "application/vnd.oci.image.manifest.v1+json",
        digest: digestOf(manifest),
        size: manifest.length,
        platform: { os: "linux", architecture },
      })),
    }),
  );
}

const filesOf = (path: string) => (existsSync(path) ? readdirSync(path).sort() : []);

describe.skipIf(!isRoot)("pullImage()", () => {
  test("fetches layers once, and nothing when all is known", async () => {
    const one = imageOf([layerWith("base"), layerWith("top")]);
    const two = imageOf([layerWith("base"), layerWith("other")]);
    const registry = registryOf({ one: one.manifest, two: two.manifest, again: one.manifest }, [
      ...one.blobs,
      ...two.blobs,
    ]);
    expect((await pullImage(host, `${registry.name}:one`)).isNew).toBe(true);
    registry.asked.length = 0;
    await pullImage(host, `${registry.name}:two`);
    expect(registry.asked.filter((path) => path.startsWith("blobs")).length).toBe(2); // config, and one layer
    registry.asked.length = 0;
    const again = await pullImage(host, `${registry.name}:again`);
    expect([again.isNew, again.image.names.length, registry.asked]).toEqual([
      false,
      2,
      ["manifests/again"],
    ]);
  });

  test("chooses the platform, also another one later", async () => {
    const intel = imageOf([layerWith("a")], "amd64");
    const arm = imageOf([layerWith("b")], "arm64");
    const index = indexOf([
      { ...arm, architecture: "arm64" },
      { ...intel, architecture: "amd64" },
    ]);
    const registry = registryOf({ t: index }, [
      ...intel.blobs,
      ...arm.blobs,
      intel.manifest,
      arm.manifest,
    ]);
    const pull = async (platform: string, policy: "always" | "missing") =>
      (await pullImage(host, `${registry.name}:t`, { platform: parsePlatform(platform), policy }))
        .image.id;
    expect(await pull("linux/amd64", "missing")).toBe(intel.id);
    expect(await pull("linux/arm64", "missing")).toBe(arm.id);
    expect(await pull("linux/amd64", "always")).toBe(intel.id);
    expect(findImage(host, `${registry.name}@${digestOf(index)}`)?.id).toBe(intel.id);
    await expect(pull("linux/s390x", "always")).rejects.toThrow("has no image for linux/s390x");
  });

  test("by digest, gives the image no tag", async () => {
    const one = imageOf([layerWith("a")]);
    const registry = registryOf({ t: one.manifest }, one.blobs);
    const { image } = await pullImage(host, `${registry.name}@${digestOf(one.manifest)}`);
    expect([image.names, image.repoDigests]).toEqual([
      [],
      [`${registry.name}@${digestOf(one.manifest)}`],
    ]);
    await expect(pullImage(host, `${registry.name}@${digestOf("other")}`)).rejects.toThrow(
      "has no",
    );
  });

  test.each(["missing", "newer"] as const)(
    "policy %s uses what is here when the registry is gone",
    async (policy) => {
      const one = imageOf([layerWith("a")]);
      const registry = registryOf({ t: one.manifest }, one.blobs);
      await pullImage(host, `${registry.name}:t`);
      registry.stop();
      expect((await pullImage(host, `${registry.name}:t`, { policy })).image.id).toBe(one.id);
      expect(warnings.length).toBe(policy === "newer" ? 1 : 0);
      await expect(pullImage(host, `${registry.name}:t`, { policy: "always" })).rejects.toThrow(
        "refused",
      );
      await expect(pullImage(host, `${registry.name}:new`, { policy: "never" })).rejects.toThrow(
        "no such image",
      );
    },
  );

  test("a tag that has moved names the new image", async () => {
    const [one, two] = [imageOf([layerWith("a")]), imageOf([layerWith("b")])];
    const first = registryOf({ t: one.manifest }, one.blobs);
    await pullImage(host, `${first.name}:t`);
    const port = Number(first.name.split(/[:/]/)[1]);
    first.stop();
    const server = Bun.serve({
      port,
      hostname: "127.0.0.1",
      fetch: (request) => {
        const last = new URL(request.url).pathname.split("/").at(-1) ?? "";
        const blob =
          last === "t" ? two.manifest : two.blobs.find((each) => digestOf(each) === last);
        return blob === undefined
          ? new Response("{}")
          : new Response(blob as unknown as BodyInit, {
              headers: {
                "content-type": last === "t" ? "application/vnd.oci.image.manifest.v1+json" : "",
              },
            });
      },
    });
    stop = () => server.stop(true);
    expect((await pullImage(host, `${first.name}:t`, { policy: "newer" })).image.id).toBe(two.id);
    expect(findImage(host, one.id)?.names).toEqual([]);
  });

  test.each<[string, () => { tags: Record<string, Buffer>; blobs: readonly Buffer[] }, string]>([
    [
      "a layer that is another one",
      () => {
        const image = imageOf([layerWith("a")], "amd64", [digestOf("something else")]);
        return { tags: { t: image.manifest }, blobs: image.blobs };
      },
      "not what the image's configuration names",
    ],
    [
      "a missing layer",
      () => {
        const image = imageOf([layerWith("a")]);
        return { tags: { t: image.manifest }, blobs: image.blobs.slice(1) };
      },
      "has no",
    ],
    [
      "a manifest with fewer layers than its config",
      () => {
        const image = imageOf([layerWith("a")], "amd64", [digestOf("a"), digestOf("b")]);
        return { tags: { t: image.manifest }, blobs: image.blobs };
      },
      "has 1 layers, its configuration 2",
    ],
    [
      "an index that leads to itself in circles",
      () => {
        const inner = Buffer.from(
          JSON.stringify({
            schemaVersion: 2,
            mediaType: "application/vnd.oci.image.index.v1+json",
            manifests: [],
          }),
        );
        const outer = indexOf([{ manifest: inner, architecture: "amd64" }]);
        return { tags: { t: outer }, blobs: [inner] };
      },
      "contradicts itself|has no image",
    ],
  ])("refuses %s, and leaves nothing behind", async (_, make, message) => {
    const { tags, blobs } = make();
    const registry = registryOf(tags, blobs);
    await expect(
      pullImage(host, `${registry.name}:t`, { retries: 0, platform: parsePlatform("linux/amd64") }),
    ).rejects.toThrow(new RegExp(message));
    expect([filesOf(host.paths.staging), filesOf(host.paths.layers)]).toEqual([[], []]);
  });

  test("tells what it does, and can be cancelled", async () => {
    const one = imageOf([layerWith("a")]);
    const registry = registryOf({ t: one.manifest }, one.blobs);
    const told: TransferProgress[] = [];
    await pullImage(host, `${registry.name}:t`, { onProgress: (progress) => told.push(progress) });
    expect(told.map(({ kind }) => kind)).toEqual(["begin", "layers", "layer", "end"]);
    await expect(
      pullImage(host, `${registry.name}:t`, { signal: AbortSignal.abort() }),
    ).rejects.toThrow();
  });

  test("pullAllTags() pulls every tag", async () => {
    const [one, two] = [imageOf([layerWith("a")]), imageOf([layerWith("b")])];
    const registry = registryOf({ one: one.manifest, two: two.manifest }, [
      ...one.blobs,
      ...two.blobs,
    ]);
    expect((await pullAllTags(host, registry.name)).map(({ name }) => name)).toEqual([
      `${registry.name}:one`,
      `${registry.name}:two`,
    ]);
  });
});
