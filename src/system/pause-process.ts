/** Starting the process that keeps the user and mount namespace of an ordinary user alive. */
import { existsSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { CooperError } from "../errors.ts";
import { processIdentity } from "./process.ts";
import { findProgram, needProgram } from "./program.ts";
import { mapIds, type UserIds } from "./subordinate-ids.ts";
import { findSurvivors, type SurvivingNamespaces } from "./surviving-namespaces.ts";
import { moveToScope } from "./systemd.ts";

type Child = Bun.Subprocess<"pipe", "ignore", "pipe">;

/**
 * Starts one, and notes it in the file. The caller holds the lock on it. Resolves to its pid. It stays
 * only when it is told to, which is after it has been noted: should we be killed, it reads the end of its
 * input and goes.
 */
export async function startPauseProcess(file: string, who: UserIds): Promise<number> {
  using survivors = findSurvivors(join(dirname(file), "c")); // the bundles, as paths.ts has them
  const child =
    survivors === undefined ? await pauseInNew(who) : await pauseInThese(survivors, who);
  try {
    await waitFor(() => hasOwn(child.pid, "user") && hasOwn(child.pid, "mnt"), child);
    const staged = `${file}.${process.pid}`;
    writeFileSync(staged, `${child.pid} ${processIdentity(child.pid)}\n`, { mode: 0o600 });
    renameSync(staged, file);
    child.stdin.write("stay\n");
    await child.stdin.end();
    await waitFor(() => isPausing(child.pid), child);
  } catch (error) {
    child.kill("SIGKILL");
    throw error;
  }
  await leaveSession(child.pid);
  return child.pid;
}

/** Waits for the word, and then does nothing, in as little memory as possible. */
function pauseWords(): string[] {
  const catatonit = findProgram("catatonit");
  const pause = catatonit === undefined ? ["sleep", "infinity"] : [catatonit, "-P"];
  return ["sh", "-c", 'read -r _ && exec "$@"', "sh", ...pause];
}

const ownMounts = ["unshare", "--mount", "--propagation", "slave", "--"];

const pauseEnvironment = (who: UserIds) => ({
  PATH: process.env.PATH ?? "/usr/bin:/bin",
  COOPER_PAUSE: `${who.uid}`,
});

/** Containers outlive a pause process that is killed: its successor joins what they are in. */
async function pauseInThese({ user, mount }: SurvivingNamespaces, who: UserIds): Promise<Child> {
  const held = (descriptor: number) => `/proc/${process.pid}/fd/${descriptor}`;
  const child = Bun.spawn(
    [
      needProgram("setsid"),
      needProgram("nsenter"),
      `--user=${held(user)}`,
      ...(mount === null ? [] : [`--mount=${held(mount)}`]),
      "--preserve-credentials",
      "--",
      ...(mount === null ? ownMounts : []),
      ...pauseWords(),
    ],
    { cwd: "/", env: pauseEnvironment(who), stdio: ["pipe", "ignore", "pipe"] },
  );
  child.unref();
  return child;
}

/**
 * The child makes its user namespace, waits for its ids to be mapped, and only then executes what
 * follows: an exec as a mapped root gains the capabilities that the mount namespace needs.
 */
async function pauseInNew(who: UserIds): Promise<Child> {
  const script = ["sh", "-c", 'read -r _ && exec "$@"', "sh", ...ownMounts, ...pauseWords()];
  const child = Bun.spawn(
    [needProgram("setsid"), needProgram("unshare"), "--user", "--", ...script],
    {
      cwd: "/",
      env: pauseEnvironment(who),
      stdio: ["pipe", "ignore", "pipe"],
    },
  );
  child.unref();
  try {
    await waitFor(() => hasOwn(child.pid, "user"), child);
    mapIds(child.pid, who);
    child.stdin.write("go\n");
    await child.stdin.flush();
  } catch (error) {
    child.kill("SIGKILL");
    throw error;
  }
  return child;
}

/**
 * The pause process outlives the session or service that happened to need it first: it gets a scope of
 * its own, where the user has a systemd. Without one nobody ends processes by their cgroup.
 */
async function leaveSession(pid: number): Promise<void> {
  if (!existsSync(`${process.env.XDG_RUNTIME_DIR}/systemd/private`)) return;
  try {
    await moveToScope({ name: `cooper-pause-${pid}`, slice: "user.slice", pid, isUser: true });
  } catch {
    // it works where it is, too, as long as that session lasts
  }
}

function isPausing(pid: number): boolean {
  const name = readFileSync(`/proc/${pid}/comm`, "utf8").trim();
  return name === "catatonit" || name === "sleep";
}

/** Whether a process that lives has left our namespace for one of its own. */
function hasOwn(pid: number, kind: "user" | "mnt"): boolean {
  const its = namespaceOf(pid, kind);
  return its !== undefined && its !== namespaceOf("self", kind);
}

function namespaceOf(pid: number | "self", kind: "user" | "mnt"): number | undefined {
  try {
    return statSync(`/proc/${pid}/ns/${kind}`).ino;
  } catch {
    return undefined; // it has ended, or an exec is under way
  }
}

async function waitFor(condition: () => boolean, child: Child): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!condition()) {
    if (child.exitCode !== null || performance.now() > deadline) {
      const why =
        child.exitCode === null ? "timed out" : (await new Response(child.stderr).text()).trim();
      throw new CooperError("permission-denied", `cannot make a user namespace: ${why}`);
    }
    await Bun.sleep(0.5);
  }
}
