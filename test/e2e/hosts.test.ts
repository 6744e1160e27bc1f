/** Hosts that are not as this one: another layout of cgroups, a reboot in between, somebody else beside. */
import { describe, expect, test } from "bun:test";
import { testHost, users } from "./host.ts";
import { endProcesses, inMounts, inNextBoot, powerOff } from "./reboot.ts";

/** crun refuses a host whose second version of cgroups has controllers beside the first. */
const hidesUnified =
  "! mountpoint -q /sys/fs/cgroup/unified || umount /sys/fs/cgroup/unified || exit 99";

test("crun: what Debian's runc is too old for: mounts with ids of their own, personality, no cgroup", async () => {
  await using host = await testHost();
  const files = host.place("files");
  const script = `
touch ${files}/f; chown 5:6 ${files}/f
run() { cooper run --rm --runtime crun --network none "$@"; }
run --uidmap 0:1000:1000 -v ${files}:/y:idmap hello sh -c 'stat -c %u:%g /y/f; touch /y/new'
stat -c %u:%g ${files}/new
run --uidmap 0:1000:1000 --mount 'type=bind,src=${files},dst=/y,idmap=uids=5-1000-1;gids=6-1000-1' hello stat -c %u:%g /y/f
run --personality LINUX32 hello uname -m
run --cgroups disabled hello echo ran`;
  const { stdout, exitCode } = await inMounts(host, hidesUnified, script);
  expect(exitCode).not.toBe(99);
  expect(stdout.trim().split("\n")).toEqual([
    "5:6",
    "0:0",
    "0:0",
    expect.stringMatching(/^(i686|armv8l)$/),
    "ran",
  ]);
});

test("crun: run, exec, stop, start, pause and exit codes", async () => {
  await using host = await testHost();
  const script = `
cooper run -d --runtime crun --name c --network none hello sh -c 'trap "exit 3" TERM; while :; do sleep 0.1; done' > /dev/null
cooper inspect --format '{{.OCIRuntime}}' c
cooper exec c sh -c 'echo in; exit 5'; echo $?
cooper exec c /no 2> /dev/null; echo $?
cooper exec c /etc 2> /dev/null; echo $?
cooper pause c > /dev/null; cooper ps --format '{{.State}}'; cooper unpause c > /dev/null
cooper stop c > /dev/null; cooper inspect --format '{{.State.ExitCode}}' c
cooper start c > /dev/null; cooper ps --format '{{.State}}'
cooper rm -f c > /dev/null
cooper run --rm --runtime crun --network none hello /no 2> /dev/null; echo $?
cooper run --rm --runtime crun --network none hello /etc 2> /dev/null; echo $?
cooper run --rm --runtime crun --network none hello sh -c 'exit 7'; echo $?`;
  const { stdout, exitCode } = await inMounts(host, hidesUnified, script);
  expect(exitCode).not.toBe(99);
  expect(stdout.trim().split("\n")).toEqual([
    "crun",
    "in",
    "5",
    "127",
    "126",
    "paused",
    "3",
    "running",
    "127",
    "126",
    "7",
  ]);
});

describe.each(users)("a reboot under %p", (user) => {
  test("leaves containers as they were, and nothing in the way", async () => {
    await using host = await testHost(user);
    const sleeper = ["--network", "none", "hello", "sleep", "1000"];
    await host.must("run", "-d", "--name", "up", ...sleeper);
    await host.must("run", "-d", "--rm", "--name", "gone", ...sleeper);
    await host.cooper("run", "--name", "done", "--network", "none", "hello", "sh", "-c", "exit 4");
    await powerOff(host, "up", "gone");
    const script = `
cooper ps -a --sort names --filter name=up --filter name=done --format '{{.Names}} {{.State}}'
cooper inspect --format '{{.State.ExitCode}}' up
cooper start up
cooper exec up echo alive
cooper run -d --name gone --network none hello sleep 1000 > /dev/null && echo had again
cooper rm -fa | wc -l`;
    const { stdout, stderr } = await inNextBoot(host, script);
    expect(stderr).toBe("");
    expect(stdout.trim().split("\n")).toEqual([
      "done exited",
      "up exited",
      "255",
      "up",
      "alive",
      "had again",
      "3",
    ]);
    endProcesses(host); // the pause process of the "next boot"
  });
});

test("two who share a machine see nothing of each other", async () => {
  const hosts = await Promise.all(users.map((user) => testHost(user)));
  const words = ["run", "-d", "--name", "mine", "--network", "none", "hello", "sleep", "1000"];
  const ids = await Promise.all(hosts.map((host) => host.must(...words)));
  for (const [index, host] of hosts.entries()) {
    expect(await host.must("ps", "-aq", "--no-trunc")).toBe(ids[index] ?? "");
    const foreign = ids[index === 0 ? 1 : 0] ?? "none";
    expect((await host.cooper("stop", foreign)).stderr).toContain("no such container");
  }
  // root can look everywhere; an ordinary user cannot
  const [roots, ordinary] = users;
  if (roots === null && ordinary) {
    const asUser = [
      "setpriv",
      `--reuid=${ordinary.uid}`,
      `--regid=${ordinary.gid}`,
      "--clear-groups",
    ];
    const look = Bun.spawnSync([...asUser, "ls", hosts[0]?.root ?? "/"], { stderr: "pipe" });
    expect(look.stderr.toString()).toContain("Permission denied");
  }
  for (const host of hosts) await host[Symbol.asyncDispose]();
});

test("a hundred runs at once, and ps among them", async () => {
  await using host = await testHost();
  await host.must("run", "--rm", "--network", "none", "hello", "true"); // the image is there
  const count = Number(process.env.COOPER_TEST_CROWD ?? 100);
  const runs = Array.from({ length: count }, async (_, n) => {
    const command = ["hello", "sh", "-c", `echo ${n}; exit ${n % 50}`];
    return host.cooper("run", "--rm", "--network", "none", "--name", `c${n}`, ...command);
  });
  let isOver = false;
  const watch = (async () => {
    while (!isOver) {
      const ps = await host.cooper("ps", "-a", "--format", "{{.Names}} {{.State}}");
      expect(ps).toMatchObject({ exitCode: 0, stderr: "" });
      const lines = ps.stdout.split("\n").filter(Boolean);
      expect(new Set(lines.map((line) => line.split(" ")[0])).size).toBe(lines.length);
    }
  })();
  const results = await Promise.all(runs);
  isOver = true;
  await watch;
  expect(results.map(({ exitCode, stdout }) => [exitCode, stdout])).toEqual(
    results.map((_, n) => [n % 50, `${n}\n`]),
  );
  expect(await host.must("ps", "-aq")).toBe("");
}, 120_000);
