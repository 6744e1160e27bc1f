/** Cooper as the client of another engine: another Cooper by its socket, by ssh, and by names of docker's. */
import { describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { binary, type TestHost, testHost, users } from "./host.ts";
import { dockerClient, Service } from "./service.ts";

const everybody = users.map((user) => ({ user, who: user?.name ?? "the caller" }));

/** Words that ask the service. */
const away = (service: Service, ...args: string[]) => ["-H", `unix://${service.socket}`, ...args];

/** What must be the same wherever it is asked from. */
const alike: readonly (readonly string[])[] = [
  ["ps", "-a", "--format", "{{.ID}} {{.Image}} {{.Command}} {{.Names}} {{.Ports}} {{.Labels}}"],
  ["ps", "-a", "--format", "{{json .}}", "--filter", "name=said"],
  ["ps", "-aq", "--no-trunc"],
  ["images"],
  ["images", "--format", "json"],
  ["inspect", "said"],
  ["image", "inspect", "hello"],
  ["history", "hello"],
  ["logs", "said"],
  ["logs", "-t", "said"],
  ["logs", "--tail", "1", "said"],
  ["wait", "said"],
  ["top", "up", "pid", "args"],
  ["exec", "up", "sh", "-c", "echo o; echo e >&2; exit 5"],
  ["exec", "-u", "7", "-w", "/tmp", "-e", "A=1", "up", "sh", "-c", "echo $A; id -u; pwd"],
  ["run", "--rm", "hello", "sh", "-c", "echo o; echo e >&2; exit 3"],
  ["run", "--rm", "hello", "/no/such"],
  ["run", "--rm", "hello", "/etc"],
  ["volume", "ls"],
  ["volume", "inspect", "--format", "{{.Name}} {{.Labels}} {{.Mountpoint}}", "data"],
  ["network", "inspect", "cooper"],
  ["network", "ls"],
  ["diff", "said"],
  ["container", "exists", "said"],
  ["container", "exists", "none"],
  ["rename", "said", "up"],
];

describe.each(everybody)("as $who", ({ user }) => {
  test("says what it says of this machine's engine", async () => {
    await using host = await testHost(user);
    await host.must("volume", "create", "--label", "a=b", "data");
    await host.cooper(
      "run",
      "--name",
      "said",
      "-l",
      "x=y",
      "-v",
      "data:/d:ro",
      "hello",
      "sh",
      "-c",
      ["echo one; echo two >&2; echo three > /three; exit 2"].join(""),
    );
    await host.must("run", "-d", "--name", "up", "hello", "sleep", "100");
    await using service = await Service.start(host);
    const asked = alike.filter((_, at) => user === null || at % 3 === 0);
    for (const args of asked) {
      const here = await host.cooper(...args);
      expect([args, await host.cooper(...away(service, ...args))]).toEqual([args, here]);
    }
    const version = await host.must(...away(service, "version"));
    expect(version).toContain("Server:       Cooper");
    await host.must("rm", "-f", "-t", "0", "up");
  });

  test("runs, types, copies, builds and moves images", async () => {
    await using host = await testHost(user);
    await using service = await Service.start(host);
    const must = (...args: string[]) => host.must(...away(service, ...args));
    const cat = ["run", "-i", "--rm", "hello", "cat"];
    expect(await host.cooperWith({ stdin: "abc" }, ...away(service, ...cat))).toEqual({
      exitCode: 0,
      stdout: "abc",
      stderr: "",
    });
    const typed = await host.cooperWith(
      { tty: true, stdin: "echo $((40+2))\nexit 4\n" },
      ...away(service, "run", "-it", "--rm", "hello", "sh"),
    );
    expect(typed.stdout).toContain("42");
    expect(typed.exitCode).toBe(4);
    const id = await must("run", "-d", "--name", "web", "hello", "sleep", "99");
    expect(await must("ps", "-q", "--no-trunc")).toBe(id);
    const input = await host.cooperWith(
      { stdin: "typed" },
      ...away(service, "exec", "-i", "web", "cat"),
    );
    expect(input.stdout).toBe("typed");
    const place = host.place("files");
    writeFileSync(join(place, "f"), "file\n");
    writeFileSync(join(place, "left"), "");
    writeFileSync(join(place, ".dockerignore"), "left\n");
    await must("cp", place, "web:/new");
    await must("cp", "web:/new/f", join(place, "back"));
    expect(readFileSync(join(place, "back"), "utf8")).toBe("file\n");
    expect((await host.cooper(...away(service, "cp", "web:/none", place))).stderr).toBe(
      "Error: there is no web:/none\n",
    );
    writeFileSync(
      join(place, "Dockerfile"),
      "FROM hello\nARG V\nCOPY . /c\nRUN ls /c; echo $V > /v\n",
    );
    const built = await host.cooper(
      ...away(service, "build", "-t", "built", "--build-arg", "V=7", place),
    );
    expect(built.stderr).toMatch(/#\d+ \[stage-0 3\/3\] RUN ls \/c/);
    expect(built.stderr).not.toContain("left");
    expect(built.stdout.trim()).toBe(
      await host
        .must("images", "-q", "--no-trunc", "built")
        .then((text) => text.replace("sha256:", "")),
    );
    expect(await must("run", "--rm", "built", "cat", "/v")).toBe("7");
    const archive = join(place, "built.tar");
    await must("save", "-o", archive, "built");
    await must("rmi", "built");
    expect(await must("load", "-i", archive)).toBe("Loaded image: localhost/built:latest");
    await must("stop", "-t", "0", "web");
    expect(await must("rm", "web")).toBe("web");
    expect(await must("container", "prune", "-f")).toBe("");
  });

  test("by ssh, to a host where no service runs", async () => {
    await using host = await testHost(user);
    const env = { PATH: `${sshTo(host)}:/usr/bin:/bin:/usr/sbin:/sbin` };
    const ssh = (...args: string[]) => host.cooperWith({ env }, "-H", "ssh://me@box:2222", ...args);
    expect(await ssh("run", "--rm", "hello", "echo", "hi")).toEqual({
      exitCode: 0,
      stdout: "hi\n",
      stderr: "",
    });
    expect((await ssh("exec", "none", "true")).stderr).toBe("Error: no such container: none\n");
    expect(readFileSync(join(host.place("ssh"), "asked"), "utf8")).toContain(
      "-T -o ConnectTimeout=30 -l me -p 2222 -- box",
    );
    // it would end by itself some seconds later
    const service = host.processes().find((line) => line.includes("system service"));
    process.kill(Number(service?.split(" ")[0]));
  });
});

/** A program that is called ssh and runs the command on this machine, where `cooper` is of the test's store. */
function sshTo(host: TestHost): string {
  const directory = host.place("ssh");
  const program = (name: string, text: string) => {
    writeFileSync(join(directory, name), `#!/bin/sh\n${text}\n`);
    chmodSync(join(directory, name), 0o755);
  };
  writeFileSync(join(directory, "asked"), "");
  chmodSync(join(directory, "asked"), 0o666);
  const options = 'while [ "$1" != -- ]; do shift; done; shift 2';
  program("ssh", `echo "$@" >> ${directory}/asked; ${options}; exec sh -c "$*"`);
  program("cooper", `exec ${binary} --root ${host.root} --runroot ${host.run} "$@"`);
  return directory;
}

test("what cannot be asked of an engine elsewhere is refused before anything happens", async () => {
  await using host = await testHost();
  await using service = await Service.start(host);
  const rows: readonly [readonly string[], string][] = [
    [["run", "--umask", "077", "--rm", "hello"], "--umask: Docker's API has no words for that"],
    [["snapshot", "ls"], "cooper snapshot ls works on the engine of this machine only"],
    [["build", "--secret", "id=x", "."], "--secret of a build works on the engine of this machine"],
    [["inspect", "none"], "no such object: none"],
    [["--context", "box", "ps"], "conflicting options: --host and --context"],
  ];
  for (const [args, words] of rows) {
    const result = await host.cooper(...away(service, ...args));
    expect([args, result.stderr]).toEqual([args, expect.stringContaining(words)]);
    expect(result.exitCode).not.toBe(0);
  }
  expect(await host.must("ps", "-aq")).toBe("");
});

test("what cannot be reached is told with what mends it", async () => {
  await using host = await testHost();
  const nobody = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response("hello") });
  const rows: readonly [string, string][] = [
    [`unix://${host.place("x")}/none.sock`, "nothing listens there\nHint: start its service"],
    ["tcp://127.0.0.1:1", "nothing answers there (connection refused)"],
    [`tcp://127.0.0.1:${nobody.port}`, "does not speak Docker's API"],
    ["tcp://none.invalid:1", "the name of the host is not known"],
    ["gopher://x", '"gopher://x" is no place of an engine'],
  ];
  for (const [url, words] of rows)
    expect((await host.cooper("-H", url, "ps")).stderr).toContain(words);
  await nobody.stop(true);
});

test("names of docker's contexts and podman's connections lead there, and defaults only with --remote", async () => {
  await using host = await testHost();
  await using service = await Service.start(host);
  const HOME = host.place("home");
  mkdirSync(HOME, { recursive: true });
  const url = `unix://${service.socket}`;
  const ask = (env: Record<string, string>, ...args: string[]) =>
    host.cooperWith(
      { env: { HOME, XDG_CONFIG_HOME: join(HOME, ".config"), ...env }, cwd: HOME },
      ...args,
    );
  const server = ["version", "--format", "{{.Server.Platform.Name}} {{.Server.ApiVersion}}"];
  const there = await ask({}, "-H", url, ...server);
  expect(there.stdout).toMatch(/^Cooper 1\.\d+\n$/);
  const create = ["context", "create", "box", "--description", "a box", "--docker"];
  expect((await ask({}, ...create, `host=${url}`)).stdout).toBe("box\n");
  expect((await ask({}, ...create, `host=${url}`)).stderr).toContain("already exists");
  await ask({}, "system", "connection", "add", "pod", url);
  expect(await ask({}, "-c", "box", ...server)).toEqual(there);
  expect(await ask({}, "--connection", "pod", ...server)).toEqual(there);
  expect(await ask({ DOCKER_HOST: url }, ...server)).toEqual(there);
  expect(await ask({ CONTAINER_HOST: url }, ...server)).toEqual(there);
  expect(await ask({ DOCKER_CONTEXT: "box" }, ...server)).toEqual(there);
  expect((await ask({ DOCKER_CONTEXT: "none" }, "ps")).stderr).toContain('"none" does not exist');
  const here = await ask({ DOCKER_HOST: url }, "--remote=false", ...server);
  expect(here.stdout).not.toBe(there.stdout);
  await ask({}, "system", "connection", "rm", "pod");
  expect((await ask({}, "context", "use", "box")).stdout).toBe("box\n");
  expect((await ask({}, ...server)).stdout).toBe(here.stdout);
  expect(await ask({}, "--remote", ...server)).toEqual(there);
  if (dockerClient !== null) {
    const docker = Bun.spawnSync(
      [dockerClient, "version", "--format", "{{.Server.Platform.Name}}"],
      {
        env: { HOME, PATH: "/usr/bin:/bin" },
      },
    );
    expect(docker.stdout.toString()).toBe("Cooper\n");
    const inspect = ["context", "inspect", "box"];
    const theirs = Bun.spawnSync([dockerClient, ...inspect], { env: { HOME } });
    expect((await ask({}, ...inspect)).stdout).toBe(theirs.stdout.toString());
  }
  await ask({}, "context", "export", "box", "out");
  expect((await ask({}, "context", "import", "again", "out")).stdout).toBe("again\n");
  expect(await ask({}, "--context", "again", ...server)).toEqual(there);
  expect((await ask({}, "context", "rm", "box")).stderr).toContain("is in use");
  expect((await ask({}, "context", "rm", "-f", "box", "again")).stdout).toBe("box\nagain\n");
  expect((await ask({}, "context", "show")).stdout).toBe("default\n");
});
