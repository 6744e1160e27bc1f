/** Images come in from every place that the peers' transports name; skopeo puts them there. */
import { describe, expect, test } from "bun:test";
import { chownSync, writeFileSync } from "node:fs";
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
