/** Docker's API beyond its own client's daily use: websockets, newer versions, registries, checkpoints. */
import { expect, test } from "bun:test";
import { testHost, users } from "./host.ts";
import { testRegistry } from "./registry.ts";
import { dockerClient, Service } from "./service.ts";

const everybody = users.map((user) => ({ user, who: user?.name ?? "the caller" }));

/** What a websocket receives until it is closed; `first` is sent when it is open. */
function messages(service: Service, path: string, first: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let received = "";
    const socket = new WebSocket(`ws+unix://${service.socket}:${path}`);
    socket.binaryType = "arraybuffer";
    socket.onopen = () => socket.send(first);
    socket.onmessage = ({ data }) => {
      received += typeof data === "string" ? data : Buffer.from(data).toString();
    };
    socket.onclose = () => resolve(received);
    socket.onerror = () => reject(new Error("no websocket"));
  });
}

test.each(everybody)("a websocket is attached to a container of $who", async ({ user }) => {
  await using host = await testHost(user);
  await using service = await Service.start(host);
  await service.ask("POST", "/containers/create?name=c", {
    Image: "hello",
    Cmd: ["sh", "-c", "read line; echo out $line; echo err >&2"],
    OpenStdin: true,
  });
  const attached = messages(
    service,
    "/v1.41/containers/c/attach/ws?stream=1&stdin=1&stdout=1&stderr=1",
    "typed\n",
  );
  await Bun.sleep(100);
  expect((await service.ask("POST", "/containers/c/start")).status).toBe(204);
  const received = await attached;
  expect(received).toContain("out typed\n");
  expect(received).toContain("err\n");
  const plain = await service.ask("GET", "/containers/c/attach/ws");
  expect([plain.status, plain.text]).toEqual([400, expect.stringContaining("handshake")]);
});

test("newer versions have their own shapes", async () => {
  await using host = await testHost(null, { networks: true });
  await using service = await Service.start(host);
  const get = async (path: string) => JSON.parse((await service.ask("GET", path)).text);
  expect((await get("/version")).ApiVersion).toBe("1.56");
  await service.ask("POST", "/containers/create?name=c", {
    Image: "hello",
    Cmd: ["sh", "-c", "umask; sleep 100"],
    HostConfig: { Umask: 0o027, Annotations: { a: "b" }, LogConfig: { Type: "local" } },
  });
  await service.ask("POST", "/containers/c/start");
  const old = await get("/v1.51/containers/c/json");
  expect(Object.keys(old.NetworkSettings)).toContain("IPAddress");
  const now = await get("/v1.56/containers/c/json");
  expect(Object.keys(now.NetworkSettings).toSorted()).toEqual([
    "Networks",
    "Ports",
    "SandboxID",
    "SandboxKey",
  ]);
  expect(now.HostConfig).toMatchObject({ Umask: 0o027, LogConfig: { Type: "local" } });
  expect((await host.cooper("logs", "c")).stdout).toBe("0027\n");
  const [listed] = await get(
    `/v1.56/containers/json?filters=${encodeURIComponent('{"annotation":["a=b"]}')}`,
  );
  expect(listed).toMatchObject({ Health: { Status: "none", FailingStreak: 0 } });
  const network = await get("/v1.52/networks/bridge");
  const [counts] = Object.values<{ IPsInUse: number }>(network.Status.IPAM.Subnets);
  expect(counts?.IPsInUse).toBe(4); // the gateway, the container, and both ends
  expect((await get("/v1.51/networks/bridge")).Status).toBeUndefined();
  const [image] = await get("/v1.51/images/json?shared-size=1");
  expect(image).toMatchObject({ Containers: 1, SharedSize: 0 });
  expect((await get("/v1.52/images/hello/json")).Author).toBeUndefined();
  expect((await get("/v1.49/images/hello/json")).Config.AttachStdin).toBe(false);
  const elsewhere = encodeURIComponent('{"os":"linux","architecture":"s390x"}');
  expect((await get(`/v1.49/images/hello/json?platform=${elsewhere}`)).message).toContain(
    "does not provide the specified platform (linux/s390x)",
  );
  const usage = await get("/v1.56/system/df?type=image&verbose=1");
  expect(usage).toMatchObject({ ImageUsage: { TotalCount: 1, ActiveCount: 1 } });
  expect(Object.keys(usage)).toEqual(["ImageUsage"]);
  expect((await get("/v1.56/system/df?type=x")).message).toBe("unknown object type: x");
  const events = await fetch(`http://x/v1.52/events?since=1&until=${Date.now() / 1000}`, {
    unix: service.socket,
    headers: { Accept: "application/json-seq" },
  });
  expect(events.headers.get("content-type")).toBe("application/json-seq");
  expect(await events.text()).toMatch(/^\x1e\{/);
  await service.ask("POST", "/containers/c/kill");
  await service.ask("POST", "/containers/c/wait");
  const pruned = (await service.ask("POST", "/v1.56/containers/prune?stream=1")).text;
  expect(
    pruned
      .trimEnd()
      .split("\r\n")
      .map((line) => JSON.parse(line)),
  ).toMatchObject([{ id: now.Id }, { aux: { ContainersDeleted: [now.Id] } }]);
  expect((await service.ask("PUT", "/v1.42/volumes/v?version=1", {})).status).toBe(503);
  expect((await service.ask("GET", "/v1.55/images/hello/attestations")).status).toBe(501);
});

test("what a registry has is told without a pull", async () => {
  await using host = await testHost();
  await using service = await Service.start(host);
  await using registry = await testRegistry();
  const name = `${registry.address}/team/app:1`;
  await host.must("create", "hello");
  await host.must("tag", "hello", name);
  await host.must("push", "-q", name);
  const told = await service.ask("GET", `/distribution/${name}/json`);
  expect(told.status).toBe(200);
  const { Descriptor, Platforms } = JSON.parse(told.text);
  expect(Descriptor.digest).toStartWith("sha256:");
  expect(Descriptor.size).toBeGreaterThan(100);
  expect(Platforms).toEqual([{ architecture: expect.any(String), os: "linux" }]);
  const missing = await service.ask("GET", `/distribution/${registry.address}/team/none/json`);
  expect(missing.status).toBe(404);
});

/** Debian 12's criu does not know newer kernels: then only what is refused can be seen here. */
const check = Bun.spawnSync(["sh", "-c", "criu check"], { stdio: ["ignore", "ignore", "ignore"] });

test.skipIf(check.success)("checkpoints are refused where there is no criu", async () => {
  await using host = await testHost();
  await using service = await Service.start(host);
  await host.must("run", "-d", "--name", "c", "hello", "sleep", "100");
  const asked = await service.ask("POST", "/containers/c/checkpoints", { CheckpointID: "one" });
  expect([asked.status, asked.text]).toEqual([expect.any(Number), expect.stringContaining("criu")]);
  expect((await service.ask("GET", "/containers/c/checkpoints")).text).toBe("[]\n");
});

test.skipIf(!check.success || dockerClient === null)(
  "docker's client makes checkpoints, and starts from one",
  async () => {
    // crun may be without its library of criu
    await using host = await testHost(null, { configuration: '[engine]\nruntime = "runc"\n' });
    await using service = await Service.start(host);
    const count = "i=0; while :; do i=$((i+1)); echo $i; sleep 0.05; done";
    await host.must("run", "-d", "--name", "c", "hello", "sh", "-c", count);
    await Bun.sleep(300);
    expect(await service.must("checkpoint", "create", "c", "one")).toBe("one");
    expect((await service.docker("checkpoint", "create", "c", "one")).exitCode).toBe(1);
    expect(await service.must("checkpoint", "ls", "c")).toContain("one");
    const frozen = (await host.cooper("logs", "c")).stdout;
    await service.must("start", "--checkpoint", "one", "c");
    await Bun.sleep(300);
    const { stdout } = await host.cooper("logs", "c");
    expect(stdout.length).toBeGreaterThan(frozen.length);
    expect(stdout.match(/^1$/gm)).toHaveLength(1);
    await service.must("checkpoint", "rm", "c", "one");
    expect((await service.docker("checkpoint", "rm", "c", "one")).stderr).toContain(
      "does not exist",
    );
    await service.must("rm", "-f", "c");
  },
);
