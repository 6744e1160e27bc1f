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
  rmSync,
} from "node:fs";
import { join, resolve } from "node:path";

const binary = resolve(import.meta.dir, "../../dist/cooper");

/** Who runs cooper. */
export interface User {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
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

/** Opens a store; `null` is whoever runs the tests. */
export async function testHost(user: User | null = null): Promise<TestHost> {
  const directory = mkdtempSync("/tmp/ct-");
  chmodSync(directory, 0o755);
  if (user !== null) chownSync(directory, user.uid, user.gid);
  return new TestHost(directory, user);
}

export class TestHost implements AsyncDisposable {
  readonly directory: string;
  readonly root: string;
  readonly run: string;
  private readonly user: User | null;

  constructor(directory: string, user: User | null) {
    this.directory = directory;
    this.root = join(directory, "root");
    this.run = join(directory, "run");
    this.user = user;
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
    const words = [binary, "--root", this.root, "--runroot", this.run, ...args];
    return this.user === null
      ? words
      : [
          "setpriv",
          `--reuid=${this.user.uid}`,
          `--regid=${this.user.gid}`,
          "--init-groups",
          "--",
          ...words,
        ];
  }

  environment(extra: Readonly<Record<string, string>> = {}): Record<string, string> {
    const home = this.user === null ? (process.env.HOME ?? "/root") : `/home/${this.user.name}`;
    return {
      PATH: "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
      HOME: home,
      LANG: "C.UTF-8",
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

  /** What should not be there once all containers are gone. */
  leftovers(): string[] {
    const mounts = readFileSync("/proc/self/mountinfo", "utf8")
      .split("\n")
      .filter((line) => line.includes(`${this.directory}/`));
    const bundles = listIn(join(this.run, "c"));
    const containers = this.user === null ? listIn(join(this.root, "containers")) : [];
    return [
      ...mounts.map((line) => `mount ${line.split(" ")[4]}`),
      ...bundles.map((name) => `bundle ${name}`),
      ...containers.map((name) => `container directory ${name}`),
      ...this.processes().map((text) => `process ${text}`),
    ];
  }

  /** Live processes whose command line names this store, other than the pause process. */
  private processes(): string[] {
    return readdirSync("/proc").flatMap((pid) => {
      if (!/^\d+$/.test(pid)) return [];
      try {
        const text = readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
        return text.includes(`${this.directory}/`) ? [`${pid} ${text}`] : [];
      } catch {
        return []; // it has ended
      }
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const removed = await this.cooper("rm", "--force", "--all");
    // a monitor that was told to wait may need a moment to end
    let left = this.leftovers();
    for (let wait = 0; left.length > 0 && wait < 40; wait++) {
      await Bun.sleep(100);
      left = this.leftovers();
    }
    this.endPauseProcess();
    rmSync(this.directory, { recursive: true, force: true });
    if (removed.exitCode !== 0) throw new Error(`rm --all failed: ${removed.stderr}`);
    if (left.length > 0) throw new Error(`left behind:\n${left.join("\n")}`);
  }

  private endPauseProcess(): void {
    const file = join(this.run, "pause.pid");
    if (existsSync(file)) process.kill(Number(readFileSync(file, "utf8").split(" ")[0]), "SIGKILL");
  }
}

function listIn(directory: string): string[] {
  return existsSync(directory) ? readdirSync(directory) : [];
}
