/** Containers made of other containers and of labels: clone, auto-update, runlabel. */
import { describe, expect, test } from "bun:test";
import { type TestHost, testHost, users } from "./host.ts";
import { testRegistry } from "./registry.ts";

const everybody = users.map((user) => ({ user, who: user?.name ?? "the caller" }));
const sleeper = ["hello", "sleep", "1000"];

describe.each(everybody)("as $who", ({ user }) => {
  test("a clone has settings and image of the original, and neither its files nor its volumes", async () => {
    await using host = await testHost(user);
    const asked = ["-e", "A=1", "-v", "/data", "--label", "k=v", "--memory", "64m"];
    await host.must("run", "-d", "--name", "orig", ...asked, ...sleeper);
    await host.must("exec", "orig", "sh", "-c", "touch /new /data/kept");
    await host.must("container", "clone", "--run", "--memory", "48m", "orig");
    const facts = "{{.Config.Env}} {{.Config.Labels.k}} {{.HostConfig.Memory}} {{.State.Status}}";
    expect(await host.must("inspect", "-f", facts, "orig-clone")).toMatch(
      /A=1.* v 50331648 running$/,
    );
    expect(
      await host.must(
        "exec",
        "orig-clone",
        "sh",
        "-c",
        "ls /data; ls /new 2> /dev/null || echo no",
      ),
    ).toBe("no");
    await host.must("container", "clone", "orig");
    expect(await host.must("ps", "-a", "--format", "{{.Names}}")).toBe(
      "orig-clone1\norig-clone\norig",
    );
    expect((await host.cooper("container", "clone", "--destroy", "orig", "dest")).stderr).toContain(
      "it is running",
    );
    await host.must("container", "clone", "--destroy", "--force", "--name", "dest", "orig");
    await host.must("start", "dest");
    expect(await host.must("exec", "dest", "ls", "/data")).toBe("kept");
    expect((await host.cooper("container", "exists", "orig")).exitCode).toBe(1);
    await host.must("rm", "-f", "-a", "-v");
  });
});

/** Another image under a name: hello with one more file, a command and a check. */
async function image(host: TestHost, name: string, version: string, ...changes: string[]) {
  await host.must("rm", "-f", "-i", "maker");
  await host.must("run", "--name", "maker", "hello", "sh", "-c", `echo ${version} > /version`);
  const words = ['CMD ["sleep", "1000"]', "STOPSIGNAL KILL", ...changes].flatMap((change) => [
    "-c",
    change,
  ]);
  await host.must("commit", ...words, "maker", name);
  await host.must("rm", "maker");
}

const local = "io.containers.autoupdate=local";
const updates = (host: TestHost, ...options: string[]) =>
  host.cooper("auto-update", "--format", "{{.ContainerName}} {{.Policy}} {{.Updated}}", ...options);

test("auto-update makes containers anew when their image's name has another meaning", async () => {
  await using host = await testHost();
  await image(host, "localhost/app", "1");
  const run = ["run", "-d", "--name", "app", "-v", "/data", "--label", local];
  const first = await host.must(...run, "localhost/app");
  await host.must("run", "-d", "--name", "other", "--requires", "app", "localhost/app");
  await host.must("exec", "app", "touch", "/data/kept");
  expect((await updates(host)).stdout).toBe("app local false\n");
  await image(host, "localhost/app", "2");
  expect((await updates(host, "--dry-run")).stdout).toBe("app local pending\n");
  expect((await updates(host)).stdout).toBe("app local true\n");
  expect(await host.must("exec", "app", "cat", "/version")).toBe("2");
  expect(await host.must("exec", "app", "ls", "/data")).toBe("kept");
  expect(await host.must("inspect", "-f", "{{.Id}}", "app")).not.toBe(first);
  expect(await host.must("ps", "-aq")).toHaveLength(25);
  expect((await host.cooper("rm", "-f", "app")).stderr).toContain("other requires it");
  expect((await updates(host)).stdout).toBe("app local false\n");
  await host.must("rm", "-f", "-a", "-v");
});

test.each([
  { why: "it ended with exit code 3", change: 'CMD ["sh", "-c", "exit 3"]' },
  { why: "no /no", change: 'CMD ["/no/such"]' },
  { why: "its health check fails", change: "ENV HEALTH=bad" },
])("auto-update takes back what does not work: $why", async ({ why, change }) => {
  await using host = await testHost();
  await image(host, "localhost/app", "1");
  const check = ["--health-cmd", "test -z $HEALTH", "--health-interval", "100ms"];
  await host.must(
    ...["run", "-d", "--name", "app", "--label", local],
    ...[...check, "--health-retries", "1", "localhost/app"],
  );
  const before = await host.must("image", "inspect", "-f", "{{.Id}}", "localhost/app");
  await image(host, "localhost/app", "2", change);
  const result = await updates(host);
  expect(result.stdout).toBe("app local rolled back\n");
  expect(result.stderr).toContain(why);
  expect(await host.must("exec", "app", "cat", "/version")).toBe("1");
  expect(await host.must("image", "inspect", "-f", "{{.Id}}", "localhost/app")).toBe(before);
  expect((await host.must("ps", "-a", "--format", "{{.Names}}")).split("\n")).toEqual(["app"]);
});

test("auto-update finishes what was broken off", async () => {
  await using host = await testHost();
  await image(host, "localhost/app", "1");
  await host.must("run", "-d", "--name", "app", "--label", local, "localhost/app");
  await image(host, "localhost/app", "2");
  const update = host.start({}, "auto-update");
  for (let wait = 0; wait < 200; wait++) {
    if ((await host.must("ps", "-a", "--format", "{{.Names}}")).includes("-before-update")) break;
    await Bun.sleep(20);
  }
  update.kill("SIGKILL");
  await update.exited;
  await updates(host);
  expect(await host.must("ps", "-a", "--format", "{{.Names}} {{.State}}")).toBe("app running");
  expect(await host.must("exec", "app", "cat", "/version")).toBe("2");
});

test("auto-update asks the registry", async () => {
  await using registry = await testRegistry();
  await using host = await testHost();
  const name = `${registry.address}/app:1`;
  await image(host, name, "1");
  await host.must("push", name);
  await host.must(
    "run",
    "-d",
    "--name",
    "app",
    "--label",
    "io.containers.autoupdate=registry",
    name,
  );
  expect((await updates(host)).stdout).toBe("app registry false\n");
  const older = await host.must("image", "inspect", "-f", "{{.Id}}", name);
  await image(host, name, "2");
  await host.must("push", name);
  await host.must("tag", older, name); // as on another machine, which knows the old one alone
  await host.must("image", "prune", "-f");
  expect((await updates(host, "--dry-run")).stdout).toBe("app registry pending\n");
  expect((await updates(host)).stdout).toBe("app registry true\n");
  expect(await host.must("exec", "app", "cat", "/version")).toBe("2");
});

test("runlabel runs the command of a label, and no other program", async () => {
  await using host = await testHost();
  const labels = [
    'LABEL run="podman run -d --name NAME -e NAME=NAME IMAGE sleep 1000"',
    'LABEL opts="podman run $OPT1 IMAGE $OPT2"',
    'LABEL bad="rm -rf /"',
  ];
  await image(host, "localhost/app:1", "1", ...labels);
  const runlabel = (...words: string[]) => host.cooper("container", "runlabel", ...words);
  expect((await runlabel("--display", "run", "localhost/app:1")).stdout).toBe(
    "command: cooper run -d --name app -e NAME=app localhost/app:1 sleep 1000\n",
  );
  const given = ["--display", "--opt1=--rm", "--opt2=true", "opts", "localhost/app:1"];
  expect((await runlabel(...given)).stdout).toBe("command: cooper run --rm localhost/app:1 true\n");
  expect((await runlabel("run", "localhost/app:1")).exitCode).toBe(0);
  expect(await host.must("exec", "app", "sh", "-c", "echo $NAME")).toBe("app");
  expect((await runlabel("--replace", "run", "localhost/app:1")).exitCode).toBe(0);
  expect((await runlabel("--name", "two", "run", "localhost/app:1")).exitCode).toBe(0);
  expect(await host.must("ps", "--format", "{{.Names}}")).toBe("two\napp");
  expect((await runlabel("bad", "localhost/app:1")).stderr).toContain("may not choose");
  expect((await runlabel("none", "localhost/app:1")).stderr).toContain('has no label "none"');
});
