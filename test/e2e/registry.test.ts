/** Registries in both directions: log-in, push, pull, lists, and what becomes of a pull that is killed. */
import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fixtureRegistry } from "../fixtures/registry.ts";
import { type TestHost, testHost, type User, users } from "./host.ts";
import { dockerArchive } from "./images.ts";
import { endPodman, hasPeer, peer } from "./peers.ts";
import { debianRegistry } from "./registries.ts";

const everybody = users.map((user) => ({ user, who: user?.name ?? "the caller" }));

async function withImage(user: User | null): Promise<TestHost> {
  const host = await testHost(user);
  const path = join(host.place("files"), "in.tar");
  writeFileSync(path, dockerArchive("example.com/box:1", 3));
  await host.must("load", "-i", path);
  return host;
}

/** Credentials go to a file of the test's, never to the caller's. */
const authOf = (host: TestHost) => ({
  REGISTRY_AUTH_FILE: join(host.place("auth"), "auth.json"),
  COOPER_SECRET_KEY_FILE: join(host.place("key"), "secret.key"),
});

describe.each(everybody)("registry as $who", ({ user }) => {
  test("log in, push, pull and log out where a password and a certificate are asked for", async () => {
    await using registry = await debianRegistry({
      login: { username: "me", password: "pa:ss word" },
      tls: true,
    });
    await using host = await withImage(user);
    const env = authOf(host);
    const name = `${registry.host}/team/box:1`;
    const cooper = (...args: string[]) => host.cooperWith({ env }, ...args);

    const before = await cooper("push", "example.com/box:1", name);
    expect([before.exitCode, before.stderr]).toEqual([
      125,
      expect.stringContaining(
        `Hint: that needs a log-in with the right to write: cooper login ${registry.host}`,
      ),
    ]);
    const wrong = await host.cooperWith(
      { env, stdin: "wrong" },
      "login",
      "-u",
      "me",
      "--password-stdin",
      registry.host,
    );
    expect(wrong.stderr).toContain("does not accept this user name and password");
    const strict = ["--tls-verify=true", registry.host];
    const unproven = await host.cooperWith(
      { env, stdin: "x" },
      "login",
      "-u",
      "me",
      "--password-stdin",
      ...strict,
    );
    expect(unproven.stderr).toContain("cannot be trusted");
    expect(existsSync(env.REGISTRY_AUTH_FILE)).toBe(false);

    const words = [
      "login",
      "-u",
      "me",
      "--password-stdin",
      "--cert-dir",
      registry.certificates,
      ...strict,
    ];
    const login = await host.cooperWith({ env, stdin: "pa:ss word\n" }, ...words);
    expect(login).toMatchObject({ exitCode: 0, stdout: "Login Succeeded!\n" });
    expect(statSync(env.REGISTRY_AUTH_FILE).mode & 0o777).toBe(0o600);
    expect(readdirSync(join(env.REGISTRY_AUTH_FILE, ".."))).toEqual(["auth.json"]);
    expect((await cooper("login", "--get-login", registry.host)).stdout).toBe("me\n");

    const certs = ["--tls-verify=true", "--cert-dir", registry.certificates];
    const pushed = await cooper("push", "-q", ...certs, "example.com/box:1", name);
    expect(pushed).toMatchObject({ exitCode: 0, stdout: `${name}\n`, stderr: "" });
    await host.must("rmi", "-f", "example.com/box:1", name).catch(() => "");
    expect((await cooper("pull", "-q", ...certs, name)).exitCode).toBe(0);
    expect(await host.must("run", "--rm", name, "cat", "/layer-3")).toBe("3");
    const creds = await cooper("pull", "-q", "--creds", "me:wrong", `${registry.host}/team/box:2`);
    expect(creds.stderr).not.toContain("wrong");

    expect((await cooper("logout", registry.host)).exitCode).toBe(0);
    expect(readFileSync(env.REGISTRY_AUTH_FILE, "utf8")).not.toContain('auth"');
    expect((await cooper("pull", `${registry.host}/team/box:2`)).stderr).toContain(
      "needs a log-in",
    );
    expect((await cooper("logout", registry.host)).stderr).toContain("not logged in");
    await host.cooperWith({ env, stdin: "pa:ss word" }, "secret", "create", "me", "-");
    const bySecret = await cooper("login", "--secret", "me", registry.host);
    expect(bySecret).toMatchObject({ stdout: "Login Succeeded!\n", stderr: "" });
  });

  test("what is pushed keeps its digest from registry to registry, and peers read it", async () => {
    await using one = await debianRegistry();
    await using two = await debianRegistry();
    await using host = await withImage(user);
    const file = join(host.place("files"), "digest");
    const digestAt = (registry: string, name: string) =>
      skopeo(
        "inspect",
        "--tls-verify=false",
        "--format",
        "{{.Digest}}",
        `docker://${registry}/${name}`,
      );
    await host.must("push", "-q", "--digestfile", file, "example.com/box:1", `${one.host}/a/box:1`);
    const digest = readFileSync(file, "utf8");
    expect(digestAt(one.host, "a/box:1")).toBe(digest);
    expect(await host.must("push", "example.com/box:1", `${one.host}/a/box:2`)).toBe(
      `2: digest: ${digest} size: ${manifestSize(one.host, "a/box:1")}`,
    );
    const again = await host.cooper("push", "example.com/box:1", `${one.host}/a/box:3`);
    expect(again.stderr.match(/already exists/g)?.length).toBe(3);
    const mounted = await host.cooper("push", "example.com/box:1", `${one.host}/b/box:1`);
    expect(mounted.stderr.match(/mounted from a\/box/g)?.length).toBe(3);
    // another store, which knows nothing of how it was made
    await using other = await testHost(user);
    await other.must("pull", "-q", `${one.host}/b/box:1`);
    await other.must("push", "-q", `${one.host}/b/box:1`, `${two.host}/c/box:1`);
    expect(digestAt(two.host, "c/box:1")).toBe(digest);
    expect(await other.must("run", "--rm", `${one.host}/b/box:1`, "cat", "/layer-2")).toBe("2");
  });

  test.skipIf(user !== null)(
    "a layer that others compressed keeps its digest where the registry has it",
    async () => {
      await using registry = await debianRegistry();
      await using host = await withImage(user);
      const path = join(host.place("files"), "in.tar");
      const copy = ["copy", "-q", "--dest-tls-verify=false", "--dest-compress-level", "9"];
      skopeo(...copy, `docker-archive:${path}`, `docker://${registry.host}/a/box:1`);
      const digest = ["inspect", "--tls-verify=false", "--format", "{{.Digest}}"];
      await host.must("pull", "-q", `${registry.host}/a/box:1`);
      await host.must("push", "-q", `${registry.host}/a/box:1`, `${registry.host}/b/box:1`);
      expect(skopeo(...digest, `docker://${registry.host}/b/box:1`)).toBe(
        skopeo(...digest, `docker://${registry.host}/a/box:1`),
      );
    },
  );

  test.skipIf(user !== null).each([
    {
      flags: ["--format", "v2s2"],
      manifest: "docker.distribution.manifest.v2",
      layer: "diff.tar.gzip",
    },
    { flags: ["--format", "oci"], manifest: "oci.image.manifest", layer: "tar+gzip" },
    { flags: ["--compression-format", "zstd"], manifest: "oci.image.manifest", layer: "tar+zstd" },
    {
      flags: ["--compression-level", "9", "--force-compression"],
      manifest: "oci.image.manifest",
      layer: "tar+gzip",
    },
  ])("push $flags is what it says", async ({ flags, manifest, layer }) => {
    await using registry = await debianRegistry();
    await using host = await withImage(user);
    const oci = flags[1] === "v2s2" ? [] : ["--format", "oci"];
    await host.must("push", "-q", ...oci, ...flags, "example.com/box:1", `${registry.host}/box:1`);
    const raw = skopeo("inspect", "--raw", "--tls-verify=false", `docker://${registry.host}/box:1`);
    expect(raw).toContain(manifest);
    expect(raw.match(new RegExp(layer.replace("+", "\\+"), "g"))?.length).toBe(3);
    await host.must("rmi", "-f", "example.com/box:1");
    await host.must("pull", "-q", `${registry.host}/box:1`);
    expect(await host.must("run", "--rm", `${registry.host}/box:1`, "cat", "/layer-3")).toBe("3");
  });

  test.skipIf(!hasPeer("podman"))(
    "podman pulls what we push, and we pull what podman pushes",
    async () => {
      await using registry = await debianRegistry();
      await using host = await withImage(user);
      const podman = ["podman", "--root", host.place("p/root"), "--runroot", host.place("p/run")];
      const store = [...podman, "--storage-driver", "vfs"];
      await host.must("push", "-q", "example.com/box:1", `${registry.host}/box:1`);
      peer(host, user, ...store, "pull", "-q", "--tls-verify=false", `${registry.host}/box:1`);
      peer(
        host,
        user,
        ...store,
        "push",
        "-q",
        "--tls-verify=false",
        `${registry.host}/box:1`,
        `${registry.host}/podman/box:1`,
      );
      endPodman(host);
      await host.must("rmi", "-f", "example.com/box:1");
      await host.must("pull", "-q", `${registry.host}/podman/box:1`);
      expect(
        await host.must("run", "--rm", `${registry.host}/podman/box:1`, "cat", "/layer-3"),
      ).toBe("3");
    },
  );

  test("lists of images, tags and what a registry has", async () => {
    await using registry = await debianRegistry();
    await using host = await withImage(user);
    await host.must("manifest", "create", "list", "example.com/box:1");
    await host.must(
      "manifest",
      "annotate",
      "--arch",
      "arm64",
      "--variant",
      "v8",
      "list",
      "example.com/box:1",
    );
    expect((await host.cooper("manifest", "create", "list")).stderr).toContain("already");
    await host.must("manifest", "push", "-q", "list", `${registry.host}/team/list:1`);
    const shown = await host.must("manifest", "inspect", `${registry.host}/team/list:1`);
    expect(shown).toContain('"architecture": "arm64"');
    await host.must("manifest", "create", "copy");
    await host.must("manifest", "add", "--all", "copy", `docker://${registry.host}/team/list:1`);
    await host.must("manifest", "push", "--rm", "-q", "copy", `${registry.host}/other/copy:1`);
    expect((await host.cooper("manifest", "exists", "copy")).exitCode).toBe(1);
    expect(
      skopeo("inspect", "--raw", "--tls-verify=false", `docker://${registry.host}/other/copy:1`),
    ).toContain("arm64");
    await host.must("pull", "-q", "--platform", "linux/arm64", `${registry.host}/other/copy:1`);
    const found = await host.must("search", "--format", "{{.Name}}", `${registry.host}/`);
    expect(found.split("\n")).toEqual([
      `${registry.host}/other/copy`,
      `${registry.host}/team/list`,
    ]);
    expect(
      await host.must(
        "search",
        "--list-tags",
        "--format",
        "{{.Tag}}",
        `${registry.host}/team/list`,
      ),
    ).toBe("1");
  });

  test.skipIf(user !== null)("all tags of a repository, out and in", async () => {
    await using registry = await debianRegistry();
    await using host = await withImage(user);
    const box = `${registry.host}/box`;
    await host.must(
      "tag",
      "example.com/box:1",
      `${box}:one`,
      `${box}:two`,
      `${registry.host}/boxes:no`,
    );
    expect(await host.must("push", "-q", "--all-tags", box)).toBe(`${box}:one\n${box}:two`);
    await host.must("rmi", "-f", `${box}:one`, `${box}:two`);
    await host.must("pull", "-q", "--all-tags", box);
    const names = await host.must("images", "--format", "{{.Repository}}:{{.Tag}}");
    const own = names.split("\n").filter((name) => name.startsWith(`${box}:`));
    expect(own.sort()).toEqual([`${box}:one`, `${box}:two`]);
  });

  test("Ctrl-C ends a pull at once, and the next one goes on where it was", async () => {
    using registry = await fixtureRegistry();
    await using host = await withImage(user);
    await host.must("push", "-q", "example.com/box:1", `${registry.host}/box:1`);
    const [blob = "", bytes = Buffer.alloc(0)] =
      [...registry.blobs].sort((a, b) => b[1].length - a[1].length)[0] ?? [];
    registry.fault = (line) =>
      line.includes(blob) ? { kind: "stall", afterBytes: Math.floor(bytes.length / 2) } : undefined;
    await using other = await testHost(user);
    const pull = other.start({}, "pull", "-q", `${registry.host}/box:1`);
    const partial = join(other.root, "partial", blob.replace("sha256:", ""), "blob");
    const held = () => statSync(partial, { throwIfNoEntry: false })?.size ?? 0;
    for (let tries = 0; tries < 200 && held() < bytes.length / 2 - 1; tries++) await Bun.sleep(25);
    const begun = performance.now();
    pull.kill("SIGINT");
    await pull.exited;
    expect(performance.now() - begun).toBeLessThan(5000);
    const had = held();
    expect(had).toBeGreaterThan(0);
    registry.fault = () => undefined;
    registry.asked.length = 0;
    await other.must("pull", "-q", `${registry.host}/box:1`);
    expect(registry.asked.filter((line) => line.includes(blob))).toEqual([
      `GET box/blobs/${blob} bytes=${had}-`,
    ]);
    expect(
      existsSync(join(other.root, "partial")) && readdirSync(join(other.root, "partial")),
    ).toEqual([]);
  });

  test("equal pulls at the same time fetch each layer once", async () => {
    using registry = await fixtureRegistry();
    await using host = await withImage(user);
    await host.must("push", "-q", "example.com/box:1", `${registry.host}/box:1`);
    await using other = await testHost(user);
    registry.asked.length = 0;
    const pulls = Array.from({ length: 6 }, () =>
      other.cooper("pull", "-q", `${registry.host}/box:1`),
    );
    for (const { exitCode, stderr } of await Promise.all(pulls))
      expect([exitCode, stderr]).toEqual([0, ""]);
    const config = await other.must("images", "-q", "--no-trunc");
    const layers = registry.asked.filter(
      (line) => line.includes("/blobs/") && !line.includes(config.replace("sha256:", "")),
    );
    expect(layers.length).toBe(3);
  });

  test.skipIf(user !== null)(
    "several images in one command: what fails is told, and the others come",
    async () => {
      using registry = await fixtureRegistry();
      await using host = await withImage(user);
      await host.must("push", "-q", "example.com/box:1", `${registry.host}/box:1`);
      registry.fault = (line) =>
        line.includes("busy")
          ? {
              kind: "status",
              status: 429,
              headers: { "retry-after": "900", "ratelimit-limit": "100;w=21600" },
            }
          : undefined;
      const names = ["none:1", "busy:1", "box:1"].map((name) => `${registry.host}/${name}`);
      const result = await host.cooper("pull", "-q", ...names);
      expect(result.exitCode).toBe(125);
      expect(result.stdout).toMatch(/^[0-9a-f]{64}\n$/);
      expect(result.stderr).toContain("has no ");
      expect(result.stderr).toMatch(
        /too many, 100 are allowed in 6 hours; it resets at \d\d:\d\d:\d\d UTC/,
      );
      registry.asked.length = 0;
      await host.must("pull", "-q", `${registry.host}/box:1`);
      expect(registry.asked).toEqual(["HEAD box/manifests/1"]);
    },
  );
});

function skopeo(...args: string[]): string {
  const result = Bun.spawnSync(["skopeo", "--insecure-policy", ...args]);
  if (!result.success) throw new Error(`skopeo ${args.join(" ")}: ${result.stderr}`);
  return result.stdout.toString().trim();
}

const manifestSize = (registry: string, name: string): number =>
  Buffer.byteLength(
    Bun.spawnSync([
      "skopeo",
      "inspect",
      "--raw",
      "--tls-verify=false",
      `docker://${registry}/${name}`,
    ]).stdout,
  );
