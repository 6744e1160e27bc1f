/** Docker's API: its own client and bare requests, against a service of root's and of an ordinary user's. */
import { describe, expect, test } from "bun:test";
import { statSync } from "node:fs";
import { testHost, users } from "./host.ts";
import { dockerClient, Service } from "./service.ts";

const everybody = users.map((user) => ({ user, who: user?.name ?? "the caller" }));

describe.skipIf(dockerClient === null)("docker's client", () => {
  test.each(everybody)("runs containers as $who", async ({ user }) => {
    await using host = await testHost(user);
    await using service = await Service.start(host);
    expect(await service.must("version", "--format", "{{.Server.Platform.Name}}")).toBe("Cooper");
    const run = ["run", "--rm", "hello"];
    expect(await service.must(...run, "echo", "hi")).toBe("hi");
    expect(await service.docker(...run, "sh", "-c", "echo e >&2; exit 3")).toEqual({
      exitCode: 3,
      stdout: "",
      stderr: "e\n",
    });
    expect((await service.docker(...run, "/no/such")).exitCode).toBe(127);
    expect((await service.docker(...run, "/etc")).exitCode).toBe(126);
    const input = await service.dockerWith({ stdin: "abc" }, "run", "-i", "--rm", "hello", "cat");
    expect(input).toEqual({ exitCode: 0, stdout: "abc", stderr: "" });
    const typed = await service.dockerWith(
      { tty: true, stdin: "echo $((40+2))\nexit 4\n" },
      ...["run", "-it", "--rm", "hello", "sh"],
    );
    expect(typed.stdout).toContain("42");
    expect(typed.exitCode).toBe(4);
    expect(await service.must("ps", "-aq")).toBe("");
  });

  test.each(everybody)("a container's life as $who", async ({ user }) => {
    await using host = await testHost(user);
    await using service = await Service.start(host);
    const made = await service.must(
      ...["create", "--name", "c", "-e", "A=1", "-l", "l=v", "-w", "/tmp", "-v", "data:/data:ro"],
      ...["--mount", "type=tmpfs,target=/t,tmpfs-size=65536", "--restart", "on-failure:2"],
      ...[
        "--stop-timeout",
        "1",
        "--cap-add",
        "NET_RAW",
        "hello",
        "sh",
        "-c",
        "echo out; echo err >&2; sleep 100",
      ],
    );
    const [c] = JSON.parse(await service.must("inspect", "c"));
    expect(c).toMatchObject({
      Id: made,
      Name: "/c",
      State: { Status: "created", Running: false, StartedAt: "0001-01-01T00:00:00Z" },
      Config: { WorkingDir: "/tmp", Labels: { l: "v" }, Image: "hello", StopTimeout: 1 },
      HostConfig: {
        Binds: ["data:/data:ro"],
        Tmpfs: { "/t": "size=65536" },
        RestartPolicy: { Name: "on-failure", MaximumRetryCount: 2 },
        CapAdd: ["CAP_NET_RAW"],
        CapDrop: null,
        Memory: 0,
      },
    });
    expect(c.Config.Env).toContain("A=1");
    await service.must("start", "c");
    expect((await service.ask("POST", "/v1.41/containers/c/start")).status).toBe(304);
    expect(await service.must("ps", "--format", "{{.Names}} {{.Image}} {{.State}}")).toBe(
      "c hello running",
    );
    expect(await service.must("exec", "-e", "B=2", "c", "sh", "-c", "echo $A$B; pwd")).toBe(
      "12\n/tmp",
    );
    expect((await service.docker("exec", "c", "sh", "-c", "exit 7")).exitCode).toBe(7);
    expect((await service.docker("exec", "c", "/no/such")).exitCode).toBe(127);
    expect(await service.dockerWith({ stdin: "in" }, "exec", "-i", "c", "cat")).toMatchObject({
      stdout: "in",
    });
    expect(await service.docker("logs", "c")).toMatchObject({ stdout: "out\n", stderr: "err\n" });
    await service.must("cp", "/etc/hostname", "c:/tmp/name");
    expect(await service.must("exec", "c", "cat", "/tmp/name")).toBe(
      (await Bun.file("/etc/hostname").text()).trimEnd(),
    );
    expect(await service.must("diff", "c")).toContain("A /tmp/name");
    expect(await service.must("top", "c", "-o", "pid,args")).toContain("sleep 100");
    await service.must("rename", "c", "d");
    expect((await service.docker("rm", "d")).stderr).toContain("is running");
    await service.must("stop", "-t", "0", "d");
    expect((await service.ask("POST", "/containers/d/stop")).status).toBe(304);
    expect(await service.must("wait", "d")).toBe("137");
    await service.must("rm", "-v", "d");
    expect((await service.docker("inspect", "d")).stderr).toContain("No such object: d");
  });
});

describe.skipIf(dockerClient === null)("docker's client", () => {
  test.each(everybody)("images, builds, volumes and networks as $who", async ({ user }) => {
    await using host = await testHost(user);
    await using service = await Service.start(host);
    await service.must("create", "--name", "k", "hello");
    await service.must("commit", "-m", "why", "-c", "ENV A=1", "k", "team/app:1");
    await service.must("tag", "team/app:1", "app");
    // the client shows the names of one image in no order
    const listed = await service.must("images", "--format", "{{.Repository}}:{{.Tag}}");
    expect(listed.split("\n").sort()).toEqual(["app:latest", "hello:latest", "team/app:1"]);
    expect(await service.must("history", "--format", "{{.Comment}}", "app")).toStartWith("why\n");
    const archive = `${host.place("out")}/app.tar`;
    await service.must("save", "-o", archive, "app", "team/app:1");
    expect(await service.must("rmi", "app", "team/app:1")).toContain("Deleted: sha256:");
    expect((await service.docker("image", "inspect", "app")).stderr).toContain(
      "No such image: app",
    );
    expect(await service.must("load", "-i", archive)).toContain("Loaded image: team/app:1");
    const context = host.place("context");
    await Bun.write(
      `${context}/Dockerfile`,
      "FROM hello\nARG V=1\nRUN grep -q 1.2.3.4 /etc/hosts && ulimit -n | grep 77 && echo $V > /v\nCOPY f /f\nCMD cat /v /f\n",
    );
    await Bun.write(`${context}/f`, "file\n");
    const limits = ["--add-host", "a:1.2.3.4", "--ulimit", "nofile=77"];
    const build = ["build", "-t", "built", ...limits];
    expect(await service.must(...build, "--build-arg", "V=7", context)).toContain(
      "Successfully tagged built:latest",
    );
    expect(await service.must("run", "--rm", "built")).toBe("7\nfile");
    const usage = JSON.parse((await service.ask("GET", "/v1.51/system/df")).text);
    expect(usage.BuildCache).toMatchObject([{ Shared: true }, { Shared: true }]);
    await service.must("rmi", "built");
    expect(await service.must("builder", "prune", "-f")).toMatch(/Total.*:\s*[1-9]/);
    expect(await host.must("buildx", "du", "--format", "{{.ID}}")).toBe("");
    await Bun.write(`${context}/Dockerfile`, "FROM hello\nRUN exit 3\n");
    expect((await service.docker("build", context)).stderr).toContain("exit code: 3");
    expect(await service.must("volume", "create", "--label", "a=b", "v")).toBe("v");
    expect(JSON.parse(await service.must("volume", "inspect", "v"))).toMatchObject([
      { Name: "v", Driver: "local", Labels: { a: "b" }, Options: null },
    ]);
    await service.must("volume", "rm", "v");
    expect((await service.docker("volume", "rm", "v")).stderr).toContain("no such volume");
    await service.must("network", "create", "--subnet", "10.98.7.0/24", "n");
    expect(await service.must("network", "ls", "--format", "{{.Name}}")).toBe(
      "bridge\nhost\nn\nnone",
    );
    await service.must("network", "rm", "n");
    expect(await service.must("system", "df", "--format", "{{.Type}}")).toContain("Build Cache");
    const events = (await service.ask("GET", `/events?since=1&until=${Date.now() / 1000}`)).text
      .trimEnd()
      .split("\r\n")
      .map((line) => JSON.parse(line))
      .map(({ Type, Action }) => `${Type} ${Action}`);
    expect(events).toContain("volume destroy");
    expect(events).toContain("container create");
  });
});

test("what happens to containers does not depend on the service", async () => {
  await using host = await testHost();
  const service = await Service.start(host);
  const { text } = await service.ask("POST", "/containers/create?name=c", {
    Image: "hello",
    Cmd: ["sleep", "100"],
  });
  const { Id } = JSON.parse(text);
  expect((await service.ask("POST", `/containers/${Id}/start`)).status).toBe(204);
  const waiting = service.ask("POST", `/containers/${Id}/wait`).catch(() => undefined);
  service.terminate();
  expect(await service.ended()).toBe(0);
  await waiting;
  expect(await host.must("ps", "--format", "{{.Names}}")).toBe("c");
});

test("a service that nobody asks ends, a second one does not start, and its socket is nobody else's", async () => {
  await using host = await testHost();
  await using service = await Service.start(host, "--time", "1");
  expect(statSync(service.socket).mode & 0o777).toBe(0o600);
  const second = await host.cooper("system", "service");
  expect(second.exitCode).toBe(125);
  expect(second.stderr).toContain("a service listens on");
  expect(await service.ended()).toBe(0);
  // what a service left that was killed is in nobody's way
  const killed = await Service.start(host);
  process.kill(killed.pid, "SIGKILL");
  await killed.ended();
  await using again = await Service.start(host);
  expect((await again.ask("GET", "/_ping")).text).toBe("OK");
});

test("a restart policy brings back what a client waited for", async () => {
  await using host = await testHost();
  await using service = await Service.start(host);
  await service.ask("POST", "/containers/create?name=c", {
    Image: "hello",
    Cmd: ["sh", "-c", "sleep 0.2; exit 3"],
    HostConfig: { RestartPolicy: { Name: "on-failure", MaximumRetryCount: 2 } },
  });
  // one that stays, and one that leaves as soon as it has asked, as docker run -d does
  const stays = service.ask("POST", "/containers/c/wait?condition=next-exit");
  const left = new AbortController();
  const leaves = fetch("http://x/containers/c/wait?condition=next-exit", {
    method: "POST",
    unix: service.socket,
    signal: left.signal,
  }).catch(() => undefined);
  await Bun.sleep(100);
  await service.ask("POST", "/containers/c/start");
  left.abort();
  await leaves;
  expect(JSON.parse((await stays).text)).toEqual({ StatusCode: 3 });
  for (let waits = 0; waits < 200; waits++) {
    const { RestartCount, State } = JSON.parse(
      (await service.ask("GET", "/containers/c/json")).text,
    );
    if (RestartCount === 2 && State.Status === "exited") return;
    await Bun.sleep(50);
  }
  throw new Error("it was not started again twice");
});

test.each(everybody)("sockets of systemd are taken as $who", async ({ user }) => {
  await using host = await testHost(user);
  const socket = `${host.place("listen")}/s`;
  // what systemd does (sd_listen_fds(3)), also through the entry into the user's namespace
  const activate =
    "import os,socket,sys; s=socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(9); os.dup2(s.fileno(),3); os.set_inheritable(3,True); os.environ.update(LISTEN_PID=str(os.getpid()),LISTEN_FDS='1'); os.execvp(sys.argv[2],sys.argv[2:])";
  const words = host.argv("system", "service", "--time", "1");
  const at = words.findIndex((word) => word.endsWith("/cooper"));
  const argv = [...words.slice(0, at), "python3", "-c", activate, socket, ...words.slice(at)];
  const child = Bun.spawn(argv, {
    env: host.environment(),
    cwd: "/tmp",
    stdio: ["ignore", "pipe", "pipe"],
  });
  let answer: Response | undefined;
  for (let waits = 0; answer === undefined && waits < 250; waits++) {
    await Bun.sleep(20);
    answer = await fetch("http://x/_ping", { unix: socket }).catch(() => undefined);
  }
  expect(await answer?.text()).toBe("OK");
  // somebody listens there: nobody takes the place away
  const second = await host.cooper("system", "service", `unix://${socket}`);
  expect(second.stderr).toContain("somebody else listens");
  expect(await child.exited).toBe(0);
});

describe.skipIf(dockerClient === null)("docker's client", () => {
  test.each(everybody)("publishes ports as $who", async ({ user }) => {
    await using host = await testHost(user, { networks: true });
    await using service = await Service.start(host);
    await service.must("network", "create", "net");
    await service.must(
      ...[
        "run",
        "-d",
        "--name",
        "web",
        "--network",
        "net",
        "--network-alias",
        "www",
        "-p",
        "18080:80",
      ],
      ...["hello", "nc", "-ll", "-p", "80", "-e", "echo", "answer"],
    );
    expect(await service.must("port", "web", "80/tcp")).toContain("0.0.0.0:18080");
    expect(await service.must("ps", "--format", "{{.Ports}} {{.Networks}}")).toContain(
      "0.0.0.0:18080->80/tcp",
    );
    const [web] = JSON.parse(await service.must("inspect", "web"));
    expect(web.NetworkSettings.Ports["80/tcp"][0]).toEqual({
      HostIp: "0.0.0.0",
      HostPort: "18080",
    });
    expect(web.NetworkSettings.Networks.net).toMatchObject({
      IPAddress: expect.stringMatching(/^10\./),
    });
    expect(web.HostConfig).toMatchObject({
      NetworkMode: "net",
      PortBindings: { "80/tcp": [{ HostPort: "18080" }] },
    });
    const asked = await service.docker(
      "run",
      "--rm",
      "--network",
      "net",
      "hello",
      "nc",
      "www",
      "80",
    );
    expect(asked).toMatchObject({ exitCode: 0, stdout: "answer\n" });
    const linked = ["run", "--rm", "--network", "net", "--link"];
    expect(await service.must(...linked, "web:shop", "hello", "nc", "shop", "80")).toBe("answer");
    await service.must("run", "-d", "--name", "other", "hello", "sleep", "100");
    expect((await service.docker(...linked, "other:o", "hello", "true")).stderr).toContain(
      "Cannot link to other, as it does not belong to the network net",
    );
    expect(
      await service.must(
        "inspect",
        "-f",
        "{{.NetworkSettings.Networks.bridge.IPAddress}}",
        "other",
      ),
    ).not.toBe("");
    await service.must("network", "connect", "--alias", "x", "net", "other");
    expect(
      Object.keys(
        JSON.parse(
          await service.must("inspect", "-f", "{{json .NetworkSettings.Networks}}", "other"),
        ),
      ),
    ).toEqual(["bridge", "net"]);
    expect(
      JSON.parse(await service.must("network", "inspect", "net"))[0].Containers[web.Id].Name,
    ).toBe("web");
    await service.must("network", "disconnect", "net", "other");
    await service.must("rm", "-f", "web", "other");
  });
});

test("on a network it takes certificates, or words that say what is opened", async () => {
  await using host = await testHost();
  const refused = await host.cooper("system", "service", "tcp://127.0.0.1:0");
  expect(refused.stderr).toContain("clients must show a certificate");
  const child = host.start(
    {},
    "system",
    "service",
    "--allow-anyone",
    "--time",
    "0",
    "tcp://127.0.0.1:18997",
  );
  try {
    let answer: Response | undefined;
    for (let waits = 0; answer === undefined && waits < 200; waits++) {
      answer = await fetch("http://127.0.0.1:18997/_ping").catch(() => undefined);
      if (answer === undefined) await Bun.sleep(20);
    }
    expect(answer?.status).toBe(200);
    const as = async (headers: Record<string, string>) =>
      (await fetch("http://127.0.0.1:18997/info", { headers })).status;
    expect(await as({ Origin: "http://evil.example" })).toBe(403);
    expect(await as({ Host: "evil.example" })).toBe(403);
    expect(await as({ Host: "localhost:18997" })).toBe(200);
  } finally {
    child.kill();
    await child.exited;
  }
});

describe("bare requests", () => {
  test("versions, statuses and words", async () => {
    await using host = await testHost();
    await using service = await Service.start(host);
    const rows: readonly [string, string, unknown, number, string][] = [
      ["GET", "/v1.24/version", undefined, 200, "ApiVersion"],
      ["GET", "/v1.23/version", undefined, 400, "too old"],
      ["GET", "/v1.999/version", undefined, 400, "too new"],
      ["GET", "/nothing", undefined, 404, "page not found"],
      ["PUT", "/containers/json", undefined, 405, "PUT"],
      ["GET", "/containers/none/json", undefined, 404, "No such container: none"],
      ["GET", "/containers/json?filters=%7B", undefined, 400, "invalid filters"],
      ["GET", "/containers/json?limit=x", undefined, 400, "whole number"],
      ["POST", "/containers/create", "{", 400, "invalid JSON"],
      ["POST", "/containers/create", { Image: 1 }, 400, "Image is not a string"],
      ["POST", "/containers/create", { Image: "nothere" }, 404, "No such image: nothere"],
      ["POST", "/containers/create?name=%20", { Image: "hello" }, 400, "name"],
      ["GET", "/swarm", undefined, 503, "not a swarm manager"],
      ["POST", "/session", undefined, 400, "h2c"],
      ["GET", "/exec/0123456789ab/json", undefined, 404, "No such exec instance"],
    ];
    for (const [method, path, body, status, words] of rows) {
      const answer = await service.ask(method, path, body);
      expect([path, answer.status, answer.text]).toEqual([
        path,
        status,
        expect.stringContaining(words),
      ]);
    }
    const huge = JSON.stringify({ Image: "hello", Cmd: ["x".repeat(5 << 20)] });
    expect((await service.ask("POST", "/containers/create", huge)).status).toBe(400);
  });

  test("an attach without an upgrade, half-closed, and an exec that brings a body with its upgrade", async () => {
    await using host = await testHost();
    await using service = await Service.start(host);
    await service.ask("POST", "/containers/create?name=cat", {
      Image: "hello",
      Cmd: ["cat"],
      OpenStdin: true,
      StdinOnce: true,
    });
    const attached = service.raw(
      'POST /containers/cat/attach?stream=1&stdin=1&stdout=1 HTTP/1.1\r\nHost: x\r\nContent-Length: 15\r\n\r\n{"stream":true}',
      "-stream\r\n",
      "typed\n",
    );
    await Bun.sleep(100);
    expect((await service.ask("POST", "/containers/cat/start")).status).toBe(204);
    expect(await attached).toMatch(/^HTTP\/1.1 200 OK\r\n.*\r\n\r\n\x01\0{6}\x06typed\n$/s);
    await host.must("run", "-d", "--name", "c", "hello", "sleep", "100");
    const { Id } = JSON.parse(
      (await service.ask("POST", "/containers/c/exec", { Cmd: ["echo", "x"], AttachStdout: true }))
        .text,
    );
    const body = '{"Tty":false}';
    const executed = await service.raw(
      `POST /v1.42/exec/${Id}/start HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    expect(executed).toMatch(
      /^HTTP\/1.1 101 UPGRADED\r\n.*multiplexed-stream.*\r\n\r\n\x01\0{6}\x02x\n$/s,
    );
    expect(JSON.parse((await service.ask("GET", `/exec/${Id}/json`)).text)).toMatchObject({
      Running: false,
      ExitCode: 0,
    });
    expect((await service.ask("POST", `/exec/${Id}/start`, {})).status).toBe(409);
  });

  test("HEAD, Expect, chunks, and several requests on one connection", async () => {
    await using host = await testHost();
    await using service = await Service.start(host);
    const two = await service.raw(
      "HEAD /_ping HTTP/1.1\r\nHost: x\r\n\r\nGET /_ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    );
    expect(two.match(/200 OK/g)).toHaveLength(2);
    expect(two).toEndWith("\r\n\r\nOK");
    const body = '{"Image":"hello"}';
    const asked = await service.raw(
      "POST /containers/create HTTP/1.1\r\nHost: x\r\nConnection: close\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n",
      "100 Continue",
      `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`,
    );
    expect(asked).toContain("201 Created");
    const smuggled = await service.raw(
      "POST /containers/create HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
    );
    expect(smuggled).toContain("400 Bad Request");
  });
});
