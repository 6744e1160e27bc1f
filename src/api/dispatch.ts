/** From a request to its handler's answer, and from a failure to the client's words for it. */
import type { Engine } from "../engine.ts";
import { CooperError } from "../errors.ts";
import { version as ownVersion } from "../version.ts";
import { failureOf, failureReply } from "./failure.ts";
import type { HttpHandler, HttpRequest } from "./http/connection.ts";
import type { Reply } from "./http/reply.ts";
import { routeFinder } from "./route.ts";
import { dockerRoutes } from "./routes/table.ts";
import { newestVersion, splitVersion, versionText } from "./versions.ts";

const findDocker = routeFinder(dockerRoutes);

/** @param admit throws for who may not ask */
export function dispatcher(engine: Engine, admit: (request: HttpRequest) => void): HttpHandler {
  return {
    headers: `Api-Version: ${versionText(newestVersion)}\r\nDocker-Experimental: false\r\nOstype: linux\r\nServer: Cooper/${ownVersion} (linux)\r\n`,
    refuse: failureReply,
    async answer(request) {
      try {
        admit(request);
        return await answer(engine, request);
      } catch (error) {
        if (failureOf(error).status >= 500)
          engine.host.debug(`${request.method} ${request.path}: ${failureOf(error).message}`);
        return failureReply(error);
      }
    },
  };
}

async function answer(engine: Engine, request: HttpRequest): Promise<Reply> {
  const { version, rest } = splitVersion(request.path);
  const match = findDocker(request.method, rest);
  if (match.kind === "found" && version >= (match.route.since ?? 0)) {
    const handler = await match.route.load();
    return handler({ engine, params: match.params, version, request });
  }
  if (match.kind === "other-method") {
    const reply = failureReply(
      new CooperError("unknown-command", `${request.method} is not for ${rest}`),
    );
    return {
      ...reply,
      status: 405,
      headers: { ...reply.headers, Allow: match.allowed.join(", ") },
    };
  }
  throw new CooperError("unknown-command", "page not found");
}
