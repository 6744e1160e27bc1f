/**
 * What changes containers, volumes and secrets is killed at every kind of call: what comes next sees the
 * truth, does it once more without harm, and nothing is left. A few points by default, and all of the
 * several hundred with COOPER_CRASH_POINTS=all.
 */
import { describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestHost, testHost } from "./host.ts";
import { chosenOf, type Point, points, strike, upTo } from "./strike-points.ts";

const all = points("kill", [
  ["pwrite64", upTo(24, 3)],
  ["openat", upTo(50, 6)],
  ["mkdir,mkdirat", upTo(4)],
  ["rename,renameat,renameat2,linkat", upTo(3)],
  ["unlink,unlinkat,rmdir", upTo(9, 2)],
  ["flock", upTo(4)],
  ["umount2", upTo(2)],
  ["mount", upTo(2)],
  ["kill", upTo(2)],
  ["write", upTo(7, 2)],
  ["vfork,clone3", upTo(4)],
]);

interface Act {
  readonly act: string;
  readonly argv: (host: TestHost) => string[];
  /** What must be there before, besides the container c that runs and the stopped one s. */
  readonly prepare?: (host: TestHost) => Promise<unknown>;
  /** Looks at what came of it, does it once more, and looks again. */
  readonly redo: (host: TestHost) => Promise<void>;
  /** Where it once went wrong. */
  readonly always?: readonly Point[];
}

const file = (host: TestHost, of: string) => join(host.place("files"), of);
const stateOf = (host: TestHost, name: string) =>
  host.must("inspect", "-f", "{{.State.Status}}", name);
const known = async (host: TestHost, ...words: string[]) =>
  (await host.cooper(...words)).exitCode === 0;
const secretText = "not to be found in any file of the store";

const acts: readonly Act[] = [
  {
    act: "create",
    argv: () => ["create", "--name", "n", "-v", "made:/made", "hello", "true"],
    async redo(host) {
      if (await known(host, "container", "exists", "n")) await host.must("rm", "n");
      await host.must("create", "--name", "n", "-v", "made:/made", "hello", "true");
      await host.must("start", "-a", "n");
    },
  },
  {
    act: "start",
    argv: () => ["start", "s"],
    async redo(host) {
      await host.must("start", "s");
      expect(await stateOf(host, "s")).toBe("running");
    },
  },
  {
    act: "stop",
    argv: () => ["stop", "-t", "0", "c"],
    async redo(host) {
      await host.must("stop", "-t", "0", "c");
      expect(await stateOf(host, "c")).toBe("exited");
    },
  },
  {
    act: "restart",
    always: [{ call: "pwrite64", nth: 19, fault: "kill" }], // it runs, and no row says so
    argv: () => ["restart", "-t", "0", "c"],
    async redo(host) {
      await host.must("restart", "-t", "0", "c");
      expect(await stateOf(host, "c")).toBe("running");
    },
  },
  ...[
    ["exec", "c", "true"],
    ["exec", "-d", "c", "true"],
  ].map((words) => ({
    act: words.slice(0, -2).join(" "),
    argv: () => words,
    async redo(host: TestHost) {
      expect(await host.must("exec", "c", "echo", "again")).toBe("again");
      const sessions = join(host.run, "x");
      for (let waits = 0; waits < 100 && readdirSync(sessions).length > 0; waits++)
        await Bun.sleep(50); // a session's own monitor gives it back
      expect(readdirSync(sessions)).toEqual([]);
    },
  })),
  {
    act: "rename",
    argv: () => ["rename", "s", "t"],
    async redo(host) {
      const names = (await host.must("ps", "-a", "--format", "{{.Names}}")).split("\n").sort();
      expect(["c s", "c t"]).toContain(names.join(" "));
      if (names.includes("t")) await host.must("rename", "t", "s");
      await host.must("rename", "s", "t");
      await host.must("rm", "t");
    },
  },
  {
    act: "rm",
    argv: () => ["rm", "s"],
    async redo(host) {
      await host.must("rm", "-f", "s");
      expect(await host.must("ps", "-a", "--format", "{{.Names}}")).toBe("c");
    },
  },
  {
    act: "cp into",
    argv: (host) => ["cp", file(host, "in"), "c:/tmp/"],
    async prepare(host) {
      mkdirSync(file(host, "in"));
      for (const name of ["1", "2", "3"]) writeFileSync(join(file(host, "in"), name), name);
    },
    async redo(host) {
      await host.must("cp", file(host, "in"), "c:/tmp/");
      expect(await host.must("exec", "c", "sh", "-c", "cat /tmp/in/*; ls -A /tmp")).toBe("123in");
    },
  },
  {
    act: "cp out",
    argv: (host) => ["cp", "c:/etc/passwd", file(host, "passwd")],
    async redo(host) {
      rmSync(file(host, "passwd"), { force: true });
      await host.must("cp", "c:/etc/passwd", file(host, "passwd"));
      expect(readFileSync(file(host, "passwd"), "utf8")).toContain("root:");
      expect(readdirSync(host.place("files"))).toEqual(["passwd"]);
    },
  },
  {
    act: "volume create",
    argv: () => ["volume", "create", "v"],
    async redo(host) {
      await host.must("volume", "create", "--ignore", "v");
      await host.must("run", "--rm", "-v", "v:/v", "hello", "touch", "/v/x");
    },
  },
  {
    act: "volume rm",
    argv: () => ["volume", "rm", "v"],
    prepare: (host) => host.must("run", "--rm", "-v", "v:/v", "hello", "touch", "/v/x"),
    async redo(host) {
      if (await known(host, "volume", "exists", "v")) {
        // it is whole as long as it is there
        expect(await host.must("run", "--rm", "-v", "v:/v", "hello", "ls", "/v")).toBe("x");
        await host.must("volume", "rm", "v");
      }
    },
  },
  {
    act: "volume import",
    argv: (host) => ["volume", "import", "v", file(host, "v.tar")],
    async prepare(host) {
      await host.must("run", "--rm", "-v", "v:/v", "hello", "sh", "-c", "echo 1 > /v/a");
      await host.must("volume", "export", "v", "-o", file(host, "v.tar"));
      await host.must("volume", "rm", "v");
      await host.must("volume", "create", "v");
    },
    async redo(host) {
      await host.must("volume", "import", "v", file(host, "v.tar"));
      expect(await host.must("run", "--rm", "-v", "v:/v", "hello", "cat", "/v/a")).toBe("1");
    },
  },
  {
    act: "secret create",
    argv: (host) => ["secret", "create", "k", file(host, "secret")],
    prepare: async (host) => writeFileSync(file(host, "secret"), secretText),
    async redo(host) {
      if (await known(host, "secret", "exists", "k")) await host.must("secret", "rm", "k");
      await host.must("secret", "create", "k", file(host, "secret"));
      expect(
        await host.must("run", "--rm", "--secret", "k", "hello", "cat", "/run/secrets/k"),
      ).toBe(secretText);
    },
  },
  {
    act: "secret rm",
    argv: () => ["secret", "rm", "k"],
    async prepare(host) {
      writeFileSync(file(host, "secret"), secretText);
      await host.must("secret", "create", "k", file(host, "secret"));
    },
    async redo(host) {
      if (await known(host, "secret", "exists", "k")) await host.must("secret", "rm", "k");
      expect(await host.must("secret", "ls", "-q")).toBe("");
    },
  },
];

describe.each(acts.map((act, index) => ({ ...act, index })))("$act", (act) => {
  const { argv, prepare, redo, always = [], index } = act;
  test.each([...always, ...chosenOf(all, 17, index * 5)])("killed at $call $nth", async (point) => {
    await using host = await testHost();
    await host.must("create", "--name", "s", "hello", "sleep", "100");
    await host.must("run", "-d", "--name", "c", "hello", "sleep", "100");
    await prepare?.(host);
    await strike(host, point, argv(host));
    const listed = await host.cooper("ps", "-a", "--format", "{{.Names}} {{.State}}");
    expect(listed).toMatchObject({ exitCode: 0, stderr: "" });
    for (const line of listed.stdout.split("\n").filter((text) => text !== "")) {
      const [name = "", state] = line.split(" ");
      expect([name, await known(host, "exec", name, "true")]).toEqual([name, state === "running"]);
    }
    await redo(host);
    expect(await host.cooper("system", "check")).toMatchObject({ exitCode: 0, stdout: "" });
    await host.must("rm", "-f", "-a", "-t", "0");
    await host.must("volume", "prune", "-a", "-f");
    expect(await host.settled()).toEqual([]);
    for (const room of ["volumes", "containers"].map((name) => join(host.root, name)))
      expect(existsSync(room) ? readdirSync(room) : []).toEqual([]);
  });
});
