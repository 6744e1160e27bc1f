/** What the peers' listings know and waiting for states: filters, columns, descriptors, the journal. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { testHost } from "./host.ts";
import { inMounts } from "./reboot.ts";

test("ps: ports, namespaces and platform", async () => {
  await using host = await testHost(null, { networks: true });
  const sleeper = ["hello", "sleep", "1000"];
  await host.must("run", "-d", "--name", "web", "-p", "8080-8082:80-82", ...sleeper);
  await host.must("run", "-d", "--name", "dns", "--expose", "53/udp", ...sleeper);
  const named = (filter: string) => host.must("ps", "--format", "{{.Names}}", "--filter", filter);
  expect(await named("publish=81")).toBe("web");
  expect(await named("publish=70-80/tcp")).toBe("web");
  expect(await named("publish=83")).toBe("");
  expect(await named("publish=81/udp")).toBe("");
  expect(await named("expose=53/udp")).toBe("dns");
  expect(await named("expose=53")).toBe("");
  expect((await host.cooper("ps", "--filter", "publish=http")).stderr).toContain("is no port");
  const pid = await host.must("inspect", "-f", "{{.State.Pid}}", "dns");
  const [namespaces = ""] = (
    await host.must(
      "ps",
      "--filter",
      "name=dns",
      "--format",
      "{{.PIDNS}} {{.ExposedPorts}} {{.Platform}}",
    )
  ).split("\n");
  const { stdout } = Bun.spawnSync(["readlink", `/proc/${pid}/ns/pid`]);
  expect(namespaces).toMatch(/^\d+ 53\/udp linux\/\w+$/);
  expect(stdout.toString()).toContain(namespaces.split(" ")[0] ?? "none");
  const groups = ["run", "-d", "--name", "g", "--user", "7:8", "--group-add", "9", ...sleeper];
  await host.must(...groups);
  expect(
    (await host.must("top", "g", "ruser", "rgroup", "groups", "hgroups")).split("\n")[1],
  ).toMatch(/^7\s+8\s+8?,?9\s+\S+$/);
});

test("a container that runs is found by its new name", async () => {
  await using host = await testHost(null, { networks: true });
  await host.must("network", "create", "n");
  await host.must("run", "-d", "--name", "old", "--network", "n", "hello", "sleep", "1000");
  await host.must("rename", "old", "new");
  const look = ["run", "--rm", "--network", "n", "hello", "nslookup", "new"];
  expect((await host.cooper(...look)).stdout).toMatch(/Address: 10\./);
});

test("wait: what is no condition, the next end", async () => {
  await using host = await testHost();
  await host
    .must("run", "--name", "c", "hello", "sh", "-c", "sleep 0.3; exit 4")
    .catch(() => undefined);
  expect((await host.cooper("wait", "--condition", "tired", "c")).stderr).toContain(
    'unknown condition "tired"',
  );
  const next = host.start({}, "wait", "--condition", "next-exit", "c");
  await Bun.sleep(300);
  expect(next.exitCode).toBe(null);
  await host.must("start", "c");
  expect(await new Response(next.stdout).text()).toBe("4\n");
});

const journal = `socket(S, AF_UNIX, SOCK_DGRAM, 0) or die; bind(S, sockaddr_un($ARGV[0])) or die;
  $| = 1; while (1) { recv(S, $m, 65536, 0); print $m }`;

test("events_logger journald: the journal gets a copy", async () => {
  const configuration = '[engine]\nevents_logger = "journald"\n';
  await using host = await testHost(null, { configuration });
  const told = join(host.directory, "told");
  const socket = "/run/systemd/journal/socket";
  const prepare = `mkdir -p /run/systemd; mount -t tmpfs tmpfs /run/systemd; mkdir /run/systemd/journal
perl -MSocket -e '${journal.replaceAll("'", "'\\''")}' ${socket} > ${told} & listener=$!
while ! [ -e ${socket} ]; do sleep 0.02; done`;
  const script = `cooper create --name c --label k=v --network none hello true > /dev/null
cooper rm c > /dev/null; cooper events --stream=false --format '{{.Action}}' --filter container=c; kill $listener`;
  expect((await inMounts(host, prepare, script)).stdout).toBe("create\ndestroy\n");
  const entries = await Bun.file(told).text();
  for (const field of ["PODMAN_EVENT=create\n", "PODMAN_NAME=c\n", '"k":"v"}\n'])
    expect(entries).toContain(field);
});
