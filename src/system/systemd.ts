/** systemd, where it runs the machine: what only it may do with control groups. */
import { readFileSync } from "node:fs";
import { CooperError } from "../errors.ts";
import { needProgram } from "./program.ts";

export interface Scope {
  /** Without `.scope`. */
  readonly name: string;
  readonly slice: string;
  /** The process that moves; what it forks later goes along. */
  readonly pid: number;
  /** Whether the caller's own systemd is asked, and not that of the machine. */
  readonly isUser: boolean;
}

/**
 * Moves a process into a scope unit of its own (org.freedesktop.systemd1(5), StartTransientUnit).
 * Resolves once it is there.
 */
export async function moveToScope(scope: Scope): Promise<void> {
  const first = await startScope(scope, scope.name);
  // a scope of that name still goes down: the one before has ended just now
  const failure = /exist/.test(first)
    ? await startScope(scope, `${scope.name}-${scope.pid}`)
    : first;
  if (failure !== "") throw new CooperError("helper-failed", `busctl: ${failure}`);
  // the answer comes when the job is queued
  for (let waits = 0; waits < 500; waits++) {
    if (isIn(scope)) return;
    await Bun.sleep(2);
  }
  throw new CooperError("timeout", `systemd does not move process ${scope.pid} to ${scope.name}`);
}

function isIn({ pid, name }: Scope): boolean {
  return readFileSync(`/proc/${pid}/cgroup`, "utf8").includes(`/${name}`);
}

/** Resolves to what went wrong, or to nothing. */
async function startScope({ slice, pid, isUser }: Scope, name: string): Promise<string> {
  const properties = [
    ["PIDs", "au", "1", `${pid}`],
    ["Slice", "s", slice],
    ["CollectMode", "s", "inactive-or-failed"],
  ];
  const child = Bun.spawn(
    [
      needProgram("busctl"),
      isUser ? "--user" : "--system",
      "--quiet",
      "call",
      "org.freedesktop.systemd1",
      "/org/freedesktop/systemd1",
      "org.freedesktop.systemd1.Manager",
      ...["StartTransientUnit", "ssa(sv)a(sa(sv))", `${name}.scope`, "fail"],
      `${properties.length}`,
      ...properties.flat(),
      "0",
    ],
    { cwd: "/", stdio: ["ignore", "ignore", "pipe"] },
  );
  const text = await new Response(child.stderr).text();
  return (await child.exited) === 0 ? "" : text.trim() || "failed without saying why";
}

/**
 * Has a unit started anew, and waits for it.
 *
 * @returns what went wrong, or nothing
 */
export async function restartUnit(unit: string, isUser: boolean): Promise<string> {
  const whose = isUser ? "--user" : "--system";
  const child = Bun.spawn([needProgram("systemctl"), whose, "restart", "--", unit], {
    cwd: "/",
    stdio: ["ignore", "ignore", "pipe"],
  });
  const text = await new Response(child.stderr).text();
  return (await child.exited) === 0 ? "" : text.trim() || `${unit} does not start`;
}
