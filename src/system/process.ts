/** What the kernel knows about processes, and turning this one into another program. */
import { ptr } from "bun:ffi";
import { closeSync, openSync, readFileSync } from "node:fs";
import { errnoName } from "../errors.ts";
import { check, cString, libc } from "./libc.ts";
import { awaitReadable, yieldToEventLoop } from "./pipe.ts";

let bootIdText: string | undefined;

/** Tells one boot from another (random(4), boot_id). */
export function bootId(): string {
  bootIdText ??= readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  return bootIdText;
}

/** The fields of proc(5), /proc/PID/stat, from the third on; undefined when there is no such process. */
function statFields(pid: number): readonly string[] | undefined {
  if (pid <= 0) return undefined;
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  } catch {
    return undefined; // ENOENT and ESRCH alike: no such process
  }
  // the name in parentheses may hold spaces and parentheses itself
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
}

/**
 * When a process started, in clock ticks since boot (proc(5), /proc/PID/stat field 22); undefined when
 * there is none, or all its threads are dead and it is only not yet reaped. With the boot id it names a process for ever.
 */
export function startTime(pid: number): string | undefined {
  const fields = statFields(pid);
  const [state, threads] = [fields?.[0], Number(fields?.[17])];
  // the thread that it began with may have ended while others live, and hold all that it has
  if (state === "X" || (state === "Z" && threads <= 1)) return undefined;
  return fields?.[19];
}

const exiting = 4n;

/** @param field as proc(5) counts them */
function hasBit(fields: readonly string[], field: number, bit: bigint): boolean {
  return (BigInt(fields[field - 3] ?? 0) & bit) !== 0n;
}

/**
 * Whether a process is on its way out: killed but not yet dead (field 31, pending signals), or giving back
 * what it has (field 9, PF_EXITING of linux/sched.h). Its command line is empty by then, and its sockets
 * may still be bound.
 */
export function isEnding(pid: number): boolean {
  const fields = statFields(pid);
  if (fields === undefined) return false;
  const killPending = 1n << 8n;
  return hasBit(fields, 31, killPending) || hasBit(fields, 9, exiting);
}

/** Names a live process so that a later one with the same pid is not mistaken for it. */
export function processIdentity(pid: number): string {
  return `${bootId()}:${startTime(pid) ?? ""}`;
}

/** Whether the process that `identity` was taken from still lives. */
export function isSameProcess(pid: number, identity: string): boolean {
  const started = startTime(pid);
  return started !== undefined && identity === `${bootId()}:${started}`;
}

/** Whether an identity was taken since the machine was last started. */
export function isOfThisBoot(identity: string): boolean {
  return identity.startsWith(`${bootId()}:`);
}

/** When the machine was started, in milliseconds since 1970 (proc(5), /proc/stat, btime). */
export function bootTime(): number {
  const seconds = /^btime (\d+)$/m.exec(readFileSync("/proc/stat", "latin1"))?.[1];
  return Number(seconds ?? 0) * 1000;
}

/** Sends a signal; a process that is gone already is fine. */
export function sendSignal(pid: number, signal: number): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}

/** Whether a process catches or ignores a signal (proc(5), SigCgt and SigIgn); false for one that has ended. */
export function handlesSignal(pid: number, signal: number): boolean {
  let status: string;
  try {
    status = readFileSync(`/proc/${pid}/status`, "latin1");
  } catch {
    return false; // ENOENT and ESRCH alike: no such process
  }
  const masks = [...status.matchAll(/^Sig(?:Cgt|Ign):\s*([0-9a-f]+)$/gm)];
  return masks.some(([, hex = "0"]) => ((BigInt(`0x${hex}`) >> BigInt(signal - 1)) & 1n) === 1n);
}

/** A descriptor that polls as readable when the process has ended (pidfd_open(2)); close it. */
function openPidfd(pid: number): number {
  const { pidfd_open } = libc({ pidfd_open: { args: ["i32", "u32"], returns: "i32" } });
  return check(pidfd_open(pid, 0), `open process ${pid}`);
}

/** As openPidfd(); a descriptor that is always ready stands for a process that has ended. */
export function pidfdOrEnded(pid: number): number {
  try {
    return openPidfd(pid);
  } catch (error) {
    if (errnoName(error) !== "ESRCH") throw error;
    return openSync("/dev/null", "r");
  }
}

/** Waits until the process that `identity` names has ended; false when the time is over. */
export async function waitForEnd(
  pid: number,
  identity: string,
  timeoutMs: number,
): Promise<boolean> {
  const deadline = performance.now() + timeoutMs;
  let descriptor: number;
  try {
    descriptor = openPidfd(pid);
  } catch (error) {
    if (errnoName(error) === "ESRCH") return true;
    throw error;
  }
  try {
    for (;;) {
      if (!isSameProcess(pid, identity)) return true;
      const left = deadline - performance.now();
      if (left <= 0) return false;
      if (await awaitReadable(descriptor, left)) await yieldToEventLoop();
    }
  } finally {
    closeSync(descriptor);
  }
}

/**
 * Waits until the process that `identity` names runs no more, though the kernel may still be taking apart what
 * it had open; false when the time is over.
 */
export async function waitForExiting(
  pid: number,
  identity: string,
  timeoutMs: number,
): Promise<boolean> {
  const deadline = performance.now() + timeoutMs;
  for (let pause = 0.1; performance.now() < deadline; pause = Math.min(pause * 2, 5)) {
    const fields = statFields(pid);
    if (fields === undefined || !isSameProcess(pid, identity)) return true;
    if (hasBit(fields, 9, exiting)) return true;
    await Bun.sleep(pause);
  }
  return false;
}

/**
 * Ends this process at once: _exit(2). Bun's own way out closes the database, and the last one to
 * close it folds the log into it with four fsyncs; left open, the log is simply read by the next.
 * Everything has been written by then, since our own output is written with write(2).
 */
export function exitNow(status: number): never {
  const { _exit } = libc({ _exit: { args: ["i32"], returns: "void" } });
  _exit(status);
  throw new Error("_exit returned");
}

/** The capability sets of this process by the names of proc(5): `CapEff`, `CapBnd`… */
export function capabilitySet(name: "CapEff" | "CapBnd" | "CapPrm"): bigint {
  const status = readFileSync("/proc/self/status", "latin1");
  const match = new RegExp(`^${name}:\\s*([0-9a-f]+)$`, "m").exec(status);
  return BigInt(`0x${match?.[1] ?? "0"}`);
}

/** Whether system calls of this process are filtered (proc(5), /proc/PID/status, Seccomp). */
export function hasSeccompFilter(): boolean {
  return /^Seccomp:\s*2$/m.test(readFileSync("/proc/self/status", "latin1"));
}

/** capability.h */
export const capSetGid = 6n;
export const capSetUid = 7n;
export const capNetAdmin = 12n;
export const capSysAdmin = 21n;
export const capSysResource = 24n;

/** Whether this process has the capability in its own user namespace. */
export function hasCapability(number: bigint): boolean {
  return ((capabilitySet("CapEff") >> number) & 1n) === 1n;
}

/**
 * Becomes another program: execve(2). Returns only by throwing. The signal mask and ignored signals
 * would be inherited (Bun ignores SIGPIPE), so they are set back to what a shell gives.
 */
export function execve(
  file: string,
  argv: readonly string[],
  env: Record<string, string | undefined>,
): never {
  const {
    execve: call,
    signal,
    sigprocmask,
  } = libc({
    execve: { args: ["ptr", "ptr", "ptr"], returns: "i32" },
    signal: { args: ["i32", "ptr"], returns: "ptr" },
    sigprocmask: { args: ["i32", "ptr", "ptr"], returns: "i32" },
  });
  const [sigPipe, sigXfsz, setMask] = [13, 25, 2];
  signal(sigPipe, null);
  signal(sigXfsz, null);
  sigprocmask(setMask, new Uint8Array(128), null);
  const environment = Object.entries(env).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}=${value}`],
  );
  const kept = [...argv, ...environment].map(cString); // the pointers below do not keep them alive
  const pointers = (buffers: readonly Buffer[]) =>
    BigUint64Array.from([...buffers.map((buffer) => BigInt(ptr(buffer))), 0n]);
  const argvPointers = pointers(kept.slice(0, argv.length));
  const envPointers = pointers(kept.slice(argv.length));
  check(call(cString(file), argvPointers, envPointers), `exec ${file}`);
  throw new Error(`exec ${file} returned`);
}
