/** `run`: make a container, start it, and stay with it in the foreground. */
import { closeSync } from "node:fs";
import { constants as os } from "node:os";
import type { Host } from "../host.ts";
import { getContainer } from "../records/containers.ts";
import { handlesSignal } from "../system/process.ts";
import { runSession, type SessionOptions, waitSession } from "./attach.ts";
import { type ContainerImage, type CreateOptions, createContainer } from "./create.ts";
import type { ContainerRecord } from "./record.ts";
import { removeContainer } from "./remove.ts";
import type { ContainerSpec } from "./spec.ts";
import { type StartOptions, startLocked, startRequired } from "./start.ts";
import { stopContainer } from "./stop.ts";

export interface RunOptions extends CreateOptions {
  readonly isDetached: boolean;
  readonly detachKeys: string | null;
  readonly passesSignals: boolean;
  readonly preservedDescriptors: readonly number[];
  /** Told once its process runs, before anything it prints. */
  onStarted?(id: string): void;
}

/** Resolves to the exit code for the shell: the container's own, or 0 when it was left running. */
export async function runContainer(
  host: Host,
  spec: ContainerSpec,
  image: ContainerImage | null,
  options: RunOptions,
): Promise<number> {
  const session = sessionOptions(spec, options);
  const container = await createContainer(host, spec, image, options);
  const isCarried = !container.resolved.logDriver.startsWith("passthrough");
  const attaches =
    isCarried && !options.isDetached && (session.stdin || session.stdout || session.stderr);
  const started = await startOrForget(host, container, {
    isForeground: !options.isDetached,
    attaches,
    preservedDescriptors: options.preservedDescriptors,
  });
  options.onStarted?.(container.id);
  for (const descriptor of options.preservedDescriptors) closeSync(descriptor);
  if (options.isDetached) return 0;
  if (started.socket === null) return waitSession(host, container.id, session);
  const { end, exitCode } = await runSession(host, container.id, started.socket, session);
  if (spec.removesItself && end === "unread") await endUnread(host, container.id);
  if (spec.removesItself && end === "forced")
    await stopContainer(host, container.id, { graceSeconds: 0, signal: null });
  if (!spec.removesItself && end === "forced")
    host.warn(`${container.name} goes on; to end it: cooper stop ${container.name}`);
  return exitCode;
}

/**
 * Nobody reads the output of a container that was to live as long as its command line: it must not go
 * on unseen. In a shell SIGPIPE would have ended it at once, unless it cares for that signal itself.
 */
async function endUnread(host: Host, id: string): Promise<void> {
  const running = getContainer(host.database, id);
  if (running === undefined) return;
  const cares = handlesSignal(running.pid, os.signals.SIGPIPE);
  await stopContainer(host, id, { graceSeconds: cares ? null : 0, signal: null });
}

async function startOrForget(host: Host, container: ContainerRecord, options: StartOptions) {
  try {
    await startRequired(host, container.spec);
    using _lock = await host.locks.container(container.id);
    return await startLocked(host, container, options);
  } catch (error) {
    if (container.spec.removesItself) {
      await removeContainer(host, container.id, { force: true, volumes: true, graceSeconds: null });
    }
    throw error;
  }
}

/**
 * Which streams a foreground run carries: those of `-a`; else output, and input with `-i`. A terminal
 * has one stream for both outputs.
 */
function sessionOptions(spec: ContainerSpec, options: RunOptions): SessionOptions {
  const asked = spec.attach;
  const has = (stream: "stdin" | "stdout" | "stderr", byDefault: boolean) =>
    asked?.includes(stream) ?? byDefault;
  return {
    stdin: has("stdin", spec.hasStdin),
    stdout: has("stdout", true),
    stderr: has("stderr", true),
    detachKeys: options.detachKeys,
    // with a terminal in raw mode Ctrl-C is a byte for the container, but a kill of us is still passed on
    passesSignals: options.passesSignals,
  };
}
