/** What a machine with systemd does to containers: sessions that end, reboots, systemd inside of them. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { Vm } from "./vm.ts";

let vm: Vm;
beforeAll(async () => {
  vm = await Vm.boot();
}, 180_000);
afterAll(async () => {
  await vm[Symbol.asyncDispose]();
});

/** As a user whom no session serves: from cron, or a plain `setpriv`. */
const withoutSession = (user: string, command: string) =>
  `cd /; setpriv --reuid=${user} --regid=${user} --init-groups env -i PATH=$PATH HOME=/home/${user} ${command}`;

test("without a session and subordinate ids it runs, and tells what it cannot give", async () => {
  const command = "cooper run --rm --memory 30m hello id -u";
  const first = await vm.sh(withoutSession("bob", command));
  expect(first).toMatchObject({ exitCode: 0, stdout: "0\n" });
  expect(first.stderr).toContain("Notice: single-id mode");
  expect(first.stderr).toContain("usermod --add-subuids");
  const second = await vm.sh(withoutSession("bob", command));
  const warning = "Warning: limits are ignored, since cgroups cannot be set up here: --memory\n";
  expect(second).toEqual({ exitCode: 0, stdout: "0\n", stderr: warning });
});

test("a user who lingers has a systemd to ask without a session, too", async () => {
  await vm.must("loginctl enable-linger alice; sleep 2");
  const limited = "cooper run --rm --memory 30m hello cat /sys/fs/cgroup/memory.max";
  expect(await vm.must(withoutSession("alice", limited))).toBe(`${30 << 20}`);
});

test("the end of a session does not end a container", async () => {
  // the log-in manager kills what it finds in a session that has ended, once told so
  await vm.must(
    "mkdir -p /etc/systemd/logind.conf.d; printf '[Login]\\nKillUserProcesses=yes\\n' > /etc/systemd/logind.conf.d/x.conf; systemctl restart systemd-logind",
  );
  const id = await vm.must("cooper run -d hello sh -c 'sleep 4; echo end; exit 3'", "alice");
  expect(await vm.must(`cooper wait ${id}; cooper logs ${id}; cooper rm ${id}`, "alice")).toBe(
    `3\nend\n${id}`,
  );
});

test.each([
  { user: "root", options: "" },
  { user: "alice", options: "" },
  { user: "root", options: "--systemd=always -t" },
])(
  "systemd boots in a container of $user with '$options', and stops when told",
  async (row) => {
    const { user, options } = row;
    await vm.must("chmod 644 /dev/vdc");
    const has = await vm.as(user, "cooper image exists debian-systemd");
    if (has.exitCode !== 0) await vm.must("cooper import /dev/vdc debian-systemd", user);
    const id = await vm.must(
      `cooper run -d --stop-timeout 60 ${options} debian-systemd /sbin/init`,
      user,
    );
    const state = `for n in $(seq 60); do s=$(cooper exec ${id} systemctl is-system-running 2>&1)
    case $s in running|degraded) break; esac; sleep 1; done; echo $s`;
    expect(await vm.must(state, user)).toBe("running");
    expect(
      await vm.must(`cooper exec ${id} systemctl start systemd-tmpfiles-clean && echo ok`, user),
    ).toBe("ok");
    const stopped = await vm.as(user, `cooper stop ${id}`);
    expect(stopped.stderr).toBe(""); // no word of having killed it
    expect(await vm.must(`cooper inspect --format '{{.State.ExitCode}}' ${id}`, user)).toBe("0");
    await vm.must(`cooper rm ${id}`, user);
  },
  240_000,
);

test.each([
  { user: "root", way: "orderly", ended: "Exited (137)" },
  { user: "alice", way: "orderly", ended: "Exited (137)" },
  { user: "root", way: "power", ended: "Exited (255)" },
  { user: "alice", way: "power", ended: "Exited (255)" },
] as const)(
  "after a reboot ($way) containers of $user are as they were left",
  async (row) => {
    const { user, way, ended } = row;
    await vm.must(
      `cooper run -d --stop-timeout 1 --name up hello sleep 9999
     cooper run -d --stop-timeout 1 --name paused hello sleep 9999; cooper pause paused
     cooper run --name done hello sh -c 'exit 4'
     cooper create --name made hello true
     cooper run -d --stop-timeout 1 --rm --name gone hello sleep 9999`,
      user,
    );
    const before = vm.bootId;
    await vm.reboot(way);
    expect(vm.bootId).not.toBe(before);
    const ps = `cooper ps -a --filter name=up --filter name=paused --filter name=done --filter name=made`;
    const states = await vm.must(`${ps} --sort names --format '{{.Names}} {{.Status}}'`, user);
    expect(states.replaceAll(/ (\d+|About|Less) .*/g, "").split("\n")).toEqual([
      "done Exited (4)",
      "made Created",
      `paused ${ended}`,
      `up ${ended}`,
    ]);
    await vm.must("cooper start up paused; cooper run -d --name gone hello sleep 9", user);
    expect(await vm.must("cooper exec up echo in it", user)).toBe("in it");
    await vm.must("cooper rm -fa", user);
  },
  300_000,
);
