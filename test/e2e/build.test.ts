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
    expect(missing.stderr).toContain('cannot run "no-such-program"');
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

describe.each(everybody)("mounts of RUN, as $who", ({ user }) => {
  test("a bind shows files of the context or a stage, and what is written to it goes nowhere", async () => {
    await using host = await testHost(user);
    const files = { "d/in": "in", f: "file", ".dockerignore": "hidden", hidden: "h" };
    const directory = context(host, user, files);
    const text = lines(
      "FROM hello AS stage",
      "RUN echo of the stage > /s",
      "FROM hello",
      "RUN --mount=target=/c cat /c/d/in /c/f > /out; ls -a /c > /seen; ! touch /c/new",
      "RUN --mount=target=/c,rw echo changed > /c/f; cat /c/f >> /out",
      "RUN --mount=target=/c,source=f cat /c >> /out",
      "RUN --mount=from=stage,source=/s,target=/x cat /x >> /out",
      "RUN --mount=from=hello,target=/y ls /y/bin/sh >> /out",
    );
    await mustBuild(host, directory, text, "-t", "b");
    expect(await shell(host, "b", "cat /out /seen; ls -d /c /x /y 2>/dev/null; true")).toBe(
      "infilechanged\nfileof the stage\n/y/bin/sh\n.\n..\n.dockerignore\nd\nf",
    );
    expect(readFileSync(join(directory, "f"), "utf8")).toBe("file");
    const escaping = await build(host, directory, "RUN --mount=source=../..,target=/c ls /c\n");
    expect(escaping.stderr).toMatch(/\d f\n/);
  });

  test("a cache stays for the next build, by its id, and is no part of the image", async () => {
    await using host = await testHost(user);
    const directory = context(host, user, { seed: "s" });
    const text = (n: number) =>
      lines(
        `ENV N=${n}`,
        "RUN --mount=type=cache,target=/c,id=../../x echo $N >> /c/all; cat /c/all",
        "RUN --mount=type=cache,target=/c,id=other,uid=7,mode=700 stat -c %u:%a /c",
        "RUN --mount=type=cache,target=/c,id=seeded,from=hello,source=/etc ls /c/passwd",
        "RUN --mount=type=cache,target=/r,ro,id=../../x ! echo 1 > /r/x",
      );
    expect((await build(host, directory, text(1))).stderr).toContain("7:700");
    const second = await build(host, directory, text(2), "-t", "c");
    expect(second.stderr).toMatch(/ 1\n.* 2\n/);
    expect(second.stderr).toContain("/c/passwd");
    expect(await shell(host, "c", "ls -d /c /r 2>/dev/null; true")).toBe("");
  });

  test("a secret is seen by its command, and stands nowhere else", async () => {
    await using host = await testHost(user);
    const directory = context(host, user, {});
    const place = host.place("elsewhere");
    const word = "xyzzy-plugh-4711";
    writeFileSync(join(place, "token"), word);
    if (user !== null) Bun.spawnSync(["chown", "-R", user.name, place]);
    const text = lines(
      "RUN --mount=type=secret,id=t wc -c < /run/secrets/t > /n; stat -c %a /run/secrets/t >> /n",
      "RUN --mount=type=secret,id=t,target=/k/f,mode=440,uid=3 stat -c %a:%u /k/f >> /n",
      // biome-ignore lint/suspicious/noTemplateCurlyInString: the shell expands it
      "RUN --mount=type=secret,id=v,env=SECRET echo ${#SECRET} >> /n",
      "RUN --mount=type=secret,id=absent ls /run/secrets >> /n; true",
    );
    const args = [
      "--secret",
      `id=t,src=${join(place, "token")}`,
      "--secret",
      "id=v,env=IT",
      "-t",
      "s",
    ];
    const options = { stdin: `FROM hello\n${text}`, env: { IT: word } };
    const built = await host.cooperWith(options, "build", "-f", "-", ...args, directory);
    expect(built.stderr).not.toContain(word);
    expect(await shell(host, "s", "cat /n; ls -d /run/secrets /k 2>/dev/null; true")).toBe(
      "16\n400\n440:3\n16",
    );
    expect(await host.must("history", "--no-trunc", "s")).not.toContain(word);
    const found = Bun.spawnSync(["grep", "-rl", word, host.root, host.run]).stdout.toString();
    expect(found).toBe("");
    const missing = await build(host, directory, "RUN --mount=type=secret,id=q,required true");
    expect(missing.stderr).toContain("secret q: not found");
  });
});

describe.each(everybody)("ADD, as $who", ({ user }) => {
  test("unpacks archives, fetches files, and follows no link out of the tree", async () => {
    await using host = await testHost(user);
    const directory = context(host, user, { "in/a": "a", "in/d/b": "b", "no.tar.gz": "plain" });
    for (const [flag, name] of [
      ["z", "x.tgz"],
      ["J", "x.txz"],
      ["", "x.tar"],
    ] as const)
      Bun.spawnSync(["tar", "-C", join(directory, "in"), `-c${flag}f`, join(directory, name), "."]);
    using server = Bun.serve({ port: 0, fetch: () => new Response("fetched") });
    const digest = new Bun.CryptoHasher("sha256").update("fetched").digest("hex");
    const url = `http://localhost:${server.port}/path/file.txt?secret=1`;
    const text = lines(
      "ADD x.tgz /z/",
      "ADD x.txz /J",
      "ADD --chown=5:6 x.tar /p/",
      "ADD no.tar.gz /",
      "COPY x.tar /copied/",
      `ADD --checksum=sha256:${digest} ${url} /u/`,
      `ADD --chmod=644 ${url} /named`,
    );
    await mustBuild(host, directory, text, "-t", "a");
    expect(
      await shell(
        host,
        "a",
        "cat /z/a /J/d/b /u/file.txt /named; ls /copied; cat /no.tar.gz; stat -c ' %u:%g' /p; stat -c %a /u/file.txt /named",
      ),
    ).toBe("abfetchedfetchedx.tar\nplain 5:6\n600\n644");
    const wrong = await build(host, directory, `ADD --checksum=sha256:${"0".repeat(64)} ${url} /x`);
    expect(wrong.stderr).toContain("digest mismatch");
    expect(wrong.exitCode).toBe(1);
  });

  test("a stage that plants links leads no later step out of its tree", async () => {
    await using host = await testHost(user);
    const directory = context(host, user, { f: "f" });
    const bait = join(host.place("bait"), "victim");
    const text = lines(
      "FROM hello AS evil",
      `RUN mkdir /e; ln -s ${dirname(bait)} /e/out; ln -s ../../../../../../..${dirname(bait)} /e/up; ln -s /etc/shadow /e/shadow`,
      `RUN mkdir -p ${dirname(bait)}; echo own > ${dirname(bait)}/own`,
      "COPY f /e/out/victim",
      "COPY f /e/up/victim2",
      "WORKDIR /e/out/dir",
      "FROM hello",
      "COPY --from=evil /e/out/own /own",
      "RUN --mount=from=evil,source=/e/out,target=/m ls /m > /seen",
      "COPY --from=evil /e/ /e/",
      "COPY f /e/out/third",
    );
    await mustBuild(host, directory, text, "-t", "l");
    expect(await shell(host, "l", "cat /own /seen")).toBe("own\ndir\nown\nvictim\nvictim2");
    expect(Bun.spawnSync(["ls", dirname(bait)]).stdout.toString()).toBe("");
    const shadow = await build(host, directory, text.replace("/e/out/own /own", "/e/shadow /own"));
    expect(shadow.exitCode).toBe(1);
  });
});

test("--check tells what BuildKit's users know, and builds nothing", async () => {
  await using host = await testHost();
  const directory = context(host, null, { ".dockerignore": "out" });
  const text = "FROM hello AS Build\nENV A=$NOPE\nCOPY out /\nRUN false\nCMD x\n";
  const checked = await build(host, directory, text, "--check");
  expect(checked.exitCode).toBe(1);
  expect(checked.stdout).toStartWith("Check complete, 4 warnings have been found!\n");
  const rules = checked.stdout.split("\n").filter((line) => line.startsWith("WARNING: "));
  expect(rules).toEqual([
    "WARNING: StageNameCasing",
    "WARNING: UndefinedVar",
    "WARNING: CopyIgnoredFile",
    "WARNING: JSONArgsRecommended",
  ]);
  const clean = await build(host, directory, "FROM hello\n", "--check");
  expect(clean).toEqual({
    exitCode: 0,
    stdout: "Check complete, no warnings found.\n",
    stderr: "",
  });
  const strict = await build(host, directory, `# check=error=true\n${text}`);
  expect(strict.stderr).toContain("lint violation found");
});

describe.each(everybody)("what else can be asked, as $who", ({ user }) => {
  test("files and archives come out, of contexts that have names", async () => {
    await using host = await testHost(user);
    const directory = context(host, user, { f: "main" });
    const other = context(host, user, { g: "other", ".dockerignore": "no", no: "no" }, "other");
    const out = host.place("out");
    const text = lines(
      "FROM base AS made",
      "COPY --from=more . /o/",
      "RUN --mount=from=more,target=/m cat /m/g > /o/seen",
      "FROM scratch",
      "COPY --from=made /o /",
    );
    const args = [
      "--build-context",
      `more=${other}`,
      "--build-context",
      "base=docker-image://hello",
    ];
    const built = await build(host, directory, text, ...args, "-o", join(out, "files"));
    expect(built.stdout).toBe("");
    expect(built.exitCode).toBe(0);
    const found = Bun.spawnSync([
      "sh",
      "-c",
      `cd ${out}/files && ls -A && cat seen && stat -c %u g`,
    ]);
    expect(found.stdout.toString()).toBe(`.dockerignore\ng\nseen\nother${user?.uid ?? 0}\n`);
    const archive = join(out, "i.tar");
    const metadata = join(out, "m.json");
    const more = ["-o", `type=oci,dest=${archive}`, "--metadata-file", metadata, "-t", "named"];
    await mustBuild(host, directory, text, ...args, ...more);
    expect(JSON.parse(readFileSync(metadata, "utf8"))["image.name"]).toBe("localhost/named:latest");
    expect(await host.must("load", "-i", archive)).toContain("named");
    const tar = await build(host, directory, text, ...args, "-o", "-");
    expect(tar.stdout).toContain("ustar");
  });

  test("containers of RUN are as it is asked", async () => {
    await using host = await testHost(user);
    const directory = context(host, user, {});
    const shared = host.place("shared");
    writeFileSync(join(shared, "s"), "shared");
    const text = lines(
      "RUN grep -c one.test /etc/hosts; cat /v/s; ulimit -n; grep CapEff /proc/self/status",
      "RUN df -k /dev/shm | tail -1",
    );
    const args = [
      "--add-host",
      "one.test:10.1.2.3",
      "-v",
      `${shared}:/v:ro`,
      "--ulimit",
      "nofile=77:77",
    ];
    const built = await build(
      host,
      directory,
      text,
      ...args,
      "--cap-drop",
      "ALL",
      "--shm-size",
      "1m",
    );
    for (const line of ["1", "shared77", "CapEff:\t0000000000000000"])
      expect(built.stderr).toMatch(new RegExp(`^#\\d+ \\S+ ${line.replace("\t", "\\s*")}$`, "m"));
    expect(built.stderr).toMatch(/shm +1024 /);
    const refused = await host.cooper("build", "--sign-by", "me", directory);
    expect(refused.stderr).toContain("--sign-by");
    expect(refused.exitCode).not.toBe(0);
  });
});

describe.each(everybody)("ends and crowds, as $who", ({ user }) => {
  test("a build that is interrupted or killed leaves nothing that the next one does not take away", async () => {
    await using host = await testHost(user);
    const directory = context(host, user, {});
    const text = "RUN echo kept > /k\nRUN --mount=type=secret,id=s echo begun; sleep 100\n";
    for (const signal of ["SIGINT", "SIGKILL"] as const) {
      const options = { stdin: `FROM hello\n${text}`, env: { s: "hidden-word" } };
      const running = host.start(options, "build", "-f", "-", "--secret", "id=s,env=s", directory);
      let told = "";
      for await (const chunk of running.stderr) {
        told += Buffer.from(chunk).toString();
        if (/^#\d+ [\d.]+ begun$/m.test(told)) break;
      }
      // by its pid alone: for an ordinary user it is the process that setpriv became
      running.kill(signal);
      const exitCode = await running.exited;
      if (signal === "SIGINT") expect(exitCode).toBe(130);
      if (signal === "SIGINT") expect(await host.must("ps", "-aq")).toBe("");
    }
    const next = await build(host, directory, "RUN true");
    expect(next.exitCode).toBe(0);
    expect(await host.must("ps", "-aq")).toBe("");
    expect(Bun.spawnSync(["ls", join(host.run, "s")]).stdout.toString()).toBe("");
    expect((await build(host, directory, "RUN echo kept > /k")).stderr).toContain("CACHED");
  });

  test("builds at the same time share what they make, and locked caches", async () => {
    await using host = await testHost(user);
    const directory = context(host, user, { f: "f" });
    await host.must("run", "--rm", "hello", "true");
    const text = (n: number) =>
      lines(
        "COPY f /f",
        "RUN echo same > /same",
        `RUN --mount=type=cache,target=/c,sharing=locked n=$(cat /c/n || echo 0); sleep 0.2; echo $((n+1)) > /c/n; echo ${n}`,
      );
    const all = await Promise.all([1, 2, 3, 4].map((n) => build(host, directory, text(n), "-q")));
    expect(all.map(({ exitCode, stderr }) => [exitCode, stderr])).toEqual(all.map(() => [0, ""]));
    const counted = await build(host, directory, "RUN --mount=type=cache,target=/c cat /c/n");
    expect(counted.stderr).toMatch(/ 4\n/);
    await host.must("system", "check");
  });

  test("independent stages wait at the same time, equal steps are done once", async () => {
    await using host = await testHost(user);
    const directory = context(host, user, {});
    const meet = (name: string, other: string) =>
      `RUN --mount=type=cache,target=/m touch /m/${name}; for i in $(seq 100); do [ -e /m/${other} ] && exit; sleep 0.1; done; exit 1`;
    const text = lines(
      ...["FROM hello AS a", "RUN echo equal", meet("a", "b")],
      ...["FROM hello AS b", "RUN echo equal", meet("b", "a")],
      ...["FROM hello", "COPY --from=a /etc/passwd /a", "COPY --from=b /etc/passwd /b"],
    );
    const built = await build(host, directory, text);
    expect(built.exitCode).toBe(0);
    expect(built.stderr.match(/\d equal$/gm)).toHaveLength(1);
  });
});

test("a hostile tar as a context reaches nothing outside of it", async () => {
  await using host = await testHost();
  const bait = join(host.place("bait"), "victim");
  const tar = join(host.directory, "hostile.tar");
  const script = [
    "import io, sys, tarfile",
    "t = tarfile.open(sys.argv[1], 'w')",
    "def add(name, data=b'', kind=tarfile.REGTYPE, link=''):",
    "  i = tarfile.TarInfo(name); i.size = len(data); i.type = kind; i.linkname = link; t.addfile(i, io.BytesIO(data))",
    "add('Dockerfile', b'FROM hello\\nCOPY . /c\\n')",
    `add('out', kind=tarfile.SYMTYPE, link='${dirname(bait)}')`,
    "add('out/victim', b'x')",
  ].join("\n");
  Bun.spawnSync(["python3", "-c", script, tar]);
  await host.cooper("build", tar);
  const climbing = script.replace("'out/victim'", `'../../../../../..${bait}'`);
  Bun.spawnSync(["python3", "-c", climbing, tar]);
  const refused = await host.cooper("build", tar);
  expect(refused.exitCode).toBe(1);
  expect(refused.stderr).toContain("leads out of it");
  expect(Bun.spawnSync(["ls", dirname(bait)]).stdout.toString()).toBe("");
});
