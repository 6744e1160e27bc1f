/** `build`: an image of what a Dockerfile says. */
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { parseAnnotation } from "../../build/annotations.ts";
import { CooperError, errnoName } from "../../errors.ts";
import { anyPlatform, type PlatformChoice, parsePlatform } from "../../oci/platform.ts";
import { isTerminal } from "../../system/terminal.ts";
import { openProgress } from "../build-progress/choose.ts";
import { defineCommand } from "../command.ts";
import { print } from "../output.ts";
import { pairs } from "../pairs.ts";
import { printable } from "../printable.ts";
import { attestationsOf } from "./build-attest.ts";
import { buildOptions, containerOptions, emptyOptions, refusedOptions } from "./build-options.ts";
import { outputsOf } from "./build-output.ts";
import { cacheSourceOf, cacheTargetOf } from "./build-shared-cache.ts";
import { agentOf, contextOf, entitlementOf, secretOf } from "./build-values.ts";
import { defaultFamily } from "./changes.ts";
import { fetchOf, fetchOptions } from "./fetch-options.ts";

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
  options: { ...buildOptions, ...fetchOptions, ...emptyOptions, ...refusedOptions },
  specOptions: containerOptions,
  args: { min: 0, max: 1 },
  completes: "file",
  async run({ engine, elsewhere, args, options, spec, fail }) {
    const { kind, progress } = await openProgress(options.progress, options.quiet === true);
    const abort = abortOnSignals();
    try {
      const request = {
        context: args[0] ?? ".",
        file: options.file ?? null,
        ignoreFile: options.ignorefile ?? null,
        tags: options.tag,
        target: options.target ?? null,
        buildArgs: buildArgs(options.buildArg, options.buildArgFile),
        labels: pairs(options.label, "label"),
        annotations: options.annotation.flatMap(parseAnnotation),
        platforms: platformsOf(options),
        manifest: options.manifest ?? null,
        squash: options.squashAll
          ? ("all" as const)
          : options.squash
            ? ("own" as const)
            : ("none" as const),
        usesCache: options.noCache !== true,
        cacheMaxAgeMs: options.cacheTtl === undefined ? null : options.cacheTtl * 1000,
        attestations: attestationsOf(options),
        cacheFrom: options.cacheFrom.map(cacheSourceOf),
        cacheTo: cacheTargets(options.cacheTo, options.buildArg),
        withoutCache: options.noCacheFilter.flatMap((names) => names.toLowerCase().split(",")),
        pull: options.pull ?? "missing",
        fetch: fetchOf(options),
        network: networkOf(options.network),
        allowed: options.allow.map(entitlementOf),
        secrets: options.secret.map(secretOf),
        agents: options.ssh.map(agentOf),
        mayAsk: isTerminal(0) && isTerminal(2),
        template: spec,
        contexts: Object.fromEntries(options.buildContext.map(contextOf)),
        outputs: outputsOf(options.output, options),
        metadataFile: options.metadataFile ?? null,
        jobs: jobsOf(options.jobs),
        epoch: epochOf(options.timestamp, options.sourceDateEpoch),
        family: options.format ?? defaultFamily(engine, elsewhere),
        iidFile: options.iidfile ?? null,
        progress,
        signal: abort.signal,
      };
      if (options.check) return showFindings(await engine.builds.check(request));
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

/** 1 when there are any, as docker has it. */
function showFindings(findings: readonly string[]): number {
  if (findings.length === 0) print("Check complete, no warnings found.\n");
  else {
    const many = findings.length === 1 ? "1 warning has" : `${findings.length} warnings have`;
    print(`Check complete, ${many} been found!\n`);
    for (const finding of findings) print(`\n${finding.split("\n").map(printable).join("\n")}`);
  }
  return findings.length === 0 ? 0 : 1;
}

/** Ctrl-C ends the steps, and what was done so far is kept. */
function abortOnSignals(): AbortController {
  const abort = new AbortController();
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
    process.once(name, () => abort.abort());
  return abort;
}

/** The build argument is how an inline cache was asked for before there were words for caches. */
function cacheTargets(texts: readonly string[], args: readonly string[]) {
  const isInline = args.includes("BUILDKIT_INLINE_CACHE=1");
  return [...texts, ...(isInline ? ["type=inline"] : [])].map(cacheTargetOf);
}

/** `--platform a,b`, or its parts one by one. */
function platformsOf({
  platform,
  ...parts
}: {
  readonly platform: readonly string[];
  readonly os?: string | undefined;
  readonly arch?: string | undefined;
  readonly variant?: string | undefined;
}): PlatformChoice[] {
  const { os = null, arch = null, variant = null } = parts;
  const isInParts = os !== null || arch !== null || variant !== null;
  if (isInParts && platform.length > 0)
    throw new CooperError("invalid-argument", "--platform, or --os, --arch and --variant");
  if (isInParts) return [{ os, architecture: arch, variant }];
  // podman's word for this machine
  return platform
    .flatMap((text) => text.split(","))
    .map((text) => (text === "local" ? anyPlatform : parsePlatform(text)));
}

/** What is given last goes first; a name alone is taken from the environment, or is none. */
function buildArgs(given: readonly string[], files: readonly string[]): Record<string, string> {
  const lines = files.flatMap((file) =>
    readFile(file)
      .split("\n")
      .map((line) => line.trim())
      .filter((line) => line !== "" && !line.startsWith("#")),
  );
  const args: Record<string, string> = {};
  for (const text of [...lines, ...given]) {
    const equals = text.indexOf("=");
    const name = equals < 0 ? text : text.slice(0, equals);
    if (name === "")
      throw new CooperError("invalid-argument", `invalid build argument "${text}": it has no name`);
    const value = equals < 0 ? process.env[name] : text.slice(equals + 1);
    if (value !== undefined) args[name] = value;
  }
  return args;
}

function readFile(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    throw new CooperError("no-such-object", `cannot read ${file}: ${errnoName(cause)}`, { cause });
  }
}

function networkOf(
  text: "default" | "none" | "host" | "private" | "bridge" | undefined,
): "default" | "none" | "host" {
  return text === "none" || text === "host" ? text : "default";
}

function jobsOf(given: number | undefined): number {
  if (given === undefined || given === 0) return Math.max(4, 2 * availableParallelism()); // most steps wait for something
  if (given < 0) throw new CooperError("invalid-argument", "--jobs: less than nothing");
  return given;
}

function epochOf(timestamp: number | undefined, sourceDateEpoch: number | undefined) {
  if (timestamp !== undefined) return { seconds: timestamp, isExact: true };
  const text = process.env.SOURCE_DATE_EPOCH ?? "";
  if (sourceDateEpoch === undefined && text !== "" && !/^\d+$/.test(text))
    throw new CooperError("invalid-argument", `SOURCE_DATE_EPOCH=${text} is no number of seconds`);
  const seconds = sourceDateEpoch ?? (text === "" ? undefined : Number(text));
  return seconds === undefined ? null : { seconds, isExact: false };
}
