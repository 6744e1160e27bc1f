/**
 * Networks beside Podman's and Docker's, on a machine of their own (a network namespace) with another host on
 * its cable: what the default network costs a run, root's and an ordinary user's, and TCP through a published
 * port. As root:
 * bun bench/network.ts [--rounds N] [--seconds N]. Exit status 0 when every bar is met.
 */
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { Machine, machineAddress } from "../test/e2e/machine.ts";
import {
  type Engine,
  makeUser,
  must,
  openCooper,
  openDocker,
  openPodman,
  removeUser,
} from "./engines.ts";
import { allMet, compare, median, note } from "./measure.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "15" },
    seconds: { type: "string", default: "2" },
  },
});
const rounds = Number(values.rounds);
const image = "localhost/bench";
const directory = mkdtempSync("/tmp/bench-");
chmodSync(directory, 0o755);
const machine = new Machine(directory);

/** On the machine; what has a network there is what it compares. */
const onMachine = (engine: Engine): Engine =>
  engine.name === "docker" ? engine : { ...engine, argv: machine.words(...engine.argv) };

/** Ordinary users' engines on the machine, which has a device for their helpers. */
const withTun = (engine: Engine): Engine => ({
  ...engine,
  argv: machine.wordsWithTun(...engine.argv),
});

/** busybox and iperf3 with the libraries that it needs. */
function imageTar(): string {
  const tree = join(directory, "rootfs");
  const linked = Bun.spawnSync(["ldd", "/usr/bin/iperf3"]).stdout.toString();
  const libraries = [...linked.matchAll(/(\/\S+) \(/g)].flatMap(([, path]) => path ?? []);
  for (const file of ["/usr/bin/iperf3", ...libraries]) {
    mkdirSync(dirname(join(tree, file)), { recursive: true });
    copyFileSync(file, join(tree, file));
  }
  const tar = join(directory, "rootfs.tar");
  const script = `mkdir -p ${tree}/bin ${tree}/tmp; cp /bin/busybox ${tree}/bin/; ln -s busybox ${tree}/bin/true; tar -C ${tree} -cf ${tar} .`;
  if (!Bun.spawnSync(["sh", "-euc", script]).success) throw new Error("cannot make the image");
  return tar;
}

/** Where a client stands: on another host, or on the machine itself. */
type From = "neighbour" | "itself";

/** Megabits a second through a published port. */
function throughput(port: number, from: From = "neighbour", more: readonly string[] = []): number {
  const to = from === "itself" ? "127.0.0.1" : machineAddress.ipv4;
  const argv = ["iperf3", "-c", to, "-p", `${port}`, "-t", values.seconds, "-J", ...more];
  const words = from === "itself" ? machine.words(...argv) : machine.wordsOnNeighbour(...argv);
  const { stdout } = Bun.spawnSync(words);
  const report: { end?: { sum_received?: { bits_per_second?: number } } } = JSON.parse(`${stdout}`);
  return (report.end?.sum_received?.bits_per_second ?? 0) / 1e6;
}

function rootless(tar: string): void {
  const user = makeUser();
  const engines = [
    openCooper(join(directory, "cooper-user"), user),
    openPodman(join(directory, "podman-user"), user),
  ];
  opened.push(...engines);
  const users = engines.map(withTun);
  for (const engine of users) must(engine, ["import", tar, image]);
  compare("run --rm, rootless default network", rounds, users, { podman: 1 / 3 }, (engine) =>
    must(engine, ["run", "--rm", image, "true"]),
  );
  compare("  its --network none", rounds, users, {}, (engine) =>
    must(engine, ["run", "--rm", "--network", "none", image, "true"]),
  );
  rootlessIperf(users);
}

/** The ways in which an ordinary user's port can be published. */
const modes: Readonly<Record<string, readonly (readonly string[])[]>> = {
  cooper: [
    ["--network", "pasta"],
    ["--network", "net"],
  ],
  podman: [
    ["--network", "slirp4netns"],
    ["--network", "slirp4netns:port_handler=slirp4netns"],
    ["--network", "net"],
  ],
};

/** Each way of ours beside the best of Podman's, in turns. */
function rootlessIperf(engines: readonly Engine[]): void {
  const ways = engines.flatMap((engine) =>
    (modes[engine.name] ?? []).map((words) => ({ engine, words, text: words.join(" ") })),
  );
  for (const engine of engines) must(engine, ["network", "create", "net"]);
  for (const [at, { engine, words }] of ways.entries()) {
    const name = ["--name", `iperf${at}`, "-p", `${15301 + at}:5201`];
    must(engine, ["run", "-d", ...name, ...words, image, "iperf3", "-s"]);
  }
  Bun.sleepSync(500);
  for (const from of ["neighbour", "itself"] as const)
    for (const more of [[], ["--reverse"]]) {
      const seen = ways.map(() => [] as number[]);
      for (let round = 0; round < Math.ceil(rounds / 3); round++)
        for (const at of ways.keys()) seen[at]?.push(throughput(15301 + at, from, more));
      const speeds = seen.map(median);
      const of = (engine: Engine) => speeds.filter((_, at) => ways[at]?.engine === engine);
      for (const [at, { engine, text }] of ways.entries())
        process.stdout.write(`  ${engine.name} ${text}: ${speeds[at]?.toFixed(0)} Mbit/s\n`);
      const where = `${from === "itself" ? "from the machine" : "from a host"}${more.length > 0 ? ", out" : ", in"}`;
      note(
        `rootless TCP ${where}, 1 Gbit`,
        "ms",
        engines,
        { podman: 1 },
        (engine) => 1e6 / Math.max(...of(engine)),
      );
    }
  for (const [at, { engine }] of ways.entries()) must(engine, ["rm", "-f", `iperf${at}`]);
}

function iperf(engines: readonly Engine[]): void {
  const ports = new Map(engines.map((engine, at) => [engine, 15201 + at]));
  for (const [engine, port] of ports) {
    must(engine, ["run", "-d", "--name", "iperf", "-p", `${port}:5201`, image, "iperf3", "-s"]);
  }
  Bun.sleepSync(500);
  const seen = new Map(engines.map((engine) => [engine, [] as number[]]));
  for (let round = 0; round < Math.ceil(rounds / 3); round++)
    for (const [engine, port] of ports) seen.get(engine)?.push(throughput(port));
  // the measure holds what is slower to be better: seconds for a gigabit
  note(
    "TCP through a published port, 1 Gbit",
    "ms",
    engines,
    { docker: 1 / 0.95 },
    (engine) => 1e6 / median(seen.get(engine) ?? []),
  );
  for (const engine of engines) must(engine, ["rm", "-f", "iperf"]);
}

const opened: Engine[] = [];
try {
  opened.push(openCooper(join(directory, "cooper")), openPodman(join(directory, "podman")));
  const docker = await openDocker(join(directory, "docker"), machine.words());
  if (docker === null) process.stdout.write("without Docker: no dockerd that runs here\n");
  else opened.push(docker);
  const engines = opened.map(onMachine);
  const tar = imageTar();
  for (const engine of engines) must(engine, ["import", tar, image]);
  compare("run --rm, default bridge", rounds, engines, { podman: 1 / 4, docker: 1 / 3 }, (engine) =>
    must(engine, ["run", "--rm", image, "true"]),
  );
  compare("run --rm, published port", rounds, engines, { podman: 1 / 4, docker: 1 / 3 }, (engine) =>
    must(engine, ["run", "--rm", "-p", "18080:80", image, "true"]),
  );
  const [own] = engines;
  if (own !== undefined) {
    const spent = { none: [] as number[], bridge: [] as number[] };
    for (let round = 0; round < rounds * 2; round++) {
      spent.none.push(must(own, ["run", "--rm", "--network", "none", image, "true"]));
      spent.bridge.push(must(own, ["run", "--rm", image, "true"]));
    }
    const added = median(spent.bridge) - median(spent.none);
    process.stdout.write(
      `added by the default network${" ".repeat(8)}${added.toFixed(1).padStart(8)} ms (bar 25 ${added <= 25 ? "met" : "MISSED"})\n`,
    );
  }
  rootless(tar);
  iperf(engines);
} finally {
  for (const engine of opened.reverse()) {
    Bun.spawnSync([...onMachine(engine).argv, "rm", "-fa"], { env: { ...engine.env } });
    await engine.close();
  }
  machine[Symbol.dispose]();
  rmSync(directory, { recursive: true, force: true });
  removeUser();
}
process.exitCode = allMet() ? 0 : 1;
