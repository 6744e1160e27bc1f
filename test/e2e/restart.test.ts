/** Restart policies: after an end, a boot, the death of a monitor, another binary. */
import { expect, test } from "bun:test";
import { copyFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import { binary, type TestHost, testHost, users } from "./host.ts";
import { endProcesses, inNextBoot, powerOff } from "./reboot.ts";

const everybody = users.map((user) => ({ user, who: user?.name ?? "the caller" }));
const sleeper = ["hello", "sleep", "1000"];

const about = (host: TestHost, name: string) =>
  host.must("inspect", "-f", "{{.State.Status}} {{.RestartCount}}", name);

async function until(isTrue: () => Promise<boolean>): Promise<void> {
  for (let wait = 0; wait < 200; wait++) {
    if (await isTrue()) return;
    await Bun.sleep(50);
  }
  throw new Error("it did not come true in ten seconds");
}

test.each(everybody)("at boot what the policies ask for is started, as $who", async ({ user }) => {
  await using host = await testHost(user);
  const policies = ["no", "on-failure", "always", "unless-stopped"];
  for (const policy of policies) {
    const restart = ["--restart", policy];
    await host.must("run", "-d", "--name", policy, ...restart, ...sleeper);
    await host.must("run", "-d", "--name", `${policy}-ended`, ...restart, ...sleeper);
    await host.must("create", "--name", `${policy}-new`, ...restart, ...sleeper);
  }
  await host.must("stop", "-t", "0", "--filter", "name=ended");
  await powerOff(host, ...policies);
  const script = `
running() { cooper ps --format '{{.Names}}' | sort | tr '\\n' ' '; echo; }
cooper start --all --filter should-start-on-boot=true > /dev/null; running
cooper stop -t 0 --all > /dev/null 2>&1
cooper start --all --filter restart-policy=always > /dev/null; running
cooper start --all --filter restart-policy=unless-stopped > /dev/null; running
cooper stop -t 0 --all --until-boot > /dev/null 2>&1; running
cooper start --all --filter should-start-on-boot=true > /dev/null; running
cooper rm -fa > /dev/null`;
  const { stdout } = await inNextBoot(host, script);
  expect(stdout.split("\n").map((line) => line.trim())).toEqual([
    "always always-ended unless-stopped",
    "always always-ended always-new",
    "always always-ended always-new unless-stopped-new",
    "",
    "always always-ended always-new unless-stopped-new",
    "",
  ]);
  endProcesses(host);
});

test.each(everybody)(
  "who killed the monitor does not keep it from coming back, as $who",
  async ({ user }) => {
    await using host = await testHost(user);
    await host.must("run", "-d", "--name", "c", "--restart", "always", ...sleeper);
    const pids = await host.must("inspect", "-f", "{{.State.ConmonPid}} {{.State.Pid}}", "c");
    for (const pid of pids.split(" ")) process.kill(Number(pid), "SIGKILL");
    await until(async () => (await host.must("ps", "--format", "{{.Restarts}}")) === "1");
    expect(await about(host, "c")).toBe("running 1");
  },
);

test("one that was started by an older binary is restarted by the one in its place", async () => {
  await using host = await testHost();
  const older = join(host.directory, "cooper");
  copyFileSync(binary, older);
  const words = host.argv("run", "-d", "--name", "c", "--restart", "always", ...sleeper);
  const run = Bun.spawnSync([older, ...words.slice(1)], { env: host.environment() });
  expect(run.exitCode).toBe(0);
  copyFileSync(binary, `${older}.new`);
  renameSync(`${older}.new`, older);
  process.kill(Number(await host.must("inspect", "-f", "{{.State.Pid}}", "c")), "SIGKILL");
  await until(async () => (await about(host, "c")) === "running 1");
});

test("a start that fails is tried again", async () => {
  await using host = await testHost();
  const source = host.place("source");
  const mount = ["--mount", `type=bind,source=${source},target=/m`];
  await host.must("run", "-d", "--name", "c", "--restart", "always", ...mount, ...sleeper);
  renameSync(source, `${source}.away`);
  process.kill(Number(await host.must("inspect", "-f", "{{.State.Pid}}", "c")), "SIGKILL");
  await until(async () =>
    (await host.must("inspect", "-f", "{{.State.Error}}", "c")).includes("restart failed"),
  );
  renameSync(`${source}.away`, source);
  await until(async () => (await about(host, "c")).startsWith("running"));
  expect(await host.must("inspect", "-f", "{{.State.Error}}", "c")).toBe("");
});

test("update changes the policy of one that waits to be started again", async () => {
  await using host = await testHost();
  const command = ["hello", "sh", "-c", "echo once more; exit 1"];
  await host.must("run", "-d", "--name", "c", "--restart", "always", ...command);
  await until(async () => Number((await about(host, "c")).split(" ")[1]) > 1);
  await host.must("update", "--restart", "no", "c");
  await host.must("wait", "c");
  const { stdout } = await host.cooper("logs", "c");
  await Bun.sleep(2000); // longer than it would wait
  expect((await host.cooper("logs", "c")).stdout).toBe(stdout);
});

test("whoever sees an end first does not take the restart away", async () => {
  await using host = await testHost();
  const failing = ["hello", "sh", "-c", "sleep 0.1; exit 3"];
  const run = await host.cooper("run", "--name", "r", "--restart", "on-failure:2", ...failing);
  expect(run.exitCode).toBe(3);
  let state = "";
  for (let waits = 0; state !== "2 exited" && waits < 100; waits++) {
    await host.must("ps", "-a");
    state = await host.must("inspect", "-f", "{{.RestartCount}} {{.State.Status}}", "r");
    await Bun.sleep(50);
  }
  expect(state).toBe("2 exited");
});

test.each(everybody)(
  "between an end and the next start it is restarting, as $who",
  async ({ user }) => {
    await using host = await testHost(user);
    const failing = ["hello", "sh", "-c", "exit 3"];
    await host.must("run", "-d", "--name", "r", "--restart", "always", ...failing);
    await until(async () => Number((await about(host, "r")).split(" ")[1]) >= 4); // now it waits for seconds
    await until(async () => (await about(host, "r")).startsWith("restarting"));
    const fields = "{{.State.Running}} {{.State.Restarting}} {{.State.Pid}} {{.State.ExitCode}}";
    expect(await host.must("inspect", "-f", fields, "r")).toBe("true true 0 3");
    expect(await host.must("ps", "--format", "{{.State}}: {{.Status}}")).toMatch(
      /^restarting: Restarting \(3\) .* ago$/,
    );
    const listed = (status: string) =>
      host.must("ps", "-a", "--format", "{{.Names}}", "--filter", `status=${status}`);
    expect(await listed("restarting")).toBe("r");
    expect(await listed("exited")).toBe("");
    expect(await host.must("container", "prune", "--force")).not.toContain("r");
    expect(await host.cooper("rm", "r")).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining("cannot remove container r: it is restarting"),
    });
    expect((await host.cooper("exec", "r", "true")).exitCode).toBe(125);
    await host.must("stop", "--all");
    expect(await about(host, "r")).toStartWith("exited");
    await host.must("rm", "r");
  },
);
