/** Handlers of builds: a tar comes, or a directory is named; lines of output go. */
import { isAbsolute, join } from "node:path";
import type { BuildOptions } from "../../../build/build.ts";
import { CooperError } from "../../../errors.ts";
import { progressReply } from "../../progress.ts";
import { remoteContext } from "../../remote-context.ts";
import type { Call, Handler } from "../../route.ts";
import { accessOf } from "../access.ts";
import { buildProgress } from "../build-progress.ts";
import { buildRequest, dockerfileOf } from "../build-request.ts";
import { wordsOf } from "../failure.ts";
import { Parameters } from "../parameters.ts";

type Asked = Omit<BuildOptions, "context" | "progress">;

export const build: Handler = async (call) => {
  const parameters = new Parameters(call.request.query);
  const asked = askedOf(call, parameters, dockerfileOf(parameters));
  const remote = remoteContext(parameters.text("remote"));
  const { engine, request } = call;
  return reply(
    call,
    parameters,
    (use) => (remote === "" ? engine.images.withUpload(request.body, use) : use(remote)),
    asked,
  );
};

/** A directory that client and service both see. */
export const buildLocal: Handler = async (call) => {
  const parameters = new Parameters(call.request.query);
  const directory = parameters.text("localcontextdir");
  if (!isAbsolute(directory))
    throw new CooperError(
      "invalid-argument",
      `localcontextdir ${JSON.stringify(directory)} is not absolute`,
    );
  const file = dockerfileOf(parameters);
  const path = file === null || isAbsolute(file) ? file : join(directory, file);
  const asked = askedOf(call, parameters, path);
  if ((asked.sentSecrets ?? []).length > 0)
    throw new CooperError(
      "not-supported",
      "secrets come with a context that is sent, not a local one",
    );
  return reply(call, parameters, (use) => use(directory), asked);
};

function askedOf({ engine, request }: Call, parameters: Parameters, file: string | null): Asked {
  const asked = buildRequest(parameters);
  return {
    ...asked,
    file,
    family: asked.family ?? engine.host.settings.imageDefaultFormat,
    fetch: { ...accessOf(request, parameters), isQuiet: true },
    signal: request.signal,
  };
}

function reply(
  { engine }: Call,
  parameters: Parameters,
  withContext: <T>(use: (context: string) => Promise<T>) => Promise<T>,
  asked: Asked,
) {
  const isQuiet = parameters.flag("q");
  return progressReply(
    async (tell, room) => {
      const say = (stream: string) => {
        if (!isQuiet && stream !== "") tell({ stream });
      };
      const built = await withContext((context) =>
        engine.builds.build({ ...asked, context, progress: buildProgress(say, room) }),
      );
      if (built === null) return;
      say(`COMMIT${built.names[0] === undefined ? "" : ` ${built.names[0]}`}\n`);
      for (const name of built.names) say(`Successfully tagged ${name}\n`);
      tell({ stream: `${built.id}\n` });
    },
    failureLine,
    asked.signal,
  );
}

/** Clients exit with the status that the words end with. */
function failureLine(error: unknown) {
  const [words] = wordsOf(error);
  const status = /exit code: (\d+)/.exec(words)?.[1];
  const message = `${words}${status === undefined ? "" : `\nwhile running runtime: exit status ${status}`}\n`;
  return { errorDetail: { message }, error: message };
}
