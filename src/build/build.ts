/** `build`: an image of what a Dockerfile says. */
import type { ContainerSpec } from "../container/spec.ts";
import { invariant } from "../errors.ts";
import type { Host } from "../host.ts";
import type { FetchOptions, PullPolicy } from "../image/for-container.ts";
import { openStage } from "../image/stage.ts";
import { sweep } from "../image/sweep.ts";
import type { Attestation } from "../oci/attestation.ts";
import {
  formatPlatform,
  hostPlatform,
  type Platform,
  type PlatformChoice,
  shortPlatform,
} from "../oci/platform.ts";
import { setAttestations } from "../records/attestations.ts";
import type { Image } from "../records/images.ts";
import type { BuildAnnotation } from "./annotations.ts";
import { doSteps } from "./attempt.ts";
import { type AttestOptions, attest, metadataFacts } from "./attest/attest.ts";
import { openSession } from "./begin.ts";
import { Checks } from "./check.ts";
import { assertContexts, type ContextRequest, openContext } from "./context/open.ts";
import type { Dockerfile } from "./dockerfile/instructions.ts";
import { parseDockerfile } from "./dockerfile/parse.ts";
import type { Epoch } from "./epoch.ts";
import { type Built, give } from "./give.ts";
import { type Graph, inputsOf } from "./graph.ts";
import { type MergedGraph, mergeGraphs } from "./merge.ts";
import { type BuildOutput, writeFiles } from "./output.ts";
import { planAll } from "./plan.ts";
import type { Progress, ToldStep } from "./progress.ts";
import { makesImage, namesOf, platformsOf } from "./request.ts";
import { type PlatformResult, publishResult } from "./result.ts";
import type { BuildSecret } from "./session.ts";
import { type CacheTarget, exportCache } from "./shared-cache/export.ts";
import { type CacheSource, importCaches } from "./shared-cache/import.ts";
import { withoutSecrets } from "./source/url-text.ts";
import type { Squash } from "./squash.ts";
import { type AgentRequest, openAgents } from "./ssh/agents.ts";
import type { GraphInput, NamedContext } from "./stages.ts";
import { BuildImages } from "./steps/image.ts";
import { removeLeftContainers } from "./steps/left-containers.ts";
import { sweepSecrets } from "./steps/secret-files.ts";

/** What was asked. */
export interface BuildOptions {
  /** A directory, a tar, `-`, a git repository, or the URL of a tar or Dockerfile. */
  readonly context: string;
  readonly file: string | null;
  /** Instead of `file`, with a context that is a tar. */
  readonly dockerfile?: ContextRequest["dockerfile"];
  readonly ignoreFile: string | null;
  readonly tags: readonly string[];
  readonly target: string | null;
  readonly buildArgs: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: readonly BuildAnnotation[];
  /** What the image is for; none: this machine. */
  readonly platforms: readonly PlatformChoice[];
  /** The list that the image is added to. */
  readonly manifest: string | null;
  readonly squash: Squash;
  readonly usesCache: boolean;
  /** What steps came to before that is not used any more; null: none of it is too old. */
  readonly cacheMaxAgeMs: number | null;
  /** What builds elsewhere have left for this one, best first. */
  readonly cacheFrom?: readonly CacheSource[];
  /** Where this one leaves what it did. */
  readonly cacheTo?: readonly CacheTarget[];
  /** What is said of the result, besides its files. */
  readonly attestations?: AttestOptions;
  /** Stages whose steps are done anew. */
  readonly withoutCache: readonly string[];
  readonly pull: PullPolicy;
  readonly fetch: FetchOptions;
  readonly network: GraphInput["network"];
  readonly allowed: GraphInput["allowed"];
  readonly secrets: readonly BuildSecret[];
  /** Asked for a secret that is not among them, when a command wants it; undefined: there is none. */
  readonly findSecret?: (id: string) => Promise<Uint8Array | undefined>;
  /** Secrets that a client sent in the tar of the context, each a file at its top: no step sees those files. */
  readonly sentSecrets?: readonly SentSecret[];
  /** What containers of RUN get besides: limits, hosts, devices… */
  readonly template: ContainerSpec;
  /** Further contexts by name: a directory, or another image. */
  readonly contexts: Readonly<Record<string, NamedContext>>;
  readonly outputs: readonly BuildOutput[];
  readonly metadataFile: string | null;
  readonly agents: readonly AgentRequest[];
  /** Whether somebody sits at a terminal and may be asked. */
  readonly mayAsk: boolean;
  /** Asked for an agent that is not among them, when a command wants it: its socket; undefined: there is none. */
  readonly findAgent?: (id: string) => Promise<string | undefined>;
  readonly jobs: number;
  readonly epoch: Epoch | null;
  readonly family: "oci" | "docker";
  readonly iidFile: string | null;
  readonly progress: Progress;
  readonly signal?: AbortSignal | undefined;
}

/** A secret, and the name of its file in the context. */
export interface SentSecret {
  readonly id: string;
  readonly file: string;
}

/**
 * Builds, and gives what comes out its names. Resolves to null when only files were wanted, and no image.
 *
 * @throws CooperError that shows the place in the Dockerfile
 */
export async function buildImage(caller: Host, options: BuildOptions): Promise<Built | null> {
  const { progress } = options;
  const startedAt = Date.now();
  const host = { ...caller, warn: (message: string) => progress.note(message) };
  const platforms = platformsOf(options);
  const names = namesOf(options, platforms); // complains before the long work
  await removeLeftContainers(host);
  await sweep(host);
  sweepSecrets(host);
  using stage = await openStage(host);
  using _held = await host.locks.store("shared"); // nobody sweeps the layers that it stands on
  const abort = new AbortController();
  options.signal?.addEventListener("abort", () => abort.abort(), { once: true });
  assertContexts(options.contexts);
  await using agents = await openAgents(host, stage, options.agents);
  const session = openSession(host, stage, options, agents.sockets, abort.signal);
  progress.started("definition", "[internal] load build definition");
  const { dockerfile: file, tree } = await openContext(session, {
    ...options,
    hidden: (options.sentSecrets ?? []).map((secret) => secret.file),
  });
  session.addContext(null, tree);
  progress.status("definition", file.name, `${Buffer.byteLength(file.text)}B done`);
  progress.done("definition");
  const dockerfile = parseDockerfile(file.name, file.text);
  const images = new BuildImages(
    host,
    { ...options.fetch, pull: options.pull, signal: abort.signal },
    progress,
  );
  const checks = new Checks(dockerfile, tree.ignore);
  const graph = await planPlatforms(images, options, platforms, { dockerfile, checks });
  checks.tell(progress);
  progress.planned(toldSteps(graph));
  using caches = await importCaches(host, options.cacheFrom ?? [], options);
  const done = await doSteps({ options, graph, images, session, abort }, caches);
  const results = platforms.map((platform, index): PlatformResult => {
    const result = graph.results[index];
    invariant(result !== undefined, "a platform has no result");
    const built = done.trees.get(result.tree) ?? { layers: [] };
    return { platform: shortPlatform(platform), result, tree: built };
  });
  const build = { ...done, options, graph, dockerfile: file, startedAt };
  const attested: AttestedResult[] = [];
  for (const result of results)
    attested.push({ ...result, attestations: await attest(build, result, names.names[0] ?? "") });
  for (const output of options.outputs) await writeFiles(done.session, attested, output);
  const given = makesImage(options)
    ? await give(host, await publishAll(), {
        ...options,
        ...names,
        signal: done.session.signal,
        facts: options.metadataFile === null ? {} : await metadataFacts(build, results),
      })
    : null;
  const layers = results.flatMap(({ tree: { layers } }) => layers);
  for (const target of options.cacheTo ?? [])
    await exportCache(done.session, layers, target, options);
  return given;

  async function publishAll(): Promise<Image[]> {
    const own = platforms.length === 1 ? names.names : []; // several have them together
    const isOwnCache = options.cacheTo?.some(({ kind }) => kind === "inline") ?? false;
    const how = { ...options, names: own, isOwnCache };
    const published: Image[] = [];
    progress.started("export", "exporting to image");
    for (const { attestations, ...result } of attested) {
      const image = await publishResult(done.session, graph.steps, result, done.images, how);
      setAttestations(host.database, image.id, attestations);
      published.push(image);
    }
    return published;
  }
}

interface AttestedResult extends PlatformResult {
  readonly attestations: readonly Attestation[];
}

/** One graph for all platforms: what they have in common is done once. */
async function planPlatforms(
  images: BuildImages,
  options: BuildOptions,
  platforms: readonly Platform[],
  { dockerfile, checks }: { readonly dockerfile: Dockerfile; readonly checks: Checks },
): Promise<MergedGraph> {
  const graphs: Graph[] = [];
  for (const targetPlatform of platforms)
    graphs.push(
      await planAll(images, {
        ...options,
        dockerfile,
        buildPlatform: hostPlatform(),
        targetPlatform,
        onUndefined: checks.onUndefined,
      }),
    );
  return mergeGraphs(
    graphs,
    platforms.length === 1 ? [] : platforms.map((one) => formatPlatform(shortPlatform(one))),
  );
}

/** What people are told of; nobody is told of no files and of a context, which are only read by others. */
function toldSteps({ steps }: MergedGraph): ToldStep[] {
  return steps.flatMap(({ step, title }, key) =>
    step.kind === "scratch" || step.kind === "context"
      ? []
      : [{ key, title, inputs: inputsOf(step), facts: JSON.stringify(step, withoutSecrets) }],
  );
}
