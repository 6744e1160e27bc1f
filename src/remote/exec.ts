/** `exec` at an engine elsewhere. */
import { hex, number, object } from "../api/docker/reading.ts";
import type { ExecOptions } from "../container/exec.ts";
import { CooperError } from "../errors.ts";
import type { Client } from "./client.ts";
import { carrySession } from "./session.ts";

/** Resolves to the exit code of the process; detached: to the session's id. */
export async function execElsewhere(
  client: Client,
  name: string,
  options: ExecOptions,
): Promise<number | string> {
  if (options.preservedDescriptors.length > 0)
    throw new CooperError("not-supported", "descriptors cannot be handed to an engine elsewhere");
  const { hasTty, hasStdin, isDetached } = options;
  const made = object(
    await client.json("POST", `/containers/${encodeURIComponent(name)}/exec`, {
      json: {
        AttachStdin: hasStdin && !isDetached,
        AttachStdout: !isDetached,
        AttachStderr: !isDetached,
        Tty: hasTty,
        Cmd: options.command,
        Env: options.env,
        ...(options.user !== null && { User: options.user }),
        ...(options.workdir !== null && { WorkingDir: options.workdir }),
        Privileged: options.isPrivileged,
        ...(options.detachKeys !== null && { DetachKeys: options.detachKeys }),
      },
    }),
  );
  const id = hex(made.Id);
  const at = `/exec/${encodeURIComponent(id)}`;
  const json = { Detach: isDetached, Tty: hasTty };
  if (isDetached) {
    await client.act("POST", `${at}/start`, { json });
    return id;
  }
  using stream = await client.hijack(`${at}/start`, { json });
  const end = await carrySession(stream, {
    stdin: hasStdin,
    stdout: true,
    stderr: true,
    hasTty,
    detachKeys: options.detachKeys,
    resize: (rows, columns) =>
      client.act("POST", `${at}/resize`, { query: { h: rows, w: columns } }),
    signal: null, // as here: a signal ends us, and the process is told by its streams
  });
  if (end === "detached") return 0;
  if (end === "unread") return 141;
  return exitCodeOf(client, at);
}

/** The streams may close a moment before the engine knows how it ended. */
async function exitCodeOf(client: Client, at: string): Promise<number> {
  for (let waits = 0; ; waits++) {
    const { Running, ExitCode } = object(await client.json("GET", `${at}/json`));
    if (Running !== true) return number(ExitCode);
    if (waits > 100)
      throw new CooperError("timeout", "the process has closed its streams, and does not end");
    await Bun.sleep(20);
  }
}
