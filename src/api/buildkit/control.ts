/**
 * BuildKit's API as far as docker's buildx and compose use it with the driver "docker": Dockerfiles are
 * built, by our own builder. What is built by graphs of the client's own (LLB) is refused.
 */
import { randomBytes } from "node:crypto";
import { availableParallelism } from "node:os";
import type { BuildOptions } from "../../build/build.ts";
import type { SentContexts } from "../../build/context/sent.ts";
import type { Built } from "../../build/give.ts";
import type { LocalEngine } from "../../engine.ts";
import { CooperError } from "../../errors.ts";
import { hostPlatform } from "../../oci/platform.ts";
import { version } from "../../version.ts";
import { ClientAgents } from "./agent.ts";
import { clientFiles, clientTexts, clientUpload, ignorePatterns } from "./files.ts";
import { type Methods, type ServerCall, unary } from "./grpc.ts";
import { type Job, type JobResult, Jobs } from "./jobs.ts";
import { encode, type FieldValue, Message, mapFields } from "./protobuf.ts";
import { type AskedBuild, askedBuild, askedCacheTargets, askedTags } from "./request.ts";
import { type BuildSession, BuildSessions } from "./session.ts";
import { buildStatus } from "./status.ts";

const control = "/moby.buildkit.v1.Control";
const bridge = "/moby.buildkit.v1.frontend.LLBBridge";

/** What a frontend of the client may ask of us (BuildKit's gateway/pb, caps.go). */
const capabilities = [
  "solve.base",
  "return",
  "returnmap",
  "proto.refarray",
  "gateway.solve.evaluate",
];

/** Names of the Dockerfile's frontend: ours, whichever release of it was asked for. */
const isDockerfile = (frontend: string, source: string) =>
  frontend === "dockerfile.v0" ||
  (frontend === "gateway.v0" &&
    /^(docker\.io\/)?docker\/dockerfile(-upstream)?(:|@|$)/.test(source));

/** BuildKit's part of a service. */
export class BuildKit {
  readonly sessions = new BuildSessions();
  private readonly jobs = new Jobs();
  private readonly engine: LocalEngine;
  readonly methods: Methods;

  constructor(engine: LocalEngine) {
    this.engine = engine;
    this.methods = {
      [`${control}/Info`]: unary(async () => encode([1, buildkitVersion()])),
      [`${control}/ListWorkers`]: unary(async () => encode([1, worker()])),
      [`${control}/Solve`]: unary((bytes, call) => this.solve(new Message(bytes), call)),
      [`${control}/Status`]: (call) => this.status(call),
      [`${control}/DiskUsage`]: unary((bytes) => this.diskUsage(new Message(bytes))),
      [`${control}/Prune`]: (call) => this.prune(call),
      [`${bridge}/Ping`]: unary(async () =>
        encode(...capabilities.map((id): [number, FieldValue] => [1, encode([1, id], [2, true])]), [
          3,
          worker(),
        ]),
      ),
      [`${bridge}/Solve`]: unary((bytes, call) => this.bridgeSolve(new Message(bytes), call)),
      [`${bridge}/Return`]: unary((bytes, call) => this.bridgeReturn(new Message(bytes), call)),
    };
  }

  /** One build. With the client's own frontend it asks for its parts by LLBBridge meanwhile. */
  private async solve(request: Message, { signal }: ServerCall): Promise<Buffer> {
    const job = this.jobs.of(request.string(1));
    try {
      if (request.message(2)?.all(1).length)
        throw new CooperError(
          "not-supported",
          "a graph of the client's own (LLB) is not solved here: builds are of Dockerfiles",
        );
      job.begin(request);
      const frontend = request.string(6);
      if (frontend !== "")
        return response(await this.build(job, request, frontend, request.map(7), signal));
      signal.addEventListener(
        "abort",
        () => job.fail(new CooperError("cancelled", "the client has gone")),
        { once: true },
      );
      const result = job.results.get(await job.returned);
      return response(result);
    } finally {
      this.jobs.remove(job);
    }
  }

  private async status(call: ServerCall): Promise<void> {
    for await (const question of call.messages) {
      const { job } = await this.jobs.begun(new Message(question).string(1));
      for await (const message of job.progress(call.signal)) await call.send(message);
      return;
    }
  }

  private async bridgeSolve(question: Message, call: ServerCall): Promise<Buffer> {
    const { job, request } = await this.jobs.begun(jobOf(call));
    if (question.message(1)?.all(1).length || question.all(13).length > 0)
      throw new CooperError(
        "not-supported",
        "a graph of the client's own (LLB) is not solved here: builds are of Dockerfiles",
      );
    const frontend = question.string(2);
    const reference = randomBytes(12).toString("hex");
    if (frontend !== "")
      job.results.set(
        reference,
        await this.build(job, request, frontend, question.map(3), call.signal),
      );
    // SolveResponse.result.ref.id
    return encode([3, encode([3, encode([1, frontend === "" ? "" : reference])])]);
  }

  private async bridgeReturn(question: Message, call: ServerCall): Promise<Buffer> {
    const { job } = await this.jobs.begun(jobOf(call));
    const failure = question.message(2);
    if (failure !== undefined && failure.number(1) !== 0)
      job.fail(new CooperError("helper-failed", failure.string(2)));
    else {
      const result = question.message(1);
      job.finish(result?.message(3)?.string(1) ?? result?.string(1) ?? "");
    }
    return encode();
  }

  private async build(
    job: Job,
    request: Message,
    frontend: string,
    attributes: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<JobResult> {
    if (!isDockerfile(frontend, attributes.source ?? ""))
      throw new CooperError(
        "not-supported",
        `the frontend ${attributes.source ?? frontend} is not run here: Dockerfiles are read by our own builder`,
      );
    const tags = askedTags(request);
    const cacheTo = askedCacheTargets(request);
    const asked = askedBuild(attributes);
    const session = await this.sessions.get(request.string(5));
    using agents = new ClientAgents(session);
    const progress = buildStatus(job.ref, job.tell);
    const options = {
      ...asked,
      ...unasked,
      allowed: request.strings(9),
      cacheTo,
      family: cacheTo.length > 0 ? ("oci" as const) : ("docker" as const), // a cache is an annotation
      file: asked.filename,
      tags,
      fetch: {
        isQuiet: true,
        askCredentials: (registry: string) => session.credentials(registry),
      },
      findSecret: (id: string) => session.secret(id),
      findAgent: (id: string) => agents.find(id),
      jobs: Math.max(2, availableParallelism()),
      progress,
      signal,
    };
    const { builds, images } = this.engine;
    let built: Built | null;
    if (asked.context.kind === "files") {
      const dockerfile = await sentDockerfile(session, asked);
      const contexts = await sentContexts(session, asked, dockerfile.ignore);
      built = await builds.buildSent(contexts, { ...options, dockerfile });
    } else if (asked.context.kind === "address") {
      built = await builds.build({ ...options, context: asked.context.address });
    } else {
      built = await images.withUpload(clientUpload(session, asked.context.path), (context) =>
        builds.build({ ...options, context }),
      );
    }
    if (built === null) throw new CooperError("helper-failed", "the build came to no image");
    const [image] = built.images;
    return { imageId: built.id, names: tags, manifestDigest: image?.manifestDigest ?? null };
  }

  private async diskUsage(request: Message): Promise<Buffer> {
    const entries = await this.engine.builds.cache(filtersOf(request.strings(1)));
    return encode(...entries.map((entry): [number, FieldValue] => [1, usageRecord(entry)]));
  }

  private async prune(call: ServerCall): Promise<void> {
    for await (const question of call.messages) {
      const request = new Message(question);
      const orNull = (bytes: number) => (bytes === 0 ? null : bytes);
      const { entries } = await this.engine.builds.pruneCache({
        all: request.boolean(2),
        filters: filtersOf(request.strings(1)),
        reservedBytes: orNull(request.number(4)),
        maxUsedBytes: orNull(request.number(5)),
        minFreeBytes: orNull(request.number(6)),
      });
      for (const entry of entries) await call.send(usageRecord(entry));
      return;
    }
  }
}

/** The Dockerfile is a file of its own, which need not be in the context. */
async function sentDockerfile(
  session: BuildSession,
  { filename, dockerfileDirectory, contextDirectory }: AskedBuild,
) {
  const own = `${filename}.dockerignore`;
  const texts = await clientTexts(session, dockerfileDirectory, [filename, own]);
  const text = texts.get(filename);
  if (text === undefined)
    throw new CooperError(
      "no-such-object",
      `failed to read dockerfile: open ${filename}: no such file or directory`,
    );
  const ignore = texts.get(own) ?? (await ignoreText(session, contextDirectory));
  return { name: filename, text, ignore };
}

async function ignoreText(session: BuildSession, directory: string): Promise<string> {
  const name = ".dockerignore";
  return (await clientTexts(session, directory, [name])).get(name) ?? "";
}

/** The files of the context, and of others by name. */
async function sentContexts(
  session: BuildSession,
  { contextDirectory, directories }: AskedBuild,
  ignore: string,
): Promise<SentContexts> {
  const named = await Promise.all(
    Object.entries(directories).map(async ([name, directory]) => {
      const exclude = ignorePatterns(await ignoreText(session, directory));
      return [name, clientFiles(session, { directory, exclude })] as const;
    }),
  );
  const exclude = ignorePatterns(ignore);
  return {
    main: clientFiles(session, { directory: contextDirectory, exclude }),
    named: Object.fromEntries(named),
  };
}

/** What such a client cannot ask for. */
const unasked = {
  ignoreFile: null,
  annotations: [],
  manifest: null,
  squash: "none",
  mayAsk: false,
  cacheMaxAgeMs: null,
  secrets: [],
  agents: [],
  outputs: [],
  metadataFile: null,
  epoch: null,
  iidFile: null,
} satisfies Partial<BuildOptions>;

/** Calls of one build name it in their metadata. */
const jobOf = ({ metadata }: ServerCall) => String(metadata["buildkit-controlapi-buildid"] ?? "");

/** containerd's filters as buildx writes them: `id~=x`, `type==regular`. */
const filtersOf = (filters: readonly string[]) =>
  filters
    .flatMap((filter) => filter.split(","))
    .filter((one) => one !== "")
    .map((one) => one.replace(/(==|~=)/, "="));

/** SolveResponse; empty where nothing was built. */
function response(result: JobResult | undefined): Buffer {
  if (result === undefined) return encode();
  return encode(
    ...mapFields(1, {
      "containerimage.config.digest": `sha256:${result.imageId}`,
      // Moby without containerd's store has no other digest of what is not pushed
      "containerimage.digest": result.manifestDigest ?? `sha256:${result.imageId}`,
      ...(result.names.length > 0 && { "image.name": result.names.join(",") }),
    }),
  );
}

const buildkitVersion = () => encode([1, "cooper"], [2, `v${version}`]);

/** WorkerRecord: the machine itself. */
function worker(): Buffer {
  const { os, architecture, variant } = hostPlatform();
  return encode(
    [1, "cooper"],
    ...mapFields(2, { "org.mobyproject.buildkit.worker.executor": "cooper" }),
    [3, encode([1, architecture], [2, os], [3, variant])],
    [5, buildkitVersion()],
  );
}

function usageRecord(entry: {
  readonly id: string;
  readonly kind: "step" | "mount";
  readonly title: string;
  readonly bytes: number;
  readonly createdAt: number;
  readonly usedAt: number;
  readonly isShared: boolean;
  readonly isInUse: boolean;
}): Buffer {
  const time = (ms: number) => encode([1, Math.floor(ms / 1000)], [2, (ms % 1000) * 1_000_000]);
  return encode(
    [1, entry.id],
    [2, entry.kind === "mount"],
    [3, entry.isInUse],
    [4, entry.bytes],
    [6, time(entry.createdAt)],
    [7, time(entry.usedAt)],
    [8, 1],
    [9, entry.title],
    [10, entry.kind === "step" ? "regular" : "exec.cachemount"],
    [11, entry.isShared],
  );
}
