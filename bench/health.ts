/**
 * Many containers with health checks: how exactly each check comes when it is due, and what the keeper itself
 * takes of a core. As root:
 * bun bench/health.ts [--containers N] [--interval SECONDS] [--seconds N]. Exit status 0 when both bars are met.
 * Each check is an exec of the OCI runtime: a hundred of them a second take runc two to three cores.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { parseArgs } from "node:util";
import { must, mustInShell, openCooper } from "./engines.ts";
import { median } from "./measure.ts";

const { values } = parseArgs({
  options: {
    containers: { type: "string", default: "500" },
    interval: { type: "string", default: "5" },
    seconds: { type: "string", default: "30" },
  },
});
const intervalMs = Number(values.interval) * 1000;
const bars = { lateness: 0.05, core: 0.05 };

/** What `inspect` keeps of a container's last checks. */
interface Check {
  readonly Start: string;
  readonly End: string;
  readonly ExitCode: number;
}

const directory = mkdtempSync("/tmp/bench-");
const engine = openCooper(directory);

function keeperPid(): number {
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      const words = readFileSync(`/proc/${pid}/cmdline`, "utf8");
      if (words.includes("__keep-health") && words.includes(engine.root)) return Number(pid);
    } catch {} // it has ended
  }
  throw new Error("no keeper runs");
}

/** Seconds of a core that it has had itself, without those that it started (proc(5), `stat`). */
function coreSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

function checksOf(): Check[][] {
  const argv = [...engine.argv, "ps", "-q"];
  const ids = Bun.spawnSync(argv, { env: { ...engine.env } })
    .stdout.toString()
    .trim()
    .split("\n");
  const inspect = ["inspect", "-f", "{{json .State.Health.Log}}", ...ids];
  const { stdout } = Bun.spawnSync([...engine.argv, ...inspect], { env: { ...engine.env } });
  return `${stdout}`
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Check[]);
}

const percent = (share: number) => `${(share * 100).toFixed(2)} %`;

try {
  must(engine, ["pull", "-q", "hello"]);
  const check = ["--health-cmd", "true", "--health-interval", `${values.interval}s`];
  const run = ["run", "-d", "--network", "none", ...check, "hello", "sleep", "3000"].join(" ");
  mustInShell(engine, `seq ${values.containers} | xargs -P 4 -I{} $ENGINE ${run} > /dev/null`);
  Bun.sleepSync(2 * intervalMs);
  const keeper = keeperPid();
  const [before, begun] = [coreSeconds(keeper), performance.now()];
  Bun.sleepSync(Number(values.seconds) * 1000);
  const share = (coreSeconds(keeper) - before) / ((performance.now() - begun) / 1000);
  const checks = checksOf();
  // an interval is from the end of a check to the beginning of the next
  const late = checks.flatMap((log) =>
    log.slice(1).map((one, at) => {
      const since = Date.parse(one.Start) - Date.parse(log[at]?.End ?? one.Start);
      return Math.abs(since - intervalMs) / intervalMs;
    }),
  );
  const failed = checks.flat().filter(({ ExitCode }) => ExitCode !== 0).length;
  const last = late.toSorted((a, b) => a - b);
  const at = (part: number) => last[Math.min(last.length - 1, Math.floor(last.length * part))] ?? 1;
  const met = at(0.99) <= bars.lateness && share <= bars.core;
  process.stdout.write(`${values.containers} containers, a check every ${values.interval} s each: ${late.length} intervals, ${failed} checks failed
intervals off by: median ${percent(median(late))}, of 99 in 100 at most ${percent(at(0.99))}, of all ${percent(at(1))} (bar ${percent(bars.lateness)})
the keeper takes ${percent(share)} of a core (bar ${percent(bars.core)}): ${met ? "met" : "MISSED"}
`);
  process.exitCode = met ? 0 : 1;
} finally {
  mustInShell(engine, "$ENGINE ps -aq | xargs -r -n 100 $ENGINE rm -f > /dev/null");
  await engine.close();
  rmSync(directory, { recursive: true, force: true });
}
