/** Images come in from every place that the peers' transports name; skopeo puts them there. */
import { describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { chownSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestHost, testHost, type User, users } from "./host.ts";
import { dockerArchive } from "./images.ts";
import { peer } from "./peers.ts";

const everybody = users.map((user) => ({ user, who: user?.name ?? "the caller" }));
const name = "example.com/box:1";

const skopeo = ["skopeo", "--insecure-policy", "copy", "-q"];

function keepArchive(host: TestHost, user: User | null): string {
  const path = join(host.place("files"), "box.tar");
  writeFileSync(path, dockerArchive(name, 3));
  if (user !== null) chownSync(path, user.uid, user.gid);
  return path;
}

describe.each(everybody)("pull as $who", ({ user }) => {
  test.each([
    { to: "oci:FILES/lay:v1", from: "oci:FILES/lay:v1", called: "localhost/v1:latest" },
    { to: "oci:FILES/lay:quay.io/a/b:2", from: "oci:FILES/lay", called: "quay.io/a/b:2" },
    {
      to: "oci-archive:FILES/a.tar:quay.io/a/b:2",
      from: "oci-archive:FILES/a.tar",
      called: "quay.io/a/b:2",
    },
    {
      to: "docker-archive:FILES/d.tar:app:1",
      from: "docker-archive:FILES/d.tar:app:1",
      called: "docker.io/library/app:1",
    },
    { to: "dir:FILES/dir", from: "dir:FILES/dir", called: "" },
    {
      to: "containers-storage:[overlay@FILES/store+FILES/run]localhost/app:1",
      from: "containers-storage:[overlay@FILES/store]app:1",
      called: "localhost/app:1",
    },
    {
      to: "containers-storage:[vfs@FILES/store+FILES/run]quay.io/a/b:1",
      from: "containers-storage:[FILES/store]quay.io/a/b:1",
      called: "quay.io/a/b:1",
    },
  ])("$from", async ({ to, from, called }) => {
    await using host = await testHost(user);
    const archive = keepArchive(host, user);
    const at = (text: string) => text.replaceAll("FILES", host.place("files"));
    peer(host, user, ...skopeo, `docker-archive:${archive}`, at(to));
    const inspect = ["skopeo", "inspect", "--config", "--raw", at(to)];
    const config = JSON.parse(peer(host, user, ...inspect)) as { rootfs: { diff_ids: string[] } };
    const id = await host.must("pull", at(from));
    expect(await host.must("images", "--format", "{{.Repository}}:{{.Tag}}")).toBe(
      called === "" ? "<none>:<none>" : called,
    );
    const layers = await host.must("image", "inspect", "-f", "{{json .RootFS.Layers}}", id);
    expect(JSON.parse(layers)).toEqual(config.rootfs.diff_ids);
    expect(await host.must("run", "--rm", at(from), "cat", "/layer-2", "/layer-3")).toBe("23");
    if (to.startsWith("containers-storage") && user !== null)
      await host.must("unshare", "rm", "-rf", ...["store", "run"].map((dir) => at(`FILES/${dir}`)));
  });
});

describe.each(everybody)("push as $who", ({ user }) => {
  test.each(["overlay", "vfs"])("containers-storage: with %s", async (driver) => {
    await using host = await testHost(user);
    await host.must("load", "-q", "-i", keepArchive(host, user));
    const files = host.place("files");
    const target = `containers-storage:[${driver}@${files}/store+${files}/run]quay.io/a/b:1`;
    const pushed = await host.must("push", name, target);
    expect(pushed).toMatch(/^containers-storage:.*quay\.io\/a\/b:1: digest: sha256:[0-9a-f]{64}$/);
    const raw = peer(host, user, "skopeo", "inspect", "--raw", target);
    const { config } = JSON.parse(raw) as { config: { digest: string } };
    expect(config.digest).toContain(await host.must("image", "inspect", "-f", "{{.Id}}", name));
    await host.must("rmi", name);
    await host.must("pull", target);
    expect(await host.must("run", "--rm", "quay.io/a/b:1", "cat", "/layer-3")).toBe("3");
    await host.must("unshare", "rm", "-rf", `${files}/store`, `${files}/run`);
  });

  test.each(["oci-archive", "dir"])("%s: with layers as zstd", async (transport) => {
    await using host = await testHost(user);
    await host.must("load", "-q", "-i", keepArchive(host, user));
    const target = `${transport}:${host.place("files")}/out`;
    const id = await host.must("images", "-q", "--no-trunc", name);
    await host.must(
      "push",
      "--compression-format",
      "zstd",
      "--compression-level",
      "9",
      name,
      target,
    );
    const raw = peer(host, user, "skopeo", "inspect", "--raw", target);
    const { layers } = JSON.parse(raw) as { layers: { mediaType: string }[] };
    expect(new Set(layers.map(({ mediaType }) => mediaType))).toEqual(
      new Set(["application/vnd.oci.image.layer.v1.tar+zstd"]),
    );
    await host.must("rmi", "-f", name);
    await host.must("pull", "-q", target);
    expect(await host.must("run", "--rm", id, "cat", "/layer-3")).toBe("3");
  });

  test("an OCI layout takes several images, an archive is not overwritten", async () => {
    await using host = await testHost(user);
    await host.must("load", "-q", "-i", keepArchive(host, user));
    const files = host.place("files");
    await host.must("push", name, `oci:${files}/lay:a`);
    await host.must("push", "-q", name, `oci:${files}/lay:b`);
    const tags = peer(host, user, "skopeo", "inspect", "--raw", `oci:${files}/lay:a`);
    expect(peer(host, user, "skopeo", "inspect", "--raw", `oci:${files}/lay:b`)).toBe(tags);
    await host.must("push", name, `docker-archive:${files}/d.tar:app:1`);
    const again = await host.cooper("push", name, `docker-archive:${files}/d.tar:app:2`);
    expect(again.stderr).toContain("exists, and is not overwritten");
    const digest = join(files, "digest");
    await host.must("push", "--digestfile", digest, name, `dir:${files}/dir`);
    const manifest = readFileSync(join(files, "dir/manifest.json"));
    expect(readFileSync(digest, "utf8")).toBe(
      `sha256:${createHash("sha256").update(manifest).digest("hex")}`,
    );
  });
});

test.each([
  { argv: [`oci:/tmp/x@sha256:${"0".repeat(64)}`], says: "a new image there gets a name" },
  { argv: ["oci:/tmp/x:1", "--format", "v2s2"], says: "in the format oci alone" },
  { argv: ["docker-archive:/tmp/x", "--compression-format", "gzip"], says: "not compressed" },
  {
    argv: ["dir:/tmp/x", "--compression-format", "zstd", "--format", "v2s2"],
    says: "has no zstd layers",
  },
  { argv: ["docker-archive:/tmp/x", "--compression-level", "3"], says: "not compressed" },
  { argv: ["dir:/tmp/x", "--sign-by", "me"], says: "signed in registries alone" },
  { argv: ["docker-daemon:x:1"], says: "no Docker answers at /nowhere" },
])("push $argv: $says", async ({ argv, says }) => {
  await using host = await testHost();
  await host.must("load", "-q", "-i", keepArchive(host, null));
  const env = { DOCKER_HOST: "unix:///nowhere" };
  const result = await host.cooperWith({ env }, "--remote=false", "push", name, ...argv);
  expect(result).toMatchObject({ exitCode: 125, stdout: "" });
  expect(result.stderr).toContain(says);
});

test.each([
  { from: "oci:/nowhere", says: "no such directory: /nowhere" },
  { from: "dir:/tmp", says: "is no dir" },
  { from: "docker-archive:/nowhere", says: "no such file: /nowhere" },
  { from: "containers-storage:[/nowhere]a", says: "there is no store of Podman at /nowhere" },
  { from: "sif:/a.sif", says: 'the transport "sif" is not supported' },
])("pull $from: $says", async ({ from, says }) => {
  await using host = await testHost();
  const result = await host.cooper("pull", from);
  expect(result).toMatchObject({ exitCode: 125, stdout: "" });
  expect(result.stderr).toContain(says);
});
