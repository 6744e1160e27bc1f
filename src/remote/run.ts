/** `run`, `start --attach` and `attach` at an engine elsewhere. */
import { constants as os } from "node:os";
import { number, object } from "../api/docker/reading.ts";
import type { SessionEnd, SessionOptions } from "../container/attach.ts";
import type { RunOptions } from "../container/run.ts";
import type { ContainerSpec } from "../container/spec.ts";
import { CooperError } from "../errors.ts";
import type { Client } from "./client.ts";
import { createElsewhere } from "./create.ts";
import { carrySession, type End } from "./session.ts";
import { warn } from "./warn.ts";

const at = (id: string) => `/containers/${encodeURIComponent(id)}`;

/** What a session must know of a container. */
interface Container {
  readonly id: string;
  readonly name: string;
  readonly hasTty: boolean;
  readonly hasStdin: boolean;
}

/** Resolves to the exit code for the shell. */
export async function runElsewhere(
  client: Client,
  asked: ContainerSpec,
  options: RunOptions,
): Promise<number> {
  if (options.preservedDescriptors.length > 0)
    throw new CooperError("not-supported", "descriptors cannot be handed to an engine elsewhere");
  const { isDetached } = options;
  const has = (stream: "stdin" | "stdout" | "stderr", byDefault: boolean) =>
    asked.attach?.includes(stream) ?? byDefault;
  const streams = {
    stdin: has("stdin", asked.hasStdin),
    stdout: has("stdout", true),
    stderr: has("stderr", true),
  };
  const attached = (["stdin", "stdout", "stderr"] as const).filter((name) => streams[name]);
  const spec: ContainerSpec = {
    ...asked,
    attach: isDetached ? null : attached,
    closesStdin: !isDetached && streams.stdin,
  };
  const { id } = await createElsewhere(client, spec, options);
  const container = { id, name: asked.name ?? id, hasTty: spec.hasTty, hasStdin: spec.hasStdin };
  try {
    if (isDetached) {
      await client.act("POST", `${at(id)}/start`);
      options.onStarted?.(id);
      return 0;
    }
    const session = {
      ...streams,
      detachKeys: options.detachKeys,
      passesSignals: options.passesSignals,
    };
    const { end, exitCode } = await startSession(client, container, session, {
      isGoing: spec.removesItself,
      onStarted: () => options.onStarted?.(id),
    });
    await afterwards(client, container, spec, end);
    return exitCode;
  } catch (error) {
    if (spec.removesItself) await removed(client, id);
    throw error;
  }
}

/** What stays of it when it was left, or was to go with its command line. */
async function afterwards(
  client: Client,
  { id, name }: Container,
  spec: ContainerSpec,
  end: End,
): Promise<void> {
  const mustEnd = end === "unread" || end === "forced";
  if (spec.removesItself && mustEnd)
    await client.act("POST", `${at(id)}/stop`, { query: { t: "0" } });
  if (!spec.removesItself && end === "forced")
    warn(`${name} goes on; to end it: cooper stop ${name}`);
  if (spec.removesImage && end === "closed" && spec.image !== null)
    await client
      .act("DELETE", `/images/${encodeURIComponent(spec.image)}`)
      .catch((error: unknown) => warn(`the image stays: ${String(error)}`));
}

/** A container that could not be started goes as it would have at its end. */
async function removed(client: Client, id: string): Promise<void> {
  try {
    await client.act("DELETE", at(id), { query: { force: true, v: true } });
  } catch (error) {
    // it has gone by itself, or goes right now
    if (!(error instanceof CooperError)) throw error;
  }
}

/** Connects, waits and starts, in this order: nothing that it prints or does is missed. */
async function startSession(
  client: Client,
  container: Container,
  options: SessionOptions,
  how: { readonly isGoing: boolean; onStarted?(): void },
): Promise<SessionEnd> {
  const { id } = container;
  const { stdin, stdout, stderr } = options;
  const query = { stream: true, stdin, stdout, stderr, detachKeys: options.detachKeys };
  const isAttached = stdin || stdout || stderr;
  using stream = isAttached ? await client.hijack(`${at(id)}/attach`, { query }) : undefined;
  const ended = await ending(client, id, await endWord(client, how.isGoing));
  const start = async () => {
    await client.act("POST", `${at(id)}/start`);
    how.onStarted?.();
  };
  if (stream === undefined) {
    await start();
    return { end: "closed", exitCode: await ended.exitCode };
  }
  const session = sessionOf(client, container, options);
  return sessionEnd(await carrySession(stream, session, start), ended.exitCode);
}

/** Podman 4 says 0 for whatever a container that removes itself ends with, if its removal is waited for. */
async function endWord(client: Client, isGoing: boolean): Promise<string> {
  const { kind } = await client.peer();
  return isGoing && kind !== "podman" ? "removed" : "next-exit";
}

/** Resolves once the engine waits; older Podmans answer at the end alone, and are waiting by then all the same. */
async function ending(
  client: Client,
  id: string,
  condition: string,
): Promise<{ exitCode: Promise<number> }> {
  const answer = client.open("POST", `${at(id)}/wait`, { query: { condition } });
  answer.catch(() => undefined); // awaited by who wants the exit code
  await Promise.race([answer, Bun.sleep(500)]);
  const exitCode = (async () => {
    const text = await client.text(await answer, 1 << 16);
    return number(object(JSON.parse(text)).StatusCode);
  })();
  exitCode.catch(() => undefined);
  return { exitCode };
}

function sessionOf(client: Client, { id, hasTty, hasStdin }: Container, options: SessionOptions) {
  return {
    stdin: options.stdin && hasStdin,
    stdout: options.stdout,
    stderr: options.stderr,
    hasTty,
    detachKeys: options.detachKeys,
    resize: (rows: number, columns: number) =>
      client.act("POST", `${at(id)}/resize`, { query: { h: rows, w: columns } }),
    signal: options.passesSignals
      ? (name: string) => client.act("POST", `${at(id)}/kill`, { query: { signal: name } })
      : null,
  };
}

async function sessionEnd(end: End, exitCode: Promise<number>): Promise<SessionEnd> {
  if (end === "detached") return { end, exitCode: 0 };
  if (end === "unread") return { end, exitCode: 128 + os.signals.SIGPIPE };
  if (end === "forced") return { end, exitCode: 128 + os.signals.SIGINT };
  return { end, exitCode: await exitCode };
}

/** `start --attach`. */
export function startAttached(
  client: Client,
  container: Container,
  options: SessionOptions,
): Promise<SessionEnd> {
  return startSession(client, container, options, { isGoing: false });
}

/** `attach`: to one that runs. */
export async function attachElsewhere(
  client: Client,
  name: string,
  options: SessionOptions,
): Promise<SessionEnd> {
  const document = object(await client.json("GET", `${at(name)}/json`));
  const [config, state] = [object(document.Config), object(document.State)];
  const cannot = (why: string, hint?: string) =>
    new CooperError("wrong-state", `cannot attach to ${name}: ${why}`, {
      ...(hint !== undefined && { hint }),
    });
  if (state.Running !== true) throw cannot("it is not running");
  if (state.Paused === true) throw cannot("it is paused", `cooper unpause ${name}`);
  const id = String(document.Id);
  const container = { id, name, hasTty: config.Tty === true, hasStdin: config.OpenStdin === true };
  const ended = await ending(client, id, "not-running");
  const { stdin, stdout, stderr } = options;
  const query = { stream: true, stdin, stdout, stderr, detachKeys: options.detachKeys };
  using stream = await client.hijack(`${at(id)}/attach`, { query });
  return sessionEnd(
    await carrySession(stream, sessionOf(client, container, options)),
    ended.exitCode,
  );
}
