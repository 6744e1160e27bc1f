/** `build`: an image of what a Dockerfile says. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ContainerSpec } from "../container/spec.ts";
import { CooperError } from "../errors.ts";
import type { Host } from "../host.ts";
import { emitImage } from "../image/events.ts";
import type { FetchOptions, PullPolicy } from "../image/for-container.ts";
import { ownManifest } from "../image/own-manifest.ts";
import { publishImage, publishLayers } from "../image/publish.ts";
import { openStage } from "../image/stage.ts";
import { sweep } from "../image/sweep.ts";
import { decodeImageConfig } from "../oci/decode-image-config.ts";
import { hostPlatform } from "../oci/platform.ts";
import { formatReference, parseTarget } from "../oci/reference.ts";
import { insertCachedSteps, touchCachedSteps } from "../records/build-cache.ts";
import type { Image } from "../records/images.ts";
import { readBytesInRoot } from "../system/rooted.ts";
import { Checks } from "./check.ts";
import { DigestMemory } from "./context/digest.ts";
import { namedTrees, openContext } from "./context/open.ts";
import type { SourceTree } from "./context/tree.ts";
import { parseDockerfile } from "./dockerfile/parse.ts";
import { buildDocument } from "./document.ts";
import { creationTime, type Epoch } from "./epoch.ts";
import { type Graph, inputsOf, type PlannedStep, type StepId } from "./graph.ts";
import { type BuildOutput, writeArchive, writeFiles } from "./output.ts";
import { planAll } from "./plan.ts";
import type { Progress, ToldStep } from "./progress.ts";
import { type BuildSecret, BuildSession, type BuiltTree } from "./session.ts";
import { solve } from "./solve.ts";
import type { GraphInput, NamedContext } from "./stages.ts";
import { BuildImages } from "./steps/image.ts";
import { removeLeftContainers } from "./steps/left-containers.ts";
import { sweepSecrets } from "./steps/secret-files.ts";

/** What was asked. */
export interface BuildOptions {
  /** A directory, a tar, or `-`. */
  readonly context: string;
  readonly file: string | null;
  readonly ignoreFile: string | null;
  readonly tags: readonly string[];
  readonly target: string | null;
  readonly buildArgs: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly usesCache: boolean;
  /** Stages whose steps are done anew. */
  readonly withoutCache: readonly string[];
  readonly pull: PullPolicy;
  readonly fetch: FetchOptions;
  readonly network: GraphInput["network"];
  readonly secrets: readonly BuildSecret[];
  /** Secrets that a client sent in the tar of the context, each a file at its top: no step sees those files. */
  readonly sentSecrets?: readonly SentSecret[];
  /** What containers of RUN get besides: limits, hosts, devices… */
  readonly template: ContainerSpec;
  /** Further contexts by name: a directory, or another image. */
  readonly contexts: Readonly<Record<string, NamedContext>>;
  readonly outputs: readonly BuildOutput[];
  readonly metadataFile: string | null;
  readonly agents: ReadonlyMap<string, string>;
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
 * Builds, and gives the image its names. Resolves to null when only files were wanted, and no image.
 *
 * @throws CooperError that shows the place in the Dockerfile
 */
export async function buildImage(given: Host, options: BuildOptions): Promise<Image | null> {
  const { progress } = options;
  const host = { ...given, warn: (message: string) => progress.note(message) };
  const names = options.tags.map((tag) => formatReference(parseTarget(tag)));
  await removeLeftContainers(host);
  await sweep(host);
  sweepSecrets(host);
  using stage = await openStage(host);
  using _held = await host.locks.store("shared"); // nobody sweeps the layers that it stands on
  progress.started("definition", "[internal] load build definition");
  const sentSecrets = options.sentSecrets ?? [];
  const { dockerfile: file, tree } = await openContext({
    ...options,
    hidden: sentSecrets.map((secret) => secret.file),
    scratch: join(stage.directory, "context"),
  });
  progress.status("definition", file.name, `${Buffer.byteLength(file.text)}B done`);
  progress.done("definition");
  const dockerfile = parseDockerfile(file.name, file.text);
  const abort = new AbortController();
  options.signal?.addEventListener("abort", () => abort.abort(), { once: true });
  const images = new BuildImages(
    host,
    { ...options.fetch, pull: options.pull, signal: abort.signal },
    progress,
  );
  const platform = hostPlatform();
  const checks = new Checks(dockerfile, tree.ignore);
  const graph = await planAll(images, {
    ...options,
    dockerfile,
    buildPlatform: platform,
    targetPlatform: platform,
    onUndefined: checks.onUndefined,
  });
  checks.tell(progress);
  progress.planned(toldSteps(graph));
  const session = new BuildSession({
    host,
    stage,
    options: {
      epoch: options.epoch,
      secrets: [...options.secrets, ...sentSecrets.map((secret) => secretIn(tree, secret))],
      template: options.template,
      agents: options.agents,
      usesCache: (step) => mayUseCache(options, step),
    },
    progress,
    memory: new DigestMemory(host.database),
    signal: abort.signal,
    contexts: new Map([[null, tree], ...namedTrees(options.contexts)]),
  });
  let trees: ReadonlyMap<StepId, BuiltTree>;
  try {
    trees = await solve(session, graph, { jobs: options.jobs, images, abort });
  } finally {
    await keep(session); // also what was done before a step failed: it need not be done again
  }
  const built = trees.get(graph.result.tree) ?? { layers: [] };
  const files = options.outputs.filter(({ kind }) => kind === "local" || kind === "tar");
  for (const output of files) await writeFiles(session, built, output);
  if (files.length > 0 && files.length === options.outputs.length) return null;
  progress.started("export", "exporting to image");
  const image = await publish(session, graph, trees, images, { ...options, names });
  progress.status("export", `writing image sha256:${image.id}`, "done");
  for (const name of names) progress.status("export", `naming to ${name}`, "done");
  progress.done("export");
  for (const output of options.outputs) await writeArchive(host, image, output);
  if (options.iidFile !== null) writeFileSync(options.iidFile, `sha256:${image.id}`);
  if (options.metadataFile !== null) writeMetadata(options.metadataFile, image);
  emitImage(host, "build", image.id, image.names[0] ?? image.id);
  return image;
}

/** What people are told of; nobody is told of no files and of a context, which are only read by others. */
function toldSteps({ steps }: Graph): ToldStep[] {
  return steps.flatMap(({ step, title }, key) =>
    step.kind === "scratch" || step.kind === "context"
      ? []
      : [{ key, title, inputs: inputsOf(step), facts: JSON.stringify(step) }],
  );
}

const maxSecretBytes = 500 << 10;

function secretIn(tree: SourceTree, { id, file }: SentSecret): BuildSecret {
  return {
    id,
    async read() {
      const bytes = readBytesInRoot(tree.root, file, maxSecretBytes + 1);
      if (bytes === undefined)
        throw new CooperError("no-such-object", `the secret ${id}: the context has no ${file}`);
      if (bytes.length > maxSecretBytes)
        throw new CooperError("invalid-argument", `the secret ${id} is larger than 500 kB`);
      return bytes;
    },
  };
}

/** buildx's names for what came out. */
function writeMetadata(file: string, image: Image): void {
  const facts = {
    "containerimage.config.digest": `sha256:${image.id}`,
    "containerimage.digest": image.manifestDigest,
    ...(image.names.length > 0 && { "image.name": image.names.join(",") }),
  };
  writeFileSync(file, `${JSON.stringify(facts, null, 2)}\n`);
}

function mayUseCache({ usesCache, withoutCache }: BuildOptions, { stages }: PlannedStep): boolean {
  return usesCache && !stages.some((stage) => withoutCache.includes(stage));
}

/** The layers that were made, and what the next build finds them by. */
async function keep(session: BuildSession): Promise<void> {
  const { host, made } = session;
  const { remembered, used } = session.results;
  session.memory.save();
  if (used.length > 0) touchCachedSteps(host.database, used);
  if (remembered.length === 0) return;
  await publishLayers(host, made, () => insertCachedSteps(host.database, remembered));
  session.markStored();
}

async function publish(
  session: BuildSession,
  graph: Graph,
  trees: ReadonlyMap<StepId, BuiltTree>,
  images: BuildImages,
  options: BuildOptions & { readonly names: readonly string[] },
): Promise<Image> {
  const { host } = session;
  const { result } = graph;
  const layerIds = trees.get(result.tree)?.layers ?? [];
  const baseStep = result.base === null ? undefined : graph.steps[result.base]?.step;
  const base = baseStep?.kind === "image" ? await images.get(baseStep) : null;
  const own = layerIds.slice(base?.layers.length ?? 0);
  const configText = buildDocument({
    result,
    base: base?.config ?? null,
    diffIds: layerIds.map((id) => `sha256:${id}`),
    layerTimes: own.map((id) => session.timeOf(id) ?? 0),
    platform: hostPlatform(),
    createdAt: options.epoch === null ? null : creationTime(options.epoch),
  });
  const layers = layerIds.map((id) => session.layer(id));
  return publishImage(host, {
    config: decodeImageConfig(Buffer.from(configText), "the new image's configuration").config,
    configText,
    manifests: [ownManifest(configText, layers, options.family, options.annotations)],
    layers,
    names: options.names,
    repoDigests: [],
    parentId: base?.id ?? null,
  });
}
