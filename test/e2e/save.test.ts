/** Images go out in every format, and the peers read them; they come back the same from the peers. */
import { describe, expect, test } from "bun:test";
import { chownSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestHost, testHost, users } from "./host.ts";
import { dockerArchive } from "./images.ts";

const everybody = users.map((user) => ({ user, who: user?.name ?? "the caller" }));
const name = "example.com/box:1";
const formats = ["docker-archive", "oci-archive", "oci-dir", "docker-dir"] as const;
type Format = (typeof formats)[number];

/** The transport that skopeo and its kin call it by. */
const transports: Record<Format, string> = {
  "docker-archive": "docker-archive",
  "oci-archive": "oci-archive",
  "oci-dir": "oci",
  "docker-dir": "dir",
};

async function withImage(host: TestHost): Promise<string> {
  const path = join(host.place("files"), "in.tar");
  writeFileSync(path, dockerArchive(name, 3));
  await host.must("load", "-i", path);
  return host.must("images", "-q", "--no-trunc");
}

function must(argv: readonly string[], env: Record<string, string> = {}): string {
  const result = Bun.spawnSync([...argv], {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  if (!result.success) throw new Error(`${argv.join(" ")}: ${result.stderr}`);
  return result.stdout.toString().trim();
}

const digest = (text: string) => /[0-9a-f]{64}/.exec(text)?.[0] ?? text;

describe.each(everybody)("save as $who", ({ user }) => {
  test.each(formats)("%s is read by skopeo, and by us", async (format) => {
    await using host = await testHost(user);
    const id = await withImage(host);
    const path = join(host.place("files"), "out");
    await host.must("save", "--format", format, "-o", path, name);
    const reference = `${transports[format]}:${path}`;
    const copied = join(host.place("files"), "copied");
    must(["skopeo", "--insecure-policy", "copy", "-q", reference, `oci:${copied}:x`]);
    // skopeo writes a configuration of its own when it turns Docker's types into OCI's
    if (format.startsWith("oci"))
      expect(must(["skopeo", "inspect", "--raw", `oci:${copied}:x`])).toContain(digest(id));
    await host.must("rmi", name);
    await host.must("load", "-i", path);
    expect(await host.must("images", "-q", "--no-trunc")).toBe(id);
    expect(await host.must("run", "--rm", id, "cat", "/layer-2", "/layer-3")).toBe("23");
  });

  test("a name without a tag means all tags, in an archive", async () => {
    await using host = await testHost(user);
    await withImage(host);
    await host.must("pull", "-q", "hello");
    await host.must("tag", "hello", "example.com/box:2");
    await host.must("tag", "hello", "example.com/boxes:3");
    const path = join(host.place("files"), "all.tar");
    for (const format of ["docker-archive", "oci-archive"]) {
      rmSync(path, { force: true });
      await host.must("save", "--format", format, "-o", path, "example.com/box");
      const loaded = await host.must("load", "-i", path);
      expect(loaded.match(/example.com\/\S+/g)?.sort()).toEqual([name, "example.com/box:2"]);
    }
    const layout = join(host.place("files"), "layout");
    const one = await host.cooper(
      "save",
      "--format",
      "docker-dir",
      "-o",
      layout,
      "example.com/box",
    );
    expect(one.stderr).toContain("no such image: example.com/box");
  });

  test("through a pipe, several at once, and not to a terminal", async () => {
    await using host = await testHost(user);
    await withImage(host);
    await host.must("tag", name, "example.com/other:2");
    await host.must("pull", "-q", "hello");
    const words = (...args: string[]) =>
      host
        .argv(...args)
        .map((word) => `'${word}'`)
        .join(" ");
    const save = words("save", "hello", name, "example.com/other:2");
    const load = words("--root", join(host.directory, "second"), "load");
    const piped = Bun.spawnSync(["sh", "-c", `${save} | gzip -1 | ${load}`], {
      env: host.environment(),
      stdio: ["ignore", "pipe", "pipe"],
    });
    expect(piped.stderr.toString()).toBe("");
    const lines = ["localhost/hello:latest", name, "example.com/other:2"];
    expect(piped.stdout.toString()).toBe(lines.map((line) => `Loaded image: ${line}\n`).join(""));
    const shown = await host.cooperWith({ tty: true }, "save", name);
    expect(shown.exitCode).toBe(125);
    expect(shown.stdout).toContain("not written to a terminal");
  });

  test.each([
    { argv: ["save", "nosuch"], message: "no such image: nosuch" },
    { argv: ["save", "--format", "oci-dir", name], message: "needs a directory" },
    { argv: ["save", "--format", "tar", name], message: "must be one of docker-archive" },
    { argv: ["save", "--compress", name], message: "never compressed" },
    { argv: ["save", "-o", "/nosuch/x", name], message: "cannot write /nosuch/x" },
    { argv: ["save", "-o", "/tmp", name], message: "/tmp" },
    { argv: ["save", "--platform", "linux/s390x", name], message: "not for linux/s390x" },
    { argv: ["save"], message: "at least 1 argument" },
  ])("$argv is refused in words", async ({ argv, message }) => {
    await using host = await testHost(user);
    await withImage(host);
    const result = await host.cooper(...argv);
    expect(result).toMatchObject({ exitCode: 125, stdout: "" });
    expect(result.stderr).toContain(message);
    expect(result.stderr).not.toContain("\n    at ");
  });

  test("a failed save leaves no file, and what was there before stays", async () => {
    await using host = await testHost(user);
    await withImage(host);
    const folder = host.place("out");
    writeFileSync(join(folder, "a.tar"), "before");
    if (user !== null) chownSync(join(folder, "a.tar"), user.uid, user.gid);
    const layers = join(host.root, "layers");
    const [layer = ""] = readdirSync(layers).filter((id) =>
      existsSync(join(layers, id, "diff/layer-3")),
    );
    writeFileSync(join(layers, layer, "diff/layer-3"), "4");
    const result = await host.cooper("save", "-o", join(folder, "a.tar"), name);
    expect(result.exitCode).toBe(125);
    expect(result.stderr).toContain("is damaged");
    expect(result.stderr).toContain("system check --repair");
    expect(readdirSync(folder)).toEqual(["a.tar"]);
    expect(await Bun.file(join(folder, "a.tar")).text()).toBe("before");
  });
});

const isRoot = process.getuid?.() === 0;

describe.skipIf(!isRoot)("peers, both ways", () => {
  interface Peer {
    readonly peer: string;
    /** Takes the image in, and tells its id. */
    take(directory: string, format: Format, path: string): string;
    /** Writes the image that it took in. */
    give(directory: string, format: Format, path: string): void;
  }
  const storage = (directory: string) => [
    "--root",
    `${directory}/p`,
    "--runroot",
    `${directory}/pr`,
  ];
  const reference = (format: Format, path: string) =>
    format === "docker-dir" ? `dir:${path}` : `${transports[format]}:${path}:${name}`;
  const peers: Peer[] = [
    {
      peer: "podman",
      take(directory, format, path) {
        const from = `${transports[format]}:${path}`;
        const id = must(["podman", ...storage(directory), "pull", "-q", from]).split("\n")[0] ?? "";
        must(["podman", ...storage(directory), "tag", id, name]);
        return id;
      },
      give(directory, format, path) {
        must(["podman", ...storage(directory), "save", "-q", "--format", format, "-o", path, name]);
      },
    },
    {
      peer: "buildah",
      take(directory, format, path) {
        const from = `${transports[format]}:${path}`;
        const id =
          must(["buildah", ...storage(directory), "pull", "-q", from]).split("\n")[0] ?? "";
        must(["buildah", ...storage(directory), "tag", id, name]);
        return id;
      },
      give(directory, format, path) {
        must(["buildah", ...storage(directory), "push", "-q", name, reference(format, path)]);
      },
    },
  ];

  test.each(peers.flatMap((peer) => formats.map((format) => ({ ...peer, format }))))(
    "$peer takes and gives $format",
    async ({ take, give, format }) => {
      await using host = await testHost();
      const id = digest(await withImage(host));
      // the peers make names of images from it, which have no capitals
      const directory = `/tmp/cp-${crypto.randomUUID()}`;
      mkdirSync(directory);
      try {
        const out = join(directory, "out");
        await host.must("save", "--format", format, "-o", out, name);
        expect(digest(take(directory, format, out))).toBe(id);
        const back = join(directory, "back");
        give(directory, format, back);
        await host.must("rmi", "-f", name);
        await host.must("load", "-i", back);
        const rows = await host.must("images", "-q", "--no-trunc");
        expect(await host.must("run", "--rm", digest(rows), "cat", "/layer-3")).toBe("3");
      } finally {
        Bun.spawnSync(["umount", "--lazy", `${directory}/p/overlay`], { stderr: "ignore" });
        rmSync(directory, { recursive: true, force: true });
      }
    },
  );

  test("umoci unpacks what we save, and we load what it repacks", async () => {
    await using host = await testHost();
    await withImage(host);
    const files = host.place("files");
    const layout = join(files, "layout");
    await host.must("save", "--format", "oci-dir", "-o", layout, name);
    must(["umoci", "unpack", "--image", `${layout}:${name}`, join(files, "bundle")]);
    writeFileSync(join(files, "bundle/rootfs/added"), "by umoci");
    must(["umoci", "repack", "--image", `${layout}:${name}`, join(files, "bundle")]);
    await host.must("load", "-i", layout);
    expect(await host.must("run", "--rm", name, "cat", "/added", "/layer-3")).toBe("by umoci3");
  });
});
