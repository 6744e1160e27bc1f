/** From a request to its handler's answer, and from a failure to the client's words for it. */
import type { LocalEngine } from "../engine.ts";
import { CooperError } from "../errors.ts";
import { version as ownVersion } from "../version.ts";
import { failureOf, failureReply, ownFailureReply } from "./failure.ts";
import type { HttpHandler, HttpRequest } from "./http/connection.ts";
import type { Reply } from "./http/reply.ts";
import { libpodFailure } from "./libpod/failure.ts";
import { libpodRoutes } from "./libpod/routes/table.ts";
import { libpodVersion, splitLibpodPath } from "./libpod/versions.ts";
import { isOurs } from "./ours.ts";
import { type Match, routeFinder } from "./route.ts";
import { dockerRoutes } from "./routes/table.ts";
import { Turns } from "./turns.ts";
import { newestVersion, splitVersion, versionText } from "./versions.ts";

/** One of the APIs that are served: its routes, its headers, and its words for what fails. */
interface Dialect {
  find(method: string, path: string): Match;
  /** Of every answer. */
  readonly headers: Readonly<Record<string, string>>;
  failure(error: unknown): Reply;
}

/** @param isExperimental what makes docker's client offer checkpoints */
const dockerDialect = (isExperimental: boolean): Dialect => ({
  find: routeFinder(dockerRoutes),
  headers: {
    "Api-Version": versionText(newestVersion),
    "Docker-Experimental": `${isExperimental}`,
    Ostype: "linux",
  },
  failure: failureReply,
});

const libpod: Dialect = {
  find: routeFinder(libpodRoutes),
  headers: { "Api-Version": versionText(newestVersion), "Libpod-API-Version": libpodVersion },
  failure: libpodFailure,
};

/**
 * @param admit throws for who may not ask
 * @param isExperimental see dockerDialect()
 */
export function dispatcher(
  engine: LocalEngine,
  admit: (request: HttpRequest) => void,
  isExperimental: boolean,
): HttpHandler {
  const docker = dockerDialect(isExperimental);
  const turns = new Turns();
  return {
    headers: `Server: Cooper/${ownVersion} (linux)\r\n`,
    refuse: failureReply,
    async answer(request) {
      const ofLibpod = splitLibpodPath(request.path);
      const dialect = ofLibpod === undefined ? docker : libpod;
      let reply: Reply;
      try {
        admit(request);
        if (request.method !== "GET" && request.method !== "HEAD") await turns.take();
        reply = await answer(engine, request, dialect, ofLibpod ?? splitVersion(request.path));
      } catch (error) {
        if (failureOf(error).status >= 500)
          engine.host.debug(`${request.method} ${request.path}: ${failureOf(error).message}`);
        reply = isOurs(request) ? ownFailureReply(error) : dialect.failure(error);
      }
      return { ...reply, headers: { ...dialect.headers, ...reply.headers } };
    },
  };
}

async function answer(
  engine: LocalEngine,
  request: HttpRequest,
  dialect: Dialect,
  { version, rest }: { readonly version: number; readonly rest: string },
): Promise<Reply> {
  const match = dialect.find(request.method, rest);
  if (match.kind === "found" && version >= (match.route.since ?? 0)) {
    const handler = await match.route.load();
    return handler({ engine, params: match.params, version, request });
  }
  if (match.kind === "other-method") {
    const reply = dialect.failure(
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
