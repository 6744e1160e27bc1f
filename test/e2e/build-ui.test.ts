/** How a build is asked for, and what it looks like. */
import { describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
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
      expect.stringMatching(/^0\.\d+ last words$/),
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
      /^#4 \[stage-0 2\/2\] RUN echo said\n#4 0\.\d{3} said\n#4 DONE 0\.\ds\n\n#5 exporting to image\n/m,
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
});
