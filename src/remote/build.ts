/** `build` at an engine elsewhere: the context goes as a tar, and lines come back (the classic `/build`). */
import { writeFileSync } from "node:fs";
import { parseOwnProgress, readStep } from "../api/docker/read-build.ts";
import { hex, object, ownPart, text } from "../api/docker/reading.ts";
import type { BuildOptions } from "../build/build.ts";
import { noOverrides } from "../build/overrides.ts";
import { emptySpec } from "../container/spec.ts";
import { CooperError, messageOf } from "../errors.ts";
import { assertPlain } from "./access.ts";
import { sentContext } from "./build-context.ts";
import type { Client } from "./client.ts";
import { Progress, platformText } from "./pull.ts";

/** Resolves to the image. @throws CooperError what the build fails with */
export async function buildElsewhere(
  client: Client,
  options: BuildOptions,
): Promise<{ id: string } | null> {
  assertCarried(options);
  const { kind } = await client.peer();
  const { body, dockerfile, remote } = await sentContext(options);
  const lines = client.lines("POST", "/build", {
    query: {
      dockerfile,
      t: options.tags,
      target: options.target,
      buildargs: textOf(options.buildArgs),
      labels: textOf(options.labels),
      nocache: !options.usesCache,
      pull: options.pull === "always" || options.pull === "newer",
      networkmode: options.network === "default" ? null : options.network,
      rm: true,
      forcerm: true,
      squash: options.squash === "own",
      platform: platformText(options.platforms[0]),
      remote,
      version: kind === "docker" ? "1" : null,
    },
    ...(body !== null && { body, contentType: "application/x-tar" }),
    signal: options.signal,
  });
  const failures = new Progress("", undefined, true);
  const steps = new Steps(options);
  let id = "";
  try {
    for await (const line of lines) {
      const document = object(line);
      failures.line(document);
      await steps.line(document);
      const short = /^Successfully built ([0-9a-f]{12,64})/.exec(text(document.stream))?.[1];
      id = hex(object(document.aux).ID) || id || (short ?? "");
    }
  } catch (error) {
    steps.failed(error);
    if (options.signal?.aborted) throw new CooperError("cancelled", "the build was cancelled");
    throw error;
  }
  steps.done();
  if (id === "")
    throw new CooperError("helper-failed", "the engine does not say what it has built");
  if (options.iidFile !== null) writeFileSync(options.iidFile, `sha256:${id}`);
  return { id };
}

const textOf = (map: Readonly<Record<string, string>>) =>
  Object.keys(map).length === 0 ? null : JSON.stringify(map);

/** What the classic build of Docker's API has no words for. */
function assertCarried(options: BuildOptions): void {
  assertPlain(options.fetch);
  const images = options.outputs.flatMap((output) => (output.kind === "image" ? [output] : []));
  const isAsked = ({ format, level, isForced }: (typeof images)[number]["compression"]) =>
    format !== null || level !== null || isForced;
  const rows: readonly (readonly [string, boolean])[] = [
    ["--secret", options.secrets.length > 0],
    ["--ssh", options.agents.length > 0],
    ["--build-context", Object.keys(options.contexts).length > 0],
    ["--output", options.outputs.some(({ kind }) => kind !== "image")],
    ["--push", images.some(({ pushes }) => pushes)],
    ["--output with a name", images.some(({ names }) => names.length > 0)],
    ["--output with compression", images.some(({ compression }) => isAsked(compression))],
    ["--cache-from", (options.cacheFrom ?? []).length > 0],
    ["--cache-to, also as BUILDKIT_INLINE_CACHE", (options.cacheTo ?? []).length > 0],
    ["--sbom", options.attestations?.sbom === true],
    ["--provenance", (options.attestations?.provenance ?? null) !== null],
    ["--creds", options.fetch.credentials !== undefined],
    ["--authfile", options.fetch.authFile !== undefined],
    ["--signature-policy", options.fetch.signaturePolicy !== undefined],
    ["--annotation", options.annotations.length > 0],
    ["--no-cache-filter", options.withoutCache.length > 0],
    ["--metadata-file", options.metadataFile !== null],
    ["--manifest", options.manifest !== null],
    ["--platform with several", options.platforms.length > 1],
    ["--squash-all", options.squash === "all"],
    ["--cache-ttl", options.cacheMaxAgeMs !== null],
    ["--allow", options.allowed.length > 0],
    ["--timestamp", options.epoch !== null],
    ["--pull=never", options.pull === "never"],
    ["--format oci", options.family === "oci"],
    ["--iidfile-raw", (options.iidFileRaw ?? null) !== null],
    ["--debug-shell", options.opensDebugShell === true],
    ["--cpp-flag", (options.cppFlags ?? []).length > 0],
    [
      "--env, --from, --unsetenv, --unsetlabel, --inherit-labels or --omit-history",
      !Bun.deepEquals(options.overrides ?? noOverrides, noOverrides),
    ],
    ["limits, hosts and devices of RUN", !Bun.deepEquals(options.template, emptySpec())],
  ];
  const asked = rows.find(([, isAsked]) => isAsked);
  if (asked !== undefined)
    throw new CooperError(
      "not-supported",
      `${asked[0]} of a build works on the engine of this machine only`,
    );
}

/** Lines of a build as its steps. */
class Steps {
  private readonly progress: BuildOptions["progress"];
  private current: { readonly key: number; readonly title: string } | undefined;

  constructor({ progress }: BuildOptions) {
    this.progress = progress;
  }

  async line(document: Readonly<Record<string, unknown>>): Promise<void> {
    const own = ownPart(document);
    if (own !== undefined) return parseOwnProgress(own, this.progress);
    const step = readStep(text(document.stream));
    switch (step.kind) {
      case "step":
        this.done();
        this.current = { key: step.number, title: step.title };
        this.progress.started(step.number, step.title);
        return;
      case "cached":
        if (this.current !== undefined)
          await this.progress.output(this.current.key, Buffer.from("CACHED\n"));
        return;
      case "output":
        if (this.current !== undefined)
          await this.progress.output(this.current.key, Buffer.from(step.text));
    }
  }

  done(): void {
    if (this.current !== undefined) this.progress.done(this.current.key);
    this.current = undefined;
  }

  failed(error: unknown): void {
    if (this.current !== undefined)
      this.progress.failed(this.current.key, this.current.title, messageOf(error));
    this.current = undefined;
  }
}
