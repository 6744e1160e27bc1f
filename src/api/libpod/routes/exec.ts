/** Handlers of exec sessions. */
import { readDocument } from "../../document.ts";
import { json } from "../../http/reply.ts";
import type { Handler } from "../../route.ts";
import { startReply } from "../../routes/exec.ts";
import { wordsOf } from "../failure.ts";
import { Parameters } from "../parameters.ts";

export const start: Handler = (call) =>
  startReply(call, "stderr", (error) => `Error: ${wordsOf(error)[0]}`);

export const inspect: Handler = async ({ engine, params }) => {
  const session = await engine.sessions.inspectExec(params.id ?? "");
  const { request } = session;
  const [entrypoint = "", ...args] = request.command;
  return json({
    CanRemove: session.exitCode !== null,
    ContainerID: session.containerId,
    DetachKeys: request.detachKeys ?? "",
    ExitCode: session.exitCode ?? 0,
    ID: session.id,
    OpenStderr: request.hasStderr,
    OpenStdin: request.hasStdin,
    OpenStdout: request.hasStdout,
    Running: session.isRunning,
    Pid: session.pid,
    ProcessConfig: {
      arguments: args,
      entrypoint,
      privileged: request.isPrivileged,
      tty: request.hasTty,
      user: request.user ?? "",
    },
  });
};

/** Forgets one that has ended, or was never started. */
export const remove: Handler = async ({ engine, params, request }) => {
  const body = await readDocument(request.body);
  const force = body.boolean("Force") ?? new Parameters(request.query).flag("force");
  await engine.sessions.removeExec(params.id ?? "", force);
  return { status: 200 };
};
