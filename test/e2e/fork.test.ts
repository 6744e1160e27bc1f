/** Snapshots, rollback and fork: the files of containers as they were, without copies of them. */
import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestHost, testHost, users } from "./host.ts";

const everybody = users.map((user) => ({ user, who: user?.name ?? "the caller" }));

const script = [
  "echo new > /new",
  "rm /bin/ls",
  "rm -r /home; mkdir /home; echo 1 > /home/f",
  "chmod 700 /root; chmod 711 /",
  "chown 1:2 /var",
].join("; ");

/** Runs a program in a container that has ended, by starting another run of it. */
async function inside(host: TestHost, name: string, ...words: string[]): Promise<string> {
  await host.must("start", name);
  try {
    return await host.must("exec", "--user", "0", name, "sh", "-c", ...words);
  } finally {
    await host.must("stop", "-t", "0", name);
  }
}

/** A container that waits, stopped. */
async function stopped(host: TestHost, name: string, ...options: string[]): Promise<void> {
  await host.must("run", "-d", "--name", name, ...options, "hello", "sleep", "1000");
  await host.must("exec", "--user", "0", name, "sh", "-c", script);
  await host.must("stop", "-t", "0", name);
}

const frozen = (host: TestHost) =>
  existsSync(join(host.root, "frozen")) ? readdirSync(join(host.root, "frozen")) : [];

describe.each(everybody)("as $who", ({ user }) => {
  const namespaces = user === null ? [[]] : [[], ["--userns", "keep-id"]];

  test.each(namespaces)("files go back, and on from there %p", async (...options: string[]) => {
    await using host = await testHost(user);
    await stopped(host, "c", ...options);
    const changes = await host.must("diff", "c");
    expect(await host.must("snapshot", "create", "c", "first")).toBe("c:first");
    expect(await host.must("diff", "c")).toBe(changes);
    expect(await inside(host, "c", "ls -d / -l | cut -c1-10; cat /home/f; echo 2 > /home/f")).toBe(
      "drwx--x--x\n1",
    );
    expect(await host.must("snapshot", "create", "c")).toBe("c:1");
    await inside(host, "c", "rm /new; echo 3 > /home/f; rm -r /home; mkdir /home");
    expect(await host.must("snapshot", "diff", "c:first", "c:1")).toBe("C /home\nC /home/f");
    expect(await host.must("snapshot", "diff", "c:1")).toBe("C /home\nD /home/f\nD /new");
    expect(await host.must("snapshot", "diff", "first", "first")).toBe("");

    await host.must("rollback", "--keep", "third", "c", "first");
    expect(await host.must("diff", "c")).toBe(changes);
    expect(await inside(host, "c", "cat /home/f /new")).toBe("1\nnew");
    await host.must("rollback", "c", "third");
    expect(await inside(host, "c", "ls /home; test -e /new || echo gone")).toBe("gone");
    const listed = await host.must("snapshot", "ls", "--format", "{{.Container}} {{.Name}}", "c");
    expect(listed).toBe("c first\nc 1\nc third");
    await host.must("rm", "c");
    expect(frozen(host)).toEqual([]);
  });

  test("a fork goes its own way, and outlives what it is a fork of", async () => {
    await using host = await testHost(user);
    await host.must("volume", "create", "named");
    await stopped(
      host,
      "c",
      "-v",
      "named:/named",
      "-e",
      "COLOUR=blue",
      "-w",
      "/home",
      "-v",
      "/own",
    );
    const made = await host.cooper("fork", "c", "f");
    expect(made.exitCode).toBe(0);
    expect(made.stderr).toContain("the volume on /own has no name");
    expect(await inside(host, "f", "cat f; echo $COLOUR; echo f > /named/x; echo f > /f")).toBe(
      "1\nblue",
    );
    expect(await inside(host, "c", "cat /named/x; ls -d /f 2>&1; echo c > /c")).toContain("f\n");
    const [changed, forked] = [await host.must("diff", "c"), await host.must("diff", "f")];
    expect(changed.replace("A /c\n", "")).toBe(forked.replace("A /f\n", ""));
    await host.must("rm", "-v", "c");
    expect(await inside(host, "f", "cat /home/f /f; test ! -e /c")).toBe("1\nf");
    await host.must("fork", "-d", "--name", "g", "f");
    expect(await host.must("exec", "g", "cat", "/f")).toBe("f");
    await host.must("rm", "-f", "-t", "0", "f", "g");
    expect(frozen(host)).toEqual([]);
    await host.must("volume", "rm", "--all");
  });

  test("what stands on a snapshot stays when it is removed", async () => {
    await using host = await testHost(user);
    await stopped(host, "c");
    await host.must("snapshot", "create", "c", "one");
    await inside(host, "c", "echo two > /two");
    await host.must("snapshot", "create", "c", "two");
    await inside(host, "c", "echo three > /three");
    await host.must("fork", "c:one", "f");
    await host.must("snapshot", "rm", "c:one", "two");
    expect(await inside(host, "f", "cat /home/f; test ! -e /two")).toBe("1");
    expect(await inside(host, "c", "cat /home/f /two /three")).toBe("1\ntwo\nthree");
    expect(frozen(host)).toHaveLength(2);
    await host.must("rm", "c");
    expect(frozen(host)).toHaveLength(1);
    await host.must("rm", "f");
    expect(frozen(host)).toEqual([]);
  });

  test("commit, export, cp and sizes know what was frozen", async () => {
    await using host = await testHost(user);
    await stopped(host, "c");
    const before = await host.must("diff", "c");
    await host.must("snapshot", "create", "c");
    await inside(
      host,
      "c",
      "rm /home/f; echo x > /bin/ls; rm -r /var; mkdir /var; head -c 5000 /dev/zero > /var/big",
    );
    await host.must("snapshot", "create", "c");
    await inside(host, "c", "echo y > /var/y");
    const script = "ls -d /home/f 2>&1; cat /bin/ls; ls /var; cat /new";
    const expected = await inside(host, "c", script);
    for (const squash of [[], ["--squash"]]) {
      await host.must("commit", ...squash, "c", "committed");
      expect(await host.must("run", "--rm", "committed", "sh", "-c", script)).toBe(expected);
    }
    expect(before).not.toBe(await host.must("diff", "c"));
    expect((await host.must("diff", "c")).split("\n")).toContain("C /var");
    expect(await host.must("cp", "c:/var/y", "-")).toContain("y\n");
    const size = Number.parseInt(await host.must("ps", "-as", "--format", "{{.Size}}"), 10);
    expect(size).toBe(5);
    expect(await host.must("system", "check")).not.toContain("belongs to no");
    await host.must("system", "df");
  });

  test("one that runs is forked as it is at that moment", async () => {
    await using host = await testHost(user);
    await host.must("run", "-d", "--name", "c", "--stop-signal", "KILL", "hello", "sleep", "1000");
    await host.must("exec", "c", "sh", "-c", script);
    await host.must("exec", "c", "mkfifo", "/pipe");
    await host.must("fork", "-d", "c", "f");
    await host.must("snapshot", "create", "c", "s");
    await host.must("exec", "c", "sh", "-c", "echo later > /home/f; rm /new");
    expect(
      await host.must("exec", "f", "sh", "-c", "cat /home/f /new; ls /bin/ls 2>&1; echo"),
    ).toContain("1\nnew\n");
    expect((await host.must("snapshot", "diff", "c:s")).split("\n")).toContain("D /new");
    const refused = await host.cooper("rollback", "c", "s");
    expect(refused.stderr).toContain("--restart");
    await host.must("rollback", "--restart", "c", "s");
    expect(await host.must("exec", "c", "cat", "/home/f", "/new")).toBe("1\nnew");
  });
});

test.each([
  { argv: ["snapshot", "create", "none"], says: "no such container: none" },
  { argv: ["snapshot", "create", "c", "a/b"], says: "invalid name of a snapshot" },
  { argv: ["snapshot", "create", "c", "s"], says: 'has a snapshot "s" already' },
  { argv: ["snapshot", "rm", "c:none"], says: "no such snapshot: c:none" },
  { argv: ["rollback", "c", "none"], says: "no such snapshot: c:none" },
  { argv: ["rollback", "--keep", "s", "c", "s"], says: 'has a snapshot "s" already' },
  { argv: ["fork", "c", "c"], says: "already in use" },
  { argv: ["fork", "c:none"], says: "no such snapshot" },
  { argv: ["fork", "c", "a b"], says: "invalid container name" },
])("$argv is refused and changes nothing", async ({ argv, says }) => {
  await using host = await testHost();
  await host.must("run", "--name", "c", "hello", "sh", "-c", "echo 1 > /f");
  await host.must("snapshot", "create", "c", "s");
  await host.must("cp", "/etc/hostname", "c:/g");
  const refused = await host.cooper(...argv);
  expect(refused.exitCode).not.toBe(0);
  expect(refused.stderr).toContain(says);
  expect(await host.must("diff", "c")).toContain("A /g");
  expect(await host.must("snapshot", "ls", "-q")).toBe("c:s");
  expect(frozen(host)).toHaveLength(1);
});

test("a mount keeps what it was made of: nothing changes below it", async () => {
  await using host = await testHost();
  await host.must("run", "--name", "c", "hello", "sh", "-c", "echo 1 > /f");
  await host.must("snapshot", "create", "c", "s");
  const path = await host.must("mount", "c");
  expect((await host.cooper("rollback", "c", "s")).stderr).toContain("cooper unmount c");
  expect(await host.must("fork", "c", "f")).toHaveLength(64);
  writeFileSync(join(path, "g"), "2");
  expect((await host.cooper("fork", "c")).stderr).toContain("cooper unmount c");
  await host.must("unmount", "c");
  await host.must("rollback", "c", "s");
  expect(await host.must("diff", "c")).toBe("A /f");
});

test("with vfs a snapshot is the whole tree", async () => {
  await using host = await testHost();
  const vfs = ["--storage-driver", "vfs"];
  await host.must(
    ...vfs,
    "run",
    "--name",
    "c",
    "hello",
    "sh",
    "-c",
    "cat /f; echo 1 > /f; rm -f /bin/ls",
  );
  await host.must(...vfs, "snapshot", "create", "c", "s");
  await host.must(...vfs, "fork", "c", "f");
  expect(await host.must(...vfs, "start", "-a", "f")).toBe("1");
  expect(await host.must(...vfs, "export", "f")).not.toContain("bin/ls\0");
  await host.must(...vfs, "rollback", "c", "s");
  await host.must(...vfs, "commit", "-q", "c", "localhost/x");
  expect(await host.must(...vfs, "run", "--rm", "localhost/x", "cat", "/f")).toBe("1");
  expect(await host.must(...vfs, "start", "-a", "c")).toContain("1");
});
