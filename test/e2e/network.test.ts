/** Networks of root: who reaches whom, what is published where, and what is left afterwards. */
import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Result, run, type TestHost, testHost, users } from "./host.ts";
import { machineAddress, neighbourAddress } from "./machine.ts";

const isRoot = users.includes(null) && process.getuid?.() === 0;

/** The words that connect to a port and print what comes back; two seconds are enough on one machine. */
const ask = (address: string, port: number) =>
  ["busybox", "timeout", "2", "busybox", "nc", address, `${port}`] as const;

/** As the other host on the machine's cable. */
async function onNeighbour(host: TestHost, ...words: string[]): Promise<Result> {
  return run(host.machine?.wordsOnNeighbour(...words) ?? []);
}

/** Answers each connection with one word. */
const answering = (word: string, port = 80) => ["nc", "-ll", "-p", `${port}`, "-e", "echo", word];

/** Answers are there as soon as the port is open inside. */
async function started(host: TestHost, name: string, port = 80): Promise<void> {
  for (let wait = 0; wait < 100; wait++) {
    const hex = port.toString(16).toUpperCase().padStart(4, "0");
    const table = await host.must("exec", name, "cat", "/proc/net/tcp", "/proc/net/tcp6");
    if (table.includes(`:${hex} `)) return;
    await Bun.sleep(20);
  }
  throw new Error(`${name} does not listen`);
}

async function serve(host: TestHost, name: string, ...options: string[]): Promise<void> {
  await host.must("run", "-d", "--name", name, ...options, "hello", ...answering(name));
  await started(host, name);
}

const addressOf = async (host: TestHost, name: string, network = "cooper") =>
  (await host.must(
    "inspect",
    "-f",
    `{{(index .NetworkSettings.Networks "${network}").IPAddress}}`,
    name,
  )) as string;

describe.skipIf(!isRoot)("networks of root", () => {
  test("a container has an address, a gateway and its name", async () => {
    await using host = await testHost(null, { networks: true });
    const script = "ip -4 addr show eth0; ip route; cat /etc/hosts; hostname";
    const text = await host.must("run", "--rm", "--name", "c", "hello", "sh", "-c", script);
    const address = /inet (10\.\d+\.\d+\.\d+)\/16/.exec(text)?.[1] ?? "none";
    expect(text).toContain("default via 10.");
    expect(text).toMatch(new RegExp(`^${address}\\s+\\S+ c$`, "m"));
    expect(await host.settled()).toEqual([]);
  });

  test("system reset takes the bridges with it, and what the firewall says of them", async () => {
    await using host = await testHost(null, { networks: true });
    await host.must("network", "create", "mine");
    await host.must("run", "--rm", "hello", "true");
    await host.must("run", "-d", "--network", "mine", "hello", "sleep", "100");
    expect((await host.inMachine("ip", "-br", "link")).stdout).toContain("cooper1");
    await host.must("system", "reset", "--force");
    expect((await host.inMachine("ip", "-br", "link")).stdout).not.toContain("cooper");
    expect((await host.inMachine("nft", "list", "ruleset")).stdout).not.toContain("cooper0");
  });

  test("a published port is reached from everywhere, others are not", async () => {
    await using host = await testHost(null, { networks: true });
    await serve(host, "web", "-p", "8080:80");
    await host.must("run", "-d", "--name", "other", "hello", "sleep", "100");
    const inside = await addressOf(host, "web");
    const gateway = await host.must("inspect", "-f", "{{.NetworkSettings.Gateway}}", "web");
    await onNeighbour(host, "ip", "route", "add", "default", "via", machineAddress.ipv4);
    const answers = {
      loopback: await host.inMachine(...ask("127.0.0.1", 8080)),
      ownAddress: await host.inMachine(...ask(machineAddress.ipv4, 8080)),
      inside: await host.inMachine(...ask(inside, 80)),
      neighbour: await onNeighbour(host, ...ask(machineAddress.ipv4, 8080)),
      otherContainer: await host.cooper("exec", "other", "timeout", "2", "nc", gateway, "8080"),
      itself: await host.cooper("exec", "web", "timeout", "2", "nc", gateway, "8080"),
      unpublished: await onNeighbour(host, ...ask(inside, 80)),
    };
    const texts = Object.fromEntries(
      Object.entries(answers).map(([from, { stdout }]) => [from, stdout.trim()]),
    );
    expect(texts).toEqual({
      loopback: "web",
      ownAddress: "web",
      inside: "web",
      neighbour: "web",
      otherContainer: "web",
      itself: "web",
      unpublished: "",
    });
    expect(await host.must("ps", "--format", "{{.Ports}}", "--filter", "name=web")).toBe(
      "0.0.0.0:8080->80/tcp",
    );
    expect(await host.must("port", "web")).toBe("80/tcp -> 0.0.0.0:8080");
    await host.must("stop", "-t", "0", "web");
    expect((await host.inMachine(...ask("127.0.0.1", 8080))).exitCode).not.toBe(0);
    expect(await host.must("port", "web")).toBe("");
  }, 30_000);

  test("what is published on the loopback stays there", async () => {
    await using host = await testHost(null, { networks: true });
    await serve(host, "web", "-p", "127.0.0.1:8080:80");
    expect((await host.inMachine(...ask("127.0.0.1", 8080))).stdout).toBe("web\n");
    expect((await onNeighbour(host, ...ask(machineAddress.ipv4, 8080))).stdout).toBe("");
    // a neighbour that writes the loopback address itself into its packets
    await onNeighbour(host, "ip", "address", "del", "127.0.0.1/8", "dev", "lo");
    await onNeighbour(host, "sysctl", "-w", "net.ipv4.conf.all.route_localnet=1");
    await onNeighbour(host, "ip", "route", "add", "127.0.0.1/32", "via", machineAddress.ipv4);
    expect((await onNeighbour(host, ...ask("127.0.0.1", 8080))).stdout).toBe("");
    // and a container that does so, to reach a service of the host's own loopback
    writeFileSync(join(host.place("site"), "secret"), "host");
    const service = Bun.spawn(
      host.onMachine("busybox", "httpd", "-f", "-p", "127.0.0.1:7777", "-h", host.place("site")),
    );
    const script =
      "ip address del 127.0.0.1/8 dev lo; ip route add 127.0.0.1/32 via $(ip route | sed -n 's/default via \\([^ ]*\\).*/\\1/p');" +
      "echo 1 > /proc/sys/net/ipv4/conf/all/route_localnet; timeout 1 wget -q -O - http://127.0.0.1:7777/secret; true";
    expect(
      await host.must("run", "--rm", "--privileged", "hello", "sh", "-c", script),
    ).not.toContain("host");
    const seen = await host.inMachine(
      "busybox",
      "wget",
      "-q",
      "-O",
      "-",
      "http://127.0.0.1:7777/secret",
    );
    expect(seen.stdout).toBe("host");
    service.kill();
    await service.exited;
  }, 30_000);

  test("IPv6: published, reached and hidden as IPv4", async () => {
    await using host = await testHost(null, { networks: true });
    await host.must("network", "create", "--ipv6", "six");
    await serve(host, "web", "--network", "six", "-p", "8080:80");
    const inside = await host.must(
      "inspect",
      "-f",
      "{{.NetworkSettings.Networks.six.GlobalIPv6Address}}",
      "web",
    );
    expect((await host.inMachine(...ask(inside, 80))).stdout).toBe("web\n");
    expect((await host.inMachine(...ask(machineAddress.ipv6, 8080))).stdout).toBe("web\n");
    // refused at once, so that who asks for localhost goes on to 127.0.0.1
    expect((await host.inMachine(...ask("::1", 8080))).stderr).toContain("refused");
    expect((await host.inMachine(...ask("127.0.0.1", 8080))).stdout).toBe("web\n");
    expect((await onNeighbour(host, ...ask(machineAddress.ipv6, 8080))).stdout).toBe("web\n");
    await onNeighbour(host, "ip", "route", "add", "default", "via", machineAddress.ipv6);
    expect((await onNeighbour(host, ...ask(inside, 80))).stdout).toBe("");
    expect(await host.must("ps", "--format", "{{.Ports}}")).toBe(
      "0.0.0.0:8080->80/tcp, [::]:8080->80/tcp",
    );
  }, 30_000);

  test("a port in use is one error that names who has it, before anything starts", async () => {
    await using host = await testHost(null, { networks: true });
    await serve(host, "web", "-p", "8080:80");
    const second = await host.cooper("run", "--name", "late", "-p", "8080:80", "hello");
    expect(second.exitCode).toBe(125);
    expect(second.stderr).toContain("port 0.0.0.0:8080/tcp is published by container web already");
    const specific = await host.cooper("run", "-p", "127.0.0.1:8080:80", "hello");
    expect(specific.stderr).toContain("is published by container web already");
    // the port is really taken: nobody else gets it while the container runs
    const thief = await host.inMachine(
      "busybox",
      "timeout",
      "1",
      "busybox",
      "nc",
      "-l",
      "-p",
      "8080",
    );
    expect(thief.stderr).toContain("Address already in use");
    const child = Bun.spawn(host.onMachine("busybox", "nc", "-l", "-p", "9090"));
    await Bun.sleep(200);
    const third = await host.cooper("run", "--rm", "-p", "9090:80", "hello");
    expect(third.stderr).toContain(
      `port 0.0.0.0:9090/tcp is already in use by busybox (pid ${child.pid})`,
    );
    child.kill();
    await child.exited;
    expect(await host.must("run", "--rm", "-p", "9090:80", "hello", "echo", "ok")).toBe("ok");
  }, 30_000);

  test("a client that keeps sending UDP reaches the container that has the port now", async () => {
    await using host = await testHost(null, { networks: true });
    const udp = ["-p", "5353:53/udp", "hello", "sleep", "100"];
    await host.must("run", "-d", "--name", "old", ...udp);
    // one socket, so one entry in the kernel's table of connections, which each packet keeps alive
    const script = `exec 3<>/dev/udp/${machineAddress.ipv4}/5353; while sleep 0.1; do echo x >&3; done`;
    const client = Bun.spawn(host.machine?.wordsOnNeighbour("bash", "-c", script) ?? [], {
      stderr: "ignore",
    });
    const heard = async (name: string) => {
      for (let wait = 0; wait < 30; wait++) {
        // nobody listens inside: what arrives is counted as for no port
        const counters = await host.must("exec", name, "grep", "^Udp: [0-9]", "/proc/net/snmp");
        if (Number(counters.split(" ")[2]) > 0) return true;
        await Bun.sleep(100);
      }
      return false;
    };
    expect(await heard("old")).toBe(true);
    await host.must("rm", "-f", "old");
    await host.must("run", "-d", "--name", "new", ...udp);
    expect(await heard("new")).toBe(true);
    client.kill();
    await client.exited;
  });

  test("a container that starts again keeps its addresses", async () => {
    await using host = await testHost(null, { networks: true });
    await host.must("run", "-d", "--name", "c", "hello", "sleep", "100");
    const first = await addressOf(host, "c");
    await host.must("stop", "-t", "0", "c");
    await host.must("run", "-d", "hello", "sleep", "100");
    await host.must("start", "c");
    expect(await addressOf(host, "c")).toBe(first);
  });

  test("ranges, random ports, udp and -P", async () => {
    await using host = await testHost(null, { networks: true });
    await host.must(
      "run",
      "-d",
      "--name",
      "c",
      "-p",
      "8000-8002:90-92",
      "-p",
      "5353:53/udp",
      "-p",
      "127.0.0.1::80",
      "-P",
      "--expose",
      "7000",
      "hello",
      "sleep",
      "100",
    );
    const lines = (await host.must("port", "c")).split("\n");
    expect(lines.slice(0, 1)).toEqual(["53/udp -> 0.0.0.0:5353"]);
    expect(lines[1]).toMatch(/^80\/tcp -> 127\.0\.0\.1:\d+$/);
    expect(lines.slice(2, 5)).toEqual([90, 91, 92].map((p) => `${p}/tcp -> 0.0.0.0:${p + 7910}`));
    expect(lines[5]).toMatch(/^7000\/tcp -> 0\.0\.0\.0:\d+$/);
    expect(await host.must("port", "c", "91")).toBe("0.0.0.0:8001");
    expect((await host.cooper("port", "c", "99")).stderr).toContain(
      "no public port '99/tcp' published for c",
    );
    expect(await host.must("ps", "--format", "{{.Ports}}")).toContain(
      "0.0.0.0:8000-8002->90-92/tcp",
    );
  });

  test("a port that is named twice is one, and may not lead to two", async () => {
    await using host = await testHost(null, { networks: true });
    const run = (...publish: string[]) =>
      host.cooper("run", "--rm", ...publish.flatMap((port) => ["-p", port]), "hello", "true");
    expect((await run("8080:80", "8080:80")).stderr).toBe("");
    expect((await run("8080-8081:80", "8080-8081:81")).stderr).toBe("");
    expect((await run("8080:80", "8080:81")).stderr).toBe(
      "Error: port 0.0.0.0:8080/tcp is published twice\n",
    );
    expect((await run("8080-8090:80-90", "127.0.0.1:8085:80")).stderr).toBe(
      "Error: port 127.0.0.1:8085/tcp is a part of port 0.0.0.0:8080-8090/tcp\n",
    );
  });

  test("sctp ports are led to the container by the firewall", async () => {
    // whether the kernel here has the protocol or not
    await using host = await testHost(null, { networks: true });
    const ports = ["-p", "3868:3869/sctp", "-p", "127.0.0.1::3870/sctp"];
    await host.must("run", "-d", "--name", "c", ...ports, "hello", "sleep", "100");
    const address = await addressOf(host, "c", "cooper");
    const table = (await host.inMachine("nft", "list", "table", "inet", "cooper")).stdout;
    expect(table).toContain(`sctp . 3868 : ${address} . 3869`);
    const [random = "", fixed] = (await host.must("port", "c")).split("\n").reverse();
    expect(fixed).toBe("3869/sctp -> 0.0.0.0:3868");
    expect(random).toMatch(/^3870\/sctp -> 127\.0\.0\.1:[1-9]\d+$/);
    expect(table).toContain(`sctp . 127.0.0.1 . ${random.split(":")[1]} : ${address} . 3870`);
  });

  test("networks do not reach each other, unless both are open", async () => {
    await using host = await testHost(null, { networks: true });
    for (const name of ["a", "b"]) await host.must("network", "create", name);
    for (const name of ["x", "y"])
      await host.must("network", "create", "-o", "isolate=false", name);
    await host.must("network", "create", "--internal", "shut");
    for (const name of ["a", "b", "x", "y", "shut"])
      await serve(host, `in-${name}`, "--network", name);
    const reach = async (from: string, to: string) => {
      const address = await addressOf(host, `in-${to}`, to);
      return (await host.cooper("exec", `in-${from}`, "timeout", "1", "nc", address, "80")).stdout;
    };
    expect(await reach("a", "a")).toBe("in-a\n");
    expect(await reach("a", "b")).toBe("");
    expect(await reach("a", "x")).toBe("");
    expect(await reach("x", "y")).toBe("in-y\n");
    expect(await reach("shut", "x")).toBe("");
    expect(await reach("x", "shut")).toBe("");
  }, 60_000);

  test("connect and disconnect, also while it runs", async () => {
    await using host = await testHost(null, { networks: true });
    await host.must("network", "create", "--subnet", "10.5.0.0/24", "more");
    await serve(host, "c", "-p", "8080:80");
    await host.must("network", "connect", "--ip", "10.5.0.9", "--alias", "db", "more", "c");
    expect(await host.must("exec", "c", "ip", "-4", "addr", "show", "eth1")).toContain(
      "10.5.0.9/24",
    );
    expect(await host.must("ps", "--format", "{{.Networks}}")).toBe("cooper,more");
    expect((await host.cooper("network", "connect", "more", "c")).stderr).toContain(
      "already connected",
    );
    const removed = await host.cooper("network", "rm", "more");
    expect(removed.exitCode).toBe(2);
    expect(removed.stderr).toContain(
      "network more has active endpoints: it is used by container c",
    );
    await host.must("network", "disconnect", "cooper", "c");
    // the port goes on through the other network
    expect((await host.inMachine(...ask("127.0.0.1", 8080))).stdout).toBe("c\n");
    await host.must("network", "disconnect", "more", "c");
    expect((await host.cooper("exec", "c", "ip", "-4", "route")).stdout).toBe("");
    await host.must("network", "rm", "more");
    expect((await host.cooper("network", "rm", "more")).stderr).toContain("network more not found");
    await host.must("network", "rm", "-f", "more");
  }, 30_000);

  test("macvlan: a container is a host on the parent's network", async () => {
    await using host = await testHost(null, { networks: true });
    await host.must(
      "network",
      "create",
      "-d",
      "macvlan",
      "-o",
      "parent=eth0",
      "--subnet",
      "10.231.0.0/24",
      "--gateway",
      neighbourAddress.ipv4,
      "--ip-range",
      "10.231.0.128/25",
      "lan",
    );
    await serve(host, "web", "--network", "lan");
    const address = await addressOf(host, "web", "lan");
    expect(address).toBe("10.231.0.128");
    expect((await onNeighbour(host, ...ask(address, 80))).stdout).toBe("web\n");
    const refused = await host.cooper("run", "--network", "lan", "-p", "80:80", "hello");
    expect(refused.stderr).toContain("no port can be published: lan is a macvlan");
    await host.must(
      "network",
      "create",
      "-d",
      "ipvlan",
      "-o",
      "parent=eth0",
      "--subnet",
      "10.9.0.0/24",
      "ip",
    );
    const ipvlan = await host.cooper("run", "--rm", "--network", "ip", "hello", "ip", "-4", "addr");
    if (ipvlan.exitCode === 0) expect(ipvlan.stdout).toContain("10.9.0.2/24");
    else expect(ipvlan.stderr).toContain("the kernel of this host lacks");
    await host.must("network", "create", "-o", "vlan=7", "tagged");
    const vlan = await host.cooper("run", "--rm", "--network", "tagged", "hello", "true");
    if (vlan.exitCode !== 0) expect(vlan.stderr).toContain("the kernel of this host lacks");
    await host.must("network", "rm", "tagged");
    const links = (await host.inMachine("ip", "-br", "link", "show", "type", "bridge")).stdout;
    expect(links).toBe("");
    const dhcp = await host.cooper("network", "create", "--ipam-driver", "dhcp", "x");
    expect(dhcp.stderr).toContain("addresses by DHCP are not supported");
    expect(
      (
        await host.cooper(
          "network",
          "create",
          "-d",
          "macvlan",
          "-o",
          "parent=nope",
          "--subnet",
          "10.8.0.0/24",
          "x",
        )
      ).stderr,
    ).toContain("there is no link nope");
  });

  test("options of the bridge: mtu, name, no traffic between containers, binding", async () => {
    await using host = await testHost(null, { networks: true });
    await host.must(
      "network",
      "create",
      "-o",
      "mtu=1400",
      "-o",
      "com.docker.network.bridge.enable_icc=false",
      "-o",
      "com.docker.network.bridge.host_binding_ipv4=127.0.0.1",
      "-o",
      "com.docker.network.bridge.name=br-test",
      "strict",
    );
    await serve(host, "a", "--network", "strict", "-p", "8080:80");
    await serve(host, "b", "--network", "strict");
    expect(await host.must("exec", "a", "ip", "link", "show", "eth0")).toContain("mtu 1400");
    expect((await host.inMachine("ip", "link", "show", "br-test")).exitCode).toBe(0);
    expect(await host.must("port", "a")).toBe("80/tcp -> 127.0.0.1:8080");
    expect((await host.inMachine(...ask("127.0.0.1", 8080))).stdout).toBe("a\n");
    const address = await addressOf(host, "b", "strict");
    expect((await host.inMachine(...ask(address, 80))).stdout).toBe("b\n");
    expect((await host.cooper("exec", "a", "timeout", "1", "nc", address, "80")).stdout).toBe("");
  });

  test("twenty at once have different addresses", async () => {
    await using host = await testHost(null, { networks: true });
    await host.must("network", "create", "--subnet", "10.6.0.0/27", "small");
    const names = Array.from({ length: 20 }, (_, at) => `c${at}`);
    const results = await Promise.all(
      names.map((name) =>
        host.cooper("run", "-d", "--name", name, "--network", "small", "hello", "sleep", "100"),
      ),
    );
    expect(results.map(({ stderr }) => stderr).join("")).toBe("");
    const inspected: { NetworkSettings: { Networks: { small: { IPAddress: string } } } }[] =
      JSON.parse(await host.must("inspect", ...names));
    const addresses = inspected.map((one) => one.NetworkSettings.Networks.small.IPAddress);
    expect(new Set(addresses).size).toBe(20);
    // 29 can be leased
    await Promise.all(
      Array.from({ length: 9 }, () =>
        host.must("run", "-d", "--network", "small", "hello", "sleep", "100"),
      ),
    );
    const full = await host.cooper("run", "--rm", "--network", "small", "hello");
    expect(full.stderr).toContain("network small has no free address in 10.6.0.0/27");
  }, 60_000);

  test("the same promises through iptables", async () => {
    await using host = await testHost(null, {
      networks: true,
      configuration: '[network]\nfirewall_driver = "iptables"\n',
    });
    await host.inMachine("iptables", "-P", "FORWARD", "DROP");
    await host.must("network", "create", "--ipv6", "n");
    await host.must("network", "create", "other");
    await serve(host, "web", "--network", "n", "-p", "8080:80", "-p", "127.0.0.1:8081:80");
    await serve(host, "apart", "--network", "other");
    const inside = await addressOf(host, "web", "n");
    const gateway = await host.must("inspect", "-f", "{{.NetworkSettings.Gateway}}", "web");
    await onNeighbour(host, "ip", "route", "add", "default", "via", machineAddress.ipv4);
    await onNeighbour(host, "ip", "address", "del", "127.0.0.1/8", "dev", "lo");
    await onNeighbour(host, "sysctl", "-w", "net.ipv4.conf.all.route_localnet=1");
    await onNeighbour(host, "ip", "route", "add", "127.0.0.1/32", "via", machineAddress.ipv4);
    const within = (...words: string[]) =>
      host.cooper("exec", ...words.slice(0, 1), "timeout", "2", ...words.slice(1));
    const answers = {
      loopback: await host.inMachine(...ask("127.0.0.1", 8080)),
      onlyLoopback: await host.inMachine(...ask("127.0.0.1", 8081)),
      neighbour: await onNeighbour(host, ...ask(machineAddress.ipv4, 8080)),
      neighbour6: await onNeighbour(host, ...ask(machineAddress.ipv6, 8080)),
      itself: await within("web", "nc", gateway, "8080"),
      otherNetwork: await within("apart", "nc", gateway, "8080"),
      isolated: await within("apart", "nc", inside, "80"),
      unpublished: await onNeighbour(host, ...ask(inside, 80)),
      spoofedLoopback: await onNeighbour(host, ...ask("127.0.0.1", 8081)),
    };
    expect(
      Object.fromEntries(
        Object.entries(answers).map(([from, { stdout }]) => [from, stdout.trim()]),
      ),
    ).toEqual({
      loopback: "web",
      onlyLoopback: "web",
      neighbour: "web",
      neighbour6: "web",
      itself: "web",
      otherNetwork: "web",
      isolated: "",
      unpublished: "",
      spoofedLoopback: "",
    });
    await host.inMachine("iptables", "-F");
    await host.must("network", "reload", "--all");
    expect((await onNeighbour(host, ...ask(machineAddress.ipv4, 8080))).stdout).toBe("web\n");
    expect((await host.inMachine("nft", "list", "table", "inet", "cooper")).exitCode).not.toBe(0);
    await host.must("rm", "-f", "web", "apart");
    const rules = (await host.inMachine("iptables-save")).stdout;
    expect(rules).toContain("COOPER-FORWARD");
    expect(rules).not.toContain("--dport");
  }, 30_000);

  test("where iptables drops what is forwarded, containers still pass, and nothing else", async () => {
    await using host = await testHost(null, { networks: true });
    await host.inMachine("iptables", "-P", "FORWARD", "DROP");
    await host.inMachine("iptables", "-N", "DOCKER-USER");
    await host.inMachine("iptables", "-A", "FORWARD", "-j", "DOCKER-USER");
    await host.must("network", "create", "n");
    await serve(host, "web", "--network", "n", "-p", "8080:80");
    expect((await onNeighbour(host, ...ask(machineAddress.ipv4, 8080))).stdout).toBe("web\n");
    await onNeighbour(host, "ip", "route", "add", "default", "via", machineAddress.ipv4);
    const inside = await addressOf(host, "web", "n");
    expect((await onNeighbour(host, ...ask(inside, 80))).stdout).toBe("");
    const server = Bun.spawn(
      host.machine?.wordsOnNeighbour("busybox", "nc", "-ll", "-p", "99", "-e", "echo", "out") ?? [],
    );
    const out = ["exec", "web", "timeout", "2", "nc", neighbourAddress.ipv4, "99"];
    expect((await host.cooper(...out)).stdout).toBe("out\n");
    server.kill();
    await server.exited;
    await host.must("rm", "-f", "web");
    await host.must("network", "rm", "n");
    expect((await host.inMachine("iptables", "-S")).stdout).not.toContain("cooper");
  });

  test("a bridge or the firewall that somebody took away comes back", async () => {
    await using host = await testHost(null, { networks: true });
    await serve(host, "web", "-p", "8080:80");
    const reached = async () => (await onNeighbour(host, ...ask(machineAddress.ipv4, 8080))).stdout;
    await host.inMachine("nft", "flush", "ruleset");
    expect(await reached()).toBe("");
    await host.must("run", "--rm", "hello", "true"); // any start looks
    expect(await reached()).toBe("web\n");
    await host.inMachine("ip", "link", "del", "cooper0");
    await host.must("run", "--rm", "hello", "true");
    expect(await reached()).toBe("web\n");
    await host.inMachine("ip", "link", "del", "cooper0");
    await host.inMachine("nft", "delete", "table", "inet", "cooper");
    await host.must("network", "reload", "--all");
    expect(await reached()).toBe("web\n");
    await host.must("exec", "--privileged", "web", "ip", "link", "del", "eth0");
    await host.must("network", "reload", "web");
    expect(await reached()).toBe("web\n");
  }, 30_000);

  test.each([
    ["setns", 2],
    ["setns", 6],
    ["unshare", 1],
    ["mount", 1],
    ["umount2", 2],
  ])(
    "killed at %s %i, it leaves nothing that the next command does not undo",
    async (call, nth) => {
      await using host = await testHost(null, { networks: true });
      await host.must("network", "create", "--subnet", "10.7.0.0/29", "n");
      await host.killedAt(
        call,
        nth,
        "run",
        "--name",
        "c",
        "--network",
        "n:ip=10.7.0.2",
        "-p",
        "8080:80",
        "hello",
        "true",
      );
      await host.cooper("rm", "-f", "c");
      expect(
        await host.must(
          "run",
          "--rm",
          "--network",
          "n:ip=10.7.0.2",
          "-p",
          "8080:80",
          "hello",
          "echo",
          "ok",
        ),
      ).toBe("ok");
      expect(await host.settled()).toEqual([]);
    },
    30_000,
  );

  test.each([
    ["umount2", 1],
    ["setns", 2],
    ["socket", 2],
  ])(
    "a removal killed at %s %i is ended by the next command",
    async (call, nth) => {
      await using host = await testHost(null, { networks: true });
      const options = ["--name", "c", "-p", "8080:80", "-p", "53:53/udp", "hello"];
      await host.must("run", "-d", ...options, "sleep", "100");
      await host.killedAt(call, nth, "rm", "-f", "c");
      await host.cooper("rm", "-f", "c");
      expect(await host.must("run", "--rm", ...options, "echo", "ok")).toBe("ok");
      expect(await host.settled()).toEqual([]);
    },
    30_000,
  );

  test.each([
    {
      argv: ["network", "create", "--subnet", "10.0.0.0/33", "n"],
      message: "the prefix is too long",
    },
    { argv: ["network", "create", "--gateway", "10.1.0.1", "n"], message: "needs a --subnet" },
    {
      argv: ["network", "create", "-o", "colour=red", "n"],
      message: "unsupported bridge network option",
    },
    { argv: ["network", "create", "-d", "macvlan", "n"], message: "needs a --subnet" },
    { argv: ["network", "create", "--ipam-driver", "dhcp", "n"], message: "DHCP" },
    { argv: ["network", "create", "host"], message: "reserved" },
    { argv: ["network", "create", "a;b"], message: "invalid network name" },
    {
      argv: ["network", "create", "--interface-name", "a b", "n"],
      message: "is no name for a link",
    },
    { argv: ["network", "inspect", "nope"], message: "network nope not found" },
    { argv: ["run", "--ip", "10.99.0.1", "hello"], message: "is in no subnet of network cooper" },
    {
      argv: ["run", "--network", "none", "-p", "80:80", "hello"],
      message: "ports cannot be published",
    },
    { argv: ["run", "-p", "[::1]:80:80", "hello"], message: "a port cannot be published on ::1" },
    { argv: ["run", "-p", "203.0.113.7:80:80", "hello"], message: "it is no address of this host" },
  ])("$argv is refused: $message", async ({ argv, message }) => {
    await using host = await testHost(null, { networks: true });
    await host.cooper("network", "ls");
    const result = await host.cooper(...argv);
    expect(result.stderr).toContain(message);
    expect(result.exitCode).toBe(125);
  });
});
