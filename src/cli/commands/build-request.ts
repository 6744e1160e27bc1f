/** From the options of `build` to what is asked of the engine; bake asks in the same words. */
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { parseAnnotation } from "../../build/annotations.ts";
import type { BuildOptions } from "../../build/build.ts";
import type { Progress } from "../../build/progress.ts";
import type { ContainerSpec } from "../../container/spec.ts";
import { CooperError, errnoName } from "../../errors.ts";
import { anyPlatform, type PlatformChoice, parsePlatform } from "../../oci/platform.ts";
import { isTerminal } from "../../system/terminal.ts";
import type { OptionValues } from "../command.ts";
import { pairs } from "../pairs.ts";
import { attestationsOf } from "./build-attest.ts";
import { emptyImageOptions, imageOptions, refusedImageOptions } from "./build-image-options.ts";
import { buildOptions, emptyOptions, refusedOptions } from "./build-options.ts";
import { outputsOf } from "./build-output.ts";
import { cacheSourceOf, cacheTargetOf } from "./build-shared-cache.ts";
import { agentOf, contextOf, entitlementOf, secretOf } from "./build-values.ts";
import { fetchOf, fetchOptions } from "./fetch-options.ts";

/** All that `build` has, but for what its containers take. */
export const requestOptions = {
  ...buildOptions,
  ...imageOptions,
  ...fetchOptions,
  ...emptyOptions,
  ...emptyImageOptions,
  ...refusedOptions,
  ...refusedImageOptions,
} as const;

/** What else a build is made of. */
interface Around {
  readonly args: readonly string[];
  /** What containers of RUN get. */
  readonly spec: ContainerSpec;
  readonly progress: Progress;
  readonly signal: AbortSignal;
  readonly defaultFamily: BuildOptions["family"];
  /** Whether commands see the proxies of who builds, where nobody says; null: another engine knows. */
  readonly passesProxies: boolean | null;
}

/** @throws CooperError for values that cannot be */
export function requestOf(
  options: OptionValues<typeof requestOptions>,
  { args, spec, progress, signal, defaultFamily, passesProxies }: Around,
): BuildOptions {
  return {
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
    template: { ...spec, passesProxies: spec.passesProxies ?? passesProxies },
    contexts: Object.fromEntries(options.buildContext.map(contextOf)),
    outputs: outputsOf(options.output, options),
    metadataFile: options.metadataFile ?? null,
    jobs: jobsOf(options.jobs),
    epoch: epochOf(options.timestamp, options.sourceDateEpoch),
    family: options.format ?? defaultFamily,
    iidFile: options.iidfile ?? null,
    iidFileRaw: options.iidfileRaw ?? null,
    overrides: {
      env: buildArgs(options.env, []),
      unsetEnv: options.unsetenv,
      unsetLabels: options.unsetlabel,
      inheritsLabels: options.inheritLabels ?? true,
      omitsHistory: options.omitHistory ?? false,
      from: options.from ?? null,
    },
    cppFlags: options.cppFlag,
    opensDebugShell: debugShellOf(options.debugShell),
    progress,
    signal,
  };
}

function debugShellOf(isAsked = false): boolean {
  if (!isAsked || (isTerminal(0) && isTerminal(1))) return isAsked;
  throw new CooperError("invalid-argument", "--debug-shell needs a terminal");
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
