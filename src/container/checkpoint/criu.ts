/** criu, which the OCI runtime calls: whether it is there, and what it says when it fails. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { CooperError } from "../../errors.ts";
import type { Host } from "../../host.ts";
import { findProgram } from "../../system/program.ts";

/** Whether processes can be frozen here: by root, where there is criu. */
export function canCheckpoint(host: Host): boolean {
  return !host.isRootless && findProgram("criu") !== undefined;
}

/** @throws CooperError not-supported, missing-helper */
export function assertCheckpoints(host: Host, verb: "checkpoint" | "restore", name: string): void {
  if (host.isRootless) {
    throw new CooperError("not-supported", `cannot ${verb} ${name}: criu needs root`, {
      hint: `run it as root; what an ordinary user runs cannot be frozen like that, but its files can: cooper snapshot create ${name}`,
    });
  }
  if (findProgram("criu") !== undefined) return;
  throw new CooperError("missing-helper", `cannot ${verb} ${name}: criu is not installed`, {
    hint: "apt-get install criu",
  });
}

/** What can be asked of both ways (runc-checkpoint(8), runc-restore(8)). */
export interface CriuOptions {
  /** Established TCP connections are kept; the other end must still be there. */
  readonly tcpEstablished: boolean;
  readonly fileLocks: boolean;
}

/** The runtime's flags for it. */
export function criuFlags({ tcpEstablished, fileLocks }: CriuOptions): string[] {
  return [...(tcpEstablished ? ["--tcp-established"] : []), ...(fileLocks ? ["--file-locks"] : [])];
}

/** The runtime says only that criu failed; criu's log, in its work directory, says why. */
export function criuFailure(
  verb: "checkpoint" | "restore",
  name: string,
  directory: string,
  cause: unknown,
): CooperError {
  const log = join(directory, verb === "checkpoint" ? "dump.log" : "restore.log");
  const errors = linesOf(log).flatMap((line) => /Error \([^)]*\): *(.*)/.exec(line)?.[1] ?? []);
  const why = errors[0] ?? (cause instanceof Error ? cause.message : String(cause));
  return new CooperError("helper-failed", `cannot ${verb} ${name}: criu: ${why.trim()}`, {
    hint: hintFor(errors.join("\n")) ?? `criu's own words are in ${log}`,
    cause,
  });
}

function hintFor(errors: string): string | undefined {
  if (/Connected TCP socket/i.test(errors)) return "it has open connections: add --tcp-established";
  if (/file lock/i.test(errors)) return "it holds file locks: add --file-locks";
  if (/vdso|kerndat|kernel/i.test(errors))
    return "this criu may be too old for the kernel: see what `criu check` says";
  return undefined;
}

function linesOf(file: string): string[] {
  try {
    return readFileSync(file, "utf8").split("\n");
  } catch {
    return []; // criu was not started
  }
}
