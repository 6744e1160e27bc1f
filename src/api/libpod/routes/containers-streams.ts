/** Handlers that carry what containers say and are told. */
import { json } from "../../http/reply.ts";
import type { Handler } from "../../route.ts";
import { logReply } from "../../routes/containers-streams.ts";
import { Parameters } from "../parameters.ts";

/** Podman's clients expect frames of containers with a terminal too, and times in the machine's zone. */
export const logs: Handler = (call) =>
  logReply(call, {
    isFramed: () => true,
    timeText: (time) => time.replace(/\+00:00$/, "Z"),
  });

const ends = ["stopped", "exited"];

/** Until it has ended, or is as one of the conditions says. */
export const wait: Handler = async ({ engine, params, request }) => {
  const { signal } = request;
  const name = params.name ?? "";
  const conditions = new Parameters(request.query).texts("condition");
  if (!conditions.every((word) => ends.includes(word)))
    return json(await engine.containers.wait(name, conditions, signal));
  const { intent } = await engine.containers.get(name);
  // one that was only made has not ended
  const { exitCode } = await engine.sessions.awaitEnd(
    name,
    intent === "created" ? "next-exit" : "not-running",
    signal,
  );
  return json(await exitCode);
};
