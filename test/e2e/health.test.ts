/** Health checks run by themselves, are told, and lead to what was asked for. */
import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type TestHost, testHost, users } from "./host.ts";

const everybody = users.map((user) => ({ user, who: user?.name ?? "the caller" }));
const fast = ["--health-interval", "200ms", "--health-retries", "2"];

function status(host: TestHost, name: string): Promise<string> {
  return host.must("inspect", "-f", "{{.State.Health.Status}}", name);
}

async function until(isTrue: () => Promise<boolean>): Promise<void> {
  for (let wait = 0; wait < 100; wait++) {
    if (await isTrue()) return;
    await Bun.sleep(100);
  }
  throw new Error("it did not come true in ten seconds");
}

/** The keeper of this store. */
function keepers(host: TestHost): number[] {
  return readdirSync("/proc").flatMap((pid) => {
    try {
      const text = readFileSync(`/proc/${pid}/cmdline`, "utf8");
      return text.includes("__keep-health") && text.includes(`${host.root}\0`) ? [Number(pid)] : [];
    } catch {
      return []; // it has ended, or is no process
    }
  });
}

describe.each(everybody)("health as $who", ({ user }) => {
  test("starting, unhealthy, healthy", async () => {
    await using host = await testHost(user);
    const command = "echo looked; test -f /ok";
    await host.must(
      "run",
      "-d",
      "--name",
      "c",
      "--health-cmd",
      command,
      ...fast,
      "hello",
      "sleep",
      "100",
    );
    expect(await host.must("ps", "--format", "{{.Status}}")).toContain("(health: starting)");
    await until(async () => (await status(host, "c")) === "unhealthy");
    expect(await host.must("ps", "-q", "-f", "health=unhealthy")).not.toBe("");
    expect((await host.cooper("healthcheck", "run", "c")).exitCode).toBe(1);
    await host.must("exec", "c", "touch", "/ok");
    await host.must("wait", "--condition", "healthy", "c");
    expect(await host.must("ps", "--format", "{{.Status}}")).toContain("(healthy)");
    expect(await host.must("healthcheck", "run", "c")).toBe("looked");
    expect(
      await host.must("inspect", "-f", "{{(index .State.Health.Log 0).Output}}", "c"),
    ).toContain("looked");
    const told = await host.must(
      "events",
      "--stream=false",
      "-f",
      "event=health_status",
      "--format",
      "{{.Action}}",
    );
    expect(told.split("\n")).toEqual(["health_status: unhealthy", "health_status: healthy"]);
    expect(keepers(host)).toHaveLength(1);
    await host.must("stop", "-t", "0", "c");
    await until(async () => keepers(host).length === 0);
  });

  test("a keeper that was killed comes back with the next look", async () => {
    await using host = await testHost(user);
    await host.must(
      "run",
      "-d",
      "--name",
      "c",
      "--health-cmd",
      "true",
      ...fast,
      "hello",
      "sleep",
      "100",
    );
    await until(async () => (await status(host, "c")) === "healthy");
    for (const pid of keepers(host)) process.kill(pid, "SIGKILL");
    await until(async () => {
      await host.must("ps");
      return keepers(host).length === 1;
    });
  });
});

test("an unhealthy container is started again, or killed, as asked", async () => {
  await using host = await testHost();
  const check = ["--health-cmd", "false", ...fast, "--health-on-failure"];
  await host.must(
    "run",
    "-d",
    "--name",
    "again",
    "--stop-timeout",
    "0",
    ...check,
    "restart",
    "hello",
    "sleep",
    "100",
  );
  await host.must("run", "-d", "--name", "gone", ...check, "kill", "hello", "sleep", "100");
  const told = (name: string) =>
    host.must("events", "--stream=false", "-f", `container=${name}`, "--format", "{{.Action}}");
  await until(async () => (await told("again")).includes("restart"));
  expect(await host.must("wait", "gone")).toBe("137");
});

test("a check that takes too long fails, and leaves nothing behind", async () => {
  await using host = await testHost();
  await host.must(
    "run",
    "-d",
    "--name",
    "c",
    "--health-cmd",
    "sleep 1000",
    "--health-timeout",
    "200ms",
    "--health-interval",
    "disable",
    "hello",
    "sleep",
    "100",
  );
  const late = await host.cooper("healthcheck", "run", "c");
  expect(late).toMatchObject({
    exitCode: 1,
    stdout: "the health check took longer than 0.2 seconds\n",
  });
  await until(async () => !(await host.must("top", "c", "args")).includes("sleep 1000"));
  expect(keepers(host)).toEqual([]);
});

test("none of it where there is no check", async () => {
  await using host = await testHost();
  await host.must("run", "-d", "--name", "c", "hello", "sleep", "100");
  expect((await host.cooper("healthcheck", "run", "c")).stderr).toContain(
    "container c has no health check",
  );
  expect(await status(host, "c")).toBe("");
  expect(keepers(host)).toEqual([]);
});

/** A service manager's socket: every datagram becomes a line. */
const manager = `socket(S, AF_UNIX, SOCK_DGRAM, 0) or die; bind(S, sockaddr_un($ARGV[0])) or die;
  $| = 1; while (1) { recv(S, $m, 4096, 0); $m =~ tr/\\n/ /; print "$m\\n" }`;

test("--sdnotify healthy: the service manager is told once it is healthy", async () => {
  await using host = await testHost();
  const socket = join(host.directory, "notify");
  const told = join(host.directory, "told");
  const listener = Bun.spawn(["perl", "-MSocket", "-e", manager, socket], {
    stdio: ["ignore", Bun.file(told), "inherit"],
  });
  await until(async () => existsSync(socket));
  const env = { NOTIFY_SOCKET: socket };
  const run = (name: string, ...words: string[]) =>
    host.cooperWith({ env }, "run", "-d", "--name", name, "--sdnotify", "healthy", ...words);
  const check = ["--health-cmd", "test -f /ok", ...fast];
  expect((await run("c", ...check, "hello", "sleep", "100")).exitCode).toBe(0);
  expect((await run("x", ...check, "hello", "true")).exitCode).toBe(0); // ends without ever being healthy
  await host.must("wait", "--condition", "unhealthy", "c");
  expect(readFileSync(told, "utf8")).not.toContain("READY");
  await host.must("exec", "c", "touch", "/ok");
  await until(async () => readFileSync(told, "utf8").includes("READY=1"));
  listener.kill();
  expect(readFileSync(told, "utf8").match(/MAINPID=\d+/g)).toHaveLength(2);
  expect(readFileSync(told, "utf8").match(/READY=1/g)).toHaveLength(1);
  expect((await run("none", "hello", "true")).stderr).toContain("needs a health check");
});
