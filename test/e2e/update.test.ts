/** Limits and policies change while a container runs, and hold after its next start. */
import { expect, test } from "bun:test";
import { testHost, users } from "./host.ts";

test("limits of a container that runs hold at once, and stay", async () => {
  await using host = await testHost();
  await host.must("run", "-d", "--name", "c", "-m", "64m", "hello", "sleep", "100");
  const limit = () => host.must("stats", "--no-stream", "--format", "{{.MemUsage}}", "c");
  expect(await host.must("update", "--memory", "96m", "--pids-limit", "50", "c")).toBe("c");
  expect(await limit()).toEndWith("/ 96MiB");
  expect(
    await host.must("inspect", "-f", "{{.HostConfig.Memory}} {{.HostConfig.PidsLimit}}", "c"),
  ).toBe("100663296 50");
  await host.must("restart", "-t", "0", "c");
  expect(await limit()).toEndWith("/ 96MiB");
});

const everybody = users.map((user) => ({ user, who: user?.name ?? "the caller" }));
test.each(everybody)("restart policy and environment, as $who", async ({ user }) => {
  await using host = await testHost(user);
  await host.must("create", "--name", "c", "-e", "A=1", "-e", "B=1", "hello", "env");
  await host.must("update", "--restart", "on-failure:3", "-e", "A=2", "--unsetenv", "B", "c");
  expect(
    await host.must(
      "inspect",
      "-f",
      "{{.HostConfig.RestartPolicy.Name}} {{.HostConfig.RestartPolicy.MaximumRetryCount}}",
      "c",
    ),
  ).toBe("on-failure 3");
  const output = (await host.must("start", "-a", "c")).split("\n");
  expect(output).toContain("A=2");
  expect(output.filter((line) => line.startsWith("B="))).toEqual([]);
});

test.each([
  { args: ["c"], why: "nothing to change was named" },
  { args: ["--memory", "64m", "missing"], why: "no such container: missing" },
  { args: ["--memory", "x", "c"], why: "--memory" },
  { args: ["--restart", "always", "gone"], why: "made with --rm" },
])("update $args is refused", async ({ args, why }) => {
  await using host = await testHost();
  await host.must("create", "--name", "c", "hello");
  await host.must("create", "--name", "gone", "--rm", "hello");
  const result = await host.cooper("update", ...args);
  expect(result.exitCode).toBe(125);
  expect(result.stderr).toContain(why);
});
