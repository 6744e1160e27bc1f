/** What is measured, a function a section. The bars are those that Cooper wants to keep. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { binary, type Engine, must, mustInShell, pausePid, peakBytes } from "./engines.ts";
import type { DebianArchives } from "./images.ts";
import { compare, note } from "./measure.ts";

export interface Bench {
  readonly rounds: number;
  /** How many containers `ps` has to list. */
  readonly containers: number;
  /** Ours first; each has the image `localhost/bench` of busyboxTar(). */
  readonly engines: readonly Engine[];
  readonly rootless: readonly Engine[];
  debian(): DebianArchives | null;
}

const image = "localhost/bench";
const quick = ["--network", "none", image, "/bin/true"];
const runOnce = ["run", "--rm", ...quick];
const sleeper = ["run", "-d", "--network", "none", "--name", "long", image, "/bin/sleep", "3000"];

const write2GB =
  "i=0; while [ $i -lt 2000 ]; do /bin/busybox head -c 1000000 /dev/zero > /f$i; i=$((i+1)); done";

export const sections = {
  version({ rounds, engines }: Bench): void {
    compare("--version", rounds * 2, engines, { podman: 0.4, docker: 0.7 }, (engine) =>
      must({ ...engine, argv: [engine.name === "cooper" ? binary : engine.name] }, ["--version"]),
    );
  },

  run({ rounds, engines }: Bench): void {
    compare("run --rm", rounds, engines, { podman: 1 / 3, docker: 1 / 4 }, (engine) =>
      must(engine, runOnce),
    );
  },

  rootless({ rounds, rootless }: Bench): void {
    compare("run --rm, rootless", rounds, rootless, { podman: 1 / 3 }, (engine) =>
      must(engine, runOnce),
    );
  },

  exec({ rounds, engines }: Bench): void {
    withSleeper(engines, () =>
      compare("exec", rounds, engines, { podman: 1 / 3, docker: 2 / 3 }, (engine) =>
        must(engine, ["exec", "long", "/bin/true"]),
      ),
    );
  },

  inspect({ rounds, engines }: Bench): void {
    withSleeper(engines, () =>
      compare("inspect", rounds, engines, { podman: 1 / 2, docker: 1 }, (engine) =>
        must(engine, ["inspect", "long"]),
      ),
    );
  },

  images({ rounds, engines }: Bench): void {
    compare("images", rounds, engines, { podman: 1 / 2, docker: 1 }, (engine) =>
      must(engine, ["images"]),
    );
  },

  crowd({ rounds, engines }: Bench): void {
    const rounds20 = Math.ceil(rounds / 3);
    compare("20 run --rm at once", rounds20, engines, { podman: 1 / 3 }, (engine) =>
      crowd(engine, 20),
    );
    const ours = engines.slice(0, 1);
    compare("100 run --rm at once", 3, ours, {}, (engine) => crowd(engine, 100));
    compare("800 run --rm, 32 at a time", 1, ours, {}, (engine) =>
      mustInShell(engine, `seq 800 | xargs -P 32 -I{} $ENGINE ${runOnce.join(" ")}`),
    );
  },

  ps({ rounds, containers, engines }: Bench): void {
    for (const engine of engines) createMany(engine, containers);
    compare(`ps -a of ${containers}`, rounds, engines, { podman: 1 / 5, docker: 1 / 2 }, (engine) =>
      must(engine, ["ps", "-a"]),
    );
    for (const engine of engines)
      mustInShell(engine, "$ENGINE ps -aq | xargs -r -n 200 $ENGINE rm -f");
  },

  fork({ rounds, engines }: Bench): void {
    const ours = engines.slice(0, 1);
    const forkBig = (engine: Engine) => {
      const milliseconds = must(engine, ["fork", "long", "forked"]);
      must(engine, ["rm", "forked"]);
      return milliseconds;
    };
    withSleeper(ours, () => {
      const [own] = ours;
      if (own === undefined) return;
      must(own, ["exec", "long", "/bin/sh", "-c", write2GB]);
      compare("fork of one that runs, 2 GB written", 3, ours, {}, forkBig);
      must(own, ["stop", "-t", "0", "long"]);
      // a change each time, so that there is something to freeze
      const changed = (act: (engine: Engine) => number) => (engine: Engine) => {
        must(engine, ["cp", "/etc/hostname", "long:/hostname"]);
        return act(engine);
      };
      compare("fork of one that is stopped, 2 GB", rounds, ours, {}, changed(forkBig));
      must(own, ["snapshot", "create", "long", "kept"]);
      const goBack = (engine: Engine) => must(engine, ["rollback", "long", "kept"]);
      compare("rollback, 2 GB", rounds, ours, {}, changed(goBack));
      must(own, ["start", "long"]);
      compare("fork of one that runs, on 2 GB frozen", rounds, ours, {}, forkBig);
    });
  },

  load({ rounds, engines, debian }: Bench): void {
    const archives = debian();
    if (archives === null) return;
    const peers = engines.filter(({ name }) => name !== "docker"); // its daemon's work is not its own time
    const load = (archive: string) => (engine: Engine) => {
      const milliseconds = must(engine, ["load", "-i", archive]);
      must(engine, ["rmi", "localhost/debian:bench"]);
      return milliseconds;
    };
    const times = Math.ceil(rounds / 3);
    compare(
      "load of a Debian, docker-archive",
      times,
      peers,
      { podman: 0.6 },
      load(archives.docker),
    );
    compare("load of a Debian, oci-archive", times, peers, { podman: 0.6 }, load(archives.oci));
    note("  its disk use", "MB", peers, { podman: 1 }, (engine) => {
      const before = diskBytes(engine.root);
      must(engine, ["load", "-i", archives.docker]);
      const grown = diskBytes(engine.root) - before;
      must(engine, ["rmi", "localhost/debian:bench"]);
      return grown / 1e6;
    });
  },

  memory({ engines, debian }: Bench): void {
    if (!existsSync("/usr/bin/time")) {
      process.stdout.write("without memory: no /usr/bin/time\n");
      return;
    }
    const peers = engines.filter(({ name }) => name !== "docker"); // its work is done by its daemon
    note("memory of run --rm", "MB", peers, {}, (engine) => peakBytes(engine, runOnce) / 1e6);
    const archives = debian();
    if (archives === null) return;
    for (const [kind, archive] of Object.entries(archives)) {
      note(`memory of a load, ${kind}-archive`, "MB", peers, {}, (engine) => {
        const peak = peakBytes(engine, ["load", "-i", archive]) / 1e6;
        must(engine, ["rmi", "localhost/debian:bench"]);
        return peak;
      });
    }
  },

  idle({ engines, rootless }: Bench): void {
    const ours = [engines[0], rootless[0]].filter((engine) => engine !== undefined);
    for (const engine of ours) {
      withSleeper([engine], () => {
        const found = idleProcesses(engine);
        const who = engine === engines[0] ? "root" : "rootless";
        const list = found.length === 0 ? "none" : found.join("; ");
        process.stdout.write(`idle processes besides conmon, ${who}: ${found.length} (${list})\n`);
      });
    }
  },
};

function crowd(engine: Engine, count: number): number {
  // each one's exit status counts, so no plain `wait`
  return mustInShell(engine, `seq ${count} | xargs -P ${count} -I{} $ENGINE ${runOnce.join(" ")}`);
}

function createMany(engine: Engine, count: number): void {
  mustInShell(engine, `seq ${count} | xargs -P 2 -I{} $ENGINE create ${quick.join(" ")}`);
}

function withSleeper(engines: readonly Engine[], act: () => void): void {
  for (const engine of engines) must(engine, sleeper);
  act();
  for (const engine of engines) must(engine, ["rm", "-f", "long"]);
}

function diskBytes(directory: string): number {
  const { stdout } = Bun.spawnSync(["du", "-s", "--block-size=1", directory]);
  return Number.parseInt(stdout.toString(), 10);
}

/** Processes of this engine, other than the container itself and its conmon. */
function idleProcesses(engine: Engine): string[] {
  const pause = pausePid(engine);
  return readdirSync("/proc").flatMap((pid) => {
    try {
      const words = readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
      const isOurs = words.includes(engine.directory) || Number(pid) === pause;
      const isExpected = /^\S*(conmon|sleep) /.test(words) || Number(pid) === process.pid;
      return isOurs && !isExpected ? [words.trim()] : [];
    } catch {
      return []; // no process, or one that has ended
    }
  });
}
