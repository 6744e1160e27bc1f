/**
 * Builds beside Podman's and Docker's classic builder: twelve steps with 200 files, cold and cached; a
 * context of 50,000 files; independent stages. Usage, as root: bun bench/build.ts [--rounds N]
 * [--only steps,context,stages]. Exit status 0 when the bars are met.
 */
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { makeContext, steps } from "./build-context.ts";
import { type Engine, must, openCooper, openDocker, openPodman } from "./engines.ts";
import { busyboxTar } from "./images.ts";
import { allMet, compare, note } from "./measure.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "7" },
    files: { type: "string", default: "50000" },
    only: { type: "string", default: "steps,context,stages" },
  },
});
const rounds = Number(values.rounds);
const chosen = values.only.split(",");

const directory = mkdtempSync("/tmp/bench-");
chmodSync(directory, 0o755);

/** Each waits, and reads what the others do not, so that no two are the same step. */
const waiting = (count: number) =>
  [
    ...Array.from({ length: count }, (_, index) => [
      `FROM localhost/bench AS s${index}`,
      `RUN sleep 2; echo ${index} > /${index}`,
    ]).flat(),
    "FROM localhost/bench",
    ...Array.from({ length: count }, (_, index) => `COPY --from=s${index} /${index} /${index}`),
  ].join("\n");

/** What each calls its layers and its isolation; none of them gets a network. */
function words(engine: Engine, place: string, ...more: string[]): string[] {
  const layers = engine.name === "podman" ? ["--layers"] : [];
  return ["build", "-q", ...layers, "--network", "none", ...more, place];
}

const engines: Engine[] = [];
try {
  engines.push(openCooper(join(directory, "cooper")), openPodman(join(directory, "podman")));
  const docker = await openDocker(join(directory, "docker"));
  if (docker === null) process.stdout.write("without Docker: no dockerd that runs here\n");
  else engines.push({ ...docker, env: { ...docker.env, DOCKER_BUILDKIT: "0" } });
  const tar = busyboxTar(directory);
  for (const engine of engines) must(engine, ["import", tar, "localhost/bench"]);
  if (chosen.includes("steps")) {
    const place = makeContext(directory, "steps", steps, 200, 1);
    compare(
      "cold build, 12 steps, 200 files",
      rounds,
      engines,
      { podman: 1 / 3, docker: 1 / 3 },
      (engine) => must(engine, words(engine, place, "--no-cache")),
    );
    compare("the same, cached", rounds, engines, { podman: 1 / 5, docker: 1 / 2 }, (engine) =>
      must(engine, words(engine, place)),
    );
  }
  if (chosen.includes("context")) {
    const text = "FROM localhost/bench\nCOPY f /f\n";
    const place = makeContext(directory, "many", text, Number(values.files), 100);
    await Bun.sleep(2500); // a file that was written a moment ago is not remembered
    compare(
      `cached, ${values.files} files`,
      Math.ceil(rounds / 3),
      engines,
      { podman: 1 / 3 },
      (engine) => must(engine, words(engine, place)),
    );
  }
  if (chosen.includes("stages")) {
    const [one, four] = [
      makeContext(directory, "one", waiting(1), 0, 0),
      makeContext(directory, "four", waiting(4), 0, 0),
    ];
    const time = (engine: Engine, place: string) =>
      must(engine, words(engine, place, "--no-cache"));
    note("four stages of 2 s, beside one", "times", engines, {}, (engine) => {
      const single = Math.min(time(engine, one), time(engine, one));
      return Math.min(time(engine, four), time(engine, four)) / single;
    });
  }
} finally {
  for (const engine of engines) await engine.close();
  rmSync(directory, { recursive: true, force: true });
}
process.exitCode = allMet() ? 0 : 1;
