/** libpod's API, the part about containers: Podman's own client and bare requests, for root and an ordinary user. */
import { describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { testHost, users } from "./host.ts";
import { podmanClient, Service } from "./service.ts";

const everybody = users.map((user) => ({ user, who: user?.name ?? "the caller" }));

describe.skipIf(podmanClient === null)("podman's remote client", () => {
  test.each(everybody)("runs containers as $who", async ({ user }) => {
    await using host = await testHost(user);
    await using service = await Service.start(host);
    const run = ["run", "--rm", "hello"];
    expect(await service.podman(...run, "sh", "-c", "echo o; echo e >&2; exit 3")).toEqual({
      exitCode: 3,
      stdout: "o\n",
      stderr: "e\n",
    });
    expect((await service.podman(...run, "/no/such")).exitCode).toBe(127);
    expect((await service.podman(...run, "/etc")).exitCode).toBe(126);
    const input = "a line of it\n".repeat(100_000);
    const echoed = await service.podmanWith({ stdin: input }, "run", "-i", "--rm", "hello", "cat");
    expect([echoed.exitCode, echoed.stdout === input]).toEqual([0, true]);
    const typed = await service.podmanWith(
      { tty: true, stdin: "echo $((40+2))\nexit 4\n" },
      ...["run", "-it", "--rm", "hello", "sh"],
    );
    expect(typed.stdout).toContain("42");
    expect(typed.exitCode).toBe(4);
    expect(await service.mustPodman("ps", "-aq")).toBe("");
    expect((await service.podman("run", "--pull", "never", "nothere", "x")).stderr).toContain(
      "image not known",
    );
    expect((await service.podman("run", "--pod", "p", "hello")).stderr).toContain("no pods yet");
  });

  test.each(everybody)("a container's life as $who", async ({ user }) => {
    await using host = await testHost(user);
    await using service = await Service.start(host);
    const podman = (...args: string[]) => service.mustPodman(...args);
    const made = await podman(
      ...["create", "--name", "c", "-e", "A=1", "-l", "l=v", "-w", "/tmp", "-v", "data:/data:ro"],
      ...["--mount", "type=tmpfs,target=/t,tmpfs-size=65536", "--restart", "on-failure:2"],
      ...["--stop-timeout", "1", "--cap-add", "NET_RAW", "--health-cmd", "test -e /ok"],
      ...["--annotation", "a=b", "hello", "sh", "-c", "echo out; echo err >&2; sleep 100"],
    );
    const [c] = JSON.parse(await podman("inspect", "c"));
    expect(c).toMatchObject({
      Id: made,
      Name: "c",
      ImageName: "localhost/hello:latest",
      State: { Status: "created", Running: false, StartedAt: "0001-01-01T00:00:00Z" },
      Config: { WorkingDir: "/tmp", Labels: { l: "v" }, StopSignal: 15, Entrypoint: "" },
      HostConfig: { RestartPolicy: { Name: "on-failure", MaximumRetryCount: 2 } },
    });
    expect(c.Config.Annotations).toEqual({ a: "b" });
    expect(c.Config.CreateCommand).toContain("--stop-timeout");
    expect(c.Mounts).toMatchObject([{ Type: "volume", Name: "data", Destination: "/data" }]);
    await podman("start", "c");
    expect(await podman("ps", "--format", "{{.Names}} {{.Image}} {{.State}}")).toMatch(
      /^c localhost\/hello:latest (running|Up .*)$/,
    );
    expect(await podman("exec", "-e", "B=2", "c", "sh", "-c", "echo $A$B; pwd")).toBe("12\n/tmp");
    expect((await service.podman("exec", "c", "sh", "-c", "exit 7")).exitCode).toBe(7);
    expect((await service.podman("exec", "c", "/no/such")).exitCode).toBe(127);
    expect(await service.podmanWith({ stdin: "in" }, "exec", "-i", "c", "cat")).toMatchObject({
      stdout: "in",
    });
    expect((await service.podman("healthcheck", "run", "c")).exitCode).toBe(1);
    await podman("exec", "c", "touch", "/ok");
    await podman("healthcheck", "run", "c");
    expect(await service.podman("logs", "c")).toMatchObject({ stdout: "out\n", stderr: "err\n" });
    await podman("cp", "/etc/hostname", "c:/renamed");
    expect(await podman("exec", "c", "cat", "/renamed")).toBe(
      (await Bun.file("/etc/hostname").text()).trimEnd(),
    );
    const copied = join(host.place("copied"), "file");
    await podman("cp", "c:/renamed", copied);
    expect(await Bun.file(copied).text()).toBe(await Bun.file("/etc/hostname").text());
    expect(await podman("diff", "c")).toContain("A /renamed");
    expect(await podman("top", "c", "pid", "args")).toMatch(/^PID +COMMAND\n1 +sleep 100$/);
    expect(await podman("stats", "--no-stream", "--format", "{{.Name}}", "c")).toBe("c");
    expect(await podman("commit", "-q", "c", "team/app:1")).toMatch(/^[0-9a-f]{64}$/);
    await podman("rename", "c", "d");
    expect((await service.podman("rm", "d")).stderr).toContain("container state improper");
    await podman("stop", "-t", "0", "d");
    expect(await podman("wait", "d")).toBe("137");
    const events = await podman(
      ...["events", "--stream=false", "--since", "1m", "--filter", `container=${made}`],
      ...["--format", "{{.Status}}"],
    );
    expect(events).toMatch(/create\n(.*\n)*start\n(.*\n)*died(\n|$)/);
    expect(await podman("system", "df", "-v")).toMatch(/exited +d$/m);
    await podman("rm", "-v", "d");
    expect((await service.podman("container", "exists", "d")).exitCode).toBe(1);
    expect((await service.podman("inspect", "d")).stderr).toContain("no such object");
  });

  test("follows logs, attaches, and passes signals on", async () => {
    await using host = await testHost();
    await using service = await Service.start(host);
    await service.mustPodman(
      ...["run", "-d", "--name", "c", "hello", "sh", "-c"],
      "for i in 1 2 3; do echo $i; sleep 0.2; done; exit 5",
    );
    expect(await service.mustPodman("logs", "-f", "c")).toBe("1\n2\n3");
    const again = await service.podman("start", "-a", "c");
    expect(again).toMatchObject({ exitCode: 5, stdout: "1\n2\n3\n" });
    await service.mustPodman("rm", "c");
    const several = await Promise.all(
      [1, 2, 3, 4, 5, 6, 7, 8].map((code) =>
        service.podman("run", "--rm", "hello", "sh", "-c", `echo ${code}; exit ${code}`),
      ),
    );
    expect(several.map(({ exitCode, stdout }) => `${exitCode} ${stdout.trim()}`)).toEqual(
      several.map((_, at) => `${at + 1} ${at + 1}`),
    );
    const client = Bun.spawn(
      [
        ...["podman", "--remote", "--url", `unix://${service.socket}`, "run", "--rm", "hello"],
        ...["sh", "-c", "trap 'echo got; exit 9' TERM; echo on; while :; do sleep 0.05; done"],
      ],
      {
        env: { PATH: process.env.PATH ?? "", HOME: "/nonexistent" },
        stdio: ["ignore", "pipe", "pipe"],
      },
    );
    const reader = client.stdout.getReader();
    const first = await reader.read();
    expect(Buffer.from(first.value ?? []).toString()).toBe("on\n");
    client.kill("SIGTERM");
    expect(await client.exited).toBe(9);
    expect(await host.must("ps", "-aq")).toBe("");
  });
});

// Debian 12's criu does not know newer kernels
const criu = Bun.spawnSync(["sh", "-c", "criu check"], { stdio: ["ignore", "ignore", "ignore"] });

test.skipIf(podmanClient === null || !criu.success)(
  "podman's remote client freezes a container into a file, and lets another go on from it",
  async () => {
    await using host = await testHost();
    await using service = await Service.start(host);
    const podman = (...args: string[]) => service.mustPodman(...args);
    await podman("run", "-d", "--name", "c", "hello", "sh", "-c", "echo on > /f; sleep 100");
    await podman("container", "checkpoint", "c");
    expect(await podman("container", "restore", "c")).toBe("c");
    const file = join(host.place("frozen"), "c.tar");
    await podman("container", "checkpoint", "--export", file, "c");
    await podman("rm", "c");
    await podman("container", "restore", "--import", file, "--name", "d");
    expect(await podman("exec", "d", "cat", "/f")).toBe("on");
  },
);

describe("bare requests to libpod's API", () => {
  test("versions, statuses and words", async () => {
    await using host = await testHost();
    await using service = await Service.start(host);
    await host.must("create", "--name", "c", "hello", "sleep", "100");
    const rows: readonly [string, string, unknown, number, string][] = [
      ["GET", "/libpod/_ping", undefined, 200, "OK"],
      ["GET", "/v4.3.1/libpod/version", undefined, 200, '"MinAPIVersion":"4.0.0"'],
      ["GET", "/v5.8.0/libpod/info", undefined, 200, '"databaseBackend":"sqlite"'],
      ["GET", "/libpod/nothing", undefined, 404, '"response":404'],
      ["PUT", "/libpod/containers/json", undefined, 405, "PUT"],
      ["GET", "/libpod/containers/none/json", undefined, 404, '"cause":"no such container"'],
      ["GET", "/libpod/containers/none/exists", undefined, 404, "no such container"],
      ["GET", "/libpod/containers/c/exists", undefined, 204, ""],
      ["GET", "/libpod/containers/json?all=maybe", undefined, 400, "all"],
      ["POST", "/libpod/containers/create", "{", 400, "invalid JSON"],
      ["POST", "/libpod/containers/create", { image: 1 }, 400, "image is not a string"],
      ["POST", "/libpod/containers/create", { image: "nothere" }, 404, "image not known"],
      ["POST", "/libpod/containers/create", { image: "hello", name: "c" }, 409, "already in use"],
      [
        "POST",
        "/libpod/containers/create",
        { image: "hello", name: "e", no_such_field: true },
        201,
        "no_such_field is not known here",
      ],
      ["POST", "/libpod/containers/c/kill?signal=NOPE", undefined, 400, "NOPE"],
      ["POST", "/libpod/containers/c/kill", undefined, 409, "container state improper"],
      ["POST", "/libpod/containers/c/wait?condition=never", undefined, 400, "never"],
      ["POST", "/libpod/containers/c/init", undefined, 204, ""],
      ["POST", "/libpod/containers/c/init", undefined, 304, ""],
      ["POST", "/libpod/containers/c/start", undefined, 204, ""],
      ["POST", "/libpod/containers/c/start", undefined, 304, ""],
      [
        "GET",
        "/libpod/containers/c/top?ps_args=pid,args",
        undefined,
        200,
        '"Titles":["PID","COMMAND"]',
      ],
      ["GET", "/libpod/containers/stats?stream=false", undefined, 200, '"Name":"c"'],
      ["GET", "/libpod/containers/showmounted", undefined, 200, "/merged"],
      ["POST", "/libpod/containers/c/mount", undefined, 200, "/merged"],
      ["POST", "/libpod/containers/c/update", { memory: { limit: -5 } }, 400, "memory"],
      ["DELETE", "/libpod/containers/c", undefined, 409, "container state improper"],
      ["POST", "/libpod/containers/c/checkpoint?preCheckpoint=1", undefined, 501, "preCheckpoint"],
      ["POST", "/libpod/containers/c/stop?timeout=0", undefined, 204, ""],
      ["POST", "/libpod/containers/c/stop", undefined, 304, ""],
      ["POST", "/libpod/containers/c/wait", undefined, 200, "137"],
      ["DELETE", "/libpod/containers/c", undefined, 200, '"RawInput":"c"'],
      ["DELETE", "/libpod/containers/c?ignore=true", undefined, 200, "[]"],
      ["GET", "/libpod/exec/0123456789ab/json", undefined, 404, "no such exec session"],
      ["POST", "/libpod/containers/prune", undefined, 200, '"Size":'],
      ["POST", "/libpod/system/check?quick=true", undefined, 200, '"Errors":false'],
      ["POST", "/libpod/system/prune", undefined, 200, '"ReclaimedSpace":'],
      ["GET", "/libpod/pods/json", undefined, 200, "[]"],
      ["GET", "/libpod/pods/p/exists", undefined, 404, "no such pod"],
      ["POST", "/libpod/pods/create", { name: "p" }, 501, "pods are not available yet"],
      ["POST", "/libpod/play/kube", undefined, 501, "Kubernetes"],
      ["GET", "/libpod/generate/c/systemd", undefined, 501, "Quadlet"],
    ];
    for (const [method, path, body, status, words] of rows) {
      const answer = await service.ask(method, path, body);
      expect([path, answer.status, answer.text]).toEqual([
        path,
        status,
        expect.stringContaining(words),
      ]);
    }
    const head = await service.raw(
      "HEAD /v4.0.0/libpod/_ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    );
    expect(head).toContain("Libpod-API-Version: 5");
  });

  test("newer clients read lists and names in an inspected container", async () => {
    await using host = await testHost();
    await using service = await Service.start(host);
    await host.must("create", "--name", "c", "--entrypoint", '["a","b"]', "hello");
    const config = async (version: string) =>
      JSON.parse((await service.ask("GET", `/v${version}/libpod/containers/c/json`)).text).Config;
    expect(await config("4.9.0")).toMatchObject({ Entrypoint: "a b", StopSignal: 15 });
    expect(await config("5.0.0")).toMatchObject({ Entrypoint: ["a", "b"], StopSignal: "SIGTERM" });
  });

  test("clients that go leave nothing in the service", async () => {
    await using host = await testHost();
    await using service = await Service.start(host);
    await host.must("run", "-d", "--name", "c", "hello", "sleep", "100");
    await host.must("create", "--name", "later", "hello", "true");
    const open = () => readdirSync(`/proc/${service.pid}/fd`).length;
    const streams = [
      "GET /libpod/containers/c/logs?follow=true&stdout=true",
      "GET /libpod/events",
      "GET /libpod/containers/stats?interval=1",
      "GET /libpod/containers/c/top?stream=true&delay=1",
      "POST /libpod/containers/c/attach?stream=true&stdout=true",
      "POST /libpod/containers/later/attach?stream=true&stdout=true",
      "POST /libpod/containers/c/wait",
      "POST /libpod/containers/c/wait?condition=paused",
      "POST /libpod/containers/later/wait",
    ];
    const askAndGo = async () => {
      const peers = await Promise.all(
        streams.map(async (line) => {
          const peer = await Bun.connect({
            unix: service.socket,
            socket: { data: () => undefined },
          });
          peer.write(`${line} HTTP/1.1\r\nHost: x\r\n\r\n`);
          return peer;
        }),
      );
      await Bun.sleep(300);
      const meanwhile = open();
      for (const peer of peers) peer.terminate();
      await Bun.sleep(1500); // the longest of their waits is one second
      return meanwhile;
    };
    await askAndGo(); // some files stay open once they are
    const before = open();
    expect(await askAndGo()).toBeGreaterThanOrEqual(before + streams.length);
    expect(open()).toBeLessThanOrEqual(before);
    expect((await service.ask("POST", "/libpod/containers/c/kill")).status).toBe(204);
    expect((await service.ask("POST", "/libpod/containers/later/start")).status).toBe(204);
  });
});
