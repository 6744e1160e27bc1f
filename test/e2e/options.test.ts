/** What options of `run` do, seen from inside of the container, and what is refused in words. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { type TestHost, testHost, users } from "./host.ts";
import { debianRegistry } from "./registries.ts";

interface Row {
  readonly options: string;
  /** For sh; or the words after the image where there is no shell to be had. */
  readonly command: string;
  readonly output: string;
  /** Only for root, or only for ordinary users. */
  readonly only?: "root" | "user";
}

const flagsOf = (path: string) => `grep " ${path} " /proc/self/mountinfo | awk '{print $6}'`;

const rows: readonly Row[] = [
  // files of the host: `d` holds f (hi) and sub/
  { options: "-v ./d:/m", command: "cat /m/f", output: "hi" },
  { options: "-v ./d/f:/m", command: "cat /m", output: "hi" },
  { options: "-v ./d:/m:ro", command: "touch /m/x 2>&1 | grep -o Read-only", output: "Read-only" },
  { options: "-v ./d:/m:z,ro", command: "cat /m/f", output: "hi" },
  { options: "-v ./d:/m -v ./d:/m", command: "cat /m/f", output: "hi" },
  {
    options: "-v ./d:/m:noexec,nosuid,nodev",
    command: flagsOf("/m"),
    output: "rw,nosuid,nodev,noexec,relatime",
  },
  {
    options: "-v ./d:/m:rshared",
    command: "grep -c ' /m .*shared:' /proc/self/mountinfo",
    output: "1",
    only: "root",
  },
  { options: "-v ./d:/m:O", command: "touch /m/new; rm /m/f; ls /m", output: "new\nsub" },
  { options: "-v ./d:/m", command: "ls /m", output: "f\nsub" },
  { options: "-v ./made:/m", command: "ls /m | wc -l", output: "0" },
  { options: "--mount type=bind,src=./d,dst=/m", command: "cat /m/f", output: "hi" },
  {
    options: "--mount type=bind,source=./d,target=/m,ro=true",
    command: flagsOf("/m"),
    output: "ro,relatime",
  },
  {
    options: "--mount type=bind,source=./d,target=/m,readonly=0",
    command: flagsOf("/m"),
    output: "rw,relatime",
  },
  {
    options: "--mount type=bind,source=./d,target=/m,subpath=sub",
    command: "ls /m | wc -l",
    output: "0",
  },
  { options: "--mount type=glob,src=./d/*,dst=/m", command: "ls /m", output: "f\nsub" },
  {
    options: "--mount type=tmpfs,dst=/m,tmpfs-size=1m,tmpfs-mode=700",
    command: "stat -c %a /m; df -k /m | tail -1 | awk '{print $2}'",
    output: "700\n1024",
  },
  {
    options: "--mount type=tmpfs,dst=/etc,notmpcopyup",
    command: "/bin/ls /etc | grep -c group",
    output: "0",
  },
  {
    options: "--mount type=volume,src=v,dst=/m",
    command: flagsOf("/m"),
    output: "rw,nosuid,nodev,relatime",
  },
  {
    options: "--mount type=image,src=hello,dst=/m",
    command: "ls -d /m/bin; touch /m/x 2>&1 | grep -o Read-only",
    output: "/m/bin\nRead-only",
  },
  {
    options: "--mount type=image,src=hello,dst=/m,rw=true",
    command: "touch /m/x && ls /m/x",
    output: "/m/x",
  },
  {
    options: "--mount type=image,src=hello,dst=/m,subpath=etc",
    command: "ls /m/passwd",
    output: "/m/passwd",
  },
  {
    options: "--mount type=devpts,dst=/m",
    command: "grep ' /m ' /proc/self/mountinfo | grep -o devpts | head -1",
    output: "devpts",
  },
  {
    options: "--tmpfs /m:ro,noexec",
    command: flagsOf("/m"),
    output: "ro,nosuid,nodev,noexec,relatime",
  },
  {
    options: "--tmpfs /m:mode=1777,size=2m",
    command: "stat -c %a /m; df -k /m | tail -1 | awk '{print $2}'",
    output: "1777\n2048",
  },
  {
    options: "--read-only --read-only-tmpfs=false",
    command: "touch /tmp/x 2>&1 | grep -o Read-only; touch /dev/shm/x && echo shm",
    output: "Read-only\nshm",
  },
  {
    options: "--volumes-from source:ro",
    command: "cat /kept/f; touch /kept/x 2>&1 | grep -o Read-only",
    output: "hi\nRead-only",
  },
  {
    options: "--device /dev/zero:/dev/nothing",
    command: "head -c 2 /dev/nothing | wc -c",
    output: "2",
  },
  {
    options: "--device /dev/zero:/dev/dir/zero:r",
    command: "head -c 2 /dev/dir/zero | wc -c",
    output: "2",
  },
  {
    options: "--privileged",
    command: "grep Seccomp: /proc/self/status; ls -d /dev/tty1 /dev/loop-control 2>/dev/null",
    output: "Seccomp:\t0\n/dev/loop-control\n/dev/tty1",
    only: "root",
  },
  { options: "--chrootdirs /srv", command: "ls /srv/etc", output: "hostname\nhosts\nresolv.conf" },

  // variables; the caller's environment has OF_CALLER=1 OF_CALL=2
  {
    options: "--env-file env",
    command: "echo $A; echo $B; echo $OF_CALLER",
    output: '1\n"q w"\n1',
  },
  {
    options: "-e OF_CALLER -e NOT_THERE",
    command: "env | grep -E '^(OF_|NOT)'",
    output: "OF_CALLER=1",
  },
  { options: "-e OF_*", command: "env | grep ^OF_ | sort", output: "OF_CALL=2\nOF_CALLER=1" },
  { options: "--env-host", command: "env | grep -c ^OF_", output: "2" },
  {
    options: "--env-merge PATH=/first:$PATH",
    command: "echo $PATH | cut -c1-16",
    output: "/first:/usr/loca",
  },
  { options: "--unsetenv container", command: "echo [$container]", output: "[]" },
  { options: "--http-proxy=false", command: "echo [$http_proxy]", output: "[]" },
  { options: "--tz UTC", command: "date +%Z", output: "UTC" },

  // who it is
  {
    options: "--user 1234 -w /tmp",
    command: "echo $HOME; grep ^1234 /etc/passwd",
    output: "/tmp\n1234:*:1234:0:container user:/tmp:/bin/sh",
  },
  { options: "--user 1234 --passwd=false", command: "grep -c ^1234 /etc/passwd", output: "0" },
  {
    options:
      "--user 1234:88 --passwd-entry $USERNAME:x:$UID:$GID::/h:/bin/sh --group-entry g:x:$GID:",
    command: "tail -n 1 /etc/passwd /etc/group | grep :",
    output: "1234:x:1234:88::/h:/bin/sh\ng:x:88:",
  },
  {
    options: "--hostuser daemon",
    command: "grep ^daemon: /etc/passwd | cut -d: -f1-4",
    output: "daemon:*:1:1",
  },
  { options: "--user 0:2000 --group-add 3000", command: "id -G", output: "2000 3000" },
  {
    options: "--user 1000 --cap-add NET_RAW",
    command: "grep -E 'Cap(Eff|Amb)' /proc/self/status",
    output: "CapEff:\t0000000000002000\nCapAmb:\t0000000000002000",
  },
  {
    options: "--security-opt no-new-privileges:true",
    command: "grep NoNewPrivs /proc/self/status",
    output: "NoNewPrivs:\t1",
  },
  {
    options: "--security-opt seccomp=unconfined",
    command: "grep Seccomp: /proc/self/status",
    output: "Seccomp:\t0",
  },
  {
    options: "--security-opt seccomp=profile.json",
    command: "mkdir /x 2>&1 | grep -o permitted",
    output: "permitted",
  },
  { options: "--security-opt mask=/etc", command: "/bin/ls /etc | wc -l", output: "0" },
  {
    options: "--security-opt unmask=/proc/acpi:/proc/sys",
    command: "grep -c -E ' /proc/(acpi|sys) ' /proc/self/mountinfo",
    output: "0",
  },
  {
    options: "--security-opt systempaths=unconfined",
    command: "grep -c ' /proc/' /proc/self/mountinfo",
    output: "0",
  },
  {
    options: "--security-opt proc-opts=hidepid=2",
    command: "grep ' /proc ' /proc/self/mountinfo | grep -o hidepid=.*",
    output: "hidepid=invisible",
  },

  // namespaces and limits
  { options: "--uts host", command: "hostname", output: hostname() },
  { options: "--ipc none", command: "ls -d /dev/shm 2>&1 | grep -o 'No such'", output: "No such" },
  {
    options: "--pid host",
    command: "test $$ -gt 50 && echo many",
    output: "many",
  },
  {
    options: "--ulimit core=0 --ulimit nproc=60:70",
    command: "ulimit -c; grep processes /proc/self/limits | awk '{print $3,$4}'",
    output: "0\n60 70",
  },
  { options: "--oom-score-adj 300", command: "cat /proc/self/oom_score_adj", output: "300" },
  {
    options: "--systemd always --shm-size-systemd 1m",
    command:
      "df -k /run | tail -1 | awk '{print $2}'; grep -c -E ' (/tmp|/run/lock|/var/log/journal) ' /proc/self/mountinfo",
    output: "1024\n3",
  },
  {
    options: "--uidmap 0:100000:2000",
    command: "tr -s ' ' < /proc/self/uid_map; touch /x && stat -c %u /x",
    output: " 0 100000 2000\n0",
    only: "root",
  },
  {
    options: "--uidmap 0:100000:2000 -v fresh:/m",
    command: "touch /m/x && stat -c %u /m",
    output: "0",
    only: "root",
  },
  {
    options: "--userns keep-id",
    command: "id -u",
    output: `${users.at(-1)?.uid ?? 0}`,
    only: "user",
  },
  {
    options: "--userns keep-id:uid=55,gid=66",
    command: "id -u; id -g",
    output: "55\n66",
    only: "user",
  },
  { options: "--stop-signal 10 --stop-timeout 3", command: "echo ok", output: "ok" },
];

const refusals: readonly { options: string; message: string }[] = [
  { options: "-v ./d:/m:ro,rw", message: "ro and rw exclude each other" },
  { options: "-v ./d:/m -v ./d:/m:ro", message: "two mounts have the same target /m" },
  { options: "-v ./d:m", message: "not an absolute path" },
  { options: "-v ./d:/m:O,upperdir=/tmp", message: "upperdir and workdir need each other" },
  { options: "--mount type=bind,source=./absent,target=/m", message: "does not exist on the host" },
  { options: "--mount type=glob,source=./absent*,target=/m", message: "nothing matches" },
  { options: "--mount type=what,target=/m", message: 'unknown type "what"' },
  { options: "--tmpfs /m:size=bad", message: 'unknown option "size=bad"' },
  { options: "--device /dev/absent", message: "no such device: /dev/absent" },
  { options: "--env-file absent", message: "there is no such file" },
  { options: "--user nobody-here", message: 'no user "nobody-here"' },
  { options: "--hostuser nobody-here", message: "this host has no such user" },
  { options: "--security-opt seccomp=absent", message: "cannot use the seccomp profile" },
  { options: "--seccomp-policy image", message: "the image has no label" },
  { options: "--sysctl vm.swappiness=1", message: "would change the host" },
  { options: "--cpus 1 --cpu-quota 1000", message: "--cpus and --cpu-quota exclude each other" },
  { options: "--preserve-fds 1", message: "file descriptor 3 is not open" },
  { options: "--rdt-class x", message: "this host has no resource control" },
  { options: "--requires absent", message: "no such container: absent" },
  { options: "--runtime absent", message: "absent is not installed" },
  { options: "-t --log-driver passthrough", message: "not on a terminal" },
  { options: "--pull never --arch arm64", message: "no such image" },
  { options: "--tz No/Where", message: 'unknown time zone "No/Where"' },
  { options: "--volumes-from absent", message: "no such container: absent" },
];

describe.each(users.map((user) => ({ user, who: user?.name ?? "the caller" })))(
  "as $who",
  ({ user }) => {
    let host: TestHost;
    let work: string;
    const run = (options: string, ...words: string[]) =>
      host.cooperWith(
        { cwd: work, env: { OF_CALLER: "1", OF_CALL: "2", http_proxy: "p" } },
        "run",
        "--rm",
        ...options.split(" "),
        "hello",
        ...words,
      );

    beforeAll(async () => {
      host = await testHost(user);
      work = host.place("work");
      mkdirSync(join(host.place("work/d"), "sub"));
      writeFileSync(join(work, "d/f"), "hi\n");
      writeFileSync(join(work, "env"), '# a comment\nA=1\n\nB="q w"\nOF_CALLER\n');
      writeFileSync(
        join(work, "profile.json"),
        JSON.stringify({
          defaultAction: "SCMP_ACT_ALLOW",
          syscalls: [{ names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO" }],
        }),
      );
      await host.must("create", "--name", "source", "-v", `${work}/d:/kept`, "hello", "true");
    });
    afterAll(() => host[Symbol.asyncDispose]());

    const mine = rows.filter(
      ({ only }) => only === undefined || (only === "root") === (user === null),
    );
    test.each([...mine])("$options: $command", async ({ options, command, output }) => {
      const result = await run(options, "sh", "-c", command);
      expect(result.stderr).toBe("");
      expect(result.stdout.trimEnd()).toBe(output);
    });

    test.each([...refusals])("$options is refused", async ({ options, message }) => {
      const result = await run(options, "true");
      expect(result).toMatchObject({ exitCode: 125, stdout: "" });
      expect(result.stderr).toContain(message);
      expect(result.stderr).toStartWith("Error: ");
    });

    test("an overlay with directories of one's own keeps what was written", async () => {
      const [upper, other] = [host.place("work/upper"), host.place("work/other")];
      const result = await run(`-v ./d:/m:O,upperdir=${upper},workdir=${other}`, "touch", "/m/new");
      expect(result).toEqual({ exitCode: 0, stdout: "", stderr: "" });
      expect(readdirSync(upper)).toEqual(["new"]);
    });

    test("log driver passthrough: the process has the caller's own streams", async () => {
      const result = await host.cooperWith(
        { stdin: "typed\n" },
        ..."run -i --rm --log-driver passthrough hello sh -c".split(" "),
        "cat; echo err >&2; exit 3",
      );
      expect(result).toEqual({ exitCode: 3, stdout: "typed\n", stderr: "err\n" });
    });

    test("--requires starts others first, and keeps them from being removed", async () => {
      await host.must("create", "--name", "base", "hello", "sleep", "60");
      await host.must("run", "--name", "needs", "--requires", "base", "hello", "true");
      expect(await host.must("inspect", "-f", "{{.State.Status}}", "base")).toBe("running");
      const refused = await host.cooper("rm", "-f", "base");
      expect(refused.stderr).toContain("cannot remove container base: needs requires it");
      await host.must("rm", "-f", "--depend", "base");
      expect(await host.must("ps", "-a", "--format", "{{.Names}}")).toBe("source");
    });

    test("--rmi removes the image with the container", async () => {
      await host.must("tag", "hello", "localhost/other:1");
      await host.must("run", "--rmi", "localhost/other:1", "true");
      expect((await host.cooper("image", "exists", "localhost/other:1")).exitCode).toBe(1);
      expect((await host.cooper("image", "exists", "hello")).exitCode).toBe(0);
    });
  },
);

test("run fetches its image with the credentials and certificates that were named, and quietly", async () => {
  await using registry = await debianRegistry({
    login: { username: "me", password: "word" },
    tls: true,
  });
  await using host = await testHost();
  const env = { REGISTRY_AUTH_FILE: join(host.place("auth"), "auth.json") };
  const image = `${registry.host}/team/box:1`;
  const access = ["--creds", "me:word", "--tls-verify=false"];
  await host.must("create", "hello"); // makes the image
  const pushed = await host.cooperWith({ env }, "push", "-q", ...access, "hello", image);
  expect(pushed.exitCode).toBe(0);

  const refused = await host.cooperWith(
    { env },
    "run",
    "--rm",
    "--tls-verify=false",
    image,
    "true",
  );
  expect(refused.exitCode).toBe(125);
  const run = await host.cooperWith(
    { env },
    ...["run", "--rm", "-q", ...access, "--network", "none", image, "echo", "fetched"],
  );
  expect(run).toEqual({ exitCode: 0, stdout: "fetched\n", stderr: "" });
});
