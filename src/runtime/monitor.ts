/** conmon, the monitor of a container: keeps its terminal or pipes, its log and its exit status. */
import { closeSync, mkdirSync, readFileSync } from "node:fs";
import { CooperError } from "../errors.ts";
import { makePipe, readLine, writeAll } from "../system/pipe.ts";
import { needProgram } from "../system/program.ts";
import { type OciRuntime, runtimeMessage } from "./oci-runtime.ts";

/** What conmon is told; all paths are absolute. */
export interface MonitorOptions {
  readonly conmon: string | null;
  readonly id: string;
  /** `exec` only: the id of the session, which conmon goes by instead. */
  readonly session?: string;
  readonly name: string;
  readonly bundle: string;
  readonly pidFile: string;
  readonly conmonPidFile: string;
  /** Not `exit`: conmon writes a file of that name into the bundle too. */
  readonly exitDirectory: string;
  /** Where the runtime writes its own log, to be read for the cause of a failure. */
  readonly runtimeLog: string;
  /** `k8s-file:PATH`, `journald`, `none`, `passthrough`. */
  readonly log: string;
  /** With `passthrough`: takes the container's output, instead of our own streams. */
  readonly outputDescriptor?: number;
  readonly logMaxBytes: number | null;
  /** Full files of the log that are kept beside the one that is written to; only where rotatesLogs(). */
  readonly olderLogs: number;
  readonly logTag: string | null;
  readonly hasTty: boolean;
  readonly hasStdin: boolean;
  readonly leavesStdinOpen: boolean;
  readonly isSystemd: boolean;
  /** Seconds after which conmon kills the container; 0: never. */
  readonly timeoutSeconds: number;
  /** Program and arguments that conmon runs when the container has ended. */
  readonly exitCommand: readonly string[];
  /** Seconds that the exit command waits, so that a foreground client can clean up itself. */
  readonly exitDelaySeconds: number;
  /** Whether the log is made durable at the end; pointless for what is removed anyway. */
  readonly syncsLog: boolean;
  readonly extraEnv: Readonly<Record<string, string>>;
  /**
   * The service manager's socket. conmon makes one at `notify/notify.sock` in the bundle, and hands on
   * what is sent to it (conmon(8), `--sdnotify-socket`).
   */
  readonly notifySocket?: string | null;
  /** A checkpoint of the container, which goes on from there; null: it is made anew. */
  readonly restoreFrom?: string | null;
  /** Flags for the runtime's `create`, or `restore`. */
  readonly createFlags?: readonly string[];
  /** The root file system is changed without pivot_root(2), which a ramdisk does not allow. */
  readonly noPivot?: boolean;
  /** `exec` only: the file with the process to run. */
  readonly execProcess?: string;
  /** `exec` only: told when the attach socket is there, before the process runs. */
  onAttachable?(): void | Promise<void>;
  /** Descriptors of ours that the container gets, from 3 on. */
  readonly preservedDescriptors: readonly number[];
  /** Descriptors of ours that conmon keeps open as long as it lives, and the container does not get. */
  readonly heldDescriptors?: readonly number[];
}

/**
 * Starts conmon, which has the runtime create the container (or exec session). Resolves to the pid of
 * its first process.
 *
 * @param prepare fills the bundle while conmon loads, which waits for it before it forks (`_OCI_STARTPIPE`)
 * @param meanwhile what else goes on here while the runtime works
 */
export async function startMonitor(
  runtime: OciRuntime,
  options: MonitorOptions,
  prepare?: (conmonPid: number) => Promise<void>,
  meanwhile?: Promise<unknown>,
): Promise<number> {
  mkdirSync(options.exitDirectory, { recursive: true, mode: 0o700 });
  const sync = makePipe();
  const start = makePipe();
  const attach = options.onAttachable === undefined ? undefined : makePipe();
  const first = 3 + options.preservedDescriptors.length;
  let child: Bun.Subprocess;
  try {
    child = Bun.spawn([options.conmon ?? needProgram("conmon"), ...monitorArgs(runtime, options)], {
      cwd: options.bundle,
      env: monitorEnv(options, first),
      stdio: [
        ...ownStreams(options),
        ...options.preservedDescriptors,
        sync.writeEnd,
        start.readEnd,
        ...(attach === undefined ? [] : [attach.writeEnd]),
        ...(options.heldDescriptors ?? []),
      ],
    });
  } finally {
    closeSync(sync.writeEnd);
    closeSync(start.readEnd);
    if (attach !== undefined) closeSync(attach.writeEnd);
  }
  try {
    try {
      await prepare?.(child.pid);
    } catch (error) {
      child.kill("SIGKILL"); // it has not forked yet, and takes the end of the pipe for a go
      await child.exited;
      throw error;
    }
    writeAll(start.writeEnd, new Uint8Array([0]));
    if (attach !== undefined && (await readLine(attach.readEnd)) !== "") {
      await options.onAttachable?.();
      writeAll(start.writeEnd, new Uint8Array([0])); // it waits a second time, for the client
    }
    const line = await readLine(sync.readEnd, meanwhile);
    await child.exited;
    return readAnswer(runtime, options, line);
  } finally {
    closeSync(sync.readEnd);
    closeSync(start.writeEnd);
    if (attach !== undefined) closeSync(attach.readEnd);
  }
}

/**
 * Whether conmon sets a full log aside (from 2.2 on), or throws it away. The words of its options stand in
 * it, and reading them takes a tenth of a millisecond; running it to ask would take three.
 */
export function rotatesLogs(conmon: string | null): boolean {
  return readFileSync(conmon ?? needProgram("conmon")).includes("log-max-files");
}

/** `passthrough`: the container's process has our own streams, or a pipe of ours, which conmon hands on. */
function ownStreams({
  log,
  hasStdin,
  outputDescriptor,
}: MonitorOptions): [
  "ignore" | "inherit",
  "ignore" | "inherit" | number,
  "ignore" | "inherit" | number,
] {
  if (log !== "passthrough") return ["ignore", "ignore", "ignore"];
  const output = outputDescriptor ?? "inherit";
  return [hasStdin ? "inherit" : "ignore", output, output];
}

/** conmon(8). */
export function monitorArgs(runtime: OciRuntime, options: MonitorOptions): string[] {
  const runtimeArgs = [...runtime.globalArgs, "--log-format=json", `--log=${options.runtimeLog}`];
  return [
    "--api-version",
    "1",
    "-c",
    options.id,
    "-u",
    options.session ?? options.id,
    "-n",
    options.name,
    "-r",
    runtime.path,
    "-b",
    options.bundle,
    "-p",
    options.pidFile,
    "-P",
    options.conmonPidFile,
    "--exit-dir",
    options.exitDirectory,
    "-0",
    options.bundle,
    "--full-attach",
    "--log-level",
    "error",
    "-l",
    options.log,
    ...(options.logMaxBytes === null ? [] : ["--log-size-max", `${options.logMaxBytes}`]),
    ...(options.olderLogs > 0 ? ["--log-rotate", "--log-max-files", `${options.olderLogs}`] : []),
    ...(options.logTag === null ? [] : ["--log-tag", options.logTag]),
    ...(options.syncsLog ? [] : ["--no-sync-log"]),
    ...(options.isSystemd ? ["-s"] : []),
    ...(options.hasTty ? ["-t"] : []),
    ...(options.hasStdin ? ["-i"] : []),
    ...(options.leavesStdinOpen ? ["--leave-stdin-open"] : []),
    ...(options.timeoutSeconds > 0 ? ["-T", `${options.timeoutSeconds}`] : []),
    ...(options.execProcess === undefined
      ? []
      : [
          "-e",
          ...(options.onAttachable === undefined ? [] : ["--exec-attach"]),
          "--exec-process-spec",
          options.execProcess,
        ]),
    ...(options.restoreFrom ? ["--restore", options.restoreFrom] : []),
    ...(options.noPivot ? ["--no-pivot"] : []),
    ...(options.notifySocket ? ["--sdnotify-socket", options.notifySocket] : []),
    ...runtimeArgs.flatMap((arg) => ["--runtime-arg", arg]),
    ...(options.createFlags ?? []).flatMap((flag) => ["--runtime-opt", flag]),
    ...(options.preservedDescriptors.length > 0
      ? [
          "--runtime-opt",
          "--preserve-fds",
          "--runtime-opt",
          `${options.preservedDescriptors.length}`,
        ]
      : []),
    ...exitArgs(options),
  ];
}

function exitArgs(options: MonitorOptions): string[] {
  const [program, ...args] = options.exitCommand;
  if (program === undefined) return [];
  return [
    "--exit-command",
    program,
    ...args.flatMap((arg) => ["--exit-command-arg", arg]),
    ...(options.exitDelaySeconds > 0 ? ["--exit-delay", `${options.exitDelaySeconds}`] : []),
  ];
}

/** Nothing of the caller's environment that it does not need: the exit command inherits it too. */
function monitorEnv(options: MonitorOptions, syncDescriptor: number): Record<string, string> {
  const env: Record<string, string> = {
    ...options.extraEnv,
    _OCI_SYNCPIPE: `${syncDescriptor}`,
    _OCI_STARTPIPE: `${syncDescriptor + 1}`,
    ...(options.onAttachable !== undefined && { _OCI_ATTACHPIPE: `${syncDescriptor + 2}` }),
  };
  Object.assign(env, ownVariables(), variables(["LISTEN_PID", "LISTEN_FDS"]));
  if (options.preservedDescriptors.length > 0) delete env.LISTEN_FDS;
  return env;
}

/** Of our environment, what a later `cooper` process needs to act as this one does. */
export function ownVariables(): Record<string, string> {
  return variables([
    "PATH",
    "HOME",
    "XDG_RUNTIME_DIR",
    "XDG_DATA_HOME",
    "XDG_CONFIG_HOME",
    "DBUS_SESSION_BUS_ADDRESS",
    "CONTAINERS_CONF",
    "CONTAINERS_CONF_OVERRIDE",
    "COOPER_SECRET_KEY_FILE",
  ]);
}

function variables(names: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = process.env[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}

/** conmon writes one line of JSON: `{"data": PID}`, or a negative number with the runtime's message. */
function readAnswer(runtime: OciRuntime, options: MonitorOptions, line: string): number {
  let answer: unknown;
  try {
    answer = JSON.parse(line);
  } catch {
    // with `passthrough` conmon 2.1 ends silently when the runtime fails
    const why = readRuntimeLog(options.runtimeLog);
    if (why !== "") throw startFailure(runtime.name, why);
    throw new CooperError(
      "helper-failed",
      `conmon ended without an answer${line === "" ? "" : `: ${line}`}`,
    );
  }
  const fields =
    typeof answer === "object" && answer !== null ? (answer as Record<string, unknown>) : {};
  const data = Number(fields.data ?? fields.pid ?? -1);
  if (data > 0) return data;
  const message =
    readRuntimeLog(options.runtimeLog) || runtimeMessage(String(fields.message ?? ""));
  throw startFailure(runtime.name, message);
}

function readRuntimeLog(file: string): string {
  try {
    return runtimeMessage(readFileSync(file, "utf8"));
  } catch {
    return ""; // the runtime had nothing to say, or did not get that far
  }
}

/**
 * Names the cause: 127 when the command is not there, 126 when it cannot be executed (docker-run(1),
 * "Exit Status"), else a failure of the runtime with its own words.
 */
export function startFailure(runtime: string, message: string): CooperError {
  const text = message
    .replace(
      /^(container_linux\.go:\d+: )?(runc create failed: )?unable to start container process: /,
      "",
    )
    .replace(/^(exec failed: )+/, "");
  const isCommand = /\bexec\b|\bexecv|executable file|open executable|is not a regular file/i.test(
    text,
  );
  const name =
    /exec: "([^"]*)"/.exec(text)?.[1] ??
    /executable file `([^`]*)`/.exec(text)?.[1] ??
    /the path `([^`]*)` is not/.exec(text)?.[1] ??
    /open executable: ?`?([^`:]*)/.exec(text)?.[1];
  const subject = name === undefined ? "the command" : `"${name}"`;
  if (isCommand && /not found|no such file/i.test(text)) {
    return new CooperError(
      "command-not-found",
      `cannot run ${subject}: not found in the container's file system or its PATH`,
      { cause: text },
    );
  }
  if (isCommand && /permission denied|not permitted|is a directory|exec format error/i.test(text)) {
    const why = /is a directory/i.test(text)
      ? "it is a directory"
      : /not a regular file/i.test(text)
        ? "it is a directory, or another thing that is no file"
        : /format/i.test(text)
          ? "it is built for another architecture, or is a script without #!"
          : "it is not executable";
    return new CooperError("command-not-executable", `cannot run ${subject}: ${why}`, {
      cause: text,
    });
  }
  return new CooperError("helper-failed", `${runtime}: ${text || "failed without saying why"}`);
}
