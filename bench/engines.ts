/**
 * The engines that are measured, each with a store of its own that goes with it. All of them use the
 * same OCI runtime and the same disk.
 */
import {
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from "node:fs";
import { join, resolve } from "node:path";

export const binary = resolve(import.meta.dir, "../dist/cooper");

/** An ordinary user with subordinate ids. */
export interface User {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

const benchUser = "cooper-bench";

/** An ordinary user of the bench's own. */
export function makeUser(): User {
  Bun.spawnSync(["useradd", "--create-home", "--shell", "/bin/sh", benchUser]);
  const id = (flag: string) => Number(Bun.spawnSync(["id", flag, benchUser]).stdout.toString());
  return { name: benchUser, uid: id("-u"), gid: id("-g") };
}

/** Removes makeUser()'s; one that was not made is fine. */
export function removeUser(): void {
  Bun.spawnSync(["userdel", "--remove", benchUser], { stdio: ["ignore", "ignore", "ignore"] });
}

export interface Engine {
  readonly name: "cooper" | "podman" | "docker";
  /** The words that every command begins with. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Everything of its own. */
  readonly directory: string;
  /** What is on disk for its images and containers. */
  readonly root: string;
  /** Ends what it has running and lets go of its mounts; the directory is removed by the caller. */
  close(): Promise<void>;
}

/**
 * Runs a command to its end; the milliseconds that it took. A failure ends the bench: a time of
 * something that failed says nothing.
 */
export function must(engine: Engine, args: readonly string[]): number {
  return timed([...engine.argv, ...args], engine.env);
}

/** As must(), for a shell line in which `$ENGINE` are the engine's words. */
export function mustInShell(engine: Engine, line: string): number {
  return timed(["sh", "-c", line], { ...engine.env, ENGINE: engine.argv.join(" ") });
}

function timed(argv: readonly string[], env: Readonly<Record<string, string>>): number {
  const start = performance.now();
  const result = Bun.spawnSync([...argv], {
    env: { ...env },
    cwd: "/",
    stdio: ["ignore", "ignore", "pipe"],
  });
  const milliseconds = performance.now() - start;
  if (!result.success) throw new Error(`${argv.join(" ")}: ${result.stderr}`);
  return milliseconds;
}

/**
 * Bytes of the largest of a command and those of its children that it waited for. By time(1): what
 * we spawn ourselves begins with our own size, and getrusage(2) remembers that.
 */
export function peakBytes(engine: Engine, args: readonly string[]): number {
  const result = Bun.spawnSync(["/usr/bin/time", "-f", "%M", ...engine.argv, ...args], {
    env: { ...engine.env },
    stdio: ["ignore", "ignore", "pipe"],
  });
  return Number(result.stderr.toString().trim().split("\n").at(-1)) * 1024;
}

/** The words that make a command run as that user. */
function as(user: User | null): string[] {
  if (user === null) return [];
  return ["setpriv", `--reuid=${user.uid}`, `--regid=${user.gid}`, "--init-groups", "--"];
}

function environment(user: User | null, directory: string): Record<string, string> {
  const home = user === null ? (process.env.HOME ?? "/root") : `/home/${user.name}`;
  return {
    PATH: "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
    HOME: home,
    LANG: "C.UTF-8",
    ...(user !== null && { XDG_RUNTIME_DIR: join(directory, "xdg") }),
  };
}

function place(directory: string, user: User | null): void {
  for (const path of [directory, join(directory, "xdg")]) {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    if (user !== null) chownSync(path, user.uid, user.gid);
  }
}

export function openCooper(directory: string, user: User | null = null): Engine {
  place(directory, user);
  const [root, run] = [join(directory, "root"), join(directory, "run")];
  const engine: Engine = {
    name: "cooper",
    argv: [...as(user), binary, "--root", root, "--runroot", run, "--runtime", "runc"],
    env: environment(user, directory),
    directory,
    root,
    async close() {
      must(engine, ["rm", "-fa"]);
      const pause = pausePid(engine);
      if (pause > 0) process.kill(pause);
    },
  };
  return engine;
}

/** Cooper's one process that stays for an ordinary user; 0 where there is none. */
export function pausePid({ directory }: Engine): number {
  const file = join(directory, "run", "pause.pid");
  return existsSync(file) ? Number(readFileSync(file, "utf8").split(" ")[0]) : 0;
}

/** Podman as Debian ships it; the limits only because it would ask for more than this machine may give. */
export function openPodman(directory: string, user: User | null = null): Engine {
  place(directory, user);
  const conf = join(directory, "containers.conf");
  writeFileSync(conf, '[containers]\ndefault_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]\n', {
    mode: 0o644,
  });
  const [root, run, temporary] = ["root", "run", "tmp"].map((name) => join(directory, name)) as [
    string,
    string,
    string,
  ];
  const words = ["podman", "--root", root, "--runroot", run, "--tmpdir", temporary];
  const engine: Engine = {
    name: "podman",
    argv: [...as(user), ...words, "--cgroup-manager", "cgroupfs", "--runtime", "runc"],
    env: { ...environment(user, directory), CONTAINERS_CONF: conf },
    directory,
    root,
    async close() {
      must(engine, ["rm", "-fa", "-t", "0"]);
      if (user !== null) endProcessesBelow(directory);
      else Bun.spawnSync(["umount", join(root, "overlay")], { stderr: "ignore" });
    },
  };
  return engine;
}

/** Rootless Podman's pause process is known by its file only. */
function endProcessesBelow(directory: string): void {
  const files = readdirSync(directory, { recursive: true, encoding: "utf8" });
  for (const file of files.filter((name) => name.endsWith("pause.pid"))) {
    const pid = Number(readFileSync(join(directory, file), "utf8"));
    if (existsSync(`/proc/${pid}`)) process.kill(pid);
  }
}

/**
 * A dockerd of our own; null where none is installed. Without `machine` it has no networks, so that it changes
 * nothing on the host.
 *
 * @param machine words that run a program in a network namespace, where it may have its bridge
 */
export async function openDocker(
  directory: string,
  machine: readonly string[] | null = null,
): Promise<Engine | null> {
  if (Bun.which("dockerd") === null || Bun.which("docker") === null) return null;
  place(directory, null);
  const at = (name: string) => join(directory, name);
  writeFileSync(at("daemon.json"), "{}");
  const socket = `unix://${at("docker.sock")}`;
  const daemon = Bun.spawn(
    [
      ...(machine === null ? ["unshare", "--net"] : machine),
      ...["unshare", "--mount", "--", "dockerd", "--config-file", at("daemon.json")],
      ...["--host", socket, "--data-root", at("root"), "--exec-root", at("run")],
      ...["--pidfile", at("pid")],
      ...(machine === null ? ["--iptables=false", "--ip6tables=false", "--bridge=none"] : []),
      ...["--exec-opt", "native.cgroupdriver=cgroupfs", "--log-level", "error"],
    ],
    { stdio: ["ignore", "ignore", Bun.file(at("log"))] },
  );
  const engine: Engine = {
    name: "docker",
    argv: ["docker", "--host", socket],
    env: environment(null, directory),
    directory,
    root: at("root"),
    async close() {
      mustInShell(engine, "$ENGINE ps -aq | xargs -r $ENGINE rm -f");
      daemon.kill("SIGTERM");
      await daemon.exited;
    },
  };
  for (let wait = 0; wait < 150 && daemon.exitCode === null; wait++) {
    const asked = Bun.spawnSync([...engine.argv, "version"], {
      stdio: ["ignore", "ignore", "ignore"],
    });
    if (asked.success) return engine;
    await Bun.sleep(200);
  }
  daemon.kill("SIGTERM");
  await daemon.exited;
  process.stdout.write(`dockerd does not start here: ${readFileSync(at("log"), "utf8").trim()}\n`);
  return null;
}
