/** `cooper system doctor`: faults of a machine, seeded in a mount namespace of the test's own. */
import { describe, expect, test } from "bun:test";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { type TestHost, testHost, users } from "./host.ts";

/** A fault: commands of root's in the namespace, where `NOTHING` is an empty file and `DIR` the test's directory. */
interface MachineFault {
  readonly title: string;
  readonly seed: string;
  readonly id: string;
  readonly status: "limits" | "hinders";
  readonly cure: RegExp;
  readonly who?: "root" | "user";
  /** Words before cooper. */
  readonly under?: readonly string[];
}

const hide = (...paths: string[]) =>
  paths.map((path) => `[ ! -e ${path} ] || mount --bind /dev/null ${path}`).join("; ");

const faults: readonly MachineFault[] = [
  {
    title: "no conmon",
    seed: hide("/usr/bin/conmon"),
    id: "conmon",
    status: "hinders",
    cure: /conmon/,
  },
  {
    title: "no runtime",
    seed: hide("/usr/bin/crun", "/usr/bin/runc", "/usr/sbin/runc"),
    id: "runtime",
    status: "hinders",
    cure: /crun/,
  },
  {
    title: "no runtime that works",
    seed: "for f in /usr/bin/crun /usr/sbin/runc /usr/bin/runc; do [ ! -e $f ] || mount --bind /bin/false $f; done",
    id: "runtime",
    status: "hinders",
    cure: /^$/,
  },
  {
    title: "no init",
    seed: hide("/usr/bin/catatonit", "/usr/libexec/podman/catatonit"),
    id: "catatonit",
    status: "limits",
    cure: /catatonit/,
  },
  { title: "no nft", seed: hide("/usr/sbin/nft"), id: "nft", status: "limits", cure: /nftables/ },
  {
    title: "no ip",
    seed: hide("/usr/sbin/ip", "/usr/bin/ip"),
    id: "ip",
    status: "limits",
    cure: /iproute2/,
  },
  {
    title: "no names service",
    seed: hide("/usr/lib/podman/aardvark-dns"),
    id: "aardvark-dns",
    status: "limits",
    cure: /aardvark-dns/,
  },
  {
    title: "an old kernel",
    seed: "true",
    under: ["setarch", "--uname-2.6"],
    id: "kernel",
    status: "hinders",
    cure: /newer kernel/,
  },
  {
    title: "a full disk",
    seed: "mkdir -p DIR/root && mount -t tmpfs -o size=16m,mode=0777 none DIR/root",
    id: "store",
    status: "hinders",
    cure: /prune/,
  },
  {
    title: "a disk without execution",
    seed: "mkdir -p DIR/root && mount -t tmpfs -o noexec,mode=0777 none DIR/root",
    id: "store",
    status: "hinders",
    cure: /remount,exec/,
  },
  {
    title: "few inotify instances",
    seed: "mount --bind DIR/few /proc/sys/fs/inotify/max_user_instances",
    id: "inotify",
    status: "limits",
    cure: /sysctl fs.inotify/,
  },
  {
    title: "few keys",
    seed: "mount --bind DIR/few /proc/sys/kernel/keys/maxkeys",
    id: "keys",
    status: "limits",
    cure: /maxkeys/,
  },
  {
    title: "a clock that is behind",
    seed: "mount --bind DIR/late /etc/machine-id",
    id: "clock",
    status: "hinders",
    cure: /set-ntp/,
  },
  {
    title: "few open files",
    seed: "ulimit -n 512",
    id: "limits",
    status: "limits",
    cure: /ulimit -n/,
  },
  {
    title: "no control groups",
    who: "root",
    seed: "mount --bind DIR/none /sys/fs/cgroup && mount -o remount,bind,ro /sys/fs/cgroup",
    id: "cgroups",
    status: "limits",
    cure: /./,
  },
  {
    title: "a store of somebody else",
    who: "user",
    seed: "mkdir -p DIR/root && mount -t tmpfs -o mode=0755 none DIR/root",
    id: "store",
    status: "hinders",
    cure: /chown -R/,
  },
  {
    title: "a run directory of somebody else",
    who: "user",
    seed: "mkdir -p DIR/run && mount -t tmpfs -o mode=0755 none DIR/run",
    id: "run-directory",
    status: "hinders",
    cure: /XDG_RUNTIME_DIR/,
  },
  {
    title: "no subordinate ids",
    who: "user",
    seed: "mount --bind NOTHING /etc/subuid",
    id: "subordinate-ids",
    status: "limits",
    cure: /--add-subuids/,
  },
  {
    title: "no newuidmap",
    who: "user",
    seed: hide("/usr/bin/newuidmap"),
    id: "id-mappers",
    status: "limits",
    cure: /uidmap/,
  },
  {
    title: "a newuidmap without power",
    who: "user",
    seed: "mount --bind DIR/powerless /usr/bin/newuidmap",
    id: "id-mappers",
    status: "limits",
    cure: /chmod u\+s \/usr\/bin\/newuidmap/,
  },
  {
    title: "no nsenter",
    who: "user",
    seed: hide("/usr/bin/nsenter"),
    id: "nsenter",
    status: "hinders",
    cure: /util-linux/,
  },
  {
    title: "no network helper",
    who: "user",
    seed: hide("/usr/bin/pasta", "/usr/bin/slirp4netns"),
    id: "pasta",
    status: "limits",
    cure: /passt/,
  },
  {
    title: "no tun",
    who: "user",
    seed: "mkdir -p DIR/none/net && mount --bind DIR/none/net /dev/net",
    id: "tun",
    status: "limits",
    cure: /modprobe tun/,
  },
];

describe.each(users.map((user) => ({ user, who: user?.name ?? "root" })))("as $who", ({ user }) => {
  const rows = faults.filter(
    ({ who = "both" }) => who === "both" || (who === "root") === (user === null),
  );

  test.each(rows)("system doctor finds $title", async (fault) => {
    await using host = await testHost(user);
    const { exitCode, stdout, stderr } = await examine(host, fault);
    expect(stdout === "" ? stderr : "").toBe("");
    const found = JSON.parse(stdout).find(({ ID }: { ID: string }) => ID === fault.id);
    expect(found).toMatchObject({ Status: fault.status });
    expect([...found.Cures, found.Advice].join("\n")).toMatch(fault.cure);
    expect(exitCode).toBe(fault.status === "hinders" ? 1 : exitCode);
    expect(
      exitCode === 0 ||
        JSON.parse(stdout).some((one: { Status: string }) => one.Status === "hinders"),
    ).toBe(true);
  });

  test("system doctor finds nothing that hinders here, and says so in words", async () => {
    await using host = await testHost(user);
    const result = await host.cooper("system", "doctor");
    expect(result.stdout).toMatch(/^CHECK +STATUS +FOUND\nkernel +ok /);
    expect(result.exitCode).toBe(0);
  });
});

async function examine(host: TestHost, { seed, under = [] }: MachineFault) {
  const { directory } = host;
  writeFileSync(join(directory, "nothing"), "");
  writeFileSync(join(directory, "few"), "10\n");
  writeFileSync(join(directory, "late"), "0\n");
  const future = Date.now() / 1000 + 400 * 86_400;
  utimesSync(join(directory, "late"), future, future);
  copyFileSync("/usr/bin/newuidmap", join(directory, "powerless"));
  chmodSync(join(directory, "powerless"), 0o755);
  for (const name of ["none", "root", "run"]) host.place(name);
  const script = `${seed.replaceAll("NOTHING", join(directory, "nothing")).replaceAll("DIR", directory)} || exit 99; exec "$@"`;
  const argv = host.argv("system", "doctor", "--format", "json");
  const child = Bun.spawn(
    ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh", ...under, ...argv],
    {
      cwd: "/tmp",
      env: host.environment(),
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  const [stdout, stderr] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  const exitCode = await child.exited;
  endPause(host);
  return { exitCode, stdout, stderr };
}

/** The pause process of an ordinary user was made in that mount namespace, and would keep what is seeded in it. */
function endPause({ run }: TestHost): void {
  const file = join(run, "pause.pid");
  const pid = existsSync(file) ? Number(readFileSync(file, "utf8").split(" ")[0]) : 0;
  if (pid <= 1) return;
  process.kill(pid, "SIGKILL");
  rmSync(file);
}
