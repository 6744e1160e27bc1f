/** Handlers of exec sessions. */
import type { ExecRequest, StartedExec } from "../../container/exec-session.ts";
import { CooperError } from "../../errors.ts";
import { type Document, readDocument } from "../document.ts";
import { failureOf } from "../failure.ts";
import { frame, streamType } from "../frames.ts";
import { json, type RawStream, type Reply } from "../http/reply.ts";
import { isOurs } from "../ours.ts";
import { wholeNumber } from "../query.ts";
import type { Call, Handler } from "../route.ts";
import { carryInput } from "./containers-streams.ts";

export const create: Handler = async ({ engine, params, request }) => {
  const body = await readDocument(request.body);
  const command = body.words("Cmd") ?? [];
  if (command.length === 0) throw new CooperError("invalid-argument", "No exec command specified");
  const id = await engine.sessions.createExec(params.id ?? "", {
    command,
    env: body.strings("Env"),
    user: body.string("User") || null,
    workdir: body.string("WorkingDir") || null,
    hasTty: body.boolean("Tty") ?? false,
    hasStdin: body.boolean("AttachStdin") ?? false,
    hasStdout: body.boolean("AttachStdout") ?? false,
    hasStderr: body.boolean("AttachStderr") ?? false,
    isPrivileged: body.boolean("Privileged") ?? false,
    detachKeys: body.string("DetachKeys") || null,
  });
  return json({ Id: id }, 201);
};

export const start: Handler = (call) =>
  startReply(call, "stdout", (error) => failureOf(error).message);

/**
 * Starts a session, and carries its streams unless it is detached.
 *
 * @param stream where the client reads why it could not be started, in the words of `words`
 */
export async function startReply(
  { engine, params, request, version }: Call,
  stream: "stdout" | "stderr",
  words: (error: unknown) => string,
): Promise<Reply> {
  const id = params.id ?? "";
  const body = await readDocument(request.body);
  const size = sizeOf(body);
  const { request: asked } = await engine.sessions.claimExec(id);
  if (body.boolean("Detach") === true) {
    await engine.sessions.startExec(id, null, size);
    return { status: 200 };
  }
  const { hasTty } = asked;
  if (isOurs(request)) return startedFirst({ engine, id, asked, size, version });
  return {
    status: 200,
    headers: { "Content-Type": streamType(hasTty, version) },
    hijack: async (raw) => {
      const write = (stream: "stdout" | "stderr", bytes: Uint8Array) =>
        hasTty ? raw.write(bytes) : raw.write(frame(stream, bytes));
      let session: StartedExec;
      try {
        session = await engine.sessions.startExec(
          id,
          (stream, bytes) =>
            hasTty || (stream === "stdout" ? asked.hasStdout : asked.hasStderr)
              ? write(stream, bytes)
              : undefined,
          size,
        );
      } catch (error) {
        // the client has its answer by then: it reads why here, and asks for the exit code
        await write(stream, Buffer.from(`${words(error)}\r\n`));
        return;
      }
      using _session = session;
      const left = new Promise<void>((resolve) =>
        raw.signal.addEventListener("abort", () => resolve(), { once: true }),
      );
      const keys = await engine.sessions.detachKeys(asked.detachKeys, hasTty);
      await Promise.race([
        session.ended,
        left,
        carryInput(raw, session, { isWanted: asked.hasStdin, endsInput: !hasTty, keys }),
      ]);
    },
  };
}

interface StartOf {
  readonly engine: Call["engine"];
  readonly id: string;
  readonly asked: ExecRequest;
  readonly size: ReturnType<typeof sizeOf>;
  readonly version: number;
}

/** For another Cooper, which is told why it cannot be started: what it prints waits until that is answered. */
async function startedFirst({ engine, id, asked, size, version }: StartOf): Promise<Reply> {
  const { hasTty } = asked;
  const takeover = Promise.withResolvers<RawStream>();
  let raw: RawStream | undefined;
  const session = await engine.sessions.startExec(
    id,
    (stream, bytes) => {
      if (!hasTty && !(stream === "stdout" ? asked.hasStdout : asked.hasStderr)) return undefined;
      const sent = hasTty ? bytes.slice() : frame(stream, bytes);
      return raw === undefined ? takeover.promise.then((to) => to.write(sent)) : raw.write(sent);
    },
    size,
  );
  return {
    status: 200,
    headers: { "Content-Type": streamType(hasTty, version) },
    async hijack(stream) {
      raw = stream;
      takeover.resolve(stream);
      using _session = session;
      const left = new Promise<void>((resolve) =>
        stream.signal.addEventListener("abort", () => resolve(), { once: true }),
      );
      const keys = await engine.sessions.detachKeys(asked.detachKeys, hasTty);
      await Promise.race([
        session.ended,
        left,
        carryInput(stream, session, { isWanted: asked.hasStdin, endsInput: !hasTty, keys }),
      ]);
    },
  };
}

function sizeOf(body: Document): { rows: number; columns: number } | undefined {
  const [rows, columns] = Array.isArray(body.value("ConsoleSize"))
    ? (body.value("ConsoleSize") as unknown[])
    : [];
  return typeof rows === "number" && typeof columns === "number" && rows > 0 && columns > 0
    ? { rows, columns }
    : undefined;
}

export const resize: Handler = async ({ engine, params, request }) => {
  await engine.sessions.resizeExec(params.id ?? "", {
    rows: wholeNumber(request.query, "h") ?? 0,
    columns: wholeNumber(request.query, "w") ?? 0,
  });
  return { status: 200 };
};

export const inspect: Handler = async ({ engine, params }) => {
  const { id, containerId, request, isRunning, pid, exitCode } = await engine.sessions.inspectExec(
    params.id ?? "",
  );
  const [entrypoint = "", ...args] = request.command;
  return json({
    ID: id,
    Running: isRunning,
    ExitCode: exitCode,
    ProcessConfig: {
      tty: request.hasTty,
      entrypoint,
      arguments: args,
      privileged: request.isPrivileged,
      ...(request.user !== null && { user: request.user }),
    },
    OpenStdin: request.hasStdin,
    OpenStderr: request.hasStderr,
    OpenStdout: request.hasStdout,
    CanRemove: false,
    ContainerID: containerId,
    DetachKeys: request.detachKeys ?? "",
    Pid: pid,
  });
};
