/** Handlers that carry what containers say and are told: logs, attach, wait, resize. */
import type { RemoteSession } from "../../container/remote-session.ts";
import { CooperError } from "../../errors.ts";
import { frame, streamType } from "../frames.ts";
import type { RawStream, Reply } from "../http/reply.ts";
import { WebSocketStream, websocketAccept } from "../http/websocket.ts";
import { isOurs } from "../ours.ts";
import { isTrue, momentOf, wholeNumber } from "../query.ts";
import type { Call, Handler } from "../route.ts";

/** What the two APIs write otherwise. */
export interface LogStyle {
  /** Whether lines stand in frames that tell the streams apart. */
  isFramed(hasTty: boolean): boolean;
  /** Of a line's time, as the log has it. */
  timeText(time: string): string;
}

export const logs: Handler = (call) =>
  logReply(call, { isFramed: (hasTty) => !hasTty, timeText: utc });

/** The log of a container, as far as the query asks for it. */
export async function logReply(
  { engine, params, request, version }: Call,
  { isFramed, timeText }: LogStyle,
): Promise<Reply> {
  const { query, signal } = request;
  const wants = { stdout: isTrue(query, "stdout"), stderr: isTrue(query, "stderr") };
  if (!wants.stdout && !wants.stderr)
    throw new CooperError(
      "invalid-argument",
      "Bad parameters: you must choose at least one stream",
    );
  const container = await engine.containers.get(params.id ?? "");
  const { id, spec } = container;
  const details = isTrue(query, "details")
    ? `${await engine.containers.logAttributes(container)} `
    : "";
  const hasTimes = isTrue(query, "timestamps");
  const entries = await engine.containers.logs(id, {
    tail: tailOf(query.get("tail")),
    since: momentOf(query.get("since")),
    until: momentOf(query.get("until")),
    follow: isTrue(query, "follow"),
    signal,
  });
  const pieces = async function* () {
    const isInLine = { stdout: false, stderr: false };
    const shownTime = isOurs(request) ? (time: string) => time : timeText;
    for await (const batch of entries) {
      const parts: Uint8Array[] = [];
      for (const { stream, text, time, isPartial } of batch) {
        if (!wants[stream]) continue;
        const head = isInLine[stream] ? "" : `${hasTimes ? `${shownTime(time)} ` : ""}${details}`;
        const bytes = head === "" ? text : Buffer.concat([Buffer.from(head), text]);
        isInLine[stream] = isPartial;
        parts.push(isFramed(spec.hasTty) ? frame(stream, bytes) : bytes);
      }
      if (parts.length > 0) yield Buffer.concat(parts);
    }
  };
  return {
    status: 200,
    headers: { "Content-Type": streamType(spec.hasTty, version) },
    body: pieces(),
  };
}

function tailOf(text: string | null): number | null {
  if (text === null || text === "" || text === "all") return null;
  return /^\d{1,9}$/.test(text) ? Number(text) : null;
}

/** The log has the machine's zone, Docker shows UTC with nine digits. */
function utc(time: string): string {
  const fraction = /\.(\d{1,9})/.exec(time)?.[1] ?? "";
  return `${new Date(time).toISOString().slice(0, 19)}.${fraction.padEnd(9, "0")}Z`;
}

export const attach: Handler = async (call) => {
  const { hasTty, run } = await attachment(call, true);
  return {
    status: 200,
    headers: { "Content-Type": streamType(hasTty, call.version) },
    hijack: run,
  };
};

/** As attach, for what can open a websocket alone: both outputs come as one. */
export const attachWebSocket: Handler = async (call) => {
  const accept = websocketAccept(call.request);
  const { run } = await attachment(call, false);
  return {
    status: 101,
    upgrade: "websocket",
    headers: { "Sec-WebSocket-Accept": accept },
    hijack: async (raw) => {
      const stream = new WebSocketStream(raw, call.version < 28 ? "text" : "binary");
      await run(stream);
      await stream.close();
    },
  };
};

/** @param isFramed whether the outputs of a container without a terminal are told apart */
async function attachment(
  { engine, params, request }: Call,
  isFramed: boolean,
): Promise<{ hasTty: boolean; run(stream: RawStream): Promise<void> }> {
  const { query } = request;
  const container = await engine.containers.get(params.id ?? "");
  const { hasTty, hasStdin } = container.spec;
  if (container.intent === "paused")
    throw new CooperError(
      "conflict",
      `container ${params.id} is paused, unpause the container before attach`,
    );
  const wants = {
    stdin: isTrue(query, "stdin") && hasStdin,
    stdout: isTrue(query, "stdout"),
    stderr: isTrue(query, "stderr"),
  };
  const past = isTrue(query, "logs")
    ? await engine.containers.logs(container.id, {
        tail: null,
        since: null,
        until: null,
        follow: false,
      })
    : undefined;
  let raw: RawStream | undefined;
  const takeover = Promise.withResolvers<RawStream>();
  const wrapped = (stream: "stdout" | "stderr", bytes: Uint8Array) =>
    hasTty || !isFramed ? bytes : frame(stream, bytes);
  const write = (stream: "stdout" | "stderr", bytes: Uint8Array) => {
    if (!(hasTty ? wants.stdout || wants.stderr : wants[stream])) return undefined;
    const sent = wrapped(stream, bytes);
    return raw === undefined ? takeover.promise.then((to) => to.write(sent)) : raw.write(sent);
  };
  // from here on nothing is missed, also when it is started before the client has our answer
  const session = isTrue(query, "stream")
    ? await engine.sessions.attach(container.id, write)
    : undefined;
  const run = async (stream: RawStream) => {
    if (past !== undefined)
      for await (const batch of past)
        for (const { stream: of, text } of batch) await stream.write(wrapped(of, text));
    raw = stream;
    takeover.resolve(stream);
    if (session === undefined) return;
    using _session = session;
    const left = new Promise<void>((resolve) =>
      stream.signal.addEventListener("abort", () => resolve(), { once: true }),
    );
    const input = carryInput(stream, session, {
      isWanted: wants.stdin,
      // as Docker: a terminal, and one that others may type to later, are only left
      endsInput: !hasTty && container.spec.closesStdin !== false,
      keys: await engine.sessions.detachKeys(query.get("detachKeys"), hasTty),
    });
    await Promise.race([session.ended, left, input]);
  };
  return { hasTty, run };
}

/** What becomes of what a client types. */
interface InputOptions {
  readonly isWanted: boolean;
  /** Whether the end of it is the end of the process's input; else the client has left. */
  readonly endsInput: boolean;
  readonly keys: { filter(bytes: Uint8Array): { bytes: Uint8Array; isComplete: boolean } };
}

/** Resolves when the client leaves: by its keys, or by an end of input that is not passed on. */
export async function carryInput(
  stream: RawStream,
  session: Pick<RemoteSession, "write" | "endInput">,
  { isWanted, endsInput, keys }: InputOptions,
): Promise<void> {
  for (let bytes = await stream.read(); bytes !== undefined; bytes = await stream.read()) {
    if (!isWanted) continue;
    const typed = keys.filter(bytes);
    await session.write(typed.bytes);
    if (typed.isComplete) return;
  }
  if (isWanted && !endsInput) return;
  if (isWanted && !stream.signal.aborted) await session.endInput();
  await new Promise(() => undefined);
}

export const wait: Handler = async ({ engine, params, request, version }) => {
  const condition = (version >= 30 && request.query.get("condition")) || "not-running";
  if (condition !== "not-running" && condition !== "next-exit" && condition !== "removed")
    throw new CooperError("invalid-argument", `invalid condition: "${condition}"`);
  const { signal } = request;
  const { exitCode } = await engine.sessions.awaitEnd(params.id ?? "", condition, signal);
  return {
    status: 200,
    headers: { "Content-Type": "application/json" },
    // the headers go at once: the client starts it only then
    body: (async function* () {
      const StatusCode = await exitCode;
      if (signal.aborted) return;
      yield `${JSON.stringify(version >= 30 ? { StatusCode } : { StatusCode, Error: null })}\n`;
    })(),
  };
};

export const resize: Handler = async ({ engine, params, request }) => {
  const rows = wholeNumber(request.query, "h") ?? 0;
  const columns = wholeNumber(request.query, "w") ?? 0;
  await engine.sessions.resize(params.id ?? "", { rows, columns });
  return { status: 200 };
};
