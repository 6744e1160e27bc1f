/** Checkpoints: processes are frozen to the disk and go on, here or elsewhere. */
import { describe, expect, test } from "bun:test";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestHost, testHost, users } from "./host.ts";

// Debian 12's criu does not know newer kernels: then only what is refused can be seen here
const check = Bun.spawnSync(["sh", "-c", "criu check"], { stdio: ["ignore", "ignore", "ignore"] });
const env = { PATH: process.env.PATH ?? "" };
const criu = (host: TestHost, ...args: string[]) => host.cooperWith({ env }, "container", ...args);

async function must(host: TestHost, ...args: string[]): Promise<string> {
  const result = await criu(host, ...args);
  if (result.exitCode !== 0) throw new Error(`${args.join(" ")}: ${result.stderr}`);
  return result.stdout.trimEnd();
}

/** Counts in its memory alone. */
const counter = ["hello", "sh", "-c", "i=0; while :; do i=$((i+1)); echo $i; sleep 0.05; done"];

async function count(host: TestHost, name: string): Promise<number> {
  return Number((await host.cooper("logs", "--tail", "1", name)).stdout.trim());
}

async function until(isTrue: () => Promise<boolean>): Promise<void> {
  for (let wait = 0; wait < 200; wait++) {
    if (await isTrue()) return;
    await Bun.sleep(50);
  }
  throw new Error("it did not come true in ten seconds");
}

describe.skipIf(!check.success)("with criu", () => {
  test("a container goes on where it was frozen", async () => {
    await using host = await testHost();
    const files = "echo shared > /dev/shm/f; echo new > /new";
    const command = ["hello", "sh", "-c", `${files}; ${counter[3]}`];
    await host.must("run", "-d", "--name", "c", "--restart", "always", ...command);
    await until(async () => (await count(host, "c")) > 3);
    await must(host, "checkpoint", "c");
    const frozen = await count(host, "c");
    const state = "{{.State.Status}} {{.State.Checkpointed}} {{.RestartCount}}";
    expect(await host.must("inspect", "-f", state, "c")).toBe("exited true 0");
    await must(host, "restore", "c");
    expect(await host.must("exec", "c", "cat", "/dev/shm/f", "/new")).toBe("shared\nnew");
    await until(async () => (await count(host, "c")) > frozen + 1);
    const { stdout } = await host.cooper("logs", "c");
    expect(stdout.trim().split("\n").map(Number)).toEqual(
      Array.from({ length: stdout.trim().split("\n").length }, (_, at) => at + 1),
    );
    expect((await criu(host, "restore", "c")).stderr).toContain("it is running");
    await host.must("stop", "-t", "0", "c");
    expect((await criu(host, "restore", "c")).stderr).toContain("there is no checkpoint of c");
  });

  test("another store takes it from a file, under another name, with files and volumes", async () => {
    await using host = await testHost();
    await using other = await testHost();
    const files = "echo new > /new; rm /bin/ls; echo kept > /data/f; echo own > /own/f";
    const command = ["hello", "sh", "-c", `${files}; ${counter[3]}`];
    await host.must("run", "-d", "--name", "c", "-v", "data:/data", "-v", "/own", ...command);
    await until(async () => (await count(host, "c")) > 3);
    const file = join(host.directory, "c.tar");
    const how = ["--export", file, "--leave-running", "--print-stats"];
    const statistics = JSON.parse(await must(host, "checkpoint", ...how, "c"));
    expect(statistics.container_statistics[0].criu_statistics.pages_written).toBeGreaterThan(0);
    const frozen = await count(host, "c");
    await until(async () => (await count(host, "c")) > frozen + 1);
    await must(other, "restore", "--import", file, "--name", "d");
    const look = "cat /new /data/f /own/f; test -e /bin/ls || echo gone";
    expect(await other.must("exec", "d", "sh", "-c", look)).toBe("new\nkept\nown\ngone");
    await until(async () => (await count(other, "d")) > frozen + 1);
    expect((await criu(other, "restore", "--import", file, "--name", "e")).stderr).toContain(
      "there is a volume data already",
    );
    await must(other, "restore", "--import", file, "--name", "e", "--ignore-volumes", "--keep");
    expect(await other.must("ps", "--format", "{{.Names}}")).toBe("e\nd");
    for (const one of [host, other]) await one.must("rm", "-f", "-a", "-v");
  });

  test("a container with a terminal, and one that is made with --rm", async () => {
    await using host = await testHost();
    await host.must("run", "-dt", "--name", "t", ...counter);
    await until(async () => (await count(host, "t")) > 1);
    await must(host, "checkpoint", "t");
    const frozen = await count(host, "t");
    await must(host, "restore", "t");
    await until(async () => (await count(host, "t")) > frozen);
    await host.must("run", "-d", "--rm", "--name", "r", ...counter);
    expect((await criu(host, "checkpoint", "r")).stderr).toContain("it was made with --rm");
    const file = join(host.directory, "r.tar");
    await must(host, "checkpoint", "--export", file, "--compress", "none", "r");
    expect(existsSync(file)).toBe(true);
    expect((await host.cooper("container", "exists", "r")).exitCode).toBe(1);
    await must(host, "restore", "--import", file);
    expect(await host.must("inspect", "-f", "{{.State.Status}}", "r")).toBe("running");
  });

  test("addresses and published ports are there again", async () => {
    await using host = await testHost(null, { networks: true });
    await host.must("network", "create", "n");
    await host.must("run", "-d", "--name", "c", "--network", "n", "-p", "8080:80", ...counter);
    await must(host, "checkpoint", "c");
    await must(host, "restore", "c");
    const address = "{{(index .NetworkSettings.Networks `n`).IPAddress}}";
    const ip = await host.must("inspect", "-f", address, "c");
    expect(await host.must("exec", "c", "ip", "-4", "-o", "addr", "show", "eth0")).toContain(ip);
    expect(await host.must("port", "c")).toBe("80/tcp -> 0.0.0.0:8080");
  });
});

test("what cannot be is refused with its reason", async () => {
  await using host = await testHost();
  await host.must("create", "--name", "c", "hello", "true");
  const refused = async (...args: string[]) => (await host.cooper("container", ...args)).stderr;
  if (Bun.which("criu") === null) {
    expect(await refused("checkpoint", "c")).toContain("Hint: apt-get install criu");
    return;
  }
  expect(await refused("checkpoint", "c")).toContain("it is not running");
  expect(await refused("restore", "c")).toContain("there is no checkpoint of c");
  const file = join(host.directory, "x.tar");
  expect(await refused("restore", "--import", file)).toContain("no such file");
  writeFileSync(file, new Uint8Array(1024));
  expect(await refused("restore", "--import", file)).toContain("is no checkpoint");
  expect(await refused("restore", "--name", "x", "c")).toContain("--name needs --import");
});

test.each(users.filter((user) => user !== null))(
  "%p is told that criu needs root",
  async (user) => {
    await using host = await testHost(user);
    await host.must("create", "--name", "c", "hello", "true");
    const { stderr } = await host.cooper("container", "checkpoint", "c");
    expect(stderr).toContain("criu needs root");
  },
);
