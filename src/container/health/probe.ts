/** One run of a check: a process in the container, within its time, with the beginning of its output. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Host } from "../../host.ts";
import { runtimeMessage } from "../../runtime/oci-runtime.ts";
import { sendSignal } from "../../system/process.ts";
import { randomHex } from "../../system/random.ts";
import { processOf } from "../exec.ts";
import { ExecRoom } from "../exec-room.ts";
import { readPid } from "../live-state.ts";
import type { ContainerRecord } from "../record.ts";
import { chooseRuntime } from "../runtime-choice.ts";
import type { HealthResult } from "./state.ts";

/** Output beyond this is read and dropped, so that a check that prints without end can end. */
const maxOutputBytes = 64 << 10;

/** How long the runtime may take to start a process, in ms. */
const longestStart = 20_000;

/** Runs it; a failure to run is a result too, as with both peers. */
export async function probe(
  host: Host,
  container: ContainerRecord,
  check: { readonly argv: readonly string[]; readonly timeoutMs: number },
): Promise<HealthResult> {
  const startedAt = Date.now();
  using room = new ExecRoom(host, container.id, randomHex(6));
  const ended = await runProbe(host, container, check, room.directory);
  return { startedAt, endedAt: Date.now(), ...ended };
}

async function runProbe(
  host: Host,
  container: ContainerRecord,
  { argv, timeoutMs }: { readonly argv: readonly string[]; readonly timeoutMs: number },
  directory: string,
): Promise<Pick<HealthResult, "exitCode" | "output">> {
  const [file, pidFile, log] = ["process.json", "pid", "log"].map((name) => join(directory, name));
  if (file === undefined || pidFile === undefined || log === undefined)
    throw new Error("unreachable");
  const process = processOf(host, container, {
    command: argv,
    env: [],
    user: null,
    workdir: null,
    hasTty: false,
    hasStdin: false,
    isPrivileged: false,
    isDetached: true,
    detachKeys: null,
    preservedDescriptors: [],
  });
  writeFileSync(file, JSON.stringify(process), { mode: 0o600 });
  const runtime = await chooseRuntime(host, container);
  const logArgs = [`--log=${log}`, "--log-format=json"];
  const execArgs = ["exec", "--pid-file", pidFile, "--process", file, container.id];
  const child = Bun.spawn([runtime.path, ...runtime.globalArgs, ...logArgs, ...execArgs], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let isLate = false;
  const limit = setTimeout(() => {
    isLate = true;
    void endProbe(child, pidFile);
  }, timeoutMs);
  const texts = Promise.all([beginningOf(child.stdout), beginningOf(child.stderr)]);
  const exitCode = await child.exited;
  clearTimeout(limit);
  if (isLate) {
    return {
      exitCode: -1,
      output: `the health check took longer than ${timeoutMs / 1000} seconds`,
    };
  }
  const [stdout, stderr] = await texts;
  const complaint = exitCode === 0 ? "" : complaintIn(log);
  return { exitCode, output: complaint || stdout + stderr };
}

/**
 * Ends the process of a check, and with it the runtime that waits for it. Its pid comes first: killed
 * before it has written that down, the runtime would leave a process behind that nobody knows.
 */
async function endProbe(child: Bun.Subprocess, pidFile: string): Promise<void> {
  for (let waits = 0; child.exitCode === null && waits < longestStart / 20; waits++) {
    const pid = readPid(pidFile);
    if (pid > 0) return sendSignal(pid, 9);
    await Bun.sleep(20);
  }
  child.kill("SIGKILL");
}

async function beginningOf(stream: ReadableStream<Uint8Array>): Promise<string> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of stream) {
    if (size < maxOutputBytes) parts.push(chunk.subarray(0, maxOutputBytes - size));
    size += chunk.length;
  }
  return Buffer.concat(parts).toString();
}

/** Only a failure to start leaves an error in the runtime's log. */
function complaintIn(log: string): string {
  try {
    return runtimeMessage(readFileSync(log, "utf8"));
  } catch {
    return ""; // it logged nothing: what it printed tells
  }
}
