/**
 * What containers go through, beside Podman and Docker: made and removed, started in the background, many
 * at once, files copied in and out, the end of a long log, and the memory that those who sleep take.
 */
import {
  chmodSync,
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type Engine, must, mustInShell, openCooper, openDocker, openPodman } from "./engines.ts";
import { busyboxTar } from "./images.ts";
import { allMet, compare, figures, note } from "./measure.ts";

const { values } = parseArgs({
  options: {
    only: { type: "string", default: "create,detached,crowd,cp,logs,memory" },
    rounds: { type: "string", default: "9" },
    runs: { type: "string", default: "800" },
    files: { type: "string", default: "10000" },
    "log-bytes": { type: "string", default: "1000000000" },
    sleepers: { type: "string", default: "100" },
    json: { type: "string" },
    help: { type: "boolean", default: false },
  },
});
if (values.help) {
  process.stdout.write(`Usage: bench/life [OPTION...], as root
  --only NAME,…    of: create, detached, crowd, cp, logs, memory
  --rounds N       how often each is measured (${values.rounds}; the slow ones a third of it)
  --runs N         short runs, 32 at a time (${values.runs})
  --files N        small files that are copied (${values.files})
  --log-bytes N    size of the log (${values["log-bytes"]})
  --sleepers N     containers whose engine's memory is measured (${values.sleepers})
  --json FILE      write the figures there too
`);
  process.exit(0);
}

const image = "localhost/bench";
const quiet = ["--network", "none"];
const sleeping = [...quiet, image, "/bin/sleep", "3000"];
const rounds = Number(values.rounds);
const fewRounds = Math.max(1, Math.floor(rounds / 3));
const directory = mkdtempSync("/tmp/bench-");
chmodSync(directory, 0o755);

const read = (engine: Engine, ...args: string[]) =>
  Bun.spawnSync([...engine.argv, ...args], { env: { ...engine.env } })
    .stdout.toString()
    .trim();

const sections: Record<string, (engines: readonly Engine[]) => void> = {
  create(engines) {
    compare("create + rm", rounds, engines, { podman: 1 / 3, docker: 2 / 3 }, (engine) => {
      const made = must(engine, ["create", "--name", "box", ...quiet, image, "/bin/true"]);
      return made + must(engine, ["rm", "box"]);
    });
  },

  detached(engines) {
    compare("run -d", rounds, engines, { podman: 1 / 2, docker: 1 / 3 }, (engine) => {
      const spent = must(engine, ["run", "-d", "--name", "box", ...sleeping]);
      must(engine, ["rm", "-f", "box"]);
      return spent;
    });
  },

  crowd(engines) {
    const line = `seq ${values.runs} | xargs -P 32 -I{} $ENGINE run --rm --network none ${image} /bin/true`;
    compare(`${values.runs} runs, 32 at a time`, 1, engines, { podman: 1 / 3 }, (engine) =>
      mustInShell(engine, line),
    );
  },

  cp(engines) {
    const count = Number(values.files);
    const files = join(directory, "files");
    mkdirSync(files);
    for (let number = 0; number < count; number++) {
      const folder = join(files, `${number % 100}`);
      if (number < 100) mkdirSync(folder);
      writeFileSync(join(folder, `${number}`), `file ${number}\n`.repeat(1 + (number % 50)));
    }
    const within = (act: (engine: Engine) => number) => (engine: Engine) => {
      must(engine, ["create", "--name", "box", ...quiet, image, "/bin/true"]);
      const spent = act(engine);
      must(engine, ["rm", "box"]);
      return spent;
    };
    const bars = { podman: 1 / 2 };
    const copyIn = (engine: Engine) => must(engine, ["cp", files, "box:/in"]);
    compare(`cp of ${count} files in`, fewRounds, engines, bars, within(copyIn));
    const copyOut = (engine: Engine) => {
      copyIn(engine);
      const out = join(directory, "out");
      const spent = must(engine, ["cp", "box:/in", out]);
      rmSync(out, { recursive: true });
      return spent;
    };
    compare(`cp of ${count} files out`, fewRounds, engines, bars, within(copyOut));
  },

  logs(engines) {
    for (const engine of engines) {
      const options = engine.name === "podman" ? ["--log-driver", "k8s-file"] : [];
      must(engine, ["run", "--name", "log", ...options, ...quiet, image, "/bin/true"]);
      const field = engine.name === "podman" ? "{{.HostConfig.LogConfig.Path}}" : "{{.LogPath}}";
      const isJson = engine.name === "docker";
      fillLog(read(engine, "inspect", "-f", field, "log"), Number(values["log-bytes"]), isJson);
    }
    compare("logs --tail 100", rounds, engines, { podman: 1 / 5 }, (engine) =>
      must(engine, ["logs", "--tail", "100", "log"]),
    );
    compare("logs of all", 1, engines.slice(0, 2), {}, (engine) => must(engine, ["logs", "log"]));
    for (const engine of engines) must(engine, ["rm", "log"]);
  },

  memory(engines) {
    const count = Number(values.sleepers);
    for (const engine of engines)
      for (let number = 0; number < count; number++)
        must(engine, ["run", "-d", "--name", `s${number}`, ...sleeping]);
    note(
      `memory for ${count} that sleep`,
      "MB",
      engines,
      { podman: 1 },
      (engine) => proportionalBytes(engine) / 1e6,
    );
    for (const engine of engines)
      mustInShell(engine, "$ENGINE ps -q | xargs $ENGINE rm -f > /dev/null");
  },
};

/** Lines of 100 bytes, as the engine keeps them. */
function fillLog(file: string, bytes: number, isJson: boolean): void {
  const time = "2026-01-02T03:04:05.123456789";
  const text = "x".repeat(55);
  const line = isJson
    ? `${JSON.stringify({ log: `${text}\n`, stream: "stdout", time: `${time}Z` })}\n`
    : `${time}+00:00 stdout F ${text}\n`;
  const block = Buffer.from(line.repeat(10_000));
  const descriptor = openSync(file, "w");
  for (let written = 0; written < bytes; written += block.length) writeSync(descriptor, block);
  closeSync(descriptor);
}

/** What the processes of an engine take, each page shared out among its users; those of containers left out. */
function proportionalBytes(engine: Engine): number {
  let kilobytes = 0;
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      if (!readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(`${engine.directory}/`)) continue;
      const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
      kilobytes += Number(/^Pss: +(\d+)/m.exec(rollup)?.[1] ?? 0);
    } catch {
      // it has ended
    }
  }
  return kilobytes * 1024;
}

const engines: Engine[] = [];
try {
  const tar = busyboxTar(directory);
  engines.push(openCooper(join(directory, "cooper")), openPodman(join(directory, "podman")));
  const docker = await openDocker(join(directory, "docker"));
  if (docker !== null) engines.push(docker);
  else process.stdout.write("without Docker: no dockerd that runs here\n");
  for (const engine of engines) must(engine, ["import", tar, image]);
  for (const name of values.only.split(",")) {
    const section = sections[name];
    if (section === undefined) throw new Error(`no section ${name}`);
    section(engines);
  }
  if (values.json !== undefined) writeFileSync(values.json, JSON.stringify(figures(), null, 2));
} finally {
  for (const engine of engines.reverse()) await engine.close();
  rmSync(directory, { recursive: true, force: true });
}
process.exitCode = allMet() ? 0 : 1;
