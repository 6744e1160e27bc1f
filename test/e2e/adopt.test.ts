/** What Podman has is taken over: images with ids, names and digests, and what is in its volumes. */
import { describe, expect, test } from "bun:test";
import { chownSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestHost, testHost, type User, users } from "./host.ts";
import { dockerArchive } from "./images.ts";
import { endPodman, hasPeer, peer } from "./peers.ts";

const everybody = users.map((user) => ({ user, who: user?.name ?? "the caller" }));
const [first, second] = ["example.com/box:1", "localhost/other:2"];

function archive(host: TestHost, user: User | null, name: string, layers: number): string {
  const path = join(host.place("files"), `${layers}.tar`);
  writeFileSync(path, dockerArchive(name, layers));
  if (user !== null) chownSync(path, user.uid, user.gid);
  return path;
}

/** Two images that share layers, and a volume with files of several owners. */
function fillPodman(host: TestHost, user: User | null) {
  const store = join(host.place("files"), "podman");
  const podman = (...argv: string[]) =>
    peer(host, user, "podman", "--root", store, "--runroot", `${store}-run`, ...argv);
  podman("load", "-q", "-i", archive(host, user, first, 2));
  podman("load", "-q", "-i", archive(host, user, second, 3));
  podman("tag", second, "example.com/again:3");
  podman("volume", "create", "--label", "a=b", "data");
  podman("create", "-v", "/anonymous", first);
  const inside = [
    "sh",
    "-c",
    `cd ${store}/volumes/data/_data && echo kept > file && chown 7:8 file && ln file other && ln -s /etc/passwd link`,
  ];
  peer(host, user, ...(user === null ? inside : ["podman", "unshare", ...inside]));
  const ids = podman(
    "images",
    "--no-trunc",
    "--format",
    "{{.Id}} {{.Repository}}:{{.Tag}} {{.Digest}}",
  );
  return {
    store,
    podman,
    ids: ids
      .split("\n")
      .map((line) => line.replaceAll("sha256:", ""))
      .sort(),
  };
}

/** Files of subordinate ids, which the test's own clean-up as root would find gone. */
async function forget(host: TestHost, store: string): Promise<void> {
  endPodman(host);
  await host.must("unshare", "rm", "-rf", store, `${store}-run`);
}

const listed = ["images", "--no-trunc", "--format", "{{.Id}} {{.Repository}}:{{.Tag}} {{.Digest}}"];

describe.skipIf(!hasPeer("podman")).each(everybody)("system adopt as $who", ({ user }) => {
  test("takes all of it, once, and leaves the source as it was", async () => {
    await using host = await testHost(user);
    const { store, podman, ids } = fillPodman(host, user);
    const adopt = ["system", "adopt", "--from", store];
    const dry = await host.must(...adopt, "--dry-run");
    expect(dry).toStartWith(`Podman at ${store}: 2 images, 1 volume\n`);
    expect(dry).toContain("volume data: would be taken");
    expect(await host.must("images", "-q")).toBe("");

    const taken = await host.must(...adopt);
    expect(taken).toContain("volume data: taken (5B in 3 files)");
    expect(await host.must("volume", "inspect", "-f", "{{.Labels}}", "data")).toBe("map[a:b]");
    const names = (await host.must(...listed)).replaceAll("sha256:", "").split("\n").sort();
    expect(names).toEqual(ids);
    const script = "cat /d/file /d/other /layer-2 /layer-3; ls -l /d";
    const run = await host.must("run", "--rm", "-v", "data:/d", second, "sh", "-c", script);
    expect(run).toStartWith("kept\nkept\n23");
    expect(run).toMatch(/-rw-r--r-- +2 7 +8 +5 .* file/);
    expect(run).toContain("link -> /etc/passwd");

    const again = await host.must(...adopt);
    expect(again.match(/is here already/g)).toHaveLength(3);
    podman("image", "exists", first);
    await forget(host, store);
  });

  test("a manifest list of Podman's is left, in words", async () => {
    await using host = await testHost(user);
    const { store, podman } = fillPodman(host, user);
    podman("manifest", "create", "localhost/list:1");
    podman("manifest", "add", "localhost/list:1", `containers-storage:${first}`);
    const result = await host.cooper("system", "adopt", "--from", store, "--images-only");
    expect(result.exitCode).toBe(125);
    expect(result.stderr).toContain("localhost/list:1 is a manifest list, and no image");
    expect(result.stderr).toContain("Hint: make it again");
    await forget(host, store);
  });

  test("names that are taken here stay, or get another with --rename", async () => {
    await using host = await testHost(user);
    const { store } = fillPodman(host, user);
    await host.must("load", "-i", archive(host, user, "example.com/box:1", 4));
    const own = await host.must("image", "inspect", "-f", "{{.Id}}", first);
    await host.must("create", "--name", "c", "-v", "data:/d", first);
    const adopt = ["system", "adopt", "--from", store];
    const left = await host.cooper(...adopt);
    expect(left.exitCode).toBe(125);
    expect(left.stderr).toContain("Error: volume data is left: there is another volume");
    expect(left.stdout).toContain("without example.com/box:1, which is another image here");
    const renamed = await host.must(...adopt, "--rename");
    expect(renamed).toContain("as example.com/box:1-podman");
    expect(renamed).toContain("volume data: taken as data-podman");
    expect(await host.must("image", "inspect", "-f", "{{.Id}}", first)).toBe(own);
    const argv = ["run", "--rm", "-v", "data-podman:/d", "example.com/box:1-podman"];
    expect(await host.must(...argv, "cat", "/d/file")).toBe("kept");
    await forget(host, store);
  });

  test("killed anywhere, it goes on where it was", async () => {
    await using host = await testHost(user);
    const { store, ids } = fillPodman(host, user);
    for (let nth = 1; nth <= 6; nth++) {
      await host.killedAt("rename", nth, "system", "adopt", "--from", store);
      const here = (await host.must(...listed)).replaceAll("sha256:", "");
      for (const line of here.split("\n").filter((text) => text !== ""))
        expect(ids).toContain(line);
      await host.must("system", "adopt", "--from", store);
      const all = (await host.must(...listed)).replaceAll("sha256:", "");
      expect(all.split("\n").sort()).toEqual(ids);
      expect(await host.must("volume", "ls", "-q")).toBe("data");
      const run = ["run", "--rm", "-v", "data:/d", second, "cat", "/d/file", "/layer-3"];
      expect(await host.must(...run)).toBe("kept\n3");
      await host.must("rmi", "--all", "--force");
      await host.must("volume", "rm", "data");
    }
    await forget(host, store);
  });

  test("a layer that was changed or lost is refused, and the others are taken", async () => {
    await using host = await testHost(user);
    const { store } = fillPodman(host, user);
    const script = `f=$(find ${store}/overlay ${store}/vfs -name layer-3 2>/dev/null | head -1); printf x > $f`;
    await host.must("unshare", "sh", "-c", script);
    const result = await host.cooper("system", "adopt", "--from", store, "--images-only");
    expect(result.exitCode).toBe(125);
    expect(result.stderr).toContain("a layer is not what the image's configuration names");
    expect(await host.must("images", "--format", "{{.Repository}}:{{.Tag}}")).toBe(first);
    await forget(host, store);
  });
});

test.skipIf(!hasPeer("podman") || users.length < 2)("an ordinary user's own is found", async () => {
  const user = users[1] ?? null;
  await using host = await testHost(user);
  const home = host.place("home");
  const store = `${home}/.local/share/containers/storage`;
  const root = ["podman", "--root", store, "--runroot", `${home}/run`];
  peer(host, user, ...root, "load", "-q", "-i", archive(host, user, first, 2));
  const env = { HOME: home };
  const adopted = await host.cooperWith({ env }, "system", "adopt");
  expect(adopted.stdout).toStartWith(`Podman at ${store}: 1 image, 0 volumes\nimage ${first} (`);
  expect(adopted.exitCode).toBe(0);
  const docker = await host.cooperWith({ env }, "system", "adopt", "--from", "docker");
  expect(docker.stderr).toContain(`there is no store of Docker at ${home}/.local/share/docker`);
  await forget(host, store);
  await host.must("unshare", "rm", "-rf", `${home}/run`);
});

test.each([
  { argv: ["--from", "/nowhere"], says: "no such directory: /nowhere" },
  { argv: ["--from", "/etc"], says: "/etc is neither a store of Podman nor of Docker" },
  { argv: ["--images-only", "--volumes-only"], says: "exclude each other" },
])("system adopt $argv: $says", async ({ argv, says }) => {
  await using host = await testHost();
  const result = await host.cooper("system", "adopt", ...argv);
  expect(result).toMatchObject({ exitCode: 125, stdout: "" });
  expect(result.stderr).toContain(says);
});
