/** Volumes: made, used, listed, mounted and removed. */
import { describe, expect, test } from "bun:test";
import { chownSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { testHost, users } from "./host.ts";

const everybody = users.map((user) => ({ user, who: user?.name ?? "the caller" }));

test.each(everybody)(
  "a size that the file system cannot keep is refused, as $who",
  async ({ user }) => {
    await using host = await testHost(user);
    const asked = await host.cooper("volume", "create", "--opt", "o=size=5m", "small");
    if (user !== null) expect(asked.stderr).toContain("only root can limit its size");
    else if (asked.exitCode !== 0) expect(asked.stderr).toContain("keeps no quotas of projects");
    else await host.must("volume", "rm", "small"); // it can: test/host looks at what it keeps
    expect(await host.must("volume", "ls", "-q")).toBe("");
  },
);

describe.each(everybody)("volumes as $who", ({ user }) => {
  test("a volume outlives containers and is refused to rm while one uses it", async () => {
    await using host = await testHost(user);
    expect(await host.must("volume", "create", "--label", "k=v", "data")).toBe("data");
    await host.must("run", "--rm", "-v", "data:/d", "hello", "sh", "-c", "echo kept > /d/f");
    expect(await host.must("run", "--name", "c", "-v", "data:/d", "hello", "cat", "/d/f")).toBe(
      "kept",
    );
    const inUse = await host.cooper("volume", "rm", "data");
    expect(inUse.exitCode).toBe(125);
    expect(inUse.stderr).toContain("volume data is in use by the container c");
    expect(await host.must("volume", "rm", "-f", "data")).toBe("data");
    expect(await host.must("ps", "-aq")).toBe("");
    expect((await host.cooper("volume", "exists", "data")).exitCode).toBe(1);
  });

  test("force does not end what runs, and forgives what is missing", async () => {
    await using host = await testHost(user);
    await host.must("run", "-d", "--name", "c", "-v", "data:/d", "hello", "sleep", "100");
    expect((await host.cooper("volume", "rm", "-f", "data")).exitCode).toBe(125);
    expect(await host.must("inspect", "-f", "{{.State.Running}}", "c")).toBe("true");
    expect((await host.cooper("volume", "rm", "-f", "missing")).exitCode).toBe(0);
    expect((await host.cooper("volume", "rm", "missing")).exitCode).toBe(125);
  });

  test("filters, formats and inspect", async () => {
    await using host = await testHost(user);
    expect(await host.must("volume", "ls", "-q")).toBe("");
    await host.must("volume", "create", "--label", "k=v", "b");
    await host.must("volume", "create", "a");
    await host.must("create", "-v", "b:/b", "-v", "/anonymous", "hello");
    expect(await host.must("volume", "ls", "-q", "-f", "anonymous=false")).toBe("a\nb");
    expect(await host.must("volume", "ls", "-q", "-f", "dangling=true")).toBe("a");
    expect(
      await host.must("volume", "ls", "-f", "label=k=v", "--format", "{{.Name}} {{.Driver}}"),
    ).toBe("b local");
    expect(
      await host.must(
        "volume",
        "inspect",
        "-f",
        '{{.Name}} {{.MountCount}} {{index .Labels "k"}}',
        "b",
      ),
    ).toBe("b 1 v");
    const [document] = JSON.parse(await host.must("inspect", "--type", "volume", "a"));
    expect(document).toMatchObject({ Name: "a", Driver: "local", Scope: "local", Options: {} });
    expect((await host.cooper("volume", "ls", "-f", "colour=red")).stderr).toContain(
      'unknown filter "colour"',
    );
  });

  test("prune takes what nobody uses: without --all only what nobody named", async () => {
    await using host = await testHost(user);
    await host.must("volume", "create", "named");
    const anonymous = await host.must("volume", "create");
    await host.must("create", "-v", "used:/d", "hello");
    expect(await host.must("volume", "prune", "--all", "--dry-run")).toContain("named");
    expect(await host.must("volume", "prune", "-f")).toBe(anonymous);
    expect(await host.must("volume", "prune", "-f", "--all")).toBe("named");
    expect(await host.must("volume", "ls", "-q")).toBe("used");
  });

  test("a tmpfs is shared by those who use it, and gone after the last", async () => {
    await using host = await testHost(user);
    await host.must("volume", "create", "--opt", "type=tmpfs", "--opt", "o=size=1m", "t");
    await host.must(
      "run",
      "-d",
      "--name",
      "c",
      "-v",
      "t:/t",
      "hello",
      "sh",
      "-c",
      "echo shared > /t/f; sleep 100",
    );
    const read = ["run", "--rm", "-v", "t:/t", "hello", "cat", "/t/f"];
    expect(await host.must(...read)).toBe("shared");
    expect(await host.must(...read)).toBe("shared");
    await host.must("rm", "-f", "-t", "0", "c");
    expect((await host.cooper(...read)).exitCode).toBe(1);
  });

  test("a bind shows a directory of the host", async () => {
    await using host = await testHost(user);
    const directory = host.place("source");
    mkdirSync(`${directory}/inner`);
    if (user !== null) chownSync(directory, user.uid, user.gid);
    const options = ["--opt", "type=none", "--opt", "o=bind", "--opt", `device=${directory}`];
    await host.must("volume", "create", ...options, "b");
    expect(await host.must("run", "--rm", "-v", "b:/b", "hello", "ls", "/b")).toBe("inner");
    await host.must("volume", "rm", "b");
    expect(Bun.spawnSync(["ls", directory]).stdout.toString()).toBe("inner\n");
  });

  test("out as a tar, and in again elsewhere, with owners and modes", async () => {
    await using host = await testHost(user);
    const fill =
      "mkdir /d/s; echo deep > /d/s/f; chmod 600 /d/s/f; chown 7:8 /d/s/f; ln -s s/f /d/l";
    await host.must("run", "--rm", "-v", "from:/d", "hello", "sh", "-c", fill);
    const tar = join(host.place("files"), "v.tar");
    await host.must("volume", "export", "-o", tar, "from");
    await host.must("volume", "create", "to");
    await host.must("volume", "import", "to", tar);
    const look = "cat /d/l; stat -c '%a %u:%g' /d/s/f";
    expect(await host.must("run", "--rm", "-v", "to:/d", "hello", "sh", "-c", look)).toBe(
      "deep\n600 7:8",
    );
    const words = host
      .argv("volume")
      .map((word) => `'${word}'`)
      .join(" ");
    const piped = Bun.spawnSync(["sh", "-c", `${words} export from | gzip | ${words} import to`], {
      env: host.environment(),
    });
    expect(piped.stderr.toString()).toBe("");
    expect((await host.cooper("volume", "import", "missing", tar)).stderr).toContain(
      "no such volume: missing",
    );
  });

  test("a hostile tar, and links that a container left, lead nowhere", async () => {
    await using host = await testHost(user);
    await host.must("run", "--rm", "-v", "v:/d", "hello", "ln", "-s", "/tmp", "/d/out");
    const directory = host.place("files");
    mkdirSync(join(directory, "out"));
    writeFileSync(join(directory, "out/cooper-volume-escaped"), "x");
    const make = (name: string, ...args: string[]) =>
      Bun.spawnSync(["tar", "-C", directory, "-cf", join(directory, name), ...args]);
    make("through.tar", "out/cooper-volume-escaped");
    make(
      "up.tar",
      "-P",
      "--transform",
      "s,out,../../../../../../tmp,",
      "out/cooper-volume-escaped",
    );
    for (const name of ["through.tar", "up.tar"])
      await host.cooper("volume", "import", "v", join(directory, name));
    expect(existsSync("/tmp/cooper-volume-escaped")).toBe(false);
  });
});
