import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { testHost, users } from "./host.ts";

describe.each(users.map((user) => ({ user, who: user?.name ?? "the caller" })))(
  "run as $who",
  ({ user }) => {
    test.each([
      { argv: ["true"], exit: 0 },
      { argv: ["sh", "-c", "exit 32"], exit: 32 },
      { argv: ["/etc"], exit: 126 },
      { argv: ["/no/such/command"], exit: 127 },
      { argv: ["no-such-command"], exit: 127 },
      { argv: ["sh", "-c", "kill -9 $$"], exit: 137 },
      { argv: ["sh", "-c", "kill -TERM $$; sleep 1"], exit: 143 },
    ])("$argv exits $exit", async ({ argv, exit }) => {
      await using host = await testHost(user);
      // the first process of a pid namespace ignores signals of its own: those need an init before it
      const init = exit > 128 ? ["--init"] : [];
      expect((await host.cooper("run", "--rm", ...init, "hello", ...argv)).exitCode).toBe(exit);
    });

    test("without a command greets", async () => {
      await using host = await testHost(user);
      const result = await host.cooper("run", "--rm", "hello");
      expect(result.stdout).toContain("Hello from Cooper!");
      expect(result.exitCode).toBe(0);
    });

    test.each([
      {
        title: "keeps stdout and stderr apart",
        argv: ["sh", "-c", "echo out; echo err >&2"],
        stdout: "out\n",
        stderr: "err\n",
      },
      {
        title: "gives no newline of its own",
        argv: ["printf", "no end"],
        stdout: "no end",
        stderr: "",
      },
      { title: "has no input without -i", argv: ["cat"], stdout: "", stderr: "" },
    ])("$title", async ({ argv, stdout, stderr }) => {
      await using host = await testHost(user);
      expect(await host.cooperWith({ stdin: "input" }, "run", "--rm", "hello", ...argv)).toEqual({
        exitCode: 0,
        stdout,
        stderr,
      });
    });

    test("-i carries input to its end", async () => {
      await using host = await testHost(user);
      const input = "line\n".repeat(50_000);
      const result = await host.cooperWith({ stdin: input }, "run", "--rm", "-i", "hello", "cat");
      expect(result.stdout === input).toBe(true);
    });

    test("large output arrives whole", async () => {
      await using host = await testHost(user);
      const result = await host.cooper(
        "run",
        "--rm",
        "hello",
        "sh",
        "-c",
        "yes 0123456789 | head -n 200000",
      );
      expect(result.stdout === "0123456789\n".repeat(200_000)).toBe(true);
    });

    test("-t gives a terminal", async () => {
      await using host = await testHost(user);
      const result = await host.cooperWith(
        { tty: true },
        "run",
        "--rm",
        "-it",
        "hello",
        "sh",
        "-c",
        "test -t 1 && echo yes",
      );
      expect(result.stdout).toBe("yes\r\n");
    });

    test.each([
      { options: ["-e", "A=1", "-e", "A=2"], command: "echo $A", output: "2" },
      { options: ["--workdir", "/tmp"], command: "pwd", output: "/tmp" },
      {
        options: ["--hostname", "box"],
        command: "hostname; cat /etc/hostname",
        output: "box\nbox",
      },
      { options: ["--user", "1234:56"], command: "id -u; id -g", output: "1234\n56" },
      { options: ["--user", "1234"], command: "grep -c ^1234: /etc/passwd", output: "1" },
      { options: ["--group-add", "77"], command: "id -G", output: "0 77" },
      {
        options: ["--read-only"],
        command: "touch /x 2>/dev/null || echo no; touch /tmp/x && echo yes",
        output: "no\nyes",
      },
      {
        options: ["--tmpfs", "/mnt:size=1m"],
        command: "df -k /mnt | tail -1 | awk '{print $2}'",
        output: "1024",
      },
      {
        options: ["--shm-size", "2m"],
        command: "df -k /dev/shm | tail -1 | awk '{print $2}'",
        output: "2048",
      },
      {
        options: ["--cap-drop", "ALL"],
        command: "grep CapEff /proc/self/status",
        output: "CapEff:\t0000000000000000",
      },
      {
        options: ["--cap-drop=all", "--cap-add=chown"],
        command: "grep CapEff /proc/self/status",
        output: "CapEff:\t0000000000000001",
      },
      {
        options: [],
        command: "grep CapEff /proc/self/status",
        output: "CapEff:\t00000000800405fb",
      },
      {
        options: [],
        command: "grep -E '^(Seccomp|NoNewPrivs):' /proc/self/status",
        output: "NoNewPrivs:\t0\nSeccomp:\t2",
      },
      {
        options: ["--security-opt", "no-new-privileges"],
        command: "grep NoNewPrivs /proc/self/status",
        output: "NoNewPrivs:\t1",
      },
      {
        options: ["--ulimit", "nofile=100:200"],
        command: "ulimit -n; ulimit -Hn",
        output: "100\n200",
      },
      { options: ["--umask", "027"], command: "umask", output: "0027" },
      { options: ["--entrypoint", "echo"], command: null, output: "-c only" },
      { options: ["--network", "none"], command: "ls /sys/class/net", output: "lo" },
      { options: ["--init"], command: "cat /proc/1/comm", output: "cooper-init" },
      {
        options: ["--sysctl", "net.ipv4.ip_unprivileged_port_start=80"],
        command: "cat /proc/sys/net/ipv4/ip_unprivileged_port_start",
        output: "80",
      },
      {
        options: ["--add-host", "db:10.0.0.9"],
        command: "grep -w db /etc/hosts",
        output: "10.0.0.9\tdb",
      },
      {
        options: ["--dns", "10.0.0.53"],
        command: "cat /etc/resolv.conf | grep nameserver",
        output: "nameserver 10.0.0.53",
      },
    ])("$options gives $output", async ({ options, command, output }) => {
      await using host = await testHost(user);
      const words = command === null ? ["-c", "only"] : ["sh", "-c", command];
      const result = await host.cooper("run", "--rm", ...options, "hello", ...words);
      expect(result.stderr).toBe("");
      expect(result.stdout.trimEnd()).toBe(output);
    });

    test("a process inherits nothing by accident", async () => {
      await using host = await testHost(user);
      const script =
        "ls /proc/self/fd; grep -E '^Sig(Blk|Ign):' /proc/self/status; cat /proc/self/oom_score_adj; pwd; umask; env | sort";
      const result = await host.cooperWith(
        { env: { LEAK: "yes" } },
        "run",
        "--rm",
        "--hostname",
        "h",
        "hello",
        "sh",
        "-c",
        script,
      );
      const [zero, one, two, three, ...rest] = result.stdout.trimEnd().split("\n");
      expect([zero, one, two, three]).toEqual(["0", "1", "2", "3"]); // 3 is the directory that ls reads
      expect(rest).toEqual([
        "SigBlk:\t0000000000000000",
        "SigIgn:\t0000000000000000",
        "0",
        "/",
        "0022",
        "HOME=/root",
        "HOSTNAME=h",
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "PWD=/",
        "SHLVL=1",
        "container=cooper",
      ]);
    });

    test("files in a bind mount belong to the caller", async () => {
      await using host = await testHost(user);
      const work = host.place("work");
      await host.must(
        "run",
        "--rm",
        "-v",
        `${work}:/work`,
        "hello",
        "sh",
        "-c",
        "echo made > /work/file",
      );
      expect(readFileSync(join(work, "file"), "utf8")).toBe("made\n");
      expect(statSync(join(work, "file")).uid).toBe(user?.uid ?? process.getuid?.() ?? -1);
    });

    test("a read-only bind mount cannot be written", async () => {
      await using host = await testHost(user);
      const work = host.place("work");
      const result = await host.cooper(
        "run",
        "--rm",
        "-v",
        `${work}:/work:ro`,
        "hello",
        "touch",
        "/work/file",
      );
      expect(result.exitCode).toBe(1);
      expect(existsSync(join(work, "file"))).toBe(false);
    });

    test("a named volume keeps files between containers", async () => {
      await using host = await testHost(user);
      await host.must(
        "run",
        "--rm",
        "-v",
        "data:/data",
        "hello",
        "sh",
        "-c",
        "echo kept > /data/file",
      );
      expect(await host.must("run", "--rm", "-v", "data:/data", "hello", "cat", "/data/file")).toBe(
        "kept",
      );
    });

    test("a new volume is filled with the image's files", async () => {
      await using host = await testHost(user);
      expect(
        await host.must(
          "run",
          "--rm",
          "-v",
          "fresh:/etc",
          "hello",
          "sh",
          "-c",
          "test -s /etc/passwd && echo filled",
        ),
      ).toBe("filled");
    });

    test("--name is unique, and --replace takes it over", async () => {
      await using host = await testHost(user);
      await host.must("create", "--name", "one", "hello", "true");
      const second = await host.cooper("create", "--name", "one", "hello", "true");
      expect(second.exitCode).toBe(125);
      expect(second.stderr).toContain('the container name "one" is already in use');
      await host.must("create", "--replace", "--name", "one", "hello", "true");
      expect(await host.must("ps", "-aq")).toMatch(/^[0-9a-f]{12}$/);
    });

    test("--cidfile and --pidfile are written", async () => {
      await using host = await testHost(user);
      const place = host.place("files");
      const id = await host.must(
        "run",
        "-d",
        "--cidfile",
        `${place}/cid`,
        "--pidfile",
        `${place}/pid`,
        "hello",
        "sleep",
        "60",
      );
      expect(readFileSync(`${place}/cid`, "utf8")).toBe(id);
      const cmdline = () =>
        readFileSync(`/proc/${readFileSync(`${place}/pid`, "utf8")}/cmdline`, "utf8");
      for (let wait = 0; wait < 100 && !cmdline().startsWith("sleep"); wait++) await Bun.sleep(20); // its start comes before its exec
      expect(cmdline()).toBe("sleep\0" + "60\0");
    });

    test("env files are read", async () => {
      await using host = await testHost(user);
      const file = join(host.place("files"), "env");
      writeFileSync(file, "# comment\nA=from file\nB=b\n");
      expect(
        await host.must(
          "run",
          "--rm",
          "--env-file",
          file,
          "-e",
          "B=typed",
          "hello",
          "sh",
          "-c",
          "echo $A $B",
        ),
      ).toBe("from file typed");
    });

    test("SIGTERM of the client reaches the container", async () => {
      await using host = await testHost(user);
      const child = host.start(
        {},
        "run",
        "--rm",
        "--name",
        "trap",
        "hello",
        "sh",
        "-c",
        "trap 'echo got; exit 5' TERM; echo ready; while :; do sleep 0.1; done",
      );
      const reader = child.stdout.getReader();
      expect(new TextDecoder().decode((await reader.read()).value)).toBe("ready\n");
      child.kill("SIGTERM");
      expect(new TextDecoder().decode((await reader.read()).value)).toBe("got\n");
      expect(await child.exited).toBe(5);
    });
  },
);

test.each([
  { argv: ["run", "--no-such", "hello"], message: "unknown flag: --no-such" },
  { argv: ["run", "--publish", "80:", "hello"], message: '"" is no container port' },
  { argv: ["run", "--network", "web", "hello"], message: "network web not found" },
  {
    argv: ["run", "--memory", "lots", "hello"],
    message: 'invalid value "lots" for --memory: not a size',
  },
  {
    argv: ["run", "--rm", "--restart", "always", "hello"],
    message: "--rm and --restart exclude each other",
  },
  { argv: ["rnu"], message: 'unknown command "rnu"' },
  { argv: ["run"], message: "needs at least 1 argument" },
  { argv: ["compose", "up"], message: "cooper compose is not available yet" },
])("$argv is refused with one clear error", async ({ argv, message }) => {
  await using host = await testHost();
  const result = await host.cooper(...argv);
  expect(result.exitCode).toBe(125);
  expect(result.stdout).toBe("");
  expect(result.stderr).toStartWith("Error: ");
  expect(result.stderr).toContain(message);
  expect(result.stderr).not.toContain("\n    at ");
});
