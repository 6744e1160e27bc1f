/** `build`: an image of what a Dockerfile says. */
import { readFileSync, statSync } from "node:fs";
import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import { CooperError, errnoName } from "../../errors.ts";
import {
  hostPlatform,
  isPlatform,
  type PlatformChoice,
  resolvePlatform,
} from "../../oci/platform.ts";
import { plainProgress, quietProgress } from "../build-progress.ts";
import { defineCommand } from "../command.ts";
import { print } from "../output.ts";
import { pairs } from "../pairs.ts";
import { printable } from "../printable.ts";
import { buildOptions, emptyOptions, refusedOptions } from "./build-options.ts";
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
  args: { min: 0, max: 1 },
  completes: "file",
  async run({ engine, args, options, fail }) {
    const isQuiet = options.quiet === true || options.progress === "quiet";
    assertOwnPlatform(options.platform);
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
        annotations: pairs(options.annotation, "annotation"),
        usesCache: options.noCache !== true,
        withoutCache: options.noCacheFilter.flatMap((names) => names.toLowerCase().split(",")),
        pull: options.pull ?? "missing",
        fetch: fetchOf({ ...options, quiet: isQuiet }),
        network: networkOf(options.network),
        secrets: options.secret.map(secretOf),
        agents: new Map(options.ssh.map(agentOf)),
        jobs: jobsOf(options.jobs),
        epoch: epochOf(options.timestamp, options.sourceDateEpoch),
        family: options.format ?? engine.host.settings.imageDefaultFormat,
        iidFile: options.iidfile ?? null,
        progress: isQuiet ? quietProgress() : plainProgress(),
        signal: abort.signal,
      };
      if (options.check) return showFindings(await engine.builds.check(request));
      const image = await engine.builds.build(request);
      print(isQuiet ? `sha256:${image.id}\n` : `${image.id}\n`);
      return 0;
    } catch (error) {
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

function assertOwnPlatform(choice: PlatformChoice | undefined): void {
  if (choice === undefined || isPlatform(hostPlatform(), resolvePlatform(choice))) return;
  throw new CooperError("not-supported", "builds are for this machine's platform only so far");
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
  if (given === undefined || given === 0) return Math.max(2, availableParallelism());
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

/** `id=ID,src=FILE`, `id=ID,env=NAME`, `id=NAME` for a variable or a file of that name. */
function secretOf(text: string) {
  const values = pairs(text.split(","), "secret");
  const { id = "", src, source = src, env, type, ...more } = values;
  const unknown = Object.keys(more)[0];
  if (unknown !== undefined || (type !== undefined && !["file", "env"].includes(type)))
    throw new CooperError(
      "invalid-argument",
      `invalid secret: unexpected key '${unknown ?? "type"}'`,
    );
  if (id === "") throw new CooperError("invalid-argument", "invalid secret: it has no id");
  const variable = env ?? (source === undefined && type !== "file" ? id : undefined);
  return {
    id,
    async read(): Promise<Uint8Array> {
      const value = variable === undefined ? undefined : process.env[variable];
      if (value !== undefined) return Buffer.from(value);
      if (env !== undefined)
        throw new CooperError("no-such-object", `the secret ${id}: the variable ${env} is not set`);
      return readBytes(source ?? id, id);
    },
  };
}

/** `default`, or `ID=SOCKET`. Keys are for agents to hold. */
function agentOf(text: string): [string, string] {
  const equals = text.indexOf("=");
  const id = equals < 0 ? text : text.slice(0, equals);
  const socket = equals < 0 ? (process.env.SSH_AUTH_SOCK ?? "") : text.slice(equals + 1);
  if (socket === "")
    throw new CooperError(
      "invalid-argument",
      `--ssh ${id}: no agent runs (SSH_AUTH_SOCK is not set)`,
    );
  if (statSync(socket, { throwIfNoEntry: false })?.isSocket() !== true)
    throw new CooperError("invalid-argument", `--ssh ${id}: ${socket} is no agent's socket`, {
      hint: "load keys into an agent: ssh-add FILE",
    });
  return [id, resolve(socket)];
}

const maxSecretBytes = 500 << 10;

function readBytes(file: string, id: string): Uint8Array {
  try {
    const bytes = readFileSync(file);
    if (bytes.length <= maxSecretBytes) return bytes;
  } catch (cause) {
    throw new CooperError("no-such-object", `the secret ${id}: cannot read ${file}`, { cause });
  }
  throw new CooperError("invalid-argument", `the secret ${id} is larger than 500 kB`);
}
