/** What a build gives out: registries, several platforms, one layer, caches for others, attestations. */
import { describe, expect, test } from "bun:test";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Result, type TestHost, testHost, users } from "./host.ts";
import { testRegistry } from "./registry.ts";

const everybody = users.map((user) => ({ user, who: user?.name ?? "the caller" }));

const lines = (...all: string[]) => all.map((line) => `${line}\n`).join("");

/** The Dockerfile comes from standard input; without a context nothing is copied from it. */
function build(host: TestHost, dockerfile: string, ...args: string[]): Promise<Result> {
  return host.cooperWith({ stdin: dockerfile }, "build", "-q", "--tls-verify=false", ...args, "-");
}

async function mustBuild(...args: Parameters<typeof build>): Promise<string> {
  const result = await build(...args);
  if (result.exitCode !== 0) throw new Error(`build: ${result.exitCode}: ${result.stderr}`);
  return result.stdout.trimEnd();
}

/** What another program says. */
function peer(...argv: string[]): string {
  const run = Bun.spawnSync(argv, { stdio: ["ignore", "pipe", "pipe"] });
  if (!run.success) throw new Error(`${argv.join(" ")}: ${run.stderr}`);
  return run.stdout.toString();
}

const remote = (name: string) => ["--tls-verify=false", `docker://${name}`];
const rawManifest = (name: string) =>
  JSON.parse(peer("skopeo", "inspect", "--raw", ...remote(name)));

const crossBuild = lines(
  "FROM --platform=$BUILDPLATFORM hello AS build",
  "RUN echo once > /once",
  "ARG TARGETARCH TARGETPLATFORM",
  "RUN echo $TARGETARCH $TARGETPLATFORM > /arch",
  "FROM scratch",
  "COPY --from=build /once /arch /",
);

describe.each(everybody)("as $who", ({ user }) => {
  test("an image is pushed to all its names, and told of in a file", async () => {
    await using host = await testHost(user);
    await using registry = await testRegistry();
    const names = ["a:1", "b:2"].map((name) => `${registry.address}/${name}`);
    const file = join(host.place("out"), "facts.json");
    const tags = names.flatMap((name) => ["-t", name]);
    const id = await mustBuild(host, "FROM hello\n", ...tags, "--push", "--metadata-file", file);
    const facts = JSON.parse(readFileSync(file, "utf8"));
    expect(facts["image.name"]).toBe(names.join(","));
    expect(facts["containerimage.config.digest"]).toBe(id);
    for (const name of names) {
      const there = JSON.parse(peer("skopeo", "inspect", ...remote(name)));
      expect(there.Digest).toBe(facts["containerimage.digest"]);
    }
    const elsewhere = `type=image,push=true,name=${registry.address}/c,compression=zstd`;
    await mustBuild(host, "FROM hello\n", "--output", elsewhere);
    expect(rawManifest(`${registry.address}/c`).layers[0].mediaType).toEndWith("tar+zstd");
    const nameless = await build(host, "FROM hello\nRUN false\n", "--push");
    expect(nameless.exitCode).toBe(1);
    expect(nameless.stderr).toContain("what is pushed needs a name");
  });

  test("several platforms make one index, under one name", async () => {
    await using host = await testHost(user);
    await using registry = await testRegistry();
    const name = `${registry.address}/app:1`;
    const platforms = ["--platform", "linux/amd64,linux/arm64"];
    const told = ["--annotation", "index:i=1", "--annotation", "manifest[linux/arm64]:m=2"];
    await mustBuild(host, crossBuild, ...platforms, ...told, "-t", name, "--push");
    const index = rawManifest(name);
    expect(index.annotations).toEqual({ i: "1" });
    expect(index.manifests.map(({ platform }: { platform: object }) => platform)).toEqual([
      { architecture: "amd64", os: "linux" },
      { architecture: "arm64", os: "linux" },
    ]);
    const arm64 = rawManifest(`${registry.address}/app@${index.manifests[1].digest}`);
    expect(arm64.annotations).toEqual({ m: "2" });
    // what the platforms have in common was done once, and is one layer
    expect(arm64.layers).toHaveLength(1);
    const rows = await host.must("images", "--format", "{{.Repository}}:{{.Tag}}");
    expect(rows.split("\n").filter((row) => row === name)).toHaveLength(2);
    await host.must("image", "prune", "--force"); // they have a name, by their index
    expect(await host.must("image", "inspect", "--format", "{{.Architecture}}", name)).toBe(
      "amd64",
    );

    await mustBuild(
      host,
      crossBuild,
      ...platforms,
      "--output",
      `type=local,dest=${host.place("o")}`,
    );
    expect(readFileSync(join(host.place("o"), "linux_arm64/arch"), "utf8")).toBe(
      "arm64 linux/arm64\n",
    );

    // a name stands for one thing: who builds it anew for this machine alone has no index any more
    await mustBuild(host, crossBuild, "-t", name);
    expect((await host.cooper("manifest", "exists", name)).exitCode).toBe(1);
    await mustBuild(host, crossBuild, ...platforms, "-t", "two");
    await host.must("tag", "two", "three");
    await host.must("rmi", "two");
    await host.must("manifest", "inspect", "three");
    await host.must("rmi", "three");
    expect((await host.cooper("image", "exists", "three")).exitCode).toBe(1);
  });

  test("a base is taken for the platform that is built, and its name stays where it was", async () => {
    await using host = await testHost(user);
    await using registry = await testRegistry();
    const base = `${registry.address}/base`;
    const platforms = ["--platform", "linux/amd64", "--platform", "linux/arm64"];
    await mustBuild(host, crossBuild, ...platforms, "-t", base, "--push");
    await host.must("rmi", base);
    await host.must("pull", "--tls-verify=false", "-q", base);
    const text = `FROM ${base}\nCOPY --from=hello /bin/busybox /x\n`;
    const here = lines("FROM hello AS h", `FROM ${base}`, "COPY <<E /x", "x", "E");
    await mustBuild(host, here, "--platform", "linux/arm64", "-t", "other");
    expect(
      await host.must("image", "inspect", "--format", "{{.Architecture}}", "other", base),
    ).toBe("arm64\namd64");
    const missing = await build(host, text, "--platform", "linux/arm64");
    expect(missing.stderr).toContain(
      "the image hello is here for linux/amd64, not for linux/arm64",
    );
    // a list that grows by one platform at a time, as Podman's --manifest
    for (const arch of ["amd64", "arm64", "arm64"])
      await mustBuild(host, crossBuild, "--arch", arch, "--manifest", "grown");
    const { manifests } = JSON.parse(await host.must("manifest", "inspect", "grown"));
    expect(manifests).toHaveLength(2);
  });

  test("layers are squashed, and hide what they hid", async () => {
    await using host = await testHost(user);
    const text = lines(
      "FROM hello",
      "RUN echo 1 > /a; echo 2 > /b",
      "RUN rm /a /bin/true; touch /c",
    );
    const layers = async (name: string) =>
      JSON.parse(await host.must("image", "inspect", name))[0].RootFS.Layers.length;
    await mustBuild(host, text, "-t", "plain");
    await mustBuild(host, text, "-t", "own", "--squash");
    await mustBuild(host, text, "-t", "all", "--squash-all");
    expect([await layers("plain"), await layers("own"), await layers("all")]).toEqual([3, 2, 1]);
    for (const name of ["plain", "own", "all"])
      expect(
        await host.must("run", "--rm", name, "sh", "-c", "ls -d /a /b /c /bin/true 2>&-; :"),
      ).toBe("/b\n/c");
    await host.must("system", "check");
  });

  test("what was done long ago is done anew, where that is asked for", async () => {
    await using host = await testHost(user);
    const again = async (...args: string[]) => {
      const text = "FROM hello\nRUN true\n";
      const { stderr } = await host.cooperWith({ stdin: text }, "build", ...args, "-");
      return stderr.includes("CACHED");
    };
    expect([
      await again(),
      await again("--cache-ttl", "1h"),
      await again("--cache-ttl", "0s"),
    ]).toEqual([false, true, false]);
  });
});

describe.each(everybody)("caches, as $who", ({ user }) => {
  const text = lines(
    "FROM hello AS b",
    "RUN head -c 300000 /dev/urandom > /big; date > /out",
    "RUN touch /more",
    "FROM hello",
    "COPY --from=b /out /out",
    "RUN cat /out > /copy",
  );
  const told = (host: TestHost, ...args: string[]) => toldOf(text, host, ...args);
  const toldOf = async (text: string, host: TestHost, ...args: string[]) => {
    const how = ["--progress", "plain", "--tls-verify=false"];
    const result = await host.cooperWith({ stdin: text }, "build", ...how, ...args, "-");
    expect(result.exitCode).toBe(0);
    return { ...result, cached: result.stderr.match(/CACHED/g)?.length ?? 0 };
  };

  test("what root has built another store finds, in a registry, a directory, or the image", async () => {
    await using maker = await testHost();
    await using host = await testHost(user);
    await using registry = await testRegistry();
    const name = `${registry.address}/app:1`;
    const directory = host.place("cache");
    const first = await told(
      maker,
      ...["--cache-to", `type=registry,ref=${registry.address}/cache:1,mode=max`],
      ...["--cache-to", `type=local,dest=${directory},mode=max`, "--cache-to", "type=inline"],
      ...["-t", name, "--push"],
    );
    peer("chmod", "-R", "a+rX", directory);
    const sources = [
      `type=registry,ref=${registry.address}/cache:1`,
      `type=local,src=${directory}`,
      `${registry.address}/app:1`,
    ];
    for (const source of sources) {
      const again = await told(host, "--cache-from", source);
      // the image alone does not know of the stage that it was copied from
      const hasStages = source !== sources[2];
      if (hasStages) expect(again.stdout).toBe(first.stdout);
      if (hasStages) expect(again.cached).toBe(4);
      // the layer that is large is in no result, and was not fetched
      const kept = await host.must("buildx", "du", "--verbose");
      expect(kept.includes("head -c")).toBe(!hasStages);
      await host.must("rmi", "--all", "--force");
      await host.must("builder", "prune", "--all", "--force");
    }
    const missing = await told(host, "--cache-from", `${registry.address}/none`);
    expect(missing.stderr).toContain("is not used");
    const there = rawManifest(`${registry.address}/cache:1`);
    expect(there.layers).toHaveLength(4);
  });

  test.if(user === null)(
    "a cache that is damaged or lies is told of, and what it promised is done here",
    async () => {
      await using host = await testHost(user);
      const directory = host.place("cache");
      const two = lines("FROM hello", "RUN echo 1 > /a", "RUN echo 2 > /b");
      await toldOf(two, host, "--cache-to", `type=local,dest=${directory}`);
      const blob = (digest: string) => join(directory, "blobs/sha256", digest.slice(7));
      const { manifests } = JSON.parse(readFileSync(join(directory, "index.json"), "utf8"));
      const { layers } = JSON.parse(readFileSync(blob(manifests[0].digest), "utf8"));
      expect(layers).toHaveLength(2);
      const own = readFileSync(blob(layers[1].digest));
      const lies = [
        () => writeFileSync(blob(layers[1].digest), Buffer.alloc(own.length, 7)),
        () => writeFileSync(blob(layers[1].digest), readFileSync(blob(layers[0].digest))),
        () => rmSync(blob(layers[1].digest)),
        () => writeFileSync(blob(manifests[0].digest), "{}"),
      ];
      for (const lie of lies) {
        await host.must("rmi", "--all", "--force");
        await host.must("builder", "prune", "--all", "--force");
        lie();
        const built = await toldOf(two, host, "--cache-from", `type=local,src=${directory}`);
        expect(built.stderr).toMatch(/not used/);
      }
      await host.must("system", "check");
    },
  );
});

describe.each(everybody)("attestations, as $who", ({ user }) => {
  test("stand beside the image in its index, and refer to it", async () => {
    await using host = await testHost(user);
    await using registry = await testRegistry();
    const name = `${registry.address}/app:1`;
    const text = lines("FROM hello", "RUN mkdir -p /var/lib/dpkg", "COPY <<E /var/lib/dpkg/status");
    const status = lines("Package: made", "Version: 1.2", "Status: install ok installed", "E");
    const asked = ["--provenance=mode=max", "--sbom=true", "--build-arg", "A=secret-word"];
    await mustBuild(host, text + status, ...asked, "-t", name, "--push");
    const { manifests } = rawManifest(name);
    expect(manifests).toHaveLength(2);
    const [own, attested] = manifests;
    expect(attested.platform).toEqual({ architecture: "unknown", os: "unknown" });
    expect(attested.annotations["vnd.docker.reference.digest"]).toBe(own.digest);
    const manifest = rawManifest(`${registry.address}/app@${attested.digest}`);
    expect(manifest.subject.digest).toBe(own.digest);
    // the registry is one of before OCI 1.1
    const referrers = rawManifest(`${registry.address}/app:${own.digest.replace(":", "-")}`);
    expect(referrers.manifests.map(({ digest }: { digest: string }) => digest)).toEqual([
      attested.digest,
    ]);
    const types = ["https://slsa.dev/provenance/v1", "https://spdx.dev/Document"];
    for (const [index, layer] of manifest.layers.entries()) {
      expect(layer.annotations["in-toto.io/predicate-type"]).toBe(types[index]);
      const blob = await fetch(`http://${registry.address}/v2/app/blobs/${layer.digest}`);
      const statement = (await blob.json()) as {
        predicateType: string;
        subject: { digest: { sha256: string } }[];
        predicate: { packages?: { name: string }[] };
      };
      expect(statement.predicateType).toBe(types[index] ?? "");
      expect(`sha256:${statement.subject[0]?.digest.sha256}`).toBe(own.digest);
      if (index === 1) expect(JSON.stringify(statement.predicate.packages)).toContain('"made"');
      else expect(JSON.stringify(statement.predicate)).toContain("secret-word"); // max tells arguments
    }
    // whoever pulls has the image alone
    const directory = host.place("skopeo");
    peer(
      "skopeo",
      "copy",
      "-q",
      "--src-tls-verify=false",
      `docker://${name}`,
      `oci:${directory}:x`,
    );
    const kept = JSON.parse(await host.must("image", "inspect", name))[0];
    expect(kept.Attestations.map((one: { PredicateType: string }) => one.PredicateType)).toEqual(
      types,
    );
    await host.must("rmi", name);
    await host.must("pull", "-q", "--tls-verify=false", name);

    const files = host.place("files");
    await mustBuild(host, text + status, ...asked.slice(0, 2), "-o", files);
    for (const file of ["provenance.json", "sbom.spdx.json"]) {
      const { subject } = JSON.parse(readFileSync(join(files, file), "utf8"));
      const names = subject.map((one: { name: string }) => one.name);
      expect(names).toContain("var/lib/dpkg/status");
    }
    const archive = join(host.place("archive"), "image.tar");
    const both = ["--platform", "linux/amd64,linux/arm64", "--sbom=true"];
    await mustBuild(host, crossBuild, ...both, "-t", "out", "-o", `type=oci,dest=${archive}`);
    const layout = host.place("layout");
    peer("tar", "-C", layout, "-xf", archive);
    const read = (file: string) => JSON.parse(readFileSync(join(layout, file), "utf8"));
    const [top] = read("index.json").manifests;
    const inside = read(`blobs/sha256/${top.digest.slice(7)}`).manifests;
    const archs = inside.map(({ platform }: { platform: { architecture: string } }) => platform);
    expect(archs.map((one: { architecture: string }) => one.architecture)).toEqual([
      "amd64",
      "arm64",
      "unknown",
      "unknown",
    ]);
    peer("skopeo", "copy", "-q", `oci:${layout}`, `oci:${host.place("one")}:x`);
    await host.must("load", "-i", archive);
    // what is not asked for is said no more
    await mustBuild(host, text + status, "-t", name, "--push");
    expect(rawManifest(name).manifests).toBeUndefined();
  });
});

test.each(["--timestamp", "--source-date-epoch"])(
  "the same is the same bytes for root and ordinary users, at any time, with %s",
  async (flag) => {
    await using registry = await testRegistry();
    const text = lines(
      "FROM hello AS b",
      "RUN mkdir /d; echo 1 > /d/a; ln /d/a /d/b; ln -s a /d/c; touch -d @1000 /d/old",
      "FROM hello",
      "COPY --from=b /d /d",
      "COPY <<E /e",
      "e",
      "E",
      "RUN chown -R 5:6 /d; chmod 4755 /e",
      "LABEL a=b",
    );
    const digests = new Set<string>();
    for (const user of users) {
      if (digests.size > 0) await Bun.sleep(1100); // no file of the second one is as old as its twin
      await using host = await testHost(user);
      const name = `${registry.address}/${user?.name ?? "root"}`;
      await mustBuild(host, text, flag, "1700000000", "-t", name, "--push");
      const there = JSON.parse(peer("skopeo", "inspect", ...remote(name)));
      digests.add(there.Digest);
      expect(there.Created).toBe("2023-11-14T22:13:20Z");
    }
    expect(digests.size).toBe(1);
  },
);

test("a program for another processor is refused with the cure, or runs", async () => {
  await using host = await testHost();
  const text = lines("FROM scratch", "COPY <<E /x", "x", "E", 'RUN ["/x"]');
  const result = await build(host, text, "--platform", "linux/s390x");
  expect(result.exitCode).toBe(1);
  // with an emulator it is told that /x is no program
  if (!result.stderr.includes("RUN needs programs for linux/s390x")) return;
  expect(result.stderr).toContain("FROM --platform=$BUILDPLATFORM");
});

test("an annotation without a place is refused before anything is done", async () => {
  await using host = await testHost();
  const file = join(host.place("d"), "Dockerfile");
  writeFileSync(file, "FROM hello\nRUN false\n");
  const one = await host.cooper("build", "--annotation", "index:a=b", host.place("d"));
  expect(one.stderr).toContain("this build makes none");
});
