/**
 * The OCI runtime (crun, runc): the verbs of its command line (runtime-spec, runtime.md), and two of
 * them done without starting it, since starting a Go program twice costs 18 ms a container.
 */
import {
  closeSync,
  constants,
  existsSync,
  openSync,
  readFileSync,
  rmdirSync,
  rmSync,
  unlinkSync,
} from "node:fs";
import { basename, join } from "node:path";
import { CooperError, errnoName } from "../errors.ts";
import { isObject } from "../oci/json.ts";
import { awaitReadable, readDescriptor } from "../system/pipe.ts";

/** Which runtime, and how it is called. */
export interface OciRuntime {
  /** `crun`, `runc`, or what the configuration calls it. */
  readonly name: string;
  readonly path: string;
  /** Arguments before every verb: `--root DIR`, `--systemd-cgroup`, those of the user. */
  readonly globalArgs: readonly string[];
  /** Where it keeps its state: a directory for each container. */
  readonly stateDirectory: string;
}

/** The arguments that every call of the runtime begins with. */
export function globalArgs(
  stateDirectory: string,
  isSystemd: boolean,
  flags: readonly string[],
): string[] {
  return [
    ...flags.map((flag) => (flag.startsWith("-") ? flag : `--${flag}`)),
    "--root",
    stateDirectory,
    ...(isSystemd ? ["--systemd-cgroup"] : []),
  ];
}

/** Calls a verb of the runtime and waits for it. */
export function callRuntime(
  runtime: OciRuntime,
  verb: readonly string[],
): { exitCode: number; stderr: string; stdout: string } {
  // runc waits for its container to be ready where it finds a service manager's socket; ours is not its
  const { NOTIFY_SOCKET: _, ...env } = process.env;
  const result = Bun.spawnSync([runtime.path, ...runtime.globalArgs, ...verb], {
    env,
    stdio: ["ignore", "pipe", "pipe"],
  });
  return {
    exitCode: result.exitCode,
    stderr: result.stderr.toString(),
    stdout: result.stdout.toString(),
  };
}

/** As callRuntime(), with a failure turned into an error. */
export function mustCallRuntime(runtime: OciRuntime, verb: readonly string[]): string {
  const result = callRuntime(runtime, verb);
  if (result.exitCode !== 0) {
    throw new CooperError(
      "helper-failed",
      `${runtime.name} ${verb[0]}: ${runtimeMessage(result.stderr) || `exit status ${result.exitCode}`}`,
    );
  }
  return result.stdout;
}

/**
 * The last error in what a runtime wrote, as JSON (--log-format json) or as plain text. runc and older
 * crun write an object a line, newer crun one over several.
 */
export function runtimeMessage(text: string): string {
  const messages = text
    .replace(/^\{\n([\s\S]*?)\n\}$/gm, (object) => object.replaceAll("\n", " "))
    .split("\n")
    .map(messageIn);
  return (
    messages
      .filter((message) => message !== "")
      .at(-1)
      ?.trim() ?? ""
  );
}

function messageIn(line: string): string {
  try {
    const entry: unknown = JSON.parse(line);
    if (typeof entry === "object" && entry !== null && "msg" in entry) {
      const level = "level" in entry ? entry.level : "error";
      return level === "error" || level === "fatal" ? String(entry.msg) : "";
    }
  } catch {
    // not JSON: crun's and runc's plain lines
  }
  const plain = /msg="((?:[^"\\]|\\.)*)"/.exec(line);
  return plain?.[1]?.replace(/\\(.)/g, "$1") ?? line;
}

/** Whether the container is made, and waits for its start: both runtimes then remove the FIFO. */
export function isWaitingToStart(runtime: OciRuntime, id: string): boolean {
  return existsSync(fifo(runtime, id));
}

const fifo = (runtime: OciRuntime, id: string) => join(runtime.stateDirectory, id, "exec.fifo");

/**
 * Lets a created container run. The init of runc blocks in opening `exec.fifo` for writing, and `runc
 * start` only opens the other end, reads a byte and removes it (`Container.exec`); so do we, since
 * starting a Go program costs 9 ms. crun turns the FIFO round, and starts in one millisecond anyway.
 *
 * @param isAlive tells whether the init process still lives, so that a dead one is not waited for
 */
export async function startCreated(
  runtime: OciRuntime,
  id: string,
  isAlive: () => boolean,
): Promise<void> {
  if (runtime.name !== "runc") {
    mustCallRuntime(runtime, ["start", id]);
    return;
  }
  const path = fifo(runtime, id);
  let descriptor: number;
  try {
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    if (errnoName(error) !== "ENOENT") throw error;
    mustCallRuntime(runtime, ["start", id]);
    return;
  }
  try {
    const byte = new Uint8Array(1);
    for (;;) {
      await awaitReadable(descriptor, 50);
      // asked before the byte is: a short command may have run and ended by now
      const lives = isAlive();
      const size = readDescriptor(descriptor, byte);
      if (size !== "again" && size > 0) break;
      if (!lives)
        throw new CooperError(
          "wrong-state",
          "the container's process ended before it could be started",
        );
      if (size === 0) await Bun.sleep(0.2); // its end is not open yet
    }
    unlinkSync(path);
  } finally {
    closeSync(descriptor);
  }
}

/**
 * Forgets a container whose processes have ended, with its cgroups. What we cannot take away by hand
 * (a cgroup that the container filled with its own, a layout we do not know) the runtime is asked to.
 */
export function deleteFromRuntime(runtime: OciRuntime, id: string, isSystemd: boolean): void {
  const directory = join(runtime.stateDirectory, id);
  if (!existsSync(directory)) return; // never made, or deleted already
  let cgroups: string[] | undefined;
  try {
    cgroups = cgroupDirectories(directory, id);
  } catch (error) {
    if (errnoName(error) !== "ENOENT") throw error;
    cgroups = undefined; // crun keeps its state in another file
  }
  if (cgroups !== undefined && !isSystemd && cgroups.every(removeCgroup)) {
    rmSync(directory, { recursive: true, force: true });
    return;
  }
  const result = callRuntime(runtime, ["delete", "--force", id]);
  if (result.exitCode !== 0 && !/does not exist/.test(result.stderr)) {
    throw new CooperError(
      "helper-failed",
      `${runtime.name} delete ${id}: ${runtimeMessage(result.stderr)}`,
    );
  }
  rmSync(directory, { recursive: true, force: true });
}

/**
 * The cgroups in the state file of runc; undefined for a state of another form. Where it could make none,
 * for an ordinary user, it names them all the same.
 */
function cgroupDirectories(directory: string, id: string): string[] | undefined {
  const state: unknown = JSON.parse(readFileSync(join(directory, "state.json"), "utf8"));
  if (typeof state !== "object" || state === null || !("cgroup_paths" in state)) return undefined;
  if (hasLastHooks(state)) return undefined;
  const paths = state.cgroup_paths;
  if (typeof paths !== "object" || paths === null) return [];
  const all = Object.values(paths).filter(
    (path): path is string => typeof path === "string" && path !== "",
  );
  return all.every((path) => path.startsWith("/sys/fs/cgroup/") && basename(path).includes(id))
    ? [...new Set(all)]
    : undefined;
}

/** poststop hooks run in the runtime's own `delete`. */
function hasLastHooks(state: object): boolean {
  const hooks = "config" in state && isObject(state.config) ? state.config.Hooks : undefined;
  return isObject(hooks) && Array.isArray(hooks.poststop) && hooks.poststop.length > 0;
}

function removeCgroup(path: string): boolean {
  try {
    rmdirSync(path);
    return true;
  } catch (error) {
    return errnoName(error) === "ENOENT";
  }
}
