import { describe, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { testHost, users } from "./host.ts";

const sleeper = ["hello", "sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.05; done"];

describe.each(users.map((user) => ({ user, who: user?.name ?? "the caller" })))(
  "life of a container as $who",
  ({ user }) => {
    test("create, start, stop, start again, remove", async () => {
      await using host = await testHost(user);
      const state = () => host.must("inspect", "-f", "{{.State.Status}} {{.State.ExitCode}}", "c");
      await host.must("create", "--name", "c", ...sleeper);
      expect(await state()).toBe("created 0");
      expect(await host.must("start", "c")).toBe("c");
      expect(await state()).toBe("running 0");
      expect(await host.must("stop", "c")).toBe("c");
      expect(await state()).toBe("exited 0");
      await host.must("start", "c");
      expect((await host.cooper("rm", "c")).stderr).toContain(
        "cannot remove container c: it is running",
      );
      await host.must("kill", "c");
      expect(await state()).toBe("exited 137");
      expect(await host.must("rm", "c")).toBe("c");
      expect((await host.cooper("inspect", "c")).stderr).toContain("no such object: c");
    });

    test("exec: output, exit codes, user, environment, working directory", async () => {
      await using host = await testHost(user);
      await host.must("run", "-d", "--name", "c", "-e", "A=1", ...sleeper);
      expect(
        await host.must(
          "exec",
          "-e",
          "B=2",
          "-w",
          "/tmp",
          "-u",
          "7",
          "c",
          "sh",
          "-c",
          "echo $A $B; pwd; id -u",
        ),
      ).toBe("1 2\n/tmp\n7");
      expect((await host.cooper("exec", "c", "sh", "-c", "exit 9")).exitCode).toBe(9);
      expect((await host.cooper("exec", "c", "no-such")).exitCode).toBe(127);
      expect((await host.cooper("exec", "c", "/etc")).exitCode).toBe(126);
      expect((await host.cooperWith({ stdin: "in" }, "exec", "-i", "c", "cat")).stdout).toBe("in");
      const withTty = ["-it", "c", "sh", "-c", "test -t 0 && echo tty; exit 4"];
      const session = await host.cooperWith({ tty: true }, "exec", ...withTty);
      expect(session).toMatchObject({ exitCode: 4, stdout: "tty\r\n" });
      await host.must("stop", "c");
      expect((await host.cooper("exec", "c", "true")).stderr).toContain("it is not running");
    });

    test("logs: streams, tail, times, after the end", async () => {
      await using host = await testHost(user);
      await host.must(
        "run",
        "--name",
        "c",
        "hello",
        "sh",
        "-c",
        "echo one; echo two >&2; printf three",
      );
      expect(await host.cooper("logs", "c")).toEqual({
        exitCode: 0,
        stdout: "one\nthree",
        stderr: "two\n",
      });
      expect((await host.cooper("logs", "--tail", "1", "c")).stdout).toBe("three");
      expect((await host.cooper("logs", "-t", "--since", "1h", "c")).stdout).toMatch(
        /^\d{4}-\d\d-\d\dT[^ ]+ one\n/,
      );
      expect((await host.cooper("logs", "--since", "2100-01-01T00:00:00Z", "c")).stdout).toBe("");
    });

    test("logs --follow ends with the container", async () => {
      await using host = await testHost(user);
      await host.must(
        "run",
        "-d",
        "--name",
        "c",
        "hello",
        "sh",
        "-c",
        "for i in 1 2 3; do echo $i; sleep 0.2; done",
      );
      expect((await host.cooper("logs", "-f", "c")).stdout).toBe("1\n2\n3\n");
    });

    test("wait gives the exit code", async () => {
      await using host = await testHost(user);
      await host.must("run", "-d", "--name", "c", "hello", "sh", "-c", "sleep 0.3; exit 6");
      expect(await host.must("wait", "c")).toBe("6");
    });

    test("--rm with -d leaves nothing", async () => {
      await using host = await testHost(user);
      await host.must("run", "-d", "--rm", "hello", "true");
      for (let wait = 0; wait < 100 && (await host.must("ps", "-aq")) !== ""; wait++)
        await Bun.sleep(50);
      expect(await host.must("ps", "-aq")).toBe("");
    });

    test("--restart on-failure:2 tries three times", async () => {
      await using host = await testHost(user);
      await host.must(
        "run",
        "-d",
        "--name",
        "c",
        "--restart",
        "on-failure:2",
        "hello",
        "sh",
        "-c",
        "echo try; exit 1",
      );
      const count = () => host.must("inspect", "-f", "{{.RestartCount}} {{.State.Status}}", "c");
      const output = async () => (await host.cooper("logs", "c")).stdout;
      for (let wait = 0; wait < 200 && (await output()) !== "try\ntry\ntry\n"; wait++)
        await Bun.sleep(50);
      expect(await output()).toBe("try\ntry\ntry\n");
      await host.must("wait", "c");
      expect(await count()).toBe("2 exited");
    });

    test("top shows the processes", async () => {
      await using host = await testHost(user);
      await host.must("run", "-d", "--name", "c", "hello", "sleep", "60");
      // for a moment its process is still the runtime's
      let shown = "";
      for (let tries = 0; tries < 50 && !shown.includes("sleep"); tries++)
        shown = await host.must("top", "c", "pid", "args");
      expect(shown).toMatch(/^PID\s+COMMAND\n1\s+sleep 60$/);
    });

    test("attach, and detach by keys", async () => {
      await using host = await testHost(user);
      await host.must("run", "-dit", "--name", "c", "hello", "cat");
      const attached = host.start({ tty: true }, "attach", "c");
      await Bun.sleep(500);
      (attached.stdin as Bun.FileSink).write("\x10\x11");
      await (attached.stdin as Bun.FileSink).flush();
      expect(await attached.exited).toBe(0);
      expect(await host.must("inspect", "-f", "{{.State.Status}}", "c")).toBe("running");
    });

    test("a reboot ends what ran", async () => {
      await using host = await testHost(user);
      await host.must("run", "-d", "--name", "c", "hello", "sleep", "60");
      await host.must("stop", "-t", "0", "c");
      rmSync(`${host.run}/c`, { recursive: true, force: true });
      expect(await host.must("ps", "-a", "--format", "{{.State}}")).toBe("exited");
      await host.must("start", "c");
      expect(await host.must("ps", "--format", "{{.State}}")).toBe("running");
    });

    test("ps: filters, formats, states", async () => {
      await using host = await testHost(user);
      await host.must("create", "--name", "a", "--label", "k=v", "hello", "true");
      await host.must("run", "--name", "b", "hello", "sh", "-c", "exit 3").catch(() => undefined);
      expect(await host.must("ps", "--format", "{{.Names}}")).toBe("");
      expect(await host.must("ps", "-a", "--format", "{{.Names}}")).toBe("b\na");
      expect(
        await host.must("ps", "-a", "--filter", "label=k=v", "--format", "{{.Names}} {{.State}}"),
      ).toBe("a created");
      expect(await host.must("ps", "--filter", "exited=3", "--format", "{{.Names}}")).toBe("b");
      expect(JSON.parse(await host.must("ps", "-a", "--format", "json"))).toHaveLength(2);
      expect((await host.cooper("ps", "--filter", "nope=1")).stderr).toContain(
        'unknown filter "nope"',
      );
      expect(await host.must("container", "prune", "-f")).not.toBe("");
      expect(await host.must("ps", "-aq")).toBe("");
    });

    test("rename, exists, and names by a beginning of the id", async () => {
      await using host = await testHost(user);
      const id = await host.must("create", "--name", "old", "hello", "true");
      await host.must("rename", "old", "new");
      expect((await host.cooper("container", "exists", "old")).exitCode).toBe(1);
      expect((await host.cooper("container", "exists", "new")).exitCode).toBe(0);
      expect(await host.must("inspect", "-f", "{{.Name}}", id.slice(0, 6))).toBe("new");
    });
  },
);

test("pause and unpause", async () => {
  await using host = await testHost();
  await host.must("run", "-d", "--name", "c", ...sleeper);
  await host.must("pause", "c");
  expect(await host.must("ps", "--format", "{{.State}}")).toBe("paused");
  expect((await host.cooper("exec", "c", "true")).stderr).toContain("it is paused");
  await host.must("unpause", "c");
  expect(await host.must("exec", "c", "echo", "on")).toBe("on");
});

test("thirty at once all succeed", async () => {
  await using host = await testHost();
  await host.must("run", "--rm", "hello", "true");
  const runs = await Promise.all(
    Array.from({ length: 30 }, (_, index) =>
      host.cooper("run", "--rm", "hello", "echo", `${index}`),
    ),
  );
  expect(runs.map(({ stdout }) => stdout.trim())).toEqual(
    Array.from({ length: 30 }, (_, index) => `${index}`),
  );
});

test("whatever a killed run was doing, the next commands see the truth and clean up", async () => {
  await using host = await testHost();
  await host.must("run", "--rm", "hello", "true");
  for (let at = 0; at < 24; at++) {
    const child = host.start({}, "run", "--name", `k${at}`, "hello", "sleep", "30");
    await Bun.sleep(5 * at);
    child.kill("SIGKILL");
    await child.exited;
  }
  const states = (await host.must("ps", "-a", "--format", "{{.State}}"))
    .split("\n")
    .filter((state) => state !== "");
  for (const state of states) expect(["created", "initialized", "running"]).toContain(state);
  await host.must("rm", "--force", "--all");
  expect(await host.settled()).toEqual([]);
});
