/** What builds take in from elsewhere: repositories, tars and files on the web, further contexts. */
import { describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fixtureWeb } from "../fixtures/web.ts";
import { type Result, type TestHost, testHost, users } from "./host.ts";

const everybody = users.map((user) => ({ user, who: user?.name ?? "the caller" }));
const lines = (...all: string[]) => all.map((line) => `${line}\n`).join("");

const web = (host: TestHost) => fixtureWeb(join(host.directory, "git"));

async function mustBuild(host: TestHost, ...args: string[]): Promise<Result> {
  const result = await host.cooper("build", ...args);
  if (result.exitCode !== 0) throw new Error(`build: ${result.exitCode}: ${result.stderr}`);
  return result;
}

/** Builds with a Dockerfile from standard input and a context that is empty, unless one is named. */
async function buildText(host: TestHost, text: string, ...args: string[]): Promise<Result> {
  const stdin = text.includes("FROM ") ? text : `FROM hello\n${text}`;
  return host.cooperWith({ stdin }, "build", "-q", "-t", "built", ...args, "-");
}

const shell = (host: TestHost, script: string, image = "built") =>
  host.must("run", "--rm", image, "sh", "-c", script);

/** All of the store that could hold a text: no credentials may be in it. */
function findsInStore(host: TestHost, text: string): boolean {
  const { stdout } = Bun.spawnSync(["grep", "-rlaF", "--", text, host.root, host.run]);
  return stdout.length > 0;
}

describe.each(everybody)("as $who", ({ user }) => {
  test("a repository is a context: by branch, tag, commit and directory", async () => {
    await using host = await testHost(user);
    using server = web(host);
    const app = server.repository("app", {
      Dockerfile: "FROM hello\nCOPY . /src/\n",
      file: "one",
      "sub/Dockerfile": "FROM hello\nCOPY . /sub/\n",
      "sub/only": "here",
      "run.sh": "#!/bin/sh\n",
      link: "-> /etc",
    });
    chmodSync(join(app.directory, "run.sh"), 0o755);
    app.commit({});
    app.git("tag", "-a", "-m", "x", "v1");
    const old = app.git("rev-parse", "HEAD");
    const next = app.commit({ file: "two" });
    const url = `${server.url}/git/app.git`;
    await mustBuild(host, "-t", "built", url);
    expect(
      await shell(host, "cat /src/file; ls -A /src; stat -c '%a %u' /src/run.sh /src/file"),
    ).toBe(lines("twoDockerfile", "file", "link", "run.sh", "sub", "755 0", "644 0").trimEnd());
    const asked = server.asked.length;
    // what has not changed is not fetched again
    await mustBuild(host, "-t", "built", `${url}#main`);
    expect(server.asked.slice(asked)).toEqual(["git ls-refs"]);
    for (const [address, expected] of [
      [`${url}?tag=v1`, "one"],
      [`${url}#${old}`, "one"],
      [`${url}?branch=main&checksum=${next.slice(0, 12)}`, "two"],
    ] as const) {
      await mustBuild(host, "-t", "built", address);
      expect(await shell(host, "cat /src/file")).toBe(expected);
    }
    await mustBuild(host, "-t", "built", `${url}#main:sub`);
    expect(await shell(host, "ls /sub")).toBe("Dockerfile\nonly");
    await mustBuild(host, "-t", "built", "--build-arg", "BUILDKIT_CONTEXT_KEEP_GIT_DIR=1", url);
    expect(await shell(host, "cat /src/.git/HEAD; ls /src/.git/hooks 2>&1 | wc -l")).toBe(
      `${next}\n1`,
    );
    const refused = await host.cooper("build", `${url}?checksum=${old}&ref=main`);
    expect(refused).toMatchObject({ exitCode: 1 });
    expect(refused.stderr).toContain(`expected checksum to match ${old}, got ${next}`);
  });

  test("submodules come along, and none leads to this machine", async () => {
    await using host = await testHost(user);
    using server = web(host);
    const lib = server.repository("lib", { l: "lib" });
    const app = server.repository("app", { f: "app" });
    const module = (url: string) => {
      const head = lib.git("rev-parse", "HEAD");
      writeFileSync(
        join(app.directory, ".gitmodules"),
        `[submodule "x"]\n\tpath = deps/lib\n\turl = ${url}\n`,
      );
      app.git("add", ".gitmodules");
      app.git("update-index", "--add", "--cacheinfo", `160000,${head},deps/lib`);
      app.git("commit", "-qm", "a submodule");
    };
    module("../lib.git");
    const url = `${server.url}/git/app.git`;
    const add = (address: string) => buildText(host, `ADD ${address} /app/\n`);
    expect(await add(url)).toMatchObject({ exitCode: 0 });
    expect(await shell(host, "cat /app/f /app/deps/lib/l")).toBe("applib");
    expect(await add(`${url}?submodules=false`)).toMatchObject({ exitCode: 0 });
    expect(await shell(host, "ls /app/deps/lib")).toBe("");
    for (const bad of [
      `file://${lib.directory}`,
      lib.directory,
      "ext::sh -c date",
      "--upload-pack=x",
    ]) {
      module(bad);
      const refused = await add(url);
      expect(refused).toMatchObject({ exitCode: 1 });
      expect(refused.stderr).toMatch(/names a directory of this machine|invalid git repository/);
    }
  });

  test("ADD takes repositories and files, and asks again only whether they changed", async () => {
    await using host = await testHost(user);
    using server = web(host);
    const repository = server.repository("tool", { Makefile: "all:\n" });
    const commit = repository.git("rev-parse", "HEAD");
    const file = {
      body: "first",
      headers: { ETag: '"1"', "Last-Modified": "Fri, 02 Jan 2015 00:00:00 GMT" },
    };
    server.files.set("/file.txt", file);
    server.files.set("/moved", { body: "", redirects: "/file.txt" });
    const text = lines(
      `ADD --keep-git-dir ${server.url}/git/tool.git /tool`,
      `ADD --chmod=640 --checksum=${commit} ${server.url}/git/tool.git /other/`,
      `ADD ${server.url}/moved /moved`,
      `ADD ${server.url}/file.txt /dir/`,
    );
    expect(await buildText(host, text)).toMatchObject({ exitCode: 0 });
    expect(
      await shell(
        host,
        "cat /tool/.git/HEAD /moved; stat -c '%a %Y' /dir/file.txt; stat -c %a /other/Makefile; ls -A /other",
      ),
    ).toBe(`${commit}\nfirst600 1420156800\n640\nMakefile`);
    server.asked.length = 0;
    expect(await buildText(host, text)).toMatchObject({ exitCode: 0 });
    expect(server.asked.toSorted()).toEqual([
      "GET /file.txt 304",
      "GET /file.txt 304",
      "GET /moved 302",
      "git ls-refs",
      "git ls-refs",
    ]);
    server.files.set("/file.txt", { body: "second", headers: { ETag: '"2"' } });
    expect(await buildText(host, text)).toMatchObject({ exitCode: 0 });
    expect(await shell(host, "cat /dir/file.txt")).toBe("second");
    const sum = `sha256:${new Bun.CryptoHasher("sha256").update("second").digest("hex")}`;
    server.asked.length = 0;
    const checked = `ADD --checksum=${sum} ${server.url}/file.txt /dir/\n`;
    expect(await buildText(host, checked)).toMatchObject({ exitCode: 0 });
    expect(server.asked).toEqual([]);
    const other = await buildText(host, checked.replace(/sha256:..../, "sha256:0000"));
    expect(other).toMatchObject({ exitCode: 1 });
    expect(other.stderr).toContain(`digest mismatch ${sum}`);
  });

  test("tars and Dockerfiles on the web are contexts, and -f may be there too", async () => {
    await using host = await testHost(user);
    using server = web(host);
    const inner = host.place("inner");
    mkdirSync(join(inner, "docker"));
    writeFileSync(join(inner, "docker/Other"), "FROM hello\nCOPY f /f\n");
    writeFileSync(join(inner, "f"), "in the tar");
    const tar = Bun.spawnSync(["tar", "-C", inner, "-cz", "."]).stdout;
    server.files.set("/context.tgz", { body: tar });
    await mustBuild(host, "-t", "built", "-f", "docker/Other", `${server.url}/context.tgz`);
    expect(await shell(host, "cat /f")).toBe("in the tar");
    server.files.set("/Dockerfile", { body: "FROM hello\nRUN echo web > /f\n" });
    await mustBuild(host, "-t", "built", `${server.url}/Dockerfile`);
    expect(await shell(host, "cat /f")).toBe("web");
    await mustBuild(host, "-t", "built", "-f", `${server.url}/Dockerfile`, inner);
    server.files.set("/page", { body: "<html>", headers: { "Content-Type": "text/html" } });
    const page = await host.cooper("build", `${server.url}/page`);
    expect(page).toMatchObject({ exitCode: 1 });
    expect(page.stderr).toContain("gives a web page\nHint: a repository's address ends with .git");
  });

  test("further contexts may be anywhere, and images begin with them", async () => {
    await using host = await testHost(user);
    using server = web(host);
    server.repository("code", { c: "from git" });
    const directory = host.place("files");
    writeFileSync(join(directory, "d"), "from a directory");
    const tar = Bun.spawnSync(["tar", "-C", directory, "-c", "d"]).stdout;
    server.files.set("/t.tar", { body: tar });
    writeFileSync(join(host.directory, "local.tar"), tar);
    await host.must("run", "--name", "c", "hello", "true");
    const layout = host.place("layout");
    await host.must("save", "--format", "oci-dir", "-o", join(layout, "l"), "hello");
    const contexts = {
      dir: directory,
      git: `${server.url}/git/code.git`,
      web: `${server.url}/t.tar`,
      tar: join(host.directory, "local.tar"),
      layout: `oci-layout://${join(layout, "l")}`,
      unused: `${server.url}/git/nothing.git`,
    };
    const args = Object.entries(contexts).flatMap(([k, v]) => ["--build-context", `${k}=${v}`]);
    const text = lines(
      "FROM dir AS files",
      "FROM layout",
      "COPY --from=files d /a",
      "COPY --from=git c /b",
      "COPY --from=web d /c",
      "RUN --mount=from=tar,target=/t cp /t/d /d",
      "RUN --mount=from=git,target=/g cat /g/c > /e",
    );
    const built = await buildText(host, text, ...args);
    expect(built).toMatchObject({ exitCode: 0 });
    expect(await shell(host, "cat /a /b /c /d /e")).toBe(
      "from a directoryfrom gitfrom a directoryfrom a directoryfrom git",
    );
    await host.must("rm", "c");
  });

  test("credentials reach their host, and nothing that is kept or told", async () => {
    await using host = await testHost(user);
    using server = web(host);
    server.repository("private", { Dockerfile: "FROM hello\nCOPY . /src\n" });
    server.files.set("/secret.txt", { body: "file", headers: { ETag: '"1"' } });
    const basic = (text: string) => `basic ${Buffer.from(text).toString("base64")}`;
    server.guarded.set("/git/private.git", basic("me:s3cr3t-pass"));
    server.guarded.set("/secret.txt", basic("me:s3cr3t-pass"));
    const withPassword = `http://me:s3cr3t-pass@${server.host}`;
    const results = [
      await host.cooper("build", "-t", "one", `${withPassword}/git/private.git`),
      await host.cooperWith(
        {
          stdin: lines(
            "FROM hello",
            `ADD ${withPassword}/secret.txt /s`,
            `ADD --keep-git-dir ${withPassword}/git/private.git /g`,
          ),
        },
        ...["build", "-t", "two", "-"],
      ),
      await host.cooper("build", `${withPassword}/git/none.git`),
      await buildText(host, `ADD ${withPassword}/nothing /s\n`),
    ];
    expect(results.map(({ exitCode }) => exitCode)).toEqual([0, 0, 1, 1]);
    for (const { stdout, stderr } of results) expect(stdout + stderr).not.toContain("s3cr3t");
    expect(await host.must("history", "--no-trunc", "two")).toContain("xxxxx@");
    expect(findsInStore(host, "s3cr3t-pass")).toBe(false);
    // a token that is handed over goes to the host that was typed, and to none that a Dockerfile names
    server.guarded.set("/git/private.git", basic("x-access-token:t0ken"));
    writeFileSync(join(host.directory, "token"), "t0ken\n");
    const secret = (id: string) => ["--secret", `id=${id},src=${join(host.directory, "token")}`];
    const address = `${server.url}/git/private.git`;
    await mustBuild(host, ...secret("GIT_AUTH_TOKEN"), address);
    await mustBuild(host, ...secret(`GIT_AUTH_TOKEN.${server.host}`), address);
    using stranger = fixtureWeb(join(host.directory, "stranger"));
    stranger.repository("x", { f: "x" });
    server.guarded.clear();
    server.repository("uses", { Dockerfile: `FROM hello\nADD ${stranger.url}/git/x.git /x\n` });
    await mustBuild(host, ...secret("GIT_AUTH_TOKEN"), `${server.url}/git/uses.git`);
    expect(stranger.shown).toEqual([]);
    const denied = await host.cooper("build", `${server.url}/git/private.git#main:none`);
    expect(denied.stderr).toContain('has no directory "none"');
  });

  test("--ssh hands on keys and agents, to whoever the mount names, to list and sign with alone", async () => {
    await using host = await testHost(user);
    const place = host.place("ssh");
    const key = join(place, "key");
    Bun.spawnSync(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key]);
    Bun.spawnSync(["ssh-keygen", "-q", "-t", "ed25519", "-N", "secret", "-f", `${key}-locked`]);
    if (user !== null) Bun.spawnSync(["chown", "-R", `${user.uid}`, place]);
    // ssh-add, with what it is linked to
    const libraries = Bun.spawnSync(["ldd", "/usr/bin/ssh-add"]).stdout.toString();
    const files = ["/usr/bin/ssh-add", ...(libraries.match(/\/\S+(?= \()/g) ?? [])];
    Bun.spawnSync(["tar", "-chf", join(place, "files.tar"), ...files]);
    const dockerfile = lines(
      "FROM hello",
      "ADD files.tar /",
      "RUN --mount=type=ssh,required ssh-add -l > /keys; ssh-add -D; ssh-add -l >> /keys",
      "USER 7:8",
      "RUN --mount=type=ssh,id=other,uid=7,mode=0640,target=/tmp/s \\",
      "  stat -c '%u %a' /tmp/s > /tmp/looks; SSH_AUTH_SOCK=/tmp/s ssh-add -l > /tmp/keys",
    );
    const build = (...args: string[]) =>
      host.cooperWith({ stdin: dockerfile }, "build", "-t", "built", "-f", "-", ...args, place);
    const built = await build("--ssh", `default=${key}`, "--ssh", `other=${key}`);
    expect(built).toMatchObject({ exitCode: 0 });
    const print = Bun.spawnSync(["ssh-keygen", "-lf", `${key}.pub`]).stdout.toString();
    const digest = print.split(" ")[1] ?? "none";
    const seen = await shell(
      host,
      "cat /keys /tmp/keys /tmp/looks; ls /run/buildkit /tmp/s 2>&1; true",
    );
    expect(seen.split(digest)).toHaveLength(4);
    expect(seen).toContain("\n7 640\n");
    expect(seen).toMatch(/buildkit: No such file.*\n.*s: No such file/);
    const agents = Bun.spawnSync(["pgrep", "-fc", `ssh-agent -a ${host.run}`]).stdout.toString();
    expect(agents.trim()).toBe("0");
    expect((await build("--no-cache", "--ssh", `other=${key}`)).stderr).toContain(
      'no SSH agent "default" was given',
    );
    expect((await build("--ssh", `default=${place}/none`)).stderr).toContain(
      `there is no key or socket ${place}/none`,
    );
    expect((await build("--ssh", `default=${key}-locked`)).stderr).toContain(
      "--ssh default: a key cannot be used",
    );
  });

  test("git over ssh gets the agent that is handed over, and nothing else of the caller's", async () => {
    await using host = await testHost(user);
    using server = web(host);
    const { directory } = server.repository("app", { Dockerfile: "FROM hello\n" });
    const place = host.place("bin");
    // an ssh that runs what it is told on this machine
    const log = join(place, "log");
    writeFileSync(
      join(place, "ssh"),
      `#!/bin/sh\necho "$@" >> ${log}\nenv | grep -c SSH_AUTH_SOCK >> ${log}\nfor last; do :; done\n` +
        `unset GIT_CONFIG_GLOBAL GIT_CONFIG_NOSYSTEM; export HOME=${place}\n` +
        `git config --global safe.directory '*'; exec sh -c "$last"\n`,
    );
    chmodSync(join(place, "ssh"), 0o755);
    const key = join(place, "key");
    Bun.spawnSync(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key]);
    if (user !== null) Bun.spawnSync(["chown", "-R", `${user.uid}`, place]);
    const env = { PATH: `${place}:/usr/bin:/bin:/usr/sbin:/sbin` };
    const text = `FROM hello\nADD git@example.com:${directory} /src\n`;
    const build = (...args: string[]) =>
      host.cooperWith({ env, stdin: text }, "build", ...args, "-");
    const refused = await build();
    expect(refused.stderr).toContain("no SSH agent was given\n");
    expect(refused.stderr).toContain("Hint: hand yours over: cooper build --ssh default");
    expect(await build("--ssh", `default=${key}`)).toMatchObject({ exitCode: 0 });
    const [asked = "", sockets] = readFileSync(log, "utf8").split("\n");
    expect(asked).toMatch(
      /^-F none .*IdentityAgent=\S+\/agent -o IdentityFile=none -o BatchMode=yes/,
    );
    expect(asked).toContain("StrictHostKeyChecking=yes");
    expect(sockets).toBe("0");
  });

  test("RUN gets more than the sandbox only when the caller allows it", async () => {
    await using host = await testHost(user);
    const cdi = host.place("cdi");
    writeFileSync(
      join(cdi, "v.json"),
      JSON.stringify({
        cdiVersion: "0.6.0",
        kind: "v.com/c",
        devices: [{ name: "d", containerEdits: { env: ["DEVICE=there"] } }],
      }),
    );
    const build = (line: string, ...args: string[]) =>
      host.cooperWith(
        { stdin: `FROM hello\n${line}\n` },
        ...["--cdi-spec-dir", cdi, "build", "--progress", "plain", ...args, "-"],
      );
    const bounding = "grep CapBnd /proc/self/status";
    const sandboxed = await build(`RUN ${bounding}`);
    const insecure = await build(
      `RUN --security=insecure ${bounding}`,
      ...["--allow", "security.insecure"],
    );
    const capabilities = (text: string) => BigInt(`0x${/CapBnd:\s*(\w+)/.exec(text)?.[1] ?? 0}`);
    expect(capabilities(insecure.stderr)).toBeGreaterThan(capabilities(sandboxed.stderr));
    const device = (line: string, ...args: string[]) =>
      build(`RUN --device=${line} echo "[$DEVICE]"`, ...args);
    expect((await device("v.com/c=d", "--allow", "device=v.com/c=d")).stderr).toContain("[there]");
    expect((await device("v.com/c=no", "--allow", "device")).stderr).toContain("[]");
    const missing = await device("v.com/c=no,required", "--allow", "device");
    expect(missing).toMatchObject({ exitCode: 1 });
    expect((await build("RUN --network=host true", "--allow", "network.host")).exitCode).toBe(0);
    const wrong = await build("RUN true", "--allow", "everything");
    expect(wrong.stderr).toContain('invalid entitlement "everything"');
  });

  test("what steps run in is listed by ps --external alone", async () => {
    await using host = await testHost(user);
    const child = host.start(
      { stdin: "FROM hello\nRUN touch /begun; until false; do sleep 0.1; done\n" },
      ...["build", "-"],
    );
    let external = "";
    for (let tries = 0; tries < 100 && !/ Up /.test(external); tries++) {
      external = await host.must("ps", "--external");
      await Bun.sleep(50);
    }
    expect(external).toMatch(/ Up .* build-/);
    expect(await host.must("ps", "-aq")).toBe("");
    expect(await host.must("info", "--format", "{{.Containers}}")).toBe("0");
    child.kill("SIGTERM");
    await child.exited;
    expect(await host.must("ps", "--external", "-q")).toBe("");
    expect(await host.must("events", "--since", "1m", "--until", "0s")).not.toContain("container");
  });

  test("addresses that would do something else are refused in words", async () => {
    await using host = await testHost(user);
    const cwd = host.place("cwd");
    for (const [address, why] of [
      ["ext::sh -c 'touch pwned'", /no build contexts of the kind ext/],
      ["ssh://-oProxyCommand=touch%20pwned/x", /begins with a dash/],
      ["git@-host:path", /not found/],
      ["git://127.0.0.1:1/x#--upload-pack=pwned", /is no name of a ref/],
      ["git://127.0.0.1:1/x#main:../..", /leads out of the repository/],
      ["git://127.0.0.1:1/x?depth=3", /unexpected query "depth"/],
      ["git://127.0.0.1:1/x", /failed to fetch git:\/\/127.0.0.1:1\/x: .*Connection refused/],
      ["http://127.0.0.1:1/x", /cannot fetch http:\/\/127.0.0.1:1\/x: nothing answers/],
    ] as const) {
      const { exitCode, stderr } = await host.cooperWith({ cwd }, "build", address);
      expect({ exitCode, stderr }).toMatchObject({
        exitCode: 1,
        stderr: expect.stringMatching(why),
      });
    }
    expect(readdirSync(cwd)).toEqual([]);
  });

  test("what is in a repository executes nothing and leads nowhere", async () => {
    await using host = await testHost(user);
    using server = web(host);
    const bait = join(host.directory, "pwned");
    const evil = server.repository("evil", {
      Dockerfile: "FROM hello\nCOPY . /src\n",
      ".gitattributes": "* filter=evil diff=evil ident export-subst\n",
      ".gitconfig": `[filter "evil"]\n\tsmudge = touch ${bait}\n`,
      "hooks/post-checkout": `#!/bin/sh\ntouch ${bait}\n`,
      out: "-> /",
      "deep/way": "-> ../../..",
      secret: "-> /etc/passwd",
    });
    evil.git("update-index", "--chmod=+x", "hooks/post-checkout");
    evil.git("commit", "-qm", "x");
    const env = {
      GIT_CONFIG_COUNT: "1",
      GIT_CONFIG_KEY_0: "core.hooksPath",
      GIT_CONFIG_VALUE_0: "hooks",
      GIT_DIR: "/nonexistent",
      GIT_SSH_COMMAND: `touch ${bait}`,
    };
    const url = `${server.url}/git/evil.git`;
    const result = await host.cooperWith({ env }, "build", "-q", "-t", "built", url);
    expect(result).toMatchObject({ exitCode: 0, stderr: "" });
    expect(await shell(host, "readlink /src/out; readlink /src/secret")).toBe("/\n/etc/passwd");
    for (const subdir of ["out", "out/etc", "deep/way"]) {
      const { exitCode, stderr } = await host.cooper("build", `${url}#main:${subdir}`);
      expect(exitCode).toBe(1);
      expect(stderr).toContain("has no directory");
    }
    const file = await host.cooper("build", "-f", "secret", url);
    expect(file.stderr).toContain("no such file or directory in the repository");
    expect(readdirSync(host.directory)).not.toContain("pwned");
  });
});
