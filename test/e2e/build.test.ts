/** Builds: Dockerfiles become images, cached, with errors that show their place. */
import { describe, expect, test } from "bun:test";
import {
  chmodSync,
  mkdirSync,
  readFileSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { type Options, type Result, type TestHost, testHost, type User, users } from "./host.ts";

const everybody = users.map((user) => ({ user, who: user?.name ?? "the caller" }));

/** A context: files by path; a value that begins with `-> ` is a link. */
type Files = Readonly<Record<string, string>>;

function context(host: TestHost, user: User | null, files: Files, name = "context"): string {
  const directory = host.place(name);
  for (const [path, content] of Object.entries(files)) {
    const file = join(directory, path);
    mkdirSync(dirname(file), { recursive: true });
    if (content.startsWith("-> ")) symlinkSync(content.slice(3), file);
    else writeFileSync(file, content);
  }
  if (user !== null) Bun.spawnSync(["chown", "-hR", `${user.uid}:${user.gid}`, directory]);
  return directory;
}

const lines = (...all: string[]) => all.map((line) => `${line}\n`).join("");

/** Builds on the built-in image; the Dockerfile comes without its FROM. */
async function build(
  host: TestHost,
  directory: string,
  dockerfile: string,
  ...args: string[]
): Promise<Result> {
  const text = dockerfile.includes("FROM ") ? dockerfile : `FROM hello\n${dockerfile}`;
  return host.cooperWith({ stdin: text }, "build", "-f", "-", ...args, directory);
}

async function mustBuild(...args: Parameters<typeof build>): Promise<string> {
  const result = await build(...args);
  if (result.exitCode !== 0) throw new Error(`build: ${result.exitCode}: ${result.stderr}`);
  return result.stdout.trimEnd();
}

async function shell(host: TestHost, image: string, script: string): Promise<string> {
  return host.must("run", "--rm", image, "sh", "-c", script);
}

describe.each(everybody)("as $who", ({ user }) => {
  test("instructions do what they say, and the history tells them", async () => {
    await using host = await testHost(user);
    const directory = context(host, user, { "a.txt": "a", "d/b.txt": "b", "d/e/c.txt": "c" });
    const text = lines(
      "ARG WHO=nobody",
      "FROM hello",
      "ARG WHO",
      "ENV A=1 B=$WHO",
      "WORKDIR /work",
      "COPY a.txt d ./",
      "RUN echo $A$B > made; rm a.txt; id -u > id",
      "COPY --chown=3:4 --chmod=600 a.txt /new/dir/x",
      'LABEL l="1 2"',
      "EXPOSE 80",
      "USER 5:6",
      "RUN id -u > /tmp/own",
      'CMD ["cat", "made"]',
    );
    await mustBuild(host, directory, text, "-t", "built", "--build-arg", "WHO=me");
    expect(await host.must("run", "--rm", "built")).toBe("1me");
    expect(
      await shell(host, "built", "ls; cat e/c.txt id /tmp/own; stat -c '%a %u %g' /new/dir/x"),
    ).toBe("b.txt\ne\nid\nmade\nc0\n5\n600 3 4");
    const [image] = JSON.parse(await host.must("image", "inspect", "built"));
    expect(image.Config).toMatchObject({
      User: "5:6",
      WorkingDir: "/work",
      Cmd: ["cat", "made"],
      Labels: { l: "1 2" },
      ExposedPorts: { "80/tcp": {} },
    });
    expect(image.Config.Env).toContain("B=me");
    const history = (
      await host.must("history", "--no-trunc", "--format", "{{.CreatedBy}}", "built")
    )
      .split("\n")
      .slice(0, 11);
    expect(history).toEqual([
      'CMD ["cat" "made"]',
      "RUN |1 WHO=me /bin/sh -c id -u > /tmp/own # buildkit",
      "USER 5:6",
      "EXPOSE [80/tcp]",
      "LABEL l=1 2",
      "COPY --chown=3:4 --chmod=600 a.txt /new/dir/x # buildkit",
      "RUN |1 WHO=me /bin/sh -c echo $A$B > made; rm a.txt; id -u > id # buildkit",
      "COPY a.txt d ./ # buildkit",
      "WORKDIR /work",
      "ENV A=1 B=me",
      "ARG WHO=me",
    ]);
    await host.must("system", "check");
  });

  test("what was built before is not built again, whatever the times of files", async () => {
    await using host = await testHost(user);
    const directory = context(host, user, { a: "1", b: "1" });
    const text = "COPY a /\nRUN cat /a > /out\nCOPY b /\n";
    const first = await mustBuild(host, directory, text);
    utimesSync(join(directory, "a"), 1000, 1000);
    const again = await build(host, directory, text);
    expect(again.stdout.trimEnd()).toBe(first);
    expect(again.stderr.match(/CACHED/g)).toHaveLength(3);
    writeFileSync(join(directory, "b"), "2");
    expect((await build(host, directory, text)).stderr.match(/CACHED/g)).toHaveLength(2);
    chmodSync(join(directory, "a"), 0o755);
    expect((await build(host, directory, text)).stderr).not.toContain("CACHED");
    expect((await build(host, directory, text, "--no-cache")).stderr).not.toContain("CACHED");
  });

  test("stages that the target does not need are not built, and those it needs are", async () => {
    await using host = await testHost(user);
    const directory = context(host, user, {});
    const text = lines(
      "FROM hello AS tools",
      "RUN echo tool > /tool",
      "FROM hello AS broken",
      "RUN false",
      "FROM hello AS app",
      "COPY --from=tools /tool /opt/",
      "COPY --from=hello /etc/passwd /copied",
      "FROM app",
      "RUN cat /opt/tool",
    );
    const built = await build(host, directory, text, "-t", "s");
    expect(built.stderr).toContain("tool");
    expect(built.exitCode).toBe(0);
    expect(await shell(host, "s", "cat /opt/tool; wc -l < /copied")).toStartWith("tool\n");
    const broken = await build(host, directory, text, "--target", "broken");
    expect(broken.exitCode).toBe(1);
  });

  test("heredocs are scripts, files and input", async () => {
    await using host = await testHost(user);
    const directory = context(host, user, {});
    const text = lines(
      "FROM hello",
      "ENV V=value",
      "RUN <<EOF",
      "echo one > /one",
      "echo two >> /one",
      "EOF",
      "RUN <<-EOF",
      "\t#!/bin/cat",
      "\tshown",
      "\tEOF",
      "RUN cat <<A >/in && cat <<'B' >>/in",
      "$V",
      "A",
      "$V",
      "B",
      "COPY --chmod=700 <<x <<'y' /files/",
      "with $V",
      "x",
      "without $V",
      "y",
    );
    const built = await build(host, directory, text, "-t", "h");
    expect(built.stderr).toContain("shown");
    expect(await shell(host, "h", "cat /one /in /files/x /files/y; stat -c %a /files/x")).toBe(
      "one\ntwo\nvalue\n$V\nwith value\nwithout $V\n700",
    );
  });

  test("nothing of what a runtime mounts on becomes a part of a layer", async () => {
    await using host = await testHost(user);
    const directory = context(host, user, { f: "f" });
    await mustBuild(
      host,
      directory,
      lines(
        "FROM hello AS tools",
        "FROM scratch",
        "COPY --from=tools /bin /bin",
        "RUN --mount=type=bind,target=/made/deep --mount=type=tmpfs,target=/t true",
      ),
      "-t",
      "n",
    );
    const file = join(host.place("out"), "n.tar");
    await host.must("save", "-o", file, "--format", "docker-archive", "n");
    const names = Bun.spawnSync([
      "sh",
      "-c",
      `cd $(dirname ${file}) && tar xf n.tar && for l in */layer.tar *.tar; do tar tf $l 2>/dev/null; done`,
    ]);
    const all = names.stdout.toString().split("\n");
    for (const name of ["proc/", "made/", "t/", "etc/", "run/"]) expect(all).not.toContain(name);
  });

  test("a failed step shows its output and its line, and what was done before is kept", async () => {
    await using host = await testHost(user);
    const directory = context(host, user, {});
    const text = "RUN echo first\nRUN echo why it failed; exit 7\n";
    const failed = await build(host, directory, text);
    expect(failed.exitCode).toBe(1);
    expect(failed.stderr).toContain("why it failed");
    expect(failed.stderr).toContain("exit code: 7");
    expect(failed.stderr).toContain("> 3 | RUN echo why it failed; exit 7");
    expect((await build(host, directory, text, "-q")).stderr).toContain("why it failed");
    const mended = await build(host, directory, text.replace("exit 7", "exit 0"));
    expect(mended.exitCode).toBe(0);
    expect(mended.stderr).toContain("CACHED");
    const missing = await build(host, directory, 'RUN ["no-such-program"]');
    expect(missing.stderr).toContain('cannot run "no-such-program": not found');
    expect(await host.must("ps", "-aq")).toBe("");
  });

  test("ignore files keep files out, and links in the context lead nowhere else", async () => {
    await using host = await testHost(user);
    const directory = context(host, user, {
      ".dockerignore": "*.secret\nnode_modules\n!kept.secret\n",
      "a.secret": "no",
      "kept.secret": "kept",
      "node_modules/x": "x",
      "src/node_modules/y": "y",
      out: "-> /etc/passwd",
      "src/up": "-> ../../../../../etc/shadow",
    });
    await mustBuild(host, directory, "COPY . /c/", "-t", "i");
    expect(await shell(host, "i", "cd /c; find . | sort")).toBe(
      [
        ".",
        "./.dockerignore",
        "./kept.secret",
        "./out",
        "./src",
        "./src/node_modules",
        "./src/node_modules/y",
        "./src/up",
      ].join("\n"),
    );
    const ignored = await build(host, directory, "COPY a.secret /");
    expect(ignored.stderr).toContain("excluded by the ignore file");
    for (const path of ["out", "src/up", "../outside"]) {
      const leading = await build(host, directory, `COPY ${path} /stolen`);
      expect(leading.exitCode).toBe(1);
      expect(leading.stderr).toContain("in the build context");
    }
  });

  test.each<[string, string[], Options & { readonly files?: Files }, string]>([
    ["a Dockerfile on standard input", ["-"], { stdin: "FROM hello\nRUN echo 1 > /x\n" }, "1"],
    ["a Containerfile", ["."], { files: { Containerfile: "FROM hello\nCOPY x /\n", x: "2" } }, "2"],
    [
      "another name, and its own ignore file",
      ["-f", "sub/D", "."],
      { files: { "sub/D": "FROM hello\nCOPY . /\n", "sub/D.dockerignore": "y", x: "3", y: "" } },
      "3",
    ],
  ])("builds from %s", async (_, args, { files = {}, ...options }, expected) => {
    await using host = await testHost(user);
    const cwd = context(host, user, files);
    const built = await host.cooperWith({ ...options, cwd }, "build", "-q", ...args);
    expect(built.stderr).toBe("");
    expect(built.stdout).toMatch(/^sha256:[0-9a-f]{64}\n$/);
    expect(await shell(host, built.stdout.trim().slice(7), "cat /x")).toBe(expected);
  });

  test("equal inputs are equal images with a time that is given", async () => {
    const ids: string[] = [];
    for (const mtime of [1000, 2_000_000_000]) {
      await using host = await testHost(user);
      const directory = context(host, user, { a: "a", "d/b": "b" });
      utimesSync(join(directory, "a"), mtime, mtime);
      const text = "WORKDIR /w\nCOPY . .\nRUN echo x > /made; mkdir /dir\n";
      const base = ["--timestamp", "1700000000"];
      await mustBuild(host, directory, "FROM scratch\nCOPY a /", ...base, "-t", "base");
      const [image] = JSON.parse(await host.must("image", "inspect", "base"));
      const built = await mustBuild(host, directory, text, ...base);
      const [made] = JSON.parse(await host.must("image", "inspect", built));
      ids.push([image.Id, ...made.RootFS.Layers.slice(1)].join(" "));
    }
    expect(ids[0]).toBe(ids[1] ?? "");
  });
});

test("a tar is a context", async () => {
  await using host = await testHost();
  const directory = context(host, null, { Dockerfile: "FROM hello\nCOPY x /\n", x: "in the tar" });
  const tar = join(host.directory, "c.tar.gz");
  Bun.spawnSync(["tar", "-C", directory, "-czf", tar, "."]);
  await host.must("build", "-t", "t1", tar);
  expect(await shell(host, "t1", "cat /x")).toBe("in the tar");
  const piped = Bun.spawn(host.argv("build", "-t", "t2", "-"), {
    env: host.environment(),
    stdio: [Bun.file(tar), "ignore", "ignore"],
  });
  expect(await piped.exited).toBe(0);
  expect(readFileSync(tar).length).toBeGreaterThan(0);
});
