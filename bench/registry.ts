/**
 * Pull and push of a ten-layer Debian image beside Podman and Docker, at Debian's docker-registry on
 * loopback. Started by bench/registry, in network and mount namespaces of its own. Each pull goes into an
 * empty store on a fresh ext4: one that files were just deleted from takes its time to find new inodes.
 */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { countingProxy } from "./counting-proxy.ts";
import { type Engine, must, openCooper, openDocker, openPodman } from "./engines.ts";
import { allMet, compare, figures, median, note } from "./measure.ts";

const { values } = parseArgs({
  options: {
    cache: { type: "string", default: "build/bench" },
    rounds: { type: "string", default: "5" },
    kills: { type: "string", default: "20" },
    on: { type: "string", default: "/tmp" },
    json: { type: "string" },
    help: { type: "boolean", default: false },
  },
});
if (values.help) {
  process.stdout.write(`Usage: bench/registry [OPTION...], as root
  --rounds N    how often each is measured (${values.rounds})
  --kills N     how often a pull is killed before it may end (${values.kills})
  --on DIR      where the file system of the stores is kept (${values.on}; /dev/shm: no disk)
  --json FILE   write the figures there too
`);
  process.exit(0);
}
const rounds = Number(values.rounds);
const directory = mkdtempSync(join(resolve(values.on), "bench-registry-"));
// short: the paths of sockets are below it
const place = mkdtempSync("/tmp/r-");
const layout = `oci:${resolve(values.cache)}/layers:1`;
const closing: (() => unknown)[] = [];

function run(...argv: string[]): string {
  const made = Bun.spawnSync(argv, { stdio: ["ignore", "pipe", "pipe"] });
  if (!made.success) throw new Error(`${argv.join(" ")}: ${made.stderr}`);
  return made.stdout.toString();
}

interface Registry {
  readonly host: string;
  readonly data: string;
  stop(): Promise<void>;
}

let nextPort = 5100;

/** Starts a registry on an empty directory. */
async function openRegistry(): Promise<Registry> {
  const port = nextPort++;
  const data = join(place, `registry-${port}`);
  const file = join(directory, `registry-${port}.yml`);
  writeFileSync(
    file,
    `version: 0.1
log: { level: error, accesslog: { disabled: true } }
storage: { filesystem: { rootdirectory: ${data} } }
http: { addr: 127.0.0.1:${port} }
`,
  );
  const server = Bun.spawn(["docker-registry", "serve", file], {
    stdio: ["ignore", "ignore", "ignore"],
  });
  const host = `127.0.0.1:${port}`;
  for (let wait = 0; wait < 100; wait++) {
    try {
      await fetch(`http://${host}/v2/`);
      break;
    } catch {
      await Bun.sleep(50);
    }
  }
  const stop = async () => {
    server.kill("SIGKILL");
    await server.exited;
  };
  closing.push(stop);
  return { host, data, stop };
}

const pullWords = (engine: Engine, name: string) => [
  "pull",
  "-q",
  ...(engine.name === "podman" ? ["--tls-verify=false"] : []),
  name,
];
const pushWords = (engine: Engine, from: string, to: string): string[][] =>
  engine.name === "docker"
    ? [
        ["tag", from, to],
        ["push", "-q", to],
      ]
    : [["push", "-q", ...(engine.name === "podman" ? ["--tls-verify=false"] : []), from, to]];

let stores = 0;
/**
 * The engine with an empty store; Docker has one daemon, and removes what it has. What the engine before
 * has left for the kernel to write is written first, since nobody should wait for another's bytes.
 */
function emptied(engine: Engine, image: string): Engine {
  run("sync", "--file-system", place);
  if (engine.name === "docker") {
    Bun.spawnSync([...engine.argv, "rmi", "-f", image], { stderr: "ignore" });
    return engine;
  }
  const open = engine.name === "cooper" ? openCooper : openPodman;
  const fresh = open(join(place, `${engine.name[0]}${stores++}`));
  closing.push(() => fresh.close());
  return fresh;
}

/** Without our reserve of 4 MiB for a full disk, which no image has anything to do with. */
function diskBytes(path: string): number {
  const words = ["-s", "--block-size=1", "--exclude=ballast"];
  return Number(run("du", ...words, path).split("\t")[0]);
}

/** What the bytes take to unpack at least: GNU tar and gzip, one layer after the other. */
function tarFloor(data: string): number {
  const blobs = join(data, "docker/registry/v2/blobs/sha256");
  const layers = readdirSync(blobs, { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith("/data"))
    .map((path) => join(blobs, path))
    .filter((path) => statSync(path).size > 100_000);
  const target = join(place, `tar-${stores++}`);
  mkdirSync(target);
  const start = performance.now();
  for (const layer of layers) run("tar", "-C", target, "-xzf", layer);
  return performance.now() - start;
}

async function killedPulls(registry: Registry, pullMs: number): Promise<void> {
  const proxy = await countingProxy(registry.host);
  closing.push(proxy.stop);
  const engine = openCooper(join(place, "k"));
  closing.push(() => engine.close());
  const words = [...engine.argv, ...pullWords(engine, `${proxy.host}/debian:1`)];
  let kills = 0;
  for (; kills < Number(values.kills); kills++) {
    const child = Bun.spawn(words, {
      env: { ...engine.env },
      stdio: ["ignore", "ignore", "ignore"],
    });
    const timer = setTimeout(() => child.kill("SIGKILL"), Math.random() * pullMs * 0.15);
    await child.exited;
    clearTimeout(timer);
    if (child.signalCode === null) break;
  }
  const last = Bun.spawn(words, { env: { ...engine.env }, stdio: ["ignore", "ignore", "inherit"] });
  if ((await last.exited) !== 0) throw new Error("the pull after the kills fails");
  const { sent, whole, finishedAgain } = proxy.count();
  const mib = (bytes: number) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
  process.stdout.write(
    `pull killed ${kills} times, then finished: ${mib(whole)} of layers, ${mib(sent)} sent by the registry (with what was under way at a kill), ${mib(finishedAgain)} of what had been kept was asked for again ${finishedAgain < 2 ** 20 ? "(met)" : "(MISSED)"}\n`,
  );
  if (finishedAgain >= 2 ** 20) process.exitCode = 1;
}

try {
  run("truncate", "-s", "40G", join(directory, "disk"));
  run("mkfs.ext4", "-q", "-E", "lazy_itable_init=0", join(directory, "disk"));
  run("mount", "-o", "loop", join(directory, "disk"), place);
  closing.push(() => run("umount", "-l", place));
  const registry = await openRegistry();
  const name = `${registry.host}/debian:1`;
  run(
    "skopeo",
    "--insecure-policy",
    "copy",
    "-q",
    "--dest-tls-verify=false",
    layout,
    `docker://${name}`,
  );

  const engines = [openCooper(join(place, "c")), openPodman(join(place, "p"))];
  for (const engine of engines) closing.push(() => engine.close());
  const docker = await openDocker(join(place, "d"), ["env"]);
  if (docker !== null) {
    engines.push(docker);
    closing.push(() => docker.close());
  }
  const pull = (engine: Engine) => must(engine, pullWords(engine, name));

  compare("pull, ten layers", rounds, engines, { podman: 0.6, docker: 0.6 }, (engine) =>
    pull(emptied(engine, name)),
  );
  const floors = Array.from({ length: 3 }, () => tarFloor(registry.data));
  process.stdout.write(
    `${"  GNU tar of the same bytes".padEnd(36)}${median(floors).toFixed(1).padStart(8)} ms\n`,
  );
  for (const engine of engines) pull(engine);
  const pairs = engines.filter(({ name: each }) => each !== "docker");
  note("disk used by it", "MB", pairs, { podman: 1 }, (engine) => diskBytes(engine.root) / 1e6);
  compare("pull again, nothing changed", rounds * 2, engines, { podman: 1 / 4 }, pull);

  const empty = await Promise.all(
    Array.from({ length: engines.length * (rounds + 1) }, openRegistry),
  );
  compare("push to an empty registry", rounds, engines, { podman: 0.6 }, (engine) => {
    const target = `${empty.pop()?.host}/debian:1`;
    return pushWords(engine, name, target).reduce((sum, words) => sum + must(engine, words), 0);
  });
  await killedPulls(registry, figures()[0]?.ours ?? 5000);
  if (values.json !== undefined) writeFileSync(values.json, JSON.stringify(figures(), null, 2));
  if (!allMet()) process.exitCode = 1;
} finally {
  for (const close of closing.toReversed()) {
    try {
      await close();
    } catch (error) {
      process.stdout.write(`${error instanceof Error ? error.message : error}\n`);
    }
  }
  rmSync(directory, { recursive: true, force: true });
  rmSync(place, { recursive: true, force: true });
}
