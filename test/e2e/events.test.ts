/** What happens is told, in the words of both peers, as it happens and afterwards. */
import { expect, test } from "bun:test";
import { testHost, users } from "./host.ts";

const everybody = users.map((user) => ({ user, who: user?.name ?? "the caller" }));

test.each(everybody)("events of a container's life, as $who", async ({ user }) => {
  await using host = await testHost(user);
  await host.must("run", "--rm", "--name", "a", "-l", "k=v", "hello", "true");
  const failed = await host.cooper("run", "--name", "b", "hello", "sh", "-c", "exit 3");
  expect(failed.exitCode).toBe(3);
  await host.must("tag", "hello", "example.com/x:1");
  await host.must("rm", "b");
  const show = ["events", "--stream=false", "--format", "{{.Type}} {{.Action}} {{.Name}}"];
  const seen = (await host.must(...show, "-f", "type=container")).split("\n");
  expect(seen).toEqual(
    ["a", "b"].flatMap((name) =>
      ["create", "start", "die", "destroy"].map((action) => `container ${action} ${name}`),
    ),
  );
  expect(await host.must(...show, "-f", "event=tag")).toBe("image tag example.com/x:1");
  expect(await host.must(...show, "-f", "event=died", "-f", "label=k=v")).toBe("container die a");
  const document = JSON.parse(
    await host.must(
      "events",
      "--stream=false",
      "--format",
      "json",
      "-f",
      "event=die",
      "-f",
      "container=b",
    ),
  );
  expect(document).toMatchObject({
    Status: "died",
    ContainerExitCode: 3,
    Actor: { Attributes: { exitCode: "3" } },
  });
});

test("a follower is told at once, and ends with its reader", async () => {
  await using host = await testHost();
  await host.must("images");
  const child = host.start({}, "events", "-f", "event=start", "--format", "{{.Name}}");
  const reader = child.stdout.getReader();
  await Bun.sleep(300); // until it watches
  await host.must("run", "--rm", "--name", "now", "hello", "true");
  const { value } = await reader.read();
  expect(Buffer.from(value ?? []).toString()).toBe("now\n");
  child.kill("SIGINT");
  expect(await child.exited).toBe(130);
});

test("--until ends it; a mistyped filter is told", async () => {
  await using host = await testHost();
  await host.must("run", "--rm", "hello", "true");
  expect(
    await host.must("events", "--since", "1h", "--until", "0s", "-f", "event=create"),
  ).toContain("create");
  const refused = await host.cooper("events", "-f", "evnet=create");
  expect(refused.exitCode).toBe(125);
  expect(refused.stderr).toContain('unknown filter "evnet"');
});
