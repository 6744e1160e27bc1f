/**
 * Docker's API: the same client against our service and against dockerd, in alternating runs. Usage, as
 * root: bun bench/api.ts [--rounds N] [--containers N] [--requests N]. Exit status 0 when the bars are met.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { makeContext, steps } from "./build-context.ts";
import { type Engine, must, openCooper, openDocker } from "./engines.ts";
import { busyboxTar } from "./images.ts";
import { allMet, compare, note } from "./measure.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "11" },
    containers: { type: "string", default: "1000" },
    requests: { type: "string", default: "2000" },
    followers: { type: "string", default: "500" },
  },
});
const rounds = Number(values.rounds);
const directory = mkdtempSync("/tmp/bench-");

/** Sends `count` requests over some connections at once; resolves to requests a second. */
async function requestsPerSecond(socket: string, path: string, count: number): Promise<number> {
  let left = count;
  const connection = async () => {
    while (left-- > 0) await (await fetch(`http://x${path}`, { unix: socket })).arrayBuffer();
  };
  const start = performance.now();
  await Promise.all(Array.from({ length: 16 }, connection));
  return (count / (performance.now() - start)) * 1000;
}

const residentMegabytes = (pid: number) =>
  Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024;

/** Opens streams that follow the log of a container; resolves to what the service then has in memory. */
async function followersMegabytes(socket: string, pid: number, count: number): Promise<number> {
  const path = "/containers/talker/logs?follow=1&stdout=1";
  const sockets = await Promise.all(
    Array.from({ length: count }, () =>
      Bun.connect({
        unix: socket,
        socket: {
          open: (peer) => void peer.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`),
          data: () => undefined,
        },
      }),
    ),
  );
  await Bun.sleep(5000);
  const found = residentMegabytes(pid);
  for (const peer of sockets) peer.end();
  return found;
}

const cooper = openCooper(join(directory, "cooper"));
const docker = await openDocker(join(directory, "docker"));
if (docker === null) throw new Error("there is no dockerd to compare with");
const socket = join(directory, "api.sock");
const service = Bun.spawn(
  [...cooper.argv, "system", "service", "--time", "0", `unix://${socket}`],
  { env: { ...cooper.env }, cwd: "/", stdio: ["ignore", "ignore", "ignore"] },
);
try {
  const tar = busyboxTar(directory);
  must(cooper, ["import", tar, "localhost/bench"]);
  must(docker, ["import", tar, "localhost/bench"]);
  for (let waits = 0; waits < 100; waits++) {
    if (await fetch("http://x/_ping", { unix: socket }).catch(() => undefined)) break;
    await Bun.sleep(50);
  }
  note("idle service, RSS", "MB", [cooper], {}, () => residentMegabytes(service.pid));
  const api: Engine = { ...cooper, argv: ["docker", "-H", `unix://${socket}`] };
  const engines = [api, docker];
  const host = docker.argv.find((word) => word.startsWith("unix://"))?.slice("unix://".length);
  compare("docker run --rm", rounds, engines, { docker: 1 / 3 }, (engine) =>
    must(engine, ["run", "--rm", "--network", "none", "localhost/bench", "/bin/true"]),
  );
  const place = makeContext(directory, "steps", steps, 200, 1);
  compare("docker build, classic, 12 steps cold", rounds, engines, { docker: 1 / 2 }, (engine) =>
    must({ ...engine, env: { ...engine.env, DOCKER_BUILDKIT: "0" } }, [
      ...["build", "-q", "--no-cache", "--network", "none", place],
    ]),
  );
  const make = ["run", "-d", "--network", "none", "localhost/bench", "/bin/sleep", "3000"];
  for (const engine of engines) for (let at = 0; at < 20; at++) must(engine, make);
  const speeds = new Map<Engine, number>();
  for (const engine of engines) {
    const at = engine === api ? socket : (host ?? "/var/run/docker.sock");
    await requestsPerSecond(at, "/v1.41/containers/json", 200);
    speeds.set(
      engine,
      await requestsPerSecond(at, "/v1.41/containers/json", Number(values.requests)),
    );
  }
  note(
    "a GET /containers/json of 20",
    "ms",
    engines,
    { docker: 1 },
    (engine) => 1000 / (speeds.get(engine) ?? 0),
  );
  const create = ["create", "--network", "none", "localhost/bench", "/bin/true"];
  for (const engine of engines)
    for (let at = 20; at < Number(values.containers); at++) must(engine, create);
  compare("docker ps -a", rounds, engines, { docker: 1 }, (engine) => must(engine, ["ps", "-a"]));
  must(api, [
    "run",
    "-d",
    "--network",
    "none",
    "--name",
    "talker",
    "localhost/bench",
    "/bin/sh",
    "-c",
    "while :; do echo some words; sleep 0.1; done",
  ]);
  const megabytes = await followersMegabytes(socket, service.pid, Number(values.followers));
  note(`${values.followers} followers of a log, RSS`, "MB", [api], {}, () => megabytes);
  await Bun.sleep(5000);
  note("idle again, RSS", "MB", [api], {}, () => residentMegabytes(service.pid));
  process.exitCode = allMet() ? 0 : 1;
} finally {
  service.kill();
  await service.exited;
  await cooper.close();
  await docker.close();
  rmSync(directory, { recursive: true, force: true });
}
