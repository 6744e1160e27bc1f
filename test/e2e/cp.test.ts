/** Files go into containers and come out of them, by Docker's rules, and never where they should not. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { type TestHost, testHost, users } from "./host.ts";

const everybody = users.map((user) => ({ user, who: user?.name ?? "the caller" }));

describe.each(everybody)("cp as $who", ({ user }) => {
  describe.each([{ runs: true }, { runs: false }])("running: $runs", ({ runs }) => {
    let host: TestHost;
    let here: string;
    beforeAll(async () => {
      host = await testHost(user);
      here = host.place("files");
      mkdirSync(join(here, "d/sub"), { recursive: true });
      writeFileSync(join(here, "f"), "file");
      writeFileSync(join(here, "d/sub/g"), "deep", { mode: 0o640 });
      symlinkSync("sub/g", join(here, "d/link"));
      if (user !== null)
        for (const path of ["d", "f", "d/sub", "d/sub/g"])
          chownSync(join(here, path), user.uid, user.gid);
      const prepare =
        "mkdir -p /in/there /out/x; echo one > /out/x/a; ln -s x /out/l; ln -s /etc/passwd /out/abs; touch /out/file; sleep 1000";
      await host.must("run", "-d", "--name", "c", "-v", "vol:/vol", "hello", "sh", "-c", prepare);
      if (!runs) await host.must("stop", "-t", "0", "c");
    });
    afterAll(() => host[Symbol.asyncDispose]());

    /** What is in the container, whether it runs or not. */
    async function inside(path: string): Promise<string> {
      const tar = Bun.spawnSync(host.argv("cp", `c:${path}`, "-"), { env: host.environment() });
      const list = Bun.spawnSync(["tar", "tvf", "-", "--numeric-owner"], { stdin: tar.stdout });
      return list.stdout.toString().replace(/ +/g, " ");
    }

    test.each([
      { from: "f", to: "/in/new", seen: "/in/new", expected: /^-rw-r--r-- 0\/0 4 .* new$/m },
      { from: "f", to: "/in/there", seen: "/in/there/f", expected: / f$/m },
      { from: "f", to: "in/there/relative", seen: "/in/there/relative", expected: / relative$/m },
      { from: "f", to: "/out/file", seen: "/out/file", expected: / 4 .* file$/m },
      { from: "f", to: "/out/l", seen: "/out/x/f", expected: / f$/m },
      { from: "f", to: "/vol", seen: "/vol/f", expected: / f$/m },
      {
        from: "d",
        to: "/in/dir",
        seen: "/in/dir",
        expected: /^-rw-r----- 0\/0 4 .* dir\/sub\/g$/m,
      },
      { from: "d", to: "/in/dir", seen: "/in/dir", expected: / dir\/d\/sub\/g$/m },
      { from: "d/.", to: "/in/there", seen: "/in/there", expected: / there\/sub\/g$/m },
      { from: "d/.", to: "/in/fresh", seen: "/in/fresh", expected: / fresh\/link -> sub\/g$/m },
      { from: "d/link", to: "/in/link", seen: "/in/link", expected: /^l.* link -> sub\/g$/m },
      {
        from: "-L d/link",
        to: "/in/followed",
        seen: "/in/followed",
        expected: /^-.* 4 .* followed$/m,
      },
    ])("$from to c:$to", async ({ from, to, seen, expected }) => {
      const words = from.split(" ");
      const path = join(here, words.pop() ?? "");
      // join() takes away the dot at the end
      await host.must("cp", ...words, from.endsWith("/.") ? `${path}/.` : path, `c:${to}`);
      expect(await inside(seen)).toMatch(expected);
    });

    test.each([
      { args: ["HERE/d", "c:/out/file"], why: "cannot copy a directory over the file c:/out/file" },
      { args: ["HERE/f", "c:/out/file/"], why: "is no directory" },
      { args: ["HERE/f", "c:/missing/dir/"], why: "there is no directory c:/missing/dir/" },
      { args: ["HERE/f", "c:/missing/x"], why: "there is no directory /missing for c:/missing/x" },
      { args: ["HERE/missing", "c:/"], why: "there is no " },
      { args: ["c:/missing", "HERE"], why: "there is no c:/missing" },
      { args: ["c:/out/file/", "HERE"], why: "c:/out/file/ is no directory" },
      { args: ["HERE/f", "HERE/g"], why: "neither end is in a container" },
      { args: ["missing:/x", "HERE"], why: "no such container: missing" },
    ])("$args is refused", async ({ args, why }) => {
      const result = await host.cooper("cp", ...args.map((word) => word.replace("HERE", here)));
      expect(result.exitCode).toBe(125);
      expect(result.stderr).toContain(why);
    });

    test("out of it: owners are the caller's, links stay links", async () => {
      await host.must("cp", "c:/out", join(here, "got"));
      expect(readFileSync(join(here, "got/x/a"), "utf8")).toBe("one\n");
      const list = Bun.spawnSync([
        "find",
        join(here, "got"),
        "-printf",
        "%P %U %l\n",
      ]).stdout.toString();
      const uid = user?.uid ?? 0;
      for (const line of [`x/a ${uid} `, `l ${uid} x`, `abs ${uid} /etc/passwd`])
        expect(list.split("\n")).toContain(line);
    });

    test("the whole of it, without what the kernel shows there", async () => {
      await host.must("cp", "c:/", join(here, "all"));
      expect(readFileSync(join(here, "all/out/x/a"), "utf8")).toBe("one\n");
      expect(existsSync(join(here, "all/bin/sh"))).toBe(true);
      expect(existsSync(join(here, "all/proc/self"))).toBe(false);
    });

    test("a tar in, and between containers", async () => {
      await host.must("create", "--name", "other", "hello");
      await host.must("cp", "c:/out/x", "other:/tmp");
      expect(await host.must("cp", "other:/tmp/x/a", join(here, "twice"))).toBe("");
      expect(readFileSync(join(here, "twice"), "utf8")).toBe("one\n");
      const tar = Bun.spawnSync(["tar", "-C", here, "-cz", "f"]).stdout;
      const words = host.argv("cp", "-", "c:/in").map((word) => `'${word}'`);
      const piped = Bun.spawnSync(["sh", "-c", words.join(" ")], {
        env: host.environment(),
        stdin: tar,
      });
      expect(piped.stderr.toString()).toBe("");
      expect(await inside("/in/f")).toMatch(/ f$/m);
      await host.must("rm", "other");
    });
  });

  test("links of the container lead nowhere but in it", async () => {
    await using host = await testHost(user);
    const place = host.place("outside");
    writeFileSync(join(place, "secret"), "secret");
    const script = `mkdir -p ${place}; echo own > ${place}/secret; ln -s ${place} /dir; ln -s ${place}/secret /one; ln -s ../../../../../../..${place} /up; sleep 1000`;
    await host.must("run", "-d", "--name", "c", "hello", "sh", "-c", script);
    await host.must("cp", "-L", "c:/one", join(place, "got"));
    expect(readFileSync(join(place, "got"), "utf8")).toBe("own\n");
    await host.must("cp", "c:/up/secret", join(place, "got2"));
    expect(readFileSync(join(place, "got2"), "utf8")).toBe("own\n");
    writeFileSync(join(place, "new"), "new");
    await host.must("cp", join(place, "new"), "c:/dir/planted");
    expect(existsSync(join(place, "planted"))).toBe(false);
    expect(await host.must("exec", "c", "cat", `${place}/planted`)).toBe("new");
  });

  test("what comes out of a container cannot leave the directory that it goes to", async () => {
    await using host = await testHost(user);
    const place = host.place("target");
    mkdirSync(join(place, "into"));
    symlinkSync("/tmp", join(place, "into/sub"));
    if (user !== null) chownSync(join(place, "into"), user.uid, user.gid);
    await host.must(
      "run",
      "--name",
      "c",
      "hello",
      "sh",
      "-c",
      "mkdir -p /d/sub; echo x > /d/sub/cooper-cp-escaped",
    );
    const result = await host.cooper("cp", "c:/d/.", join(place, "into"));
    expect(result.exitCode).toBe(125);
    expect(existsSync("/tmp/cooper-cp-escaped")).toBe(false);
  });
});
