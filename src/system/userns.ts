/**
 * Running as an ordinary user: every command enters one user and mount namespace of that user, which
 * a pause process keeps alive. Bun has threads, and a process with threads cannot join a user
 * namespace (setns(2), EINVAL), so we become `nsenter`, which becomes us again.
 */
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { CooperError, messageOf } from "../errors.ts";
import { lock } from "./lock.ts";
import { idMap } from "./own-limits.ts";
import {
  capNetAdmin,
  capSetGid,
  capSetUid,
  capSysAdmin,
  execve,
  hasCapability,
  isSameProcess,
  processIdentity,
} from "./process.ts";
import { findProgram, needProgram } from "./program.ts";
import { moveToScope } from "./systemd.ts";

/** Carried through nsenter, and taken out of the environment on the other side. */
const marker = "_COOPER_ROOTLESS";

/** Who we are outside of the namespace. */
export interface Caller {
  readonly uid: number;
  readonly gid: number;
  /** Whether ids are mapped: we are not the machine's root. */
  readonly isRootless: boolean;
  /** Whether we are inside of the namespace already (always, for root). */
  readonly hasEntered: boolean;
}

let known: Caller | undefined;

/** Finds out who calls; cheap, and the same answer for the life of the process. */
export function caller(): Caller {
  known ??= findCaller();
  return known;
}

function findCaller(): Caller {
  const uid = process.getuid?.() ?? 0;
  const gid = process.getgid?.() ?? 0;
  const text = process.env[marker];
  if (text !== undefined) {
    delete process.env[marker];
    const [outerUid, outerGid, cwd] = text.split(":", 3).map((part) => decodeURIComponent(part));
    // a user may set the variable by hand: it only counts within a user namespace
    if (!isInitialNamespace() && uid === 0) {
      if (cwd) process.chdir(reachable(cwd)); // within `unshare` we are where our caller is
      return { uid: Number(outerUid), gid: Number(outerGid), isRootless: true, hasEntered: true };
    }
  }
  if (uid !== 0) return { uid, gid, isRootless: true, hasEntered: false };
  // root of a container is in the same position as an ordinary user, unless it was given more than usual
  const isMighty = hasCapability(capSysAdmin) && hasCapability(capNetAdmin);
  return { uid, gid, isRootless: !isMighty, hasEntered: isMighty };
}

/**
 * What a child of ours that runs cooper again must have in its environment to know who called.
 *
 * @param directory where that cooper then works; empty: where it is started
 */
export function callerEnvironment(directory = "/"): Record<string, string> {
  const who = caller();
  return who.isRootless && who.hasEntered
    ? { [marker]: `${who.uid}:${who.gid}:${encodeURIComponent(directory)}` }
    : {};
}

/** Entering a mount namespace moves us to its root; the directory may be gone by now. */
function reachable(directory: string): string {
  return existsSync(directory) ? directory : "/";
}

function isInitialNamespace(): boolean {
  // linux/proc_ns.h, PROC_USER_INIT_INO; the map says nothing, since root's child may have the same
  return readlinkSync("/proc/self/ns/user") === "user:[4026531837]";
}

/** Whether we run within some user namespace, as rootless or as root of somebody's container. */
export function isInUserNamespace(): boolean {
  return !isInitialNamespace();
}

/**
 * Makes this process run within the user's namespace: returns at once when it does already, and else
 * never, since the process becomes a new one with the same arguments.
 */
export async function enterUserNamespace(runDirectory: string): Promise<void> {
  const who = caller();
  if (who.hasEntered) return;
  enter(await ensurePauseProcess(runDirectory, who), who);
}

/** As enterUserNamespace() where the user's namespace is there already; returns where it is not. */
export function enterIfThere(runDirectory: string): void {
  const who = caller();
  if (who.hasEntered) return;
  const pid = livePause(pauseFile(runDirectory));
  if (pid !== undefined && findProgram("nsenter") !== undefined) enter(pid, who);
}

function enter(pid: number, who: Caller): never {
  const here = [who.uid, who.gid, process.cwd()].map((part) => encodeURIComponent(part)).join(":");
  const nsenter = needProgram("nsenter");
  execve(
    nsenter,
    [
      "nsenter",
      "-t",
      `${pid}`,
      "-U",
      "-m",
      "--preserve-credentials",
      "--",
      process.execPath,
      ...process.argv.slice(2),
    ],
    { ...process.env, [marker]: here },
  );
}

const pauseFile = (runDirectory: string) => join(runDirectory, "pause.pid");

async function ensurePauseProcess(runDirectory: string, who: Caller): Promise<number> {
  const file = pauseFile(runDirectory);
  const live = livePause(file);
  if (live !== undefined) return live;
  mkdirSync(runDirectory, { recursive: true, mode: 0o700 });
  using _lock = await lock(join(runDirectory, "pause.lock"), "exclusive", 30_000);
  return livePause(file) ?? startPauseProcess(file, who);
}

/** The pid in the file, if that very process still lives. */
function livePause(file: string): number | undefined {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch {
    return undefined; // not made yet in this boot
  }
  const [pid = "", identity = ""] = text.trim().split(" ");
  return isSameProcess(Number(pid), identity) ? Number(pid) : undefined;
}

/**
 * The child makes its user namespace, waits for its ids to be mapped, and only then executes what
 * follows: an exec as a mapped root gains the capabilities that the mount namespace needs.
 */
async function startPauseProcess(file: string, who: Caller): Promise<number> {
  const catatonit = findProgram("catatonit");
  const pause = catatonit === undefined ? "exec sleep infinity" : `exec ${catatonit} -P`;
  const script = `read -r _; exec unshare --mount --propagation slave -- sh -c '${pause}'`;
  const child = Bun.spawn(
    [needProgram("setsid"), needProgram("unshare"), "--user", "--", "sh", "-c", script],
    {
      cwd: "/",
      env: { PATH: process.env.PATH ?? "/usr/bin:/bin", COOPER_PAUSE: `${who.uid}` },
      stdio: ["pipe", "ignore", "pipe"],
    },
  );
  child.unref();
  try {
    await waitFor(() => hasOwn(child.pid, "user"), child);
    mapIds(child.pid, who);
    child.stdin.write("go\n");
    await child.stdin.end();
    await waitFor(() => hasOwn(child.pid, "mnt") && isPausing(child.pid), child);
  } catch (error) {
    child.kill("SIGKILL");
    throw error;
  }
  const staged = `${file}.${process.pid}`;
  writeFileSync(staged, `${child.pid} ${processIdentity(child.pid)}\n`, { mode: 0o600 });
  renameSync(staged, file);
  await leaveSession(child.pid);
  return child.pid;
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

async function waitFor(
  condition: () => boolean,
  child: Bun.Subprocess<"pipe", "ignore", "pipe">,
): Promise<void> {
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

/** A run of subordinate ids. */
export interface SubordinateRange {
  readonly start: number;
  readonly size: number;
}

/** subuid(5): the ranges of a user, by name or number. */
export function subordinateRanges(text: string, name: string, uid: number): SubordinateRange[] {
  return text.split("\n").flatMap((line) => {
    const [owner, start, size] = line.trim().split(":");
    if (owner !== name && owner !== `${uid}`) return [];
    const range = { start: Number(start), size: Number(size) };
    return Number.isSafeInteger(range.start) && range.size > 0 ? [range] : [];
  });
}

/** Maps the caller to root and the subordinate ids behind it; without any, the caller alone. */
function mapIds(pid: number, who: Caller): void {
  if (who.uid === 0 && mapOwnIds(pid)) return;
  const name = userName(who.uid);
  const uids = rangesIn("/etc/subuid", name, who.uid);
  const gids = rangesIn("/etc/subgid", name, who.uid);
  if (uids.length > 0 && gids.length > 0 && findProgram("newuidmap") && findProgram("newgidmap")) {
    const failure =
      runMapper("newuidmap", pid, who.uid, uids) ?? runMapper("newgidmap", pid, who.gid, gids);
    if (failure === undefined) return;
    notice(`subordinate ids cannot be used (${failure})`);
  } else {
    notice(
      findProgram("newuidmap") === undefined
        ? "newuidmap is not installed (Debian: apt-get install uidmap)"
        : `no subordinate ids for ${name} in /etc/subuid and /etc/subgid (cure: sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 ${name})`,
    );
  }
  mapOnlyCaller(pid, who);
}

function notice(why: string): void {
  process.stderr.write(`Notice: single-id mode, every file in containers belongs to you: ${why}\n`);
}

const allIds = 2 ** 32 - 1;

/**
 * Root of a container may hand on all ids that it has itself, each as what it is (user_namespaces(7),
 * "Defining user and group ID mappings"): no newuidmap and no subordinate ids are needed.
 */
function mapOwnIds(pid: number): boolean {
  if (!hasCapability(capSetUid) || !hasCapability(capSetGid)) return false;
  try {
    for (const file of ["uid_map", "gid_map"] as const) {
      // all of them but the last: by a full map programs tell that they are in no namespace (crun does)
      const own = idMap(file).map(
        ({ inside, size }) => `${inside} ${inside} ${size === allIds ? size - 1 : size}\n`,
      );
      writeFileSync(`/proc/${pid}/${file}`, own.join(""));
    }
    return true;
  } catch {
    return false; // what follows needs less, and tells what goes wrong
  }
}

function mapOnlyCaller(pid: number, who: Caller): void {
  try {
    if (readFileSync(`/proc/${pid}/uid_map`, "utf8") === "") {
      writeFileSync(`/proc/${pid}/uid_map`, `0 ${who.uid} 1\n`);
    }
    if (readFileSync(`/proc/${pid}/gid_map`, "utf8") !== "") return;
    writeFileSync(`/proc/${pid}/setgroups`, "deny"); // user_namespaces(7): before an unprivileged gid_map
    writeFileSync(`/proc/${pid}/gid_map`, `0 ${who.gid} 1\n`);
  } catch (cause) {
    throw new CooperError(
      "permission-denied",
      `cannot map ids into a user namespace: ${messageOf(cause)}`,
      { cause },
    );
  }
}

/** Not os.userInfo(): Bun takes that from $USER, which anybody may set to anything. */
export function userName(uid: number): string {
  const entry = readFileSync("/etc/passwd", "utf8")
    .split("\n")
    .find((line) => line.split(":")[2] === `${uid}`);
  return entry?.split(":")[0] ?? `${uid}`;
}

function rangesIn(file: string, name: string, uid: number): SubordinateRange[] {
  try {
    return subordinateRanges(readFileSync(file, "utf8"), name, uid);
  } catch {
    return []; // the file is missing where nobody has subordinate ids
  }
}

/** newuidmap(1): 0 is the caller, 1 and up the subordinate ids. Resolves to why it failed. */
function runMapper(
  program: string,
  pid: number,
  own: number,
  ranges: readonly SubordinateRange[],
): string | undefined {
  const argv = [needProgram(program), `${pid}`, "0", `${own}`, "1"];
  let inside = 1;
  for (const range of ranges) {
    argv.push(`${inside}`, `${range.start}`, `${range.size}`);
    inside += range.size;
  }
  const result = Bun.spawnSync(argv, { stdio: ["ignore", "ignore", "pipe"] });
  return result.success ? undefined : result.stderr.toString().trim();
}
