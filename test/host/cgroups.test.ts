/**
 * On a machine with cgroup v2 and systemd, as most users have it: what our own host cannot show. One
 * machine for all tests, which build on each other no further than the images in the store.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { quoted, Vm } from "./vm.ts";

let vm: Vm;
beforeAll(async () => {
  vm = await Vm.boot();
}, 180_000);
afterAll(async () => {
  await vm[Symbol.asyncDispose]();
});

/** In all tests: who runs cooper, and the slice below which systemd puts containers then. */
const who = [
  { user: "root", slice: "/machine.slice" },
  { user: "alice", slice: "/user.slice/user-1000.slice/user@1000.service/user.slice" },
];

/** Starts a container for a test; disposing removes it. */
async function running(user: string, options: string, command = "sleep 1000") {
  const id = await vm.must(`cooper run -d ${options} hello ${command}`, user);
  const scope = async () => vm.must(`cooper inspect --format '{{.State.CgroupPath}}' ${id}`, user);
  return {
    id,
    scope,
    /** A file of its cgroup; crun sets limits in the part that the processes are in. */
    file: async (name: string) => {
      const path = await scope();
      return vm.must(`cd /sys/fs/cgroup${path}; cat container/${name} 2> /dev/null || cat ${name}`);
    },
    exec: (words: string) => vm.must(`cooper exec ${id} ${words}`, user),
    [Symbol.asyncDispose]: async () => {
      await vm.must(`cooper rm -f ${id}`, user);
    },
  };
}

describe.each(who)("with systemd, as $user", ({ user, slice }) => {
  test("crun is chosen", async () => {
    await using container = await running(user, "");
    const inspect = `cooper inspect --format '{{.OCIRuntime}}' ${container.id}`;
    expect(await vm.must(inspect, user)).toBe("crun");
  });

  test("a container is a scope of systemd, with the limits that were asked for", async () => {
    await using container = await running(user, "--memory 64m --cpus 0.5 --pids-limit 20");
    expect(await container.scope()).toBe(`${slice}/cooper-${container.id}.scope`);
    expect(await container.file("memory.max")).toBe(`${64 << 20}`);
    expect(await container.file("cpu.max")).toBe("50000 100000");
    expect(await container.file("pids.max")).toBe("20");
    expect(await container.exec("cat /proc/self/cgroup")).toBe("0::/");
    const manager = user === "root" ? "systemctl" : "systemctl --user";
    const show = `${manager} show cooper-${container.id}.scope -p ActiveState,TimeoutStopUSec`;
    expect((await vm.must(show, user)).split("\n").sort()).toEqual([
      "ActiveState=active",
      "TimeoutStopUSec=10s",
    ]);
  });

  test("its monitor is in a scope of its own, unless that is not wanted", async () => {
    const monitorOf = async (id: string) =>
      vm.must(`cat /proc/$(cooper inspect --format '{{.State.ConmonPid}}' ${id})/cgroup`, user);
    await using usual = await running(user, "");
    expect(await monitorOf(usual.id)).toBe(`0::${slice}/cooper-conmon-${usual.id}.scope`);
    await using left = await running(user, "--cgroups no-conmon");
    expect(await monitorOf(left.id)).not.toContain("conmon");
  });

  test("too much memory ends a process with 137, and inspect says so", async () => {
    const limits = "--memory 16m --memory-swap 16m";
    expect(await vm.must(`cooper run --rm ${limits} hello tail /dev/zero; echo $?`, user)).toBe(
      "137",
    );
    // conmon looks into a cgroup that systemd takes away with its last process: here that waits
    const script = quoted("tail /dev/zero; sleep 2; exit 9");
    await vm.must(`cooper run --name big ${limits} hello sh -c ${script} || true`, user);
    const state = "cooper inspect --format '{{.State.OOMKilled}} {{.State.ExitCode}}' big";
    expect(await vm.must(state, user)).toBe("true 9");
    await vm.must("cooper rm big", user);
  });

  test.each([
    { mode: "--cgroupns host", sees: "slice" },
    { mode: "--cgroupns private", sees: "/" },
    { mode: "", sees: "/" },
  ])("with '$mode' it sees $sees", async ({ mode, sees }) => {
    const seen = await vm.must(`cooper run --rm ${mode} hello cat /proc/self/cgroup`, user);
    if (sees === "slice") expect(seen).toStartWith(`0::${slice}/cooper-`);
    else expect(seen).toBe("0::/");
  });

  test("--cgroup-parent names its slice", async () => {
    await using container = await running(user, "--cgroup-parent test.slice");
    expect(await container.scope()).toContain("/test.slice/cooper-");
    const wrong = await vm.as(user, "cooper run --rm --cgroup-parent /test hello true");
    expect(wrong.exitCode).toBe(125);
    expect(wrong.stderr).toContain("with systemd it must be the name of a slice");
  });

  test("--cgroups disabled leaves it where cooper is", async () => {
    const words =
      "run --rm --cgroupns host --cgroups disabled --memory 10m hello cat /proc/self/cgroup";
    const { stdout, stderr } = await vm.as(user, `cat /proc/self/cgroup; cooper ${words}`);
    const [own, its] = stdout.trim().split("\n");
    expect(its).toBe(own);
    expect(stderr).toContain("limits are ignored, since the container has no cgroup: --memory");
  });

  test("--cgroups split divides the cgroup of the service that it runs in", async () => {
    const service = `systemd-run ${user === "root" ? "" : "--user"} --quiet --wait --pipe -p Delegate=yes`;
    const words = "run --rm --cgroups split --cgroupns host --memory 50m hello";
    const show = "cat /proc/self/cgroup /proc/$PPID/cgroup";
    const seen = await vm.must(
      `${service} -- /bin/sh -c ${quoted(`cooper ${words} cat /proc/self/cgroup; ${show}`)}`,
      user,
    );
    const [payload, shell] = seen.split("\n");
    expect(payload).toMatch(/^0::.*\/run-u\d+\.service\/cooper-payload-[0-9a-f]{64}$/);
    expect(shell).toMatch(/^0::.*\/run-u\d+\.service\/supervisor$/);
  });

  test("the end of the service that started it is not its own end", async () => {
    const service = `systemd-run ${user === "root" ? "" : "--user"} --quiet --wait --pipe`;
    const id = await vm.must(`${service} -- cooper run -d hello sh -c "sleep 3; exit 7"`, user);
    expect(await vm.must(`cooper wait ${id}`, user)).toBe("7");
    await vm.must(`cooper rm ${id}`, user);
  });

  test("the journal keeps its output", async () => {
    const script = quoted("echo one; echo two >&2; printf three");
    await using container = await running(user, "--log-driver journald", `sh -c ${script}`);
    await vm.must(`cooper wait ${container.id}`, user);
    const { stdout, stderr } = await vm.as(user, `cooper logs ${container.id}`);
    expect(stdout).toBe("one\nthree");
    expect(stderr).toBe("two\n");
  });

  test("stop, start, pause and exec", async () => {
    await using container = await running(user, "--stop-timeout 1");
    await vm.must(`cooper pause ${container.id}`, user);
    expect(await vm.must("cooper ps --format '{{.Status}}'", user)).toContain("Paused");
    await vm.must(`cooper unpause ${container.id}`, user);
    await vm.must(`cooper stop ${container.id}; cooper start ${container.id}`, user);
    expect(await container.exec("echo again")).toBe("again");
  });
});

test("nothing is left of all that", async () => {
  expect(
    await vm.must("cooper ps -aq; find /sys/fs/cgroup -name 'cooper*' | grep -v pause || true"),
  ).toBe("");
});
