/** Images come in from archives of every shape, made by others too; hostile ones come to nothing. */
import { describe, expect, test } from "bun:test";
import { chownSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { tarEnd, tarHeader, tarPadding } from "../../src/layer/tar-write.ts";
import { type TestHost, testHost, users } from "./host.ts";
import { dockerArchive, dockerArchiveOf, ociLayout, type Part, tarOf } from "./images.ts";

const everybody = users.map((user) => ({ user, who: user?.name ?? "the caller" }));

function keep(host: TestHost, name: string, bytes: Uint8Array): string {
  const path = join(host.place("files"), name);
  writeFileSync(path, bytes);
  return path;
}

function keepFolder(host: TestHost, name: string, parts: readonly Part[]): string {
  const directory = host.place(name);
  for (const { path, content } of parts) {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), content ?? "");
  }
  return directory;
}

function filtered(bytes: Uint8Array, ...argv: string[]): Uint8Array {
  return Bun.spawnSync(argv, { stdin: bytes, stdout: "pipe", stderr: "inherit" }).stdout;
}

const name = "example.com/box:1";

describe.each(everybody)("load as $who", ({ user }) => {
  test.each([
    { shape: "a docker archive", make: () => dockerArchive(name, 3) },
    { shape: "gzip", make: () => filtered(dockerArchive(name, 3), "gzip", "-1") },
    { shape: "zstd", make: () => Bun.zstdCompressSync(new Uint8Array(dockerArchive(name, 3))) },
    { shape: "an OCI archive", make: () => tarOf(ociLayout(name, 3)) },
    { shape: "an OCI archive of gzip", make: () => tarOf(ociLayout(name, 3, { gzip: true })) },
  ])("$shape", async ({ make }) => {
    await using host = await testHost(user);
    const result = await host.cooper("load", "-q", "-i", keep(host, "image", make()));
    expect(result).toMatchObject({ exitCode: 0, stdout: `Loaded image: ${name}\n` });
    expect(await host.must("images", "--format", "{{.Repository}}:{{.Tag}}")).toBe(name);
    expect(await host.must("run", "--rm", name, "cat", "/layer-2", "/layer-3")).toBe("23");
  });

  test.each(["xz", "bzip2"])("%s is refused with the way out", async (program) => {
    await using host = await testHost(user);
    const archive = keep(host, "image", filtered(dockerArchive(name, 2), program, "-1"));
    const result = await host.cooper("load", "-i", archive);
    expect(result.exitCode).toBe(125);
    expect(result.stderr).toContain(`is compressed with ${program}`);
    expect(result.stderr).toContain("Hint: decompress it with ");
  });

  test("from standard input, and from a directory", async () => {
    await using host = await testHost(user);
    const path = keep(host, "image", dockerArchive(name, 2));
    const words = host.argv("load").map((word) => `'${word}'`);
    const piped = Bun.spawnSync(["sh", "-c", `cat ${path} | ${words.join(" ")}`], {
      env: host.environment(),
    });
    expect(piped.stdout.toString()).toBe(`Loaded image: ${name}\n`);
    const folder = keepFolder(host, "oci", ociLayout("example.com/other:2", 2));
    await host.must("load", "-i", folder);
    expect(await host.must("run", "--rm", "example.com/other:2", "cat", "/layer-2")).toBe("2");
    // the same configuration is the same image, whatever it came in
    expect(await host.must("images", "-q", "--no-trunc")).toMatch(/^(sha256:)?[0-9a-f]{64}$/);
  });

  test("what skopeo writes from what we read", async () => {
    await using host = await testHost(user);
    const folder = keepFolder(host, "oci", ociLayout("1", 3));
    const target = join(host.place("files"), "skopeo.tar");
    const copy = ["skopeo", "--insecure-policy", "copy", "-q", `oci:${folder}:1`];
    const made = Bun.spawnSync([...copy, `docker-archive:${target}:${name}`]);
    expect(made.stderr.toString()).toBe("");
    if (user !== null) chownSync(target, user.uid, user.gid);
    await host.must("load", "-i", target);
    expect(await host.must("run", "--rm", name, "cat", "/layer-3")).toBe("3");
  });

  test("the image's configuration holds", async () => {
    await using host = await testHost(user);
    const config = {
      Entrypoint: ["/bin/echo", "entry"],
      Cmd: ["default"],
      Env: ["PATH=/bin", "FROM=image"],
      WorkingDir: "/made/for/it",
      User: "12:34",
      Labels: { k: "v" },
      StopSignal: "SIGUSR1",
      Volumes: { "/data": {} },
      ExposedPorts: { "80/tcp": {} },
    };
    await host.must("load", "-i", keep(host, "image", dockerArchive(name, 2, config)));
    expect(await host.must("run", "--rm", name)).toBe("entry default");
    expect(await host.must("run", "--rm", name, "given")).toBe("entry given");
    const script = "id -u; id -g; pwd; echo $FROM; ls -d /data";
    const shell = ["--entrypoint", "/bin/sh", name, "-c", script];
    expect(await host.must("run", "--rm", ...shell)).toBe("12\n34\n/made/for/it\nimage\n/data");
    await host.must("create", "--name", "c", name);
    const format = '{{.Config.StopSignal}} {{index .Config.Labels "k"}} {{len .Mounts}}';
    expect(await host.must("inspect", "-f", format, "c")).toMatch(/^(SIGUSR1|10) v 1$/);
  });

  test("tags, several names, removal", async () => {
    await using host = await testHost(user);
    await host.must("load", "-i", keep(host, "image", dockerArchive(name, 2)));
    await host.must("tag", name, "example.com/second:2");
    await host.must("create", "--name", "c", name);
    const inUse = await host.cooper("rmi", name, "example.com/second:2");
    expect(inUse.exitCode).not.toBe(0);
    await host.must("rm", "c");
    await host.must("rmi", "-f", "example.com/second:2");
    expect((await host.cooper("image", "exists", "example.com/second:2")).exitCode).toBe(1);
  });
});

interface Raw {
  readonly name: string;
  readonly type?: string;
  readonly linkName?: string;
  readonly content?: string;
  readonly mode?: number;
}

/** A tar as no tar program would write it. */
function rawTar(entries: readonly Raw[]): Uint8Array {
  return Buffer.concat([
    ...entries.flatMap(({ name, type = "0", linkName, content = "", mode = 0o644 }) => {
      const size = Buffer.byteLength(content);
      const header = tarHeader({
        name,
        type,
        mode,
        size,
        ...(linkName !== undefined && { linkName }),
      });
      return [header, Buffer.from(content), tarPadding(size)];
    }),
    tarEnd(),
  ]);
}

const outside = "/tmp/cooper-escaped";
const link = (name: string, linkName: string): Raw => ({ name, type: "2", linkName, mode: 0o777 });

describe.each(everybody)("hostile layers as $who", ({ user }) => {
  test.each<{ title: string; entries: Raw[] }>([
    { title: "dots upwards", entries: [{ name: `../../../../../..${outside}`, content: "x" }] },
    { title: "an absolute name", entries: [{ name: outside, content: "x" }] },
    {
      title: "a file through a link",
      entries: [link("out", "/tmp"), { name: "out/cooper-escaped", content: "x" }],
    },
    {
      title: "a file through a link of dots",
      entries: [
        link("out", "../../../../../../../tmp"),
        { name: "out/cooper-escaped", content: "x" },
      ],
    },
    {
      title: "a folder through a link",
      entries: [link("out", "/tmp"), { name: "out/cooper-escaped", type: "5", mode: 0o755 }],
    },
    {
      title: "a file over a link",
      entries: [link("out", outside), { name: "out", content: "x" }],
    },
    {
      title: "a hard link to a file of the host",
      entries: [
        { name: "shadow", type: "1", linkName: "/etc/passwd" },
        { name: "shadow", content: "x" },
      ],
    },
    {
      title: "a hard link by dots",
      entries: [{ name: "shadow", type: "1", linkName: "../../../../../../etc/passwd" }],
    },
    { title: "a whiteout of what is above", entries: [{ name: ".wh..." }, { name: ".wh.." }] },
    {
      title: "a whiteout through a link",
      entries: [link("out", "/tmp"), { name: "out/.wh.ct-keep" }],
    },
    { title: "a name that is empty", entries: [{ name: "", content: "x" }] },
  ])("$title: nothing outside is touched", async ({ entries }) => {
    await using host = await testHost(user);
    writeFileSync("/tmp/ct-keep", "kept");
    const passwd = readFileSync("/etc/passwd", "utf8");
    const archive = dockerArchiveOf(name, [rawTar(entries)]);
    const result = await host.cooper("load", "-i", keep(host, "image", archive));
    expect([0, 125]).toContain(result.exitCode);
    expect(result.stderr).not.toContain("\n    at ");
    expect(existsSync(outside)).toBe(false);
    expect(readFileSync("/tmp/ct-keep", "utf8")).toBe("kept");
    expect(readFileSync("/etc/passwd", "utf8")).toBe(passwd);
    if (result.exitCode !== 0) expect(await host.must("images", "-q")).toBe("");
  });

  test.each<{ title: string; change: (bytes: Uint8Array) => Uint8Array }>([
    { title: "cut in a layer", change: (bytes) => bytes.subarray(0, 700_000) },
    { title: "cut in its first header", change: (bytes) => bytes.subarray(0, 100) },
    { title: "empty", change: () => new Uint8Array() },
    { title: "zeros", change: () => new Uint8Array(20_480) },
    { title: "no archive", change: () => Buffer.from("this is no archive\n".repeat(100)) },
    { title: "cut gzip", change: (bytes) => gzipSync(bytes).subarray(0, 5000) },
    {
      title: "altered in a layer",
      change: (bytes) => {
        const copy = Buffer.from(bytes);
        copy[copy.indexOf("busybox") + 600_000] =
          (copy[copy.indexOf("busybox") + 600_000] ?? 0) ^ 1;
        return copy;
      },
    },
  ])("an archive that is $title is refused in one line", async ({ change }) => {
    await using host = await testHost(user);
    const archive = keep(host, "image", change(dockerArchive(name, 2)));
    const result = await host.cooper("load", "-q", "-i", archive);
    expect(result.exitCode).toBe(125);
    expect(result.stderr).toStartWith("Error: ");
    expect(result.stderr.trimEnd().split("\n").length).toBeLessThanOrEqual(2);
    expect(await host.must("images", "-q")).toBe("");
  });
});
