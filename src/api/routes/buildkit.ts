/** Handlers of BuildKit's connections. */
import type { LocalEngine } from "../../engine.ts";
import { BuildKit } from "../buildkit/control.ts";
import { serveGrpc } from "../buildkit/grpc.ts";
import { refused } from "../http/reply.ts";
import type { Handler } from "../route.ts";

/** Calls of one build come by several connections: a service has one of these. */
const ofEngine = new WeakMap<LocalEngine, BuildKit>();

function buildKit(engine: LocalEngine): BuildKit {
  const found = ofEngine.get(engine) ?? new BuildKit(engine);
  ofEngine.set(engine, found);
  return found;
}

export const grpc: Handler = async ({ engine, request }) => {
  if (request.headers.get("upgrade")?.toLowerCase() !== "h2c")
    return refused(400, "BuildKit's protocol is switched to: Upgrade: h2c");
  const { methods } = buildKit(engine);
  return { status: 101, upgrade: "h2c", hijack: (raw) => serveGrpc(raw, methods) };
};

export const session: Handler = async ({ engine, request: { headers } }) => {
  const { sessions } = buildKit(engine);
  const why = sessions.refusal(headers);
  if (why !== undefined) return refused(400, why);
  return { status: 101, upgrade: "h2c", hijack: (raw) => sessions.serve(headers, raw) };
};
