/** `build`: an image of what a Dockerfile says. */
import { CooperError } from "../../errors.ts";
import { openProgress } from "../build-progress/choose.ts";
import { defineCommand } from "../command.ts";
import { print } from "../output.ts";
import { buildCall, type Call, callDockerfile } from "./build-call.ts";
import { containerOptions } from "./build-options.ts";
import { requestOf, requestOptions } from "./build-request.ts";
import { defaultFamily } from "./changes.ts";

export const build = defineCommand({
  summary: "Build an image from a Dockerfile",
  usage: "[CONTEXT]",
  description:
    "CONTEXT is a directory, a tar of one, or - for standard input, which may be a Dockerfile too. Without it, it is the current directory.",
  examples: [
    "cooper build -t example.com/web:2 .",
    "cooper build -f Dockerfile.dev --target test --build-arg VERSION=2 .",
    "cooper build --secret id=token,src=token.txt -t app .",
  ],
  options: requestOptions,
  specOptions: containerOptions,
  args: { min: 0, max: 1 },
  completes: "file",
  async run({ engine, elsewhere, args, options, spec, fail }) {
    const { kind, progress } = await openProgress(
      options.progress,
      options.quiet === true,
      options.logfile,
    );
    const abort = abortOnSignals();
    try {
      const request = requestOf(options, {
        args,
        spec,
        progress,
        signal: abort.signal,
        defaultFamily: defaultFamily(engine, elsewhere),
        passesProxies: elsewhere === null ? engine.host.settings.httpProxy : null,
      });
      const call: Call = options.check
        ? { method: "check", format: "text" }
        : (options.call ?? buildCall);
      if (call.method !== "build") return await callDockerfile(engine, request, call);
      const built = await engine.builds.build(request);
      progress.end();
      // standard output may have the result itself
      const isTaken = request.outputs.some(
        (one) => "destination" in one && one.destination === "-",
      );
      if (built === null || kind === "none" || isTaken) return 0;
      print(kind === "quiet" ? `sha256:${built.id}\n` : `${built.id}\n`);
      return 0;
    } catch (error) {
      progress.end();
      await fail(error);
      // docker's, for whatever goes wrong with a build
      return error instanceof CooperError && error.code === "cancelled" ? 130 : 1;
    }
  },
});

/** Ctrl-C ends the steps, and what was done so far is kept. */
export function abortOnSignals(): AbortController {
  const abort = new AbortController();
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
    process.once(name, () => abort.abort());
  return abort;
}
