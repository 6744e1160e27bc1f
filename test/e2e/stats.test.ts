/** What containers use is shown: of those that run, of those named, once or again and again. */
import { expect, test } from "bun:test";
import { testHost, users } from "./host.ts";

const everybody = users.map((user) => ({ user, who: user?.name ?? "the caller" }));

test.each(everybody)("stats as $who", async ({ user }) => {
  await using host = await testHost(user);
  expect(await host.must("stats", "--no-stream", "--format", "{{.Name}}")).toBe("");
  await host.must("run", "-d", "--name", "busy", "hello", "sh", "-c", "while :; do :; done");
  await host.must("create", "--name", "idle", "hello");
  const once = ["stats", "--no-stream"];
  expect(await host.must(...once, "--format", "{{.Name}} {{.PIDs}}")).toBe("busy 1");
  expect(Number((await host.must(...once, "--format", "{{.CPU}}")).trim())).toBeGreaterThan(0);
  expect(await host.must(...once, "idle", "--format", "{{.Name}} {{.CPUPerc}} {{.MemUsage}}")).toBe(
    "idle -- -- / --",
  );
  expect(JSON.parse(await host.must(...once, "-a", "--format", "json"))).toHaveLength(2);
  expect((await host.cooper(...once, "missing")).exitCode).toBe(125);
});

test("stats of a limited container, and a stream that its reader ends", async () => {
  await using host = await testHost();
  await host.must("run", "-d", "--name", "c", "-m", "64m", "hello", "sleep", "100");
  expect(await host.must("stats", "--no-stream", "--format", "{{.MemUsage}}")).toEndWith("/ 64MiB");
  const child = host.start({}, "stats", "--format", "{{.Name}}");
  const reader = child.stdout.getReader();
  for (let at = 0; at < 2; at++)
    expect(Buffer.from((await reader.read()).value ?? []).toString()).toBe("c\n");
  child.kill("SIGINT");
  expect(await child.exited).toBe(130);
});
