/**
 * A store of its own for each test, driven through the compiled binary. Disposing it removes what is
 * in it, and fails the test when anything is left: mounts, processes, cgroups, directories.
 */
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join, resolve } from "node:path";
import { Machine } from "./machine.ts";

/** The program under test. */
export const binary = process.env.COOPER_BINARY ?? resolve(import.meta.dir, "../../dist/cooper");

/** Who runs cooper. */
export interface User {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

/** What became of a command that strace was to strike. */
export interface Injected {
  /** False when it never made that many calls. */
  readonly hasStruck: boolean;
  /** It went on for so long that it had to be ended. */
  readonly wasEnded: boolean;
}

/** What a command left behind. */
export interface Result {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Options {
  readonly stdin?: string | undefined;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** With a terminal of its own, through script(1). */
  readonly tty?: boolean;
}

const testUser = "cooper-test";

/** Root and, where root can make one, an ordinary user with subordinate ids. */
export const users: readonly (User | null)[] =
  process.getuid?.() === 0 ? [null, ordinaryUser()] : [null];

function ordinaryUser(): User {
  const run = (...argv: string[]) => Bun.spawnSync(argv, { stdio: ["ignore", "pipe", "pipe"] });
  if (!run("id", testUser).success) {
    const made = run("useradd", "--create-home", "--shell", "/bin/sh", testUser);
    if (!made.success) throw new Error(`cannot make a user for the tests: ${made.stderr}`);
  }
  if (!readFileSync("/etc/subuid", "utf8").includes(`${testUser}:`)) {
    run("usermod", "--add-subuids", "700000-765535", "--add-subgids", "700000-765535", testUser);
  }
  const id = (flag: string) => Number(run("id", flag, testUser).stdout.toString());
  return { name: testUser, uid: id("-u"), gid: id("-g") };
}

/** What a test asks for beyond a store. */
export interface Wishes {
  /**
   * A machine's network of its own, in which root's bridges and firewall are: without it containers
   * have no network unless they ask for one, so that the machine's own is never touched.
   */
  readonly networks?: boolean;
  /** Lines of a containers.conf. */
  readonly configuration?: string;
}

/** Opens a store; `null` is whoever runs the tests. */
export async function testHost(
  user: User | null = null,
  { networks = false, configuration = "" }: Wishes = {},
): Promise<TestHost> {
  const directory = mkdtempSync("/tmp/ct-");
  chmodSync(directory, 0o755);
  if (user !== null) chownSync(directory, user.uid, user.gid);
  const settings = networks ? configuration : `[containers]\nnetns = "none"\n${configuration}`;
  writeFileSync(join(directory, "containers.conf"), settings);
  return new TestHost(directory, user, networks);
}

export class TestHost implements AsyncDisposable {
  readonly directory: string;
  readonly root: string;
  readonly run: string;
  private readonly user: User | null;
  private readonly olderCgroups = new Set(idleCgroups());
  /** With networks: "the machine" that all runs on. */
  readonly machine: Machine | null;

  constructor(directory: string, user: User | null, networks: boolean) {
    this.directory = directory;
    this.root = join(directory, "root");
    this.run = join(directory, "run");
    this.user = user;
    this.machine = networks ? new Machine(directory) : null;
  }

  /** A directory that belongs to the user. */
  place(name: string): string {
    const path = join(this.directory, name);
    mkdirSync(path, { recursive: true });
    if (this.user !== null) chownSync(path, this.user.uid, this.user.gid);
    return path;
  }

  /** The words that start cooper on this store. */
  argv(...args: string[]): string[] {
    const words = this.ownArgv(...args);
    if (this.user === null) return this.onMachine(...words);
    const asUser = [
      "setpriv",
      `--reuid=${this.user.uid}`,
      `--regid=${this.user.gid}`,
      "--init-groups",
      "--",
      ...words,
    ];
    return this.machine?.wordsWithTun(...asUser) ?? asUser;
  }

  private ownArgv(...args: string[]): string[] {
    return [binary, "--root", this.root, "--runroot", this.run, ...args];
  }

  /** What runs a program on "the machine" of a test with networks. */
  onMachine(...words: string[]): string[] {
    return this.machine?.words(...words) ?? words;
  }

  environment(extra: Readonly<Record<string, string>> = {}): Record<string, string> {
    const home = this.user === null ? (process.env.HOME ?? "/root") : `/home/${this.user.name}`;
    return {
      PATH: "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
      HOME: home,
      LANG: "C.UTF-8",
      CONTAINERS_CONF_OVERRIDE: join(this.directory, "containers.conf"),
      COOPER_SECRET_KEY_FILE: join(this.run, "key", "secret.key"),
      ...extra,
    };
  }

  /** Runs a command to its end. */
  async cooper(...args: string[]): Promise<Result> {
    return this.cooperWith({}, ...args);
  }

  async cooperWith(options: Options, ...args: string[]): Promise<Result> {
    const child = this.start(options, ...args);
    const [stdout, stderr] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
    ]);
    return { exitCode: await child.exited, stdout, stderr };
  }

  /** Runs another program on "the machine" of a test with networks. */
  async inMachine(...words: string[]): Promise<Result> {
    return run(this.onMachine(...words));
  }

  /** Starts a command and leaves it running. */
  start(options: Options, ...args: string[]) {
    const words = this.argv(...args);
    const quoted = words.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ");
    const argv = options.tty ? ["script", "-qec", quoted, "/dev/null"] : words;
    return Bun.spawn(argv, {
      cwd: options.cwd ?? "/tmp",
      env: this.environment(options.env),
      stdio: [
        options.stdin === undefined
          ? options.tty
            ? "pipe"
            : "ignore"
          : new Response(options.stdin),
        "pipe",
        "pipe",
      ],
    });
  }

  /** Runs a command that must succeed; its output without the last newline. */
  async must(...args: string[]): Promise<string> {
    const result = await this.cooper(...args);
    if (result.exitCode !== 0)
      throw new Error(`cooper ${args.join(" ")}: exit ${result.exitCode}: ${result.stderr}`);
    return result.stdout.trimEnd();
  }

  /**
   * Runs a command under strace(1), which kills it when one of its threads makes its `nth` call of
   * this kind. Helper programs are let go when they start, so that cooper alone is killed.
   */
  async killedAt(call: string, nth: number, ...args: string[]): Promise<void> {
    await this.injected(call, `signal=KILL:when=${nth}`, ...args);
  }

  /** As killedAt(), with whatever strace can do to the calls. */
  async injected(call: string, what: string, ...args: string[]): Promise<Injected> {
    const seen = `${this.directory}.strace`; // strace's own, and no file of the user's
    const inject = `inject=${call}:${what}`;
    const words = [
      "strace",
      // who is traced by himself gets nothing of newuidmap's rights
      ...(this.user === null ? [] : ["-u", this.user.name]),
      "-f",
      "-b",
      "execve",
      "-qqq",
      "-o",
      seen,
      "-e",
      `trace=${call}`,
      "-e",
      inject,
    ];
    const traced = [...words, ...this.ownArgv(...args)];
    const argv =
      this.user === null
        ? this.onMachine(...traced)
        : (this.machine?.wordsWithTun(...traced) ?? traced);
    const child = Bun.spawn(argv, {
      cwd: "/tmp",
      env: this.environment(),
      stdio: ["ignore", "ignore", "ignore"],
    });
    // a call that is never reached: the command goes on, and may have to wait for its container
    let isOver = false;
    const limit = setTimeout(() => {
      isOver = true;
      child.kill("SIGTERM");
    }, 20_000);
    await child.exited;
    clearTimeout(limit);
    const hasStruck = /\(INJECTED\)|\+\+\+ killed by SIGKILL/.test(readFileSync(seen, "utf8"));
    rmSync(seen);
    return { hasStruck, wasEnded: isOver };
  }

  /** What should not be there once all containers are gone. */
  leftovers(): string[] {
    const mounts = readFileSync("/proc/self/mountinfo", "utf8")
      .split("\n")
      .filter((line) => line.includes(`${this.directory}/`) && this.machine?.owns(line) !== true);
    const containers = this.user === null ? listIn(join(this.root, "containers")) : [];
    const locks = listIn(join(this.root, "lock")).filter(
      (name) =>
        /^[cr]-/.test(name) ||
        (/^v-[0-9a-f]{64}$/.test(name) &&
          !existsSync(join(this.root, "volumes", name.slice("v-".length)))),
    );
    return [
      ...mounts.map((line) => `mount ${line.split(" ")[4]}`),
      ...listIn(join(this.run, "c")).map((name) => `bundle ${name}`),
      ...listIn(join(this.run, "x")).map((name) => `exec session ${name}`),
      ...listIn(join(this.run, "runtime"))
        .filter((name) => !name.startsWith(".")) // crun's cache, which is the store's for ever
        .map((name) => `runtime state ${name}`),
      ...listIn(join(this.root, "staging")).map((name) => `staging ${name}`),
      ...containers.map((name) => `container directory ${name}`),
      ...locks.map((name) => `lock ${name}`),
      ...listIn(join(this.run, "netns")).map((name) => `network namespace ${name}`),
      ...this.networkLeftovers(),
      ...this.processes().map((text) => `process ${text}`),
      ...idleCgroups()
        .filter((path) => !this.olderCgroups.has(path))
        .map((path) => `cgroup ${path}`),
    ];
  }

  /** Links of containers, and elements of the firewall that lead to them. Bridges stay with their networks. */
  private networkLeftovers(): string[] {
    if (this.machine === null || this.user !== null) return [];
    const show = (...words: string[]) =>
      Bun.spawnSync(this.onMachine(...words), { stderr: "ignore" }).stdout.toString();
    const ports = ["any4", "any6", "ports4", "ports6"].flatMap(
      (map) => show("nft", "list", "map", "inet", "cooper", map).match(/elements = .*/g) ?? [],
    );
    return [
      ...(show("ip", "-br", "link", "show", "type", "veth").match(/^veth\S+/gm) ?? []),
      ...ports.map((line) => `published ${line}`),
    ];
  }

  /** Live processes that have to do with this store, other than the pause process. */
  processes(): string[] {
    const pause = this.pausePid();
    return readdirSync("/proc").flatMap((pid) => {
      if (!/^\d+$/.test(pid) || Number(pid) === pause) return [];
      const of = (what: string) => readOrNothing(`/proc/${pid}/${what}`).replaceAll("\0", " ");
      const text = of("cmdline");
      const knowsUs =
        text.includes(`${this.directory}/`) ||
        of("environ").includes(`${this.directory}/`) ||
        linkOrNothing(`/proc/${pid}/cwd`).startsWith(`${this.directory}/`) ||
        linkOrNothing(`/proc/${pid}/root`).startsWith(`${this.directory}/`);
      return knowsUs && Number(pid) !== process.pid ? [`${pid} ${text}`] : [];
    });
  }

  /** What is left after a few seconds: a monitor that was told to wait needs a moment to end. */
  async settled(): Promise<string[]> {
    let left = this.leftovers();
    for (let wait = 0; left.length > 0 && wait < 50; wait++) {
      await Bun.sleep(100);
      const now = this.leftovers();
      // tests of other stores run meanwhile: a cgroup of ours is one that stays idle all the time
      left = now.filter((line) => !line.startsWith("cgroup ") || left.includes(line));
    }
    return left;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const removed = await this.cooper("rm", "--force", "--all");
    const left = await this.settled();
    this.endPauseProcess();
    this.machine?.[Symbol.dispose]();
    rmSync(this.directory, { recursive: true, force: true });
    if (removed.exitCode !== 0) throw new Error(`rm --all failed: ${removed.stderr}`);
    if (left.length > 0) throw new Error(`left behind:\n${left.join("\n")}`);
  }

  private pausePid(): number {
    return Number(readOrNothing(join(this.run, "pause.pid")).split(" ")[0]);
  }

  private endPauseProcess(): void {
    const pid = this.pausePid();
    if (pid > 1) process.kill(pid, "SIGKILL");
  }
}

/** Runs a program to its end. */
export async function run(words: readonly string[]): Promise<Result> {
  const child = Bun.spawn([...words], { stdio: ["ignore", "pipe", "pipe"] });
  const [stdout, stderr] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  return { exitCode: await child.exited, stdout, stderr };
}

/** Cgroups that are named by a container's id and hold no process. */
function idleCgroups(): string[] {
  const walk = (path: string, depth: number): string[] =>
    listFolders(path).flatMap((name) => {
      const below = join(path, name);
      const ours = /[0-9a-f]{64}/.test(name) && below.includes("cooper");
      const own = ours && readOrNothing(`${below}/cgroup.procs`) === "";
      return [...(own ? [below] : []), ...(depth > 0 ? walk(below, depth - 1) : [])];
    });
  return walk("/sys/fs/cgroup", 3);
}

function listFolders(path: string): string[] {
  try {
    return readdirSync(path, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name);
  } catch {
    return []; // somebody else's container has ended
  }
}

function readOrNothing(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return ""; // it has ended, or never was
  }
}

function linkOrNothing(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return ""; // it has ended, or is not ours to look at
  }
}

function listIn(directory: string): string[] {
  return existsSync(directory) ? readdirSync(directory) : [];
}
