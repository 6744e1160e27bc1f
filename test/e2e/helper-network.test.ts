/** Containers whose way out is a helper of their own: pasta and slirp4netns, the default of ordinary users. */
import { describe, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { run, type TestHost, testHost, users } from "./host.ts";
import { fetchFrom, machineAddress, neighbourAddress } from "./machine.ts";

const user = users.find((one) => one !== null);

/** Says on stdout who connects, and answers each connection with a word. */
const server = "echo word > /index.html; exec httpd -f -vv -p 80 -h /";

function onNeighbour(host: TestHost, ...words: string[]): string[] {
  return host.machine?.wordsOnNeighbour(...words) ?? [];
}

/** Ids of helper processes that serve a container of this store. */
function helpers(host: TestHost): number[] {
  const { stdout } = Bun.spawnSync(["pgrep", "-f", `${host.run}/netns/[0-9a-f]{64}`]);
  return stdout.toString().split("\n").filter(Boolean).map(Number);
}

describe.skipIf(user === undefined)("an ordinary user's container", () => {
  const open = () => testHost(user, { networks: true });

  test.each([
    { mode: [], link: "eth0" },
    { mode: ["--network", "pasta"], link: "eth0" },
    { mode: ["--network", "pasta:-I,web0"], link: "web0" },
    { mode: ["--network", "slirp4netns"], link: "tap0" },
    { mode: ["--userns", "keep-id"], link: "eth0" },
  ])("with $mode has a link $link and its names", async ({ mode, link }) => {
    await using host = await open();
    const script = `ip -o -4 addr show dev ${link} scope global; cat /etc/hosts`;
    const out = await host.must(
      "run",
      "--rm",
      ...mode,
      "--name",
      "me",
      "hello",
      "sh",
      "-c",
      script,
    );
    const address = /inet ([\d.]+)/.exec(out)?.[1];
    expect(out).toMatch(new RegExp(`^${address}\\t[0-9a-f]{12} me$`, "m"));
    expect(out).toMatch(/^[\d.]+\thost\.containers\.internal host\.docker\.internal$/m);
    expect(helpers(host)).toEqual([]);
  });

  test.each(["pasta", "slirp4netns"])("%s publishes with the client's address", async (mode) => {
    await using host = await open();
    const publish = ["-p", "8080:80", "-p", "127.0.0.1:8081:80"];
    await host.must(
      "run",
      "-d",
      "--name",
      "w",
      "--network",
      mode,
      ...publish,
      "hello",
      "sh",
      "-c",
      server,
    );
    const outer = `http://${machineAddress.ipv4}`;
    expect(await fetchFrom(onNeighbour(host), `${outer}:8080/`)).toBe("word");
    expect(await fetchFrom(host.onMachine(), "http://127.0.0.1:8081/")).toBe("word");
    const refused = Bun.spawnSync(
      onNeighbour(host, "busybox", "wget", "-q", "-O", "-", `${outer}:8081/`),
    );
    expect(refused.exitCode).not.toBe(0);
    expect((await host.cooper("logs", "w")).stderr).toContain(`${neighbourAddress.ipv4}]:`);
    await host.must("rm", "-f", "-t", "0", "w");
    expect(helpers(host)).toEqual([]);
  });

  test("a port that is taken or low is refused before anything starts", async () => {
    await using host = await open();
    await host.must("run", "-d", "--name", "first", "-p", "8080:80", "hello", "sleep", "60");
    const run = (...publish: string[]) =>
      host.cooper("run", "--rm", "--name", "next", "-p", ...publish, "hello", "echo", "ran");
    expect(await run("8080:81")).toEqual({
      exitCode: 125,
      stdout: "",
      stderr:
        "Error: port 0.0.0.0:8080/tcp is published by container first already\nHint: cooper stop first, or publish another port\n",
    });
    expect((await run("80:80")).stderr).toContain(
      "Hint: sudo sysctl net.ipv4.ip_unprivileged_port_start=80",
    );
    await host.must("network", "create", "net");
    for (const network of ["pasta", "slirp4netns", "net"]) {
      const { stderr } = await host.cooper(
        ...["run", "--rm", "--network", network, "-p", "3868/sctp", "hello", "true"],
      );
      expect(stderr).toMatch(
        /^Error: (pasta|slirp4netns) cannot publish sctp ports\nHint: ask root/,
      );
    }
    const listener = Bun.spawn(host.onMachine("busybox", "nc", "-l", "-p", "8090"));
    while (!readFileSync(`/proc/${listener.pid}/net/tcp6`, "utf8").includes(":1F9A "))
      await Bun.sleep(5);
    expect((await run("8090:80")).stderr).toContain("8090/tcp is already in use");
    listener.kill();
    await listener.exited;
    await host.must("rm", "-f", "-t", "0", "first");
  });

  test("cooper and the helper killed leave a container that the next command settles", async () => {
    await using host = await open();
    await host.must("run", "-d", "--name", "w", "-p", "8080:80", "hello", "sleep", "60");
    const [helper] = helpers(host);
    if (helper !== undefined) process.kill(helper, "SIGKILL");
    expect(await host.must("network", "reload", "w")).toHaveLength(64);
    expect(helpers(host)).toHaveLength(1);
    await host.must("exec", "w", "ip", "address", "show", "dev", "eth0");
    for (const pid of helpers(host)) process.kill(pid, "SIGKILL");
    await host.must("restart", "-t", "0", "w");
    expect(helpers(host)).toHaveLength(1);
    for (const milliseconds of [40, 80, 120]) {
      const run = host.start({}, "run", "-p", "8081:80", "hello", "sleep", "60");
      await Bun.sleep(milliseconds); // wherever it is by then
      run.kill("SIGKILL");
      await run.exited;
      await host.must("run", "--rm", "-p", "8082:80", "hello", "true");
    }
    await host.must("rm", "-f", "-a", "-t", "0");
    expect(helpers(host)).toEqual([]);
  });

  test("pasta leads in from ::1 alone", async () => {
    await using host = await open();
    const script = "echo word > /index.html; exec httpd -f -p 80 -h /";
    const publish = ["-p", "[::1]:8080:80"];
    await host.must("run", "-d", "--name", "w", ...publish, "hello", "sh", "-c", script);
    expect(await host.must("port", "w")).toBe("80/tcp -> [::1]:8080");
    expect(await fetchFrom(host.onMachine(), "http://[::1]:8080/")).toBe("word");
    const { stderr } = await run(host.onMachine("busybox", "nc", machineAddress.ipv6, "8080"));
    expect(stderr).toContain("Connection refused");
  });

  test.each([
    { option: "--ip", value: "10.0.2.5" },
    { option: "--mac-address", value: "02:00:00:00:00:01" },
    { option: "--network-alias", value: "x" },
  ])("$option is refused without a network", async ({ option, value }) => {
    await using host = await open();
    const { exitCode, stderr } = await host.cooper("run", "--rm", option, value, "hello", "true");
    expect(exitCode).toBe(125);
    expect(stderr).toContain("need a network, and what is used without one is pasta");
  });

  test("network reload has it ask the resolvers that the host asks now", async () => {
    await using host = await open();
    const file = join(host.place("etc"), "resolv.conf");
    writeFileSync(file, "nameserver 192.0.2.1\n");
    const script = 'mount --bind "$0" /etc/resolv.conf && exec "$@"';
    const argv = host.argv("run", "-d", "--name", "w", "hello", "sleep", "100");
    const first = Bun.spawnSync(["unshare", "--mount", "sh", "-c", script, file, ...argv], {
      env: host.environment(),
    });
    expect(first.stderr.toString()).toBe("");
    const asked = () => host.must("exec", "w", "cat", "/etc/resolv.conf");
    expect(await asked()).toBe("nameserver 192.0.2.1");
    writeFileSync(file, "nameserver 192.0.2.2\n");
    expect(await host.must("network", "reload", "--all")).toHaveLength(64);
    expect(await asked()).toBe("nameserver 192.0.2.2");
    // which the helper must have been told of
    writeFileSync(file, "nameserver 127.0.0.53\n");
    const [older] = helpers(host);
    await host.must("network", "reload", "--all");
    expect(await asked()).toBe("nameserver 169.254.1.1");
    expect(helpers(host)).not.toContain(older);
    expect(helpers(host)).toHaveLength(1);
  });

  test.each([
    { words: "pasta:fast", error: '"fast" is no option of pasta' },
    { words: "pasta:--netns,/x", error: "pasta's --netns is set by cooper itself" },
    // told by pasta itself, when the container is made already
    { words: "pasta:-I,a-name-that-is-too-long", error: "pasta: Invalid interface name" },
    { words: "slirp4netns:cidr=10.0.0.0/30", error: "must be an IPv4 network of /25 or wider" },
    { words: "slirp4netns:mtu=3", error: 'option "mtu=3": must be a size from 68 to 65521' },
    {
      words: "slirp4netns:port_handler=rootlesskit",
      error: "needs a proxy that cooper does not have",
    },
  ])("--network $words is refused in words", async ({ words, error }) => {
    await using host = await open();
    const { exitCode, stderr } = await host.cooper(
      "run",
      "--rm",
      "--network",
      words,
      "hello",
      "true",
    );
    expect(exitCode).toBe(125);
    expect(stderr).toContain(error);
  });

  test("the files in its /etc follow what was asked", async () => {
    await using host = await open();
    const base = join(host.place("files"), "hosts");
    await Bun.write(base, "10.1.1.1 base\n");
    const asked = ["--dns", "192.0.2.53", "--dns-search", "example.org", "--dns-option", "ndots:3"];
    const names = [
      "--add-host",
      "gate:host-gateway",
      "--add-host",
      "a;b:192.0.2.9",
      "--hosts-file",
      base,
    ];
    const out = await host.must(
      ...["run", "--rm", "--hostname", "box", "--name", "me", ...asked, ...names],
      ...["hello", "cat", "/etc/resolv.conf", "/etc/hosts", "/etc/hostname"],
    );
    expect(out.split("\n")).toEqual([
      "search example.org",
      "nameserver 192.0.2.53",
      "options ndots:3",
      expect.stringMatching(/^[\d.]+\tgate$/),
      "192.0.2.9\ta b",
      "10.1.1.1 base",
      "127.0.0.1\tlocalhost",
      "::1\tlocalhost ip6-localhost ip6-loopback",
      expect.stringContaining("\thost.containers.internal host.docker.internal"),
      expect.stringMatching(/^10\.[\d.]+\tbox me$/),
      expect.stringMatching(/^fd31:.*\tbox me$/),
      "box",
    ]);
  });

  test("who joins another's network uses its files", async () => {
    await using host = await open();
    await host.must(
      "run",
      "-d",
      "--name",
      "one",
      "--add-host",
      "x:192.0.2.1",
      "hello",
      "sleep",
      "60",
    );
    const joined = await host.must(
      "run",
      "--rm",
      "--network",
      "container:one",
      "hello",
      "cat",
      "/etc/hosts",
    );
    expect(joined).toContain("192.0.2.1\tx");
    await host.must("rm", "-f", "-t", "0", "one");
  });
});

test.skipIf(user === undefined)("root is told that pasta is not for it", async () => {
  await using host = await testHost(null, { networks: true });
  const { exitCode, stderr } = await host.cooper(
    "run",
    "--rm",
    "--network",
    "pasta",
    "hello",
    "true",
  );
  expect(exitCode).toBe(125);
  expect(stderr).toContain("pasta is for ordinary users");
});
