/**
 * Running as an ordinary user: every command enters one user and mount namespace of that user, which
 * a pause process keeps alive. Bun has threads, and a process with threads cannot join a user
 * namespace (setns(2), EINVAL), so we become `nsenter`, which becomes us again.
 */
import { existsSync, mkdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { lock } from "./lock.ts";
import { capNetAdmin, capSysAdmin, execve, hasCapability, isSameProcess } from "./process.ts";
import { findProgram, needProgram } from "./program.ts";

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
  const again = livePause(file);
  if (again !== undefined) return again;
  const { startPauseProcess } = await import("./pause-process.ts");
  return startPauseProcess(file, who);
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
