/** User-defined networks of root and of ordinary users: ways in and out, and names that are looked up. */
import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { type TestHost, testHost, users } from "./host.ts";
import { fetchFrom, machineAddress, neighbourAddress } from "./machine.ts";

/** Says on stderr who connects, and answers each connection with a word. */
const server = "echo word > /index.html; exec httpd -f -vv -p 80 -h /";
const udpPeer = [process.execPath, resolve(import.meta.dir, "../fixtures/udp-peer.ts")];

/** A program that runs until the test is over. */
function spawned(...argv: string[]): AsyncDisposable {
  const child = Bun.spawn(argv, { stdio: ["ignore", "ignore", "inherit"] });
  return {
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await child.exited;
    },
  };
}

const onNeighbour = (host: TestHost, ...words: string[]) =>
  host.machine?.wordsOnNeighbour(...words) ?? [];

function killNamesServer(host: TestHost): void {
  process.kill(Number(readFileSync(join(host.run, "names", "aardvark.pid"), "utf8")), "SIGKILL");
}

/** What helper programs and their files are left when no container runs. */
function remains(host: TestHost): string[] {
  const { stdout } = Bun.spawnSync(["pgrep", "-af", `${host.run}/(names|outward|c/)`]);
  const files = ["names", "netns", "ways-in"].flatMap((directory) => {
    try {
      return readdirSync(join(host.run, directory)).map((name) => `${directory}/${name}`);
    } catch {
      return []; // never made
    }
  });
  return [...stdout.toString().split("\n").filter(Boolean), ...files];
}

describe.each(users.map((user) => ({ user, who: user?.name ?? "the caller" })))(
  "a network of $who",
  ({ user }) => {
    const open = async () => {
      const host = await testHost(user, { networks: true });
      await host.must("network", "create", "--ipv6", "net");
      return host;
    };
    const inNet = (name: string, ...more: string[]) => [
      "--network",
      "net",
      "--name",
      name,
      ...more,
    ];

    test("leads ports in from everywhere, with the address of who connects", async () => {
      await using host = await open();
      const ports = ["-p", "8080:80", "-p", "127.0.0.1:8081:80"];
      await host.must("run", "-d", ...inNet("web", ...ports), "hello", "sh", "-c", server);
      const { ipv4, ipv6 } = machineAddress;
      expect(await fetchFrom(onNeighbour(host), `http://${ipv4}:8080/`)).toBe("word");
      expect(await fetchFrom(onNeighbour(host), `http://[${ipv6}]:8080/`)).toBe("word");
      expect(await fetchFrom(host.onMachine(), "http://127.0.0.1:8081/")).toBe("word");
      expect(await fetchFrom(host.onMachine(), `http://${ipv4}:8080/`)).toBe("word");
      const wget = ["busybox", "wget", "-q", "-O", "-", `http://${ipv4}:8081/`];
      expect(Bun.spawnSync(onNeighbour(host, ...wget)).exitCode).not.toBe(0);
      const { stderr } = await host.cooper("logs", "web");
      expect(stderr).toContain(`[::ffff:${neighbourAddress.ipv4}]:`);
      expect(stderr).toContain(`[${neighbourAddress.ipv6}]:`);
      const fetch = ["wget", "-q", "-O", "-", "http://web", `http://${ipv4}:8080`];
      expect(await host.must("run", "--rm", ...inNet("x"), "hello", ...fetch)).toBe("word\nword");
      await host.must("rm", "-f", "-t", "0", "web");
      expect(remains(host)).toEqual([]);
    });

    test("leads ports in again after what led them was killed", async () => {
      await using host = await open();
      await host.must("run", "-d", ...inNet("web", "-p", "8080:80"), "hello", "sh", "-c", server);
      const { stdout } = Bun.spawnSync(["pgrep", "-f", `${host.run}/(outward|c/.*/ports).pid`]);
      const pids = stdout.toString().split("\n").filter(Boolean).map(Number);
      expect(pids).toHaveLength(user === null ? 0 : 2);
      for (const pid of pids) process.kill(pid, "SIGKILL");
      await host.must("network", "reload", "web");
      const url = `http://${machineAddress.ipv4}:8080/`;
      expect(await fetchFrom(onNeighbour(host), url)).toBe("word");
    });

    test("a port in use is one error, naming who has it, before anything starts", async () => {
      await using host = await open();
      await host.must(
        "run",
        "-d",
        ...inNet("web", "-p", "127.0.0.1:8080:80"),
        "hello",
        "sleep",
        "60",
      );
      const next = await host.cooper("run", "--rm", "-p", "8080:80", "hello", "echo", "ran");
      expect(next).toMatchObject({ exitCode: 125, stdout: "" });
      expect(next.stderr).toContain("port 0.0.0.0:8080/tcp is published by container web already");
    });

    test("takes a container back that is started again at once", async () => {
      await using host = await open();
      await host.must("run", "-d", ...inNet("one"), "hello", "sleep", "60");
      for (let round = 0; round < 4; round++) await host.must("restart", "-t", "0", "one");
      await host.must("exec", "one", "nslookup", "-type=a", "one.");
    });

    test("carries datagrams with the address of who sends, and their answers", async () => {
      await using host = await open();
      await host.must("run", "-d", ...inNet("u", "-p", "8090:90/udp"), "hello", "sleep", "60");
      const pid = await host.must("inspect", "-f", "{{.State.Pid}}", "u");
      await using _echo = spawned("nsenter", `--net=/proc/${pid}/ns/net`, ...udpPeer, "echo", "90");
      const ask = ["timeout", "20", ...udpPeer, "ask", machineAddress.ipv4, "8090"];
      const { stdout } = Bun.spawnSync(onNeighbour(host, ...ask));
      expect(stdout.toString()).toBe(`heard ${neighbourAddress.ipv4}\n`);
    });

    test("leads out, and to the host", async () => {
      await using host = await open();
      const page = host.place("w");
      await Bun.write(join(page, "index.html"), "page\n");
      const httpd = (port: string) => ["busybox", "httpd", "-f", "-p", port, "-h", page];
      await using _there = spawned(...onNeighbour(host, ...httpd("8000")));
      await using _here = spawned(...host.onMachine(...httpd("8001")));
      await fetchFrom(onNeighbour(host), "http://127.0.0.1:8000/");
      await fetchFrom(host.onMachine(), "http://127.0.0.1:8001/");
      const fetch = (url: string) =>
        host.cooper("run", "--rm", "--network", "net", "hello", "wget", "-q", "-O", "-", url);
      const urls = [`http://${neighbourAddress.ipv4}:8000`, "http://host.docker.internal:8001"];
      for (const url of urls) expect((await fetch(url)).stdout).toBe("page\n");
      const closed = await fetch(`http://${neighbourAddress.ipv4}:1`);
      expect(closed.stderr).toContain("Connection refused");
    });

    test("knows names, aliases and short ids of its own members alone", async () => {
      await using host = await open();
      await host.must("network", "create", "other");
      await host.must("run", "-d", "--network", "other", "--name", "far", "hello", "sleep", "60");
      const near = inNet("near", "--network-alias", "db", "--network-alias", "Cache");
      const id = await host.must("run", "-d", ...near, "hello", "sleep", "60");
      const look = async (name: string) =>
        (await host.cooper("exec", "near", "nslookup", "-type=a", `${name}.`)).exitCode;
      for (const name of ["near", "db", "cache", id.slice(0, 12), "NEAR"])
        expect(await look(name)).toBe(0);
      expect(await look("far")).not.toBe(0);
      await host.must("network", "connect", "--alias", "guest", "net", "far");
      expect(await look("guest")).toBe(0);
      expect(await host.must("exec", "far", "cat", "/etc/hosts")).toMatch(/ far\n.* far$/m);
      await host.must("network", "disconnect", "net", "far");
      expect(await look("guest")).not.toBe(0);
      expect(await host.must("exec", "far", "cat", "/etc/hosts")).not.toMatch(/ far\n.* far$/m);
      await host.must("rm", "-f", "-t", "0", "near", "far");
      expect(remains(host)).toEqual([]);
    });

    test("asks the resolvers that were named for what it does not know", async () => {
      await using host = await open();
      const resolver = [...udpPeer, "resolve", "53", "out.example", "192.0.2.7"];
      await using _resolver = spawned(...onNeighbour(host, ...resolver));
      const asked = inNet("a", "--dns", neighbourAddress.ipv4);
      await host.must("run", "-d", ...asked, "hello", "sleep", "60");
      const look = (name: string) => host.cooper("exec", "a", "nslookup", "-type=a", name);
      let found = await look("out.example.");
      for (let wait = 0; found.exitCode !== 0 && wait < 5; wait++)
        found = await look("out.example.");
      expect(found.stdout).toContain("Address: 192.0.2.7");
      expect((await look("no.example.")).stdout).toContain("NXDOMAIN");
      expect((await look("a.")).exitCode).toBe(0);
    });

    test.each(["nftables", "iptables"])(
      "finds names beside another DNS server, by dns_bind_port and %s",
      async (driver) => {
        const configuration = `[network]\ndns_bind_port = 1053\nfirewall_driver = "${driver}"\n`;
        await using host = await testHost(user, { networks: true, configuration });
        await host.must("network", "create", "--ipv6", "net");
        const other = [...udpPeer, "resolve", "53", "out.example", "192.0.2.7"];
        await using _other = spawned(...host.onMachine(...other));
        const address = "{{.NetworkSettings.Networks.net.IPAddress}}";
        await host.must("run", "-d", ...inNet("a"), "hello", "sleep", "60");
        const look = ["nslookup", "-type=a", "a."];
        const found = await host.must("run", "--rm", "--network", "net", "hello", ...look);
        expect(found).toContain(`Address: ${await host.must("inspect", "-f", address, "a")}`);
      },
    );

    test("gives each connection what was asked of it", async () => {
      await using host = await testHost(user, { networks: true });
      const dual = ["--subnet", "10.55.0.0/24", "--subnet", "fd55::/64"];
      await host.must("network", "create", ...dual, "one");
      await host.must("network", "create", "--subnet", "10.56.0.0/24", "two");
      const asked =
        "ip=10.55.0.9,ip6=fd55::9,mac=02:00:00:00:00:09,alias=db,interface_name=lan0,host_interface_name=side0";
      const networks = ["--network", `one:${asked}`, "--network", "two:ip=10.56.0.9"];
      await host.must("run", "-d", "--name", "c", ...networks, "hello", "sleep", "60");
      const shown = await host.must("exec", "c", "ip", "-o", "address", "show", "scope", "global");
      const addresses = [...shown.matchAll(/: (\w+) +inet6? (\S+)/g)].map(([, link, at]) => [
        link,
        at,
      ]);
      expect(addresses.sort()).toEqual([
        ["eth0", "10.56.0.9/24"],
        ["lan0", "10.55.0.9/24"],
        ["lan0", "fd55::9/64"],
      ]);
      const link = await host.must("exec", "c", "cat", "/sys/class/net/lan0/address");
      expect(link).toBe("02:00:00:00:00:09");
      const look = ["nslookup", "-type=a", "db."];
      const found = await host.must("run", "--rm", "--network", "one", "hello", ...look);
      expect(found).toContain("Address: 10.55.0.9");
      const single = [
        "--network",
        "two",
        "--ip",
        "10.56.0.77",
        "--mac-address",
        "02:00:00:00:00:77",
      ];
      await host.must("run", "-d", "--name", "d", ...single, "hello", "sleep", "60");
      const told =
        "{{.NetworkSettings.Networks.two.IPAddress}} {{.NetworkSettings.Networks.two.MacAddress}}";
      expect(await host.must("inspect", "-f", told, "d")).toBe("10.56.0.77 02:00:00:00:00:77");
      const taken = await host.cooper("run", "--rm", "--network", "two:ip=10.56.0.77", "hello");
      expect(taken.stderr).toContain("10.56.0.77");
      expect(taken.exitCode).toBe(125);
      if (user !== null) return; // whose end of it is in a namespace of the user's
      expect((await host.inMachine("ip", "link", "show", "dev", "side0")).exitCode).toBe(0);
    });

    test("finds names again after the service was killed", async () => {
      await using host = await open();
      await host.must("run", "-d", ...inNet("one"), "hello", "sleep", "60");
      const look = ["nslookup", "-type=a", "one."];
      killNamesServer(host);
      await host.must("run", "--rm", "--network", "net", "hello", ...look);
      killNamesServer(host);
      await host.must("network", "reload", "one");
      await host.must("exec", "one", ...look);
      await host.must("rm", "-f", "-t", "0", "one");
      expect(remains(host)).toEqual([]);
    });
  },
);

test("fifty started at once have different addresses and find each other while others come and go", async () => {
  await using host = await testHost(null, { networks: true });
  await host.must("network", "create", "net");
  const names = Array.from({ length: 50 }, (_, index) => `c${index}`);
  const start = (name: string) =>
    host.must("run", "-d", "--network", "net", "--name", name, "hello", "sleep", "600");
  await Promise.all(names.map(start));
  const address = "{{.NetworkSettings.Networks.net.IPAddress}}";
  const addresses = (await host.must("inspect", "-f", address, ...names)).split("\n");
  expect(new Set(addresses).size).toBe(50);
  // a server of 2023 does not listen for some milliseconds whenever its files change
  const retry = `look() { for try in 1 2 3; do
    nslookup -type=a $1. > /dev/null && return; usleep 20000; done; echo lost $1; };`;
  const all = names.map((name) => `look ${name};`).join(" ");
  const loop = `${retry} for i in $(seq 8); do ${all} done; echo done`;
  const looking = host.must("exec", "c0", "sh", "-c", loop);
  for (let round = 0; round < 5; round++)
    await host.must("run", "--rm", "--network", "net", "--network-alias", "c99", "hello", "true");
  expect(await looking).toBe("done");
  await host.must("rm", "-f", "-t", "0", "--all");
  expect(remains(host)).toEqual([]);
}, 60_000);
