/** The freezer of a cgroup: all processes in it and below stop where they are, and go on as if nothing was. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cgroupVersion } from "./cgroup.ts";

const mountPoint = "/sys/fs/cgroup";

/** A cgroup that can be frozen: its directory in the hierarchy that has the freezer. */
export type FreezerDirectory = string;

/**
 * The cgroup of a process whose name holds `id`, which is what makes it that container's alone; undefined
 * where there is none, or no freezer (cgroups(7), freezer; cgroup-v2.rst, cgroup.freeze).
 */
export function freezerOf(pid: number, id: string): FreezerDirectory | undefined {
  const prefix = cgroupVersion() === 2 ? /^0::/ : /^\d+:([^:]+,)?freezer(,[^:]+)?:/;
  const line = readCgroups(pid).find((text) => prefix.test(text));
  const parts = line?.replace(prefix, "").split("/") ?? [];
  const own = parts.findIndex((part) => part.includes(id));
  if (own < 0) return undefined;
  const root = cgroupVersion() === 2 ? mountPoint : join(mountPoint, "freezer");
  const directory = join(root, ...parts.slice(0, own + 1));
  return existsSync(join(directory, fileName())) ? directory : undefined;
}

function readCgroups(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/cgroup`, "latin1").split("\n");
  } catch {
    return []; // it has ended
  }
}

const fileName = () => (cgroupVersion() === 2 ? "cgroup.freeze" : "freezer.state");

/** Stops all processes; resolves to whether they have stopped within the time. */
export async function freeze(directory: FreezerDirectory, limitMs = 2000): Promise<boolean> {
  const end = performance.now() + limitMs;
  do {
    // the first version forgets about processes that come into being meanwhile, until it is told again
    writeFileSync(join(directory, fileName()), cgroupVersion() === 2 ? "1" : "FROZEN");
    if (isFrozen(directory)) return true;
    await Bun.sleep(1);
  } while (performance.now() < end);
  return false;
}

function isFrozen(directory: FreezerDirectory): boolean {
  return cgroupVersion() === 2
    ? /^frozen 1$/m.test(readFileSync(join(directory, "cgroup.events"), "latin1"))
    : readFileSync(join(directory, fileName()), "latin1").trim() === "FROZEN";
}

/** Lets them go on; a cgroup that is gone needs nothing. */
export function thaw(directory: FreezerDirectory): void {
  if (!existsSync(directory)) return;
  writeFileSync(join(directory, fileName()), cgroupVersion() === 2 ? "0" : "THAWED");
}

/** The processes in it and below. */
export function processesOf(directory: FreezerDirectory): number[] {
  const own = readFileSync(join(directory, "cgroup.procs"), "latin1").split("\n").filter(Boolean);
  const below = readdirSync(directory, { withFileTypes: true }).filter((one) => one.isDirectory());
  return [...own.map(Number), ...below.flatMap(({ name }) => processesOf(join(directory, name)))];
}

/** Files that a process can change without a system call: paths as it sees them (proc(5), maps). */
export function sharedWritableFiles(pid: number): string[] {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/maps`, "utf8");
  } catch {
    return []; // it has ended
  }
  return [...text.matchAll(/^\S+ .w.s \S+ \S+ \d+ +(\/.*)$/gm)].map(([, path = ""]) => path);
}
