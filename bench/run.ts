/**
 * Cooper beside Podman and Docker: the same work with the same OCI runtime, in alternating runs on one
 * machine. Exit status 0 when every bar is met. `bench/run --help` tells the options.
 */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import {
  type Engine,
  makeUser,
  must,
  openCooper,
  openDocker,
  openPodman,
  removeUser,
} from "./engines.ts";
import { busyboxTar, debianArchives } from "./images.ts";
import { allMet, figures } from "./measure.ts";
import { type Bench, sections } from "./sections.ts";

const names = Object.keys(sections) as (keyof typeof sections)[];
const { values } = parseArgs({
  options: {
    only: { type: "string", default: names.join(",") },
    rounds: { type: "string", default: "15" },
    containers: { type: "string", default: "1000" },
    cache: { type: "string", default: resolve(import.meta.dir, "../build/bench") },
    json: { type: "string" },
    help: { type: "boolean", default: false },
  },
});
if (values.help) {
  process.stdout.write(`Usage: bench/run [OPTION...], as root
  --only NAME,…    of: ${names.join(", ")}
  --rounds N       how often each is measured (${values.rounds}; the slow ones a third of it)
  --containers N   for ps (${values.containers})
  --cache DIR      where the Debian image is kept (build/bench)
  --json FILE      write the figures there too
`);
  process.exit(0);
}
const chosen = values.only.split(",").map((word) => {
  const name = names.find((known) => known === word);
  if (name === undefined) throw new Error(`no section ${word}; there are: ${names.join(", ")}`);
  return name;
});

const directory = mkdtempSync("/tmp/bench-");
chmodSync(directory, 0o755);
const opened: Engine[] = [];
const open = (engine: Engine) => {
  opened.push(engine);
  return engine;
};

async function openEngines(): Promise<{ engines: Engine[]; rootless: Engine[] }> {
  const engines = [
    open(openCooper(join(directory, "cooper"))),
    open(openPodman(join(directory, "podman"))),
  ];
  const docker = await openDocker(join(directory, "docker"));
  if (docker !== null) engines.push(open(docker));
  else process.stdout.write("without Docker: no dockerd that runs here\n");
  if (!chosen.some((name) => name === "rootless" || name === "idle"))
    return { engines, rootless: [] };
  const user = makeUser();
  const rootless = [
    open(openCooper(join(directory, "cooper-user"), user)),
    open(openPodman(join(directory, "podman-user"), user)),
  ];
  return { engines, rootless };
}

try {
  const tar = busyboxTar(directory);
  const { engines, rootless } = await openEngines();
  for (const engine of [...engines, ...rootless]) must(engine, ["import", tar, "localhost/bench"]);
  const bench: Bench = {
    rounds: Number(values.rounds),
    containers: Number(values.containers),
    engines,
    rootless,
    debian: () => debianArchives(values.cache),
  };
  for (const name of chosen) sections[name](bench);
  if (values.json !== undefined) writeFileSync(values.json, JSON.stringify(figures(), null, 2));
} finally {
  for (const engine of opened.reverse()) await engine.close();
  rmSync(directory, { recursive: true, force: true });
  removeUser();
}
process.exitCode = allMet() ? 0 : 1;
