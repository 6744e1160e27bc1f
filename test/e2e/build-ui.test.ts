/** How a build is asked for, and what it looks like. */
import { describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type TestHost, testHost, type User, users } from "./host.ts";

const everybody = users.map((user) => ({ user, who: user?.name ?? "the caller" }));

function place(host: TestHost, user: User | null, files: Readonly<Record<string, string>>): string {
  const directory = host.place("context");
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), content);
  }
  if (user !== null) Bun.spawnSync(["chown", "-hR", `${user.uid}:${user.gid}`, directory]);
  return directory;
}

/** What a terminal ends up showing; only what a build may send is known. */
function screenOf(sent: string): { lines: string[]; isCursorShown: boolean } {
  const lines: string[] = [];
  let row = 0;
  let column = 0;
  let isCursorShown = true;
  for (const [token] of sent.matchAll(/\x1b\[[?\d;]*[A-Za-z]|[^\x1b]/gu)) {
    const up = /^\x1b\[(\d+)A$/.exec(token)?.[1];
    if (token === "\n") row++;
    else if (token === "\r") column = 0;
    else if (up !== undefined) row -= Number(up);
    else if (token === "\x1b[2K") lines[row] = "";
    else if (token === "\x1b[J") lines.splice(row);
    else if (token === "\x1b[?25l") isCursorShown = false;
    else if (token === "\x1b[?25h") isCursorShown = true;
    else if (token.startsWith("\x1b")) expect(token).toMatch(/^\x1b\[\d+m$/);
    else {
      const line = (lines[row] ?? "").padEnd(column);
      lines[row] = line.slice(0, column) + token + line.slice(column + 1);
      column++;
    }
  }
  return { lines: Array.from(lines, (line = "") => line.trimEnd()), isCursorShown };
}

/** Times differ. */
const timeless = (line: string) => line.replace(/\s*\d+\.\d+s( |$)/, " TIME ").trimEnd();

describe.each(everybody)("as $who", ({ user }) => {
  test("on a terminal a build is a list that is drawn over itself, and commands nothing", async () => {
    await using host = await testHost(user);
    const directory = place(host, user, {
      Dockerfile: `FROM hello
RUN printf '\\033[2J\\033]0;title\\007\\033[31mred\\n'; sleep 0.4
RUN echo last words; exit 3
`,
    });
    const { exitCode, stdout } = await host.cooperWith({ tty: true }, "build", directory);
    expect(exitCode).toBe(1);
    expect(stdout).not.toMatch(/\x1b\[2J|\x1b\]|\x1b\[31mred/);
    expect(stdout).toContain(" => => # red");
    const { lines, isCursorShown } = screenOf(stdout);
    expect(isCursorShown).toBe(true);
    const until = lines.findIndex((line) => line.includes("> 3 |")) + 1;
    expect(lines.slice(0, until).map(timeless)).toEqual([
      expect.stringMatching(/^\[\+\] Building TIME \(5\/5\) +cooper$/),
      " => [internal] load build definition TIME",
      expect.stringMatching(/^ => => Dockerfile \d+B done$/),
      " => [internal] load metadata for hello TIME",
      " => [stage-0 1/3] FROM hello TIME",
      expect.stringMatching(/^ => \[stage-0 2\/3\] RUN printf .* TIME$/),
      " => ERROR [stage-0 3/3] RUN echo last words; exit 3 TIME",
      "------",
      " > [stage-0 3/3] RUN echo last words; exit 3:",
      expect.stringMatching(/^\d\.\d+ last words$/),
      "------",
      expect.stringContaining("Error: Dockerfile:3: process"),
      "  2 | RUN printf '\\033[2J\\033]0;title\\007\\033[31mred\\n'; sleep 0.4",
      "> 3 | RUN echo last words; exit 3",
    ]);
  });

  test("Ctrl-C ends a build and leaves the terminal as it was", async () => {
    await using host = await testHost(user);
    const directory = place(host, user, {
      Dockerfile: "FROM hello\nRUN echo begun; exec sleep 100\n",
    });
    const running = host.start({ tty: true, env: { NO_COLOR: "1" } }, "build", directory);
    let sent = "";
    for await (const chunk of running.stdout) {
      sent += Buffer.from(chunk).toString();
      if (!sent.includes("# begun") || sent.includes("\0")) continue;
      (running.stdin as import("bun").FileSink).write("\x03");
      sent += "\0";
    }
    expect(await running.exited).toBe(130);
    const { lines, isCursorShown } = screenOf(sent.replaceAll("\0", ""));
    expect(isCursorShown).toBe(true);
    expect(sent).not.toMatch(/\x1b\[\d+m/);
    const shown = lines.map(timeless);
    expect(shown).toContain(" => CANCELED [stage-0 2/2] RUN echo begun; exec sleep 100 TIME");
    expect(shown.at(-1)).toBe("Error: the build was cancelled");
  });

  test("progress is told as it is asked", async () => {
    await using host = await testHost(user);
    const directory = place(host, user, { Dockerfile: "FROM hello\nRUN echo said\n" });
    const plain = await host.cooper("build", directory);
    expect(plain.stderr).toMatch(
      /^#4 \[stage-0 2\/2\] RUN echo said\n#4 \d\.\d{3} said\n#4 DONE \d\.\ds\n\n#5 exporting to image\n/m,
    );
    const env = { BUILDKIT_PROGRESS: "rawjson" };
    const raw = await host.cooperWith({ env }, "build", "--no-cache", directory);
    const told = raw.stderr
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    const [log] = told.flatMap(({ logs = [] }) => logs);
    expect(Buffer.from(log.data, "base64").toString()).toBe("said\n");
    const ended = told.flatMap(({ vertexes = [] }) => vertexes);
    const step = ended.findLast(({ digest }) => digest === log.vertex);
    expect(step).toMatchObject({
      name: "[stage-0 2/2] RUN echo said",
      inputs: [expect.any(String)],
    });
    expect(Date.parse(step.completed)).toBeGreaterThanOrEqual(Date.parse(step.started));
    const none = await host.cooper("build", "--progress", "none", directory);
    expect(none).toEqual({ exitCode: 0, stdout: "", stderr: "" });
    const quiet = await host.cooper("build", "--progress=quiet", directory);
    expect(quiet).toMatchObject({ exitCode: 0, stderr: "" });
    expect(quiet.stdout).toMatch(/^sha256:[0-9a-f]{64}\n$/);
    const tty = await host.cooper("build", "--progress", "tty", directory);
    expect(tty.stderr).toContain("the error output is no terminal");
    expect(tty.exitCode).not.toBe(0);
  });

  test("a target is built on another, with what they have in common done once", async () => {
    await using host = await testHost(user);
    const directory = place(host, user, {
      "docker-bake.hcl": `
        variable "TAG" { default = "latest" }
        group "default" { targets = ["web", "worker"] }
        target "base" {
          dockerfile-inline = <<D
FROM hello
ENV FROM_BASE=yes
RUN echo base > /base
D
        }
        target "_common" {
          contexts = { base = "target:base" }
          args = { TAG = TAG }
        }
        target "web" {
          inherits = ["_common"]
          context = "web"
          tags = ["web:\${TAG}"]
        }
        target "worker" {
          inherits = ["_common"]
          dockerfile-inline = "FROM base\\nRUN echo in common\\nARG TAG\\nRUN echo $TAG$FROM_BASE > /w"
          tags = ["worker:\${TAG}"]
          output = ["type=image", "type=tar,dest=worker.tar"]
        }`,
      "web/Dockerfile": "FROM base\nRUN echo in common\nARG TAG\nCOPY f /$TAG\n",
      "web/f": "file",
    });
    const bake = (...args: string[]) =>
      host.cooperWith({ cwd: directory, env: { TAG: "one" } }, "bake", ...args);
    const built = await bake("--metadata-file", "meta.json");
    expect(built.exitCode).toBe(0);
    expect(built.stderr.match(/^#\d+ [\d.]+ in common$/gm)).toHaveLength(1);
    expect(await host.must("run", "--rm", "web:one", "cat", "/base", "/one")).toBe("base\nfile");
    expect(await host.must("run", "--rm", "worker:one", "cat", "/w")).toBe("oneyes");
    const meta = JSON.parse(readFileSync(join(directory, "meta.json"), "utf8"));
    expect(Object.keys(meta)).toEqual(["web", "worker"]);
    expect(meta.web["image.name"]).toBe("localhost/web:one");
    expect(await host.must("images", "-q", "--filter", "dangling=true")).toBe("");
    const tar = Bun.spawnSync(["tar", "-tf", join(directory, "worker.tar")]);
    expect(tar.stdout.toString()).toContain("base\n");
    const shown = JSON.parse((await bake("--print", "web")).stdout);
    expect(Object.keys(shown.target)).toEqual(["base", "web"]);
    const again = await bake("--set", "*.args.TAG=two", "web");
    expect(again.stderr).toMatch(/web stage-0 2\/3\] RUN echo in common\n#\d+ CACHED/);
    const outside = await bake(
      "--set",
      "web.tags=x",
      "-f",
      join(directory, "docker-bake.hcl"),
      "web",
    );
    expect(outside.exitCode).toBe(0);
  });

  test("a bake file reaches nothing outside of its directory that nobody allowed", async () => {
    await using host = await testHost(user);
    const directory = place(host, user, {
      "docker-bake.json": JSON.stringify({
        target: {
          default: {
            "dockerfile-inline": "FROM scratch\nCOPY f /f",
            output: [{ type: "local", dest: "../out" }],
          },
          netted: { network: "host" },
        },
      }),
      f: "f",
    });
    const bake = (...args: string[]) => host.cooperWith({ cwd: directory }, "bake", ...args);
    const refused = await bake();
    const out = join(dirname(directory), "out");
    expect(refused.stderr).toContain(`Hint: allow it: cooper bake --allow fs.write=${out}`);
    expect(refused.exitCode).not.toBe(0);
    expect(existsSync(out)).toBe(false);
    expect((await bake("netted")).stderr).toContain("--allow network.host");
    const wrong = await bake("defualt");
    expect(wrong.stderr).toContain("failed to find target defualt\nHint: did you mean default?");
  });

  test("services of a Compose file are targets", async () => {
    await using host = await testHost(user);
    const directory = place(host, user, {
      "compose.yaml": "services: {app: {image: 'app:$V', build: {dockerfile: D, args: {A: x}}}}",
      D: "FROM hello\nARG A\nRUN echo $A > /a\n",
    });
    const built = await host.cooperWith({ cwd: directory, env: { V: "7" } }, "bake", "app");
    expect(built.exitCode).toBe(0);
    expect(await host.must("run", "--rm", "app:7", "cat", "/a")).toBe("x");
  });

  test("what podman's options say is in the image", async () => {
    await using host = await testHost(user);
    const directory = place(host, user, {
      Base: "FROM hello\nLABEL a=1 b=2\nENV GONE=1 KEPT=1\n",
      "Containerfile.in":
        '#define WORD defined\nFROM nothing\n#include "more"\nLABEL c=3\nENV D=4\nRUN echo WORD > /word\n',
      more: "LABEL e=6\n",
    });
    const context = { cwd: directory, env: { FROM_HERE: "here" } };
    expect(
      (await host.cooperWith(context, "build", "-f", "Base", "-t", "base", ".")).exitCode,
    ).toBe(0);
    const words =
      "--from base --unsetlabel a --unsetenv GONE --env D=5 --env FROM_HERE --omit-history";
    const files = "--iidfile-raw id --logfile log -t built -f Containerfile.in .";
    const built = await host.cooperWith(context, "build", ...`${words} ${files}`.split(" "));
    expect(built).toMatchObject({ exitCode: 0, stderr: "" });
    const [image] = JSON.parse(await host.must("image", "inspect", "built"));
    expect(image.Config.Labels).toMatchObject({ b: "2", c: "3", e: "6" });
    expect(image.Config.Labels).not.toHaveProperty("a");
    expect(image.Config.Env.filter((entry: string) => !entry.startsWith("PATH="))).toEqual([
      "KEPT=1",
      "D=5",
      "FROM_HERE=here",
    ]);
    expect(readFileSync(join(directory, "id"), "utf8")).toBe(image.Id.replace("sha256:", ""));
    expect(readFileSync(join(directory, "log"), "utf8")).toContain("RUN echo defined > /word");
    expect(await host.must("run", "--rm", "built", "cat", "/word")).toBe("defined");
    const history = await host.must("history", "--format", "{{.CreatedBy}}", "built");
    expect(history.trim()).toBe("");
    const bare = ["build", "--inherit-labels=false", "-q", "-f", "Base", "-t", "bare", "."];
    expect((await host.cooperWith(context, ...bare)).exitCode).toBe(0);
    const labels = await host.must("image", "inspect", "-f", "{{json .Config.Labels}}", "bare");
    expect(JSON.parse(labels)).toEqual({ a: "1", b: "2" });
  });

  test("a Dockerfile is looked at without being built", async () => {
    await using host = await testHost(user);
    const directory = place(host, user, {
      Dockerfile: `# VERSION is what is built
ARG VERSION=1
# base has the tools
FROM hello AS base
RUN --mount=type=secret,id=token,required true
FROM base AS unneeded
ARG NOTHING
# app is the program
FROM base as app
ARG VERSION
ARG DERIVED=v$VERSION
RUN --mount=type=ssh true
`,
    });
    const call = (...args: string[]) => host.cooper("build", ...args, directory);
    expect((await call("--call=targets")).stdout).toBe(`TARGET         DESCRIPTION
base           has the tools
unneeded
app (default)  is the program
`);
    expect(
      (await call("--call", "outline", "--build-arg", "VERSION=2")).stdout,
    ).toBe(`TARGET:      app
DESCRIPTION: is the program

BUILD ARG   VALUE       DESCRIPTION
VERSION     2           is what is built
DERIVED     v2

SECRET      REQUIRED
token       true

SSH         REQUIRED
default
`);
    const outline = await call("--call=outline,format=json", "--target", "base");
    expect(JSON.parse(outline.stdout)).toMatchObject({ name: "base", args: [], ssh: [] });
    const checked = await call("--call=check,format=json");
    expect(checked.exitCode).toBe(1);
    expect(JSON.parse(checked.stdout).warnings).toMatchObject([
      { ruleName: "FromAsCasing", location: { ranges: [{ start: { line: 9 } }] } },
    ]);
  });

  test("a shell opens where a command failed, and sees what it saw", async () => {
    await using host = await testHost(user);
    const directory = place(host, user, {
      Dockerfile:
        "FROM hello\nENV A=variable\nWORKDIR /here\nRUN --mount=type=secret,id=s echo made > made; false\n",
      secret: "hidden-word",
    });
    const words = ["build", "--debug-shell", "--secret", `id=s,src=${directory}/secret`, directory];
    const running = host.start({ tty: true }, ...words);
    let sent = "";
    let asked = false;
    for await (const chunk of running.stdout) {
      sent += Buffer.from(chunk).toString();
      if (asked || !sent.includes("/here #")) continue;
      asked = true;
      (running.stdin as import("bun").FileSink).write(
        "echo $(pwd) $(cat made) $A $(cat /run/secrets/s); exit\n",
      );
    }
    expect(await running.exited).toBe(1);
    expect(sent).toMatch(/^\/here made variable hidden-word\r?$/m);
    expect(sent).toContain("did not complete successfully: exit code: 1");
    expect(await host.must("ps", "-aq")).toBe("");
    const refused = await host.cooper("build", "--debug-shell", directory);
    expect(refused.stderr).toContain("--debug-shell needs a terminal");
  });
});
