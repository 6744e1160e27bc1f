/**
 * Times of cooper and podman for the same work with the same OCI runtime, in alternating runs on one
 * machine: medians and their ratio. Usage, as root: bun bench/run.ts [--rounds N] [--containers N].
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "15" },
    containers: { type: "string", default: "1000" },
  },
});
const rounds = Number(values.rounds);
const containers = Number(values.containers);

const directory = mkdtempSync("/tmp/bench-");
const binary = resolve(import.meta.dir, "../dist/cooper");
const cooper = [
  binary,
  "--root",
  `${directory}/c/root`,
  "--runroot",
  `${directory}/c/run`,
  "--runtime",
  "runc",
];
const podman = [
  "podman",
  "--root",
  `${directory}/p/root`,
  "--runroot",
  `${directory}/p/run`,
  "--runtime",
  "runc",
];
const conf = join(directory, "containers.conf");
const env = { ...process.env, CONTAINERS_CONF: conf };

/** Runs a command to its end; a failure ends the bench. */
function must(argv: readonly string[], quiet = true): void {
  const result = Bun.spawnSync([...argv], {
    env,
    stdio: ["ignore", quiet ? "ignore" : "inherit", "pipe"],
  });
  if (!result.success) throw new Error(`${argv.join(" ")}: ${result.stderr}`);
}

/** Milliseconds that it takes. */
function time(act: () => void): number {
  const start = performance.now();
  act();
  return performance.now() - start;
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;
}

interface Line {
  readonly what: string;
  readonly ours: number;
  readonly theirs: number;
  readonly bar: number;
}

const lines: Line[] = [];

/** Alternates ours and theirs, so that a busy moment hits both. */
function compare(
  what: string,
  bar: number,
  ours: () => void,
  theirs: () => void,
  times = rounds,
): void {
  ours();
  theirs();
  const measured = { ours: [] as number[], theirs: [] as number[] };
  for (let round = 0; round < times; round++) {
    measured.ours.push(time(ours));
    measured.theirs.push(time(theirs));
  }
  const line = { what, ours: median(measured.ours), theirs: median(measured.theirs), bar };
  lines.push(line);
  const ratio = line.ours / line.theirs;
  process.stdout.write(
    `${what.padEnd(34)} ${line.ours.toFixed(1).padStart(9)} ${line.theirs.toFixed(1).padStart(9)}  ${ratio.toFixed(3)}  (bar ${bar.toFixed(3)}) ${ratio <= bar ? "met" : "MISSED"}\n`,
  );
}

/** Twenty at once, and wait for all. */
function twenty(argv: readonly string[]): void {
  const script = `for i in $(seq 20); do ${argv.join(" ")} & done; wait`;
  must(["sh", "-c", script]);
}

try {
  writeFileSync(
    conf,
    '[containers]\ndefault_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]\n[engine]\nevents_logger = "none"\n',
  );
  const rootfs = join(directory, "rootfs");
  mkdirSync(join(rootfs, "bin"), { recursive: true });
  must([
    "sh",
    "-c",
    `cp /bin/busybox ${rootfs}/bin/ && for a in sh true sleep; do ln -s busybox ${rootfs}/bin/$a; done && tar -C ${rootfs} -cf ${directory}/rootfs.tar .`,
  ]);
  for (const engine of [cooper, podman])
    must([...engine, "import", `${directory}/rootfs.tar`, "localhost/bench"]);
  const run = ["run", "--rm", "--network", "none", "localhost/bench", "/bin/true"];
  process.stdout.write(`${"".padEnd(34)} cooper ms podman ms  ratio\n`);

  compare(
    "--version",
    0.4,
    () => must([binary, "--version"]),
    () => must(["podman", "--version"]),
  );
  compare(
    "run --rm --network none",
    1 / 3,
    () => must([...cooper, ...run]),
    () => must([...podman, ...run]),
  );
  for (const engine of [cooper, podman])
    must([
      ...engine,
      "run",
      "-d",
      "--name",
      "long",
      "--network",
      "none",
      "localhost/bench",
      "/bin/sleep",
      "3000",
    ]);
  compare(
    "exec",
    1 / 3,
    () => must([...cooper, "exec", "long", "/bin/true"]),
    () => must([...podman, "exec", "long", "/bin/true"]),
  );
  compare(
    "inspect",
    1 / 2,
    () => must([...cooper, "inspect", "long"]),
    () => must([...podman, "inspect", "long"]),
  );
  compare(
    "images",
    1 / 2,
    () => must([...cooper, "images"]),
    () => must([...podman, "images"]),
  );
  compare(
    "20 run --rm at once",
    1 / 3,
    () => twenty([...cooper, ...run]),
    () => twenty([...podman, ...run]),
    5,
  );
  for (const engine of [cooper, podman]) {
    must([
      "sh",
      "-c",
      `for i in $(seq ${containers}); do ${engine.join(" ")} create --network none localhost/bench /bin/true; done`,
    ]);
  }
  compare(
    `ps -a of ${containers}`,
    1 / 5,
    () => must([...cooper, "ps", "-a"]),
    () => must([...podman, "ps", "-a"]),
  );
  for (const engine of [cooper, podman]) must([...engine, "rm", "-f", "-t", "0", "long"]);
} finally {
  Bun.spawnSync([...cooper, "rm", "-fa"], { env, stdio: ["ignore", "ignore", "ignore"] });
  Bun.spawnSync(
    [
      "sh",
      "-c",
      `${podman.join(" ")} rm -fa -t 0; ${podman.join(" ")} unshare true; umount ${directory}/p/root/overlay`,
    ],
    { env, stdio: ["ignore", "ignore", "ignore"] },
  );
  rmSync(directory, { recursive: true, force: true });
}
process.exitCode = lines.every(({ ours, theirs, bar }) => ours / theirs <= bar) ? 0 : 1;
