/**
 * Network namespaces and the few link operations that need no helper program. A thread may change its
 * network namespace (setns(2)); what the thread spawns starts there. Everything here is synchronous, so
 * that no other JavaScript ever runs in the wrong one.
 */
import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from "node:fs";
import { dirname } from "node:path";
import { CooperError, errnoName, invariant } from "../errors.ts";
import { check, cString, lastErrno, libc, SystemCallError } from "./libc.ts";
import { bindMount, unmount } from "./mount.ts";
import { needProgram } from "./program.ts";
import { caller } from "./userns.ts";

const cloneNewNet = 0x40000000;
const ownThread = "/proc/thread-self/ns/net";

const { unshare, setns, if_nametoindex, socket, ioctl } = libc({
  unshare: { args: ["i32"], returns: "i32" },
  setns: { args: ["i32", "i32"], returns: "i32" },
  if_nametoindex: { args: ["ptr"], returns: "u32" },
  socket: { args: ["i32", "i32", "i32"], returns: "i32" },
  ioctl: { args: ["i32", "u64", "ptr"], returns: "i32" },
});

/** Keeps a network namespace open; children find it under `path` as long as it is not disposed. */
export class NetnsHandle implements Disposable {
  readonly descriptor: number;

  /** @param path a namespace file (nsfs); left out: the one we are in */
  constructor(path = ownThread) {
    this.descriptor = openSync(path, "r");
  }

  /** A path that other processes of ours can open, whatever mount namespace they are in. */
  get path(): string {
    return `/proc/${process.pid}/fd/${this.descriptor}`;
  }

  [Symbol.dispose](): void {
    closeSync(this.descriptor);
  }
}

/**
 * Does something within the network namespace at `path`, and comes back. null: stays where it is. Only
 * where one can return.
 */
export function inNetns<T>(path: string | null, act: () => T): T {
  if (path === null) return act();
  invariant(canReturn(), "an ordinary user's thread would be lost in the network namespace");
  using home = new NetnsHandle();
  using there = new NetnsHandle(path);
  check(setns(there.descriptor, cloneNewNet), `enter the network namespace ${path}`);
  try {
    return act();
  } finally {
    check(setns(home.descriptor, cloneNewNet), "return to the network namespace");
  }
}

/**
 * Whether a thread of ours that leaves the network namespace we are in can come back to it. An ordinary
 * user's is the machine's, in which we have no rights: there, helper programs go instead of us.
 */
export function canReturn(): boolean {
  return !caller().isRootless;
}

/** A file below /proc/sys/net and what is written to it. Files that the kernel does not have are left out. */
export type NetSetting = readonly [name: string, value: string];

/** A program and what it reads. */
export interface FedProgram {
  readonly argv: readonly string[];
  readonly input: string;
}

/**
 * Makes a network namespace with these settings, and keeps it by a mount at `path`. Root's is there as soon as
 * this returns, an ordinary user's when it resolves: that takes a helper program, and nobody need wait for it.
 *
 * @param first is run in it to its end, by that same helper, which saves one to enter it
 */
export async function createNetns(
  path: string,
  settings: readonly NetSetting[],
  first?: FedProgram,
): Promise<void> {
  makeMountPoint(path);
  if (!canReturn()) {
    await setUp([needProgram("unshare"), `--net=${path}`, "--"], settings, first);
    return;
  }
  using home = new NetnsHandle();
  check(unshare(cloneNewNet), "make a network namespace");
  try {
    for (const [name, value] of settings) writeNetSysctl(name, value);
    bindMount(ownThread, path, false);
  } finally {
    check(setns(home.descriptor, cloneNewNet), "return to the network namespace");
  }
  if (first !== undefined) await inNetns(path, () => setUp([], [], first));
}

/** Changes settings of the network namespace at `path`. */
export function setNetSysctls(path: string | null, settings: readonly NetSetting[]): void {
  if (settings.length === 0) return;
  if (path !== null && !canReturn()) {
    runScript(argvIn(path), settings);
    return;
  }
  inNetns(path, () => {
    for (const [name, value] of settings) writeNetSysctl(name, value);
  });
}

/** What stands before a program's words so that it runs in the network namespace at `path`. */
export function argvIn(path: string | null): string[] {
  return path === null ? [] : [needProgram("nsenter"), `--net=${path}`, "--"];
}

/**
 * Has `spawn` start a program in the network namespace at `path`.
 *
 * @param spawn is given the words that must stand before the program's own
 */
export function spawnIn<T>(path: string | null, spawn: (before: readonly string[]) => T): T {
  return canReturn() ? inNetns(path, () => spawn([])) : spawn(argvIn(path));
}

/** /proc/sys/net shows the namespace of who looks, so a program has to be in it to write there. */
const writeSettings =
  'while [ "$1" != -- ]; do if [ -e "/proc/sys/net/$1" ]; then printf %s "$2" > "/proc/sys/net/$1" || exit 1; fi; shift 2; done; shift';

function runScript(before: readonly string[], settings: readonly NetSetting[]): void {
  const argv = [...before, "sh", "-c", writeSettings, "sh", ...settings.flat(), "--"];
  const result = Bun.spawnSync(argv, { cwd: "/", stdio: ["ignore", "ignore", "pipe"] });
  if (!result.success) throw setUpFailure(result.stderr.toString());
}

/** As runScript(), without waiting where nobody asks for the result; then becomes `first`. */
async function setUp(
  before: readonly string[],
  settings: readonly NetSetting[],
  first: FedProgram | undefined,
): Promise<void> {
  const script = first === undefined ? writeSettings : `${writeSettings}; exec "$@"`;
  const words = [...settings.flat(), "--", ...(first?.argv ?? [])];
  const child = Bun.spawn([...before, "sh", "-c", script, "sh", ...words], {
    cwd: "/",
    stdin: Buffer.from(first?.input ?? ""),
    stdout: "ignore",
    stderr: "pipe",
  });
  const [stderr, exitCode] = await Promise.all([new Response(child.stderr).text(), child.exited]);
  if (exitCode !== 0) throw setUpFailure(stderr);
}

function setUpFailure(stderr: string): CooperError {
  return new CooperError(
    "helper-failed",
    `cannot set up a network namespace: ${stderr.trim().split("\n").slice(0, 4).join("; ")}`,
  );
}

/** Keeps a namespace that somebody else has made, such as the OCI runtime, by a mount at `path`. */
export function keepNetns(source: string, path: string): void {
  makeMountPoint(path);
  bindMount(source, path, false);
}

/** Whether a network namespace is mounted there (statfs(2), NSFS_MAGIC). */
export function isNetns(path: string): boolean {
  try {
    return statfsSync(path).type === 0x6e736673;
  } catch (error) {
    if (errnoName(error) === "ENOENT") return false;
    throw error;
  }
}

function makeMountPoint(path: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o711 });
  // one that a killed start has left would be mounted over, and stay below
  unmount(path);
  writeFileSync(path, "", { mode: 0o600 });
}

/** Lets go of it: the kernel takes it and the links in it apart as soon as no process is in it. Idempotent. */
export function removeNetns(path: string): void {
  unmount(path);
  rmSync(path, { force: true });
}

/** Writes a file below /proc/sys/net of the network namespace we are in; false when the kernel has none. */
export function writeNetSysctl(name: string, value: string): boolean {
  try {
    writeFileSync(`/proc/sys/net/${name}`, value);
    return true;
  } catch (error) {
    if (errnoName(error) === "ENOENT") return false; // IPv6 is off in this kernel
    throw error;
  }
}

/** Reads a file below /proc/sys/net; undefined when the kernel has none. */
export function readNetSysctl(name: string): string | undefined {
  try {
    return readFileSync(`/proc/sys/net/${name}`, "utf8").trim();
  } catch (error) {
    if (errnoName(error) === "ENOENT") return undefined;
    throw error;
  }
}

/** Names below /proc/sys/net/ipv6/conf: `all`, `default` and every link. */
export function ipv6Links(): string[] {
  try {
    return readdirSync("/proc/sys/net/ipv6/conf");
  } catch {
    return []; // IPv6 is off in this kernel
  }
}

/** What a link can be. */
export type LinkState = "missing" | "down" | "up";

/** Names of the links in the network namespace at `path`, with some that are none (`all`, `default`). */
export function linkNames(path: string | null): ReadonlySet<string> {
  const directory = "/proc/sys/net/ipv4/conf";
  if (path === null || canReturn()) return new Set(inNetns(path, () => readdirSync(directory)));
  const argv = [...argvIn(path), "ls", "-1", directory];
  const { stdout } = Bun.spawnSync(argv, { stdio: ["ignore", "pipe", "ignore"] });
  return new Set(stdout.toString().split("\n"));
}

/** How a link of the network namespace at `path` is. */
export function linkState(path: string | null, name: string): LinkState {
  if (path !== null && !canReturn()) return askedLinkState(path, name);
  return inNetns(path, () => {
    if (linkIndex(name) === 0) return "missing";
    return isLinkUp(name) ? "up" : "down";
  });
}

/** ip-link(8), `-oneline`: `NUMBER: NAME[@PEER]: <FLAG,FLAG> …`. */
function askedLinkState(path: string, name: string): LinkState {
  const argv = [...argvIn(path), needProgram("ip"), "-oneline", "link", "show", "dev", name];
  const { success, stdout } = Bun.spawnSync(argv, { stdio: ["ignore", "pipe", "ignore"] });
  if (!success) return "missing";
  const flags = /<([^>]*)>/.exec(stdout.toString())?.[1]?.split(",") ?? [];
  return flags.includes("UP") ? "up" : "down";
}

/** The number of a link in the network namespace we are in; 0: there is none of that name. */
function linkIndex(name: string): number {
  return if_nametoindex(cString(name));
}

// netdevice(7) and linux/if_bridge.h: struct ifreq is 16 bytes of name and 24 of a union
const [getFlags, setFlags, addPort] = [0x8913, 0x8914, 0x89a2];
const up = 1;

function linkRequest(request: number, name: string, fill: (union: DataView) => void): Buffer {
  const bytes = Buffer.alloc(40);
  bytes.write(name, 0, 15, "latin1");
  fill(new DataView(bytes.buffer, bytes.byteOffset + 16, 24));
  const descriptor = check(socket(2, 0o2000002, 0), "socket");
  try {
    check(ioctl(descriptor, request, bytes), `configure link ${name}`);
  } finally {
    closeSync(descriptor);
  }
  return bytes;
}

/**
 * Makes a link a port of a bridge, and brings it up; both are in the namespace we are in. One that is a
 * port already is left as it is.
 */
export function attachToBridge(link: string, bridge: string): void {
  const index = linkIndex(link);
  if (index === 0) throw new SystemCallError(lastErrno(), `find link ${link}`);
  try {
    linkRequest(addPort, bridge, (union) => {
      union.setInt32(0, index, true);
    });
  } catch (error) {
    if (errnoName(error) !== "EBUSY") throw error;
  }
  setLinkUp(link, true);
}

const flagsOf = (link: string) => linkRequest(getFlags, link, () => undefined).readUInt16LE(16);

function isLinkUp(link: string): boolean {
  return (flagsOf(link) & up) !== 0;
}

/** Takes a link of the namespace at `path` down; one that is not there is fine. Only where one can return. */
export function takeDown(path: string | null, link: string): void {
  inNetns(path, () => {
    if (linkIndex(link) > 0) setLinkUp(link, false);
  });
}

/**
 * Whether TCP connections of the namespace at `path` have not come to their end, which keep it (proc(5),
 * /proc/net/tcp; tcp_states.h: 6 is TIME_WAIT, 7 CLOSE, 10 LISTEN). Only where one can return.
 */
export function hasOpenConnections(path: string): boolean {
  if (!isNetns(path)) return false;
  const tables = inNetns(path, () =>
    ["tcp", "tcp6"].flatMap((name) => readOr(`/proc/thread-self/net/${name}`).split("\n").slice(1)),
  );
  return tables.some((line) => {
    const state = line.trim().split(/\s+/)[3];
    return state !== undefined && !["06", "07", "0A"].includes(state);
  });
}

function readOr(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return ""; // IPv6 is off in this kernel
  }
}

function setLinkUp(link: string, isUp: boolean): void {
  const flags = flagsOf(link);
  linkRequest(setFlags, link, (union) => {
    union.setUint16(0, isUp ? flags | up : flags & ~up, true);
  });
}
