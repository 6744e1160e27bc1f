/** One build among those of a bench: planned, then done, then given its names. */
import { CooperError, invariant, messageOf } from "../errors.ts";
import type { Attestation } from "../oci/attestation.ts";
import {
  formatPlatform,
  hostPlatform,
  isPlatform,
  type Platform,
  shortPlatform,
} from "../oci/platform.ts";
import { setAttestations } from "../records/attestations.ts";
import type { Image } from "../records/images.ts";
import { attest, metadataFacts } from "./attest/attest.ts";
import { openSession } from "./begin.ts";
import type { BuildOptions, Workshop } from "./build.ts";
import { Checks } from "./check.ts";
import type { DockerfileText } from "./context/dockerfile.ts";
import { assertContexts, openContext } from "./context/open.ts";
import type { Dockerfile } from "./dockerfile/instructions.ts";
import { parseDockerfile } from "./dockerfile/parse.ts";
import { type Built, give } from "./give.ts";
import { type Graph, inputsOf, type StepId } from "./graph.ts";
import { linkName, withLinks } from "./linked.ts";
import { type MergedGraph, mergeGraphs } from "./merge.ts";
import { writeFiles } from "./output.ts";
import { planAll } from "./plan.ts";
import { dockerfileText } from "./preprocess.ts";
import type { ToldStep } from "./progress.ts";
import { makesImage, namesOf, platformsOf } from "./request.ts";
import { documentOf, type PlatformResult, publishResult } from "./result.ts";
import type { BuildSession, BuiltTree } from "./session.ts";
import { exportCache } from "./shared-cache/export.ts";
import { importCaches } from "./shared-cache/import.ts";
import { solve } from "./solve.ts";
import { withoutSecrets } from "./source/url-text.ts";
import { openAgents } from "./ssh/agents.ts";
import type { NamedContext } from "./stages.ts";
import { BuildImages, type LinkedImage } from "./steps/image.ts";
import type { Workbench } from "./workbench.ts";

/** Builds that this one begins with or copies from, by name. */
type Links = ReadonlyMap<string, PreparedBuild>;

export const noLinks: Links = new Map();

/** What was asked, with other builds as images. */
type Options = Omit<BuildOptions, "contexts"> & {
  readonly contexts: Readonly<Record<string, NamedContext>>;
};

interface AttestedResult extends PlatformResult {
  readonly attestations: readonly Attestation[];
}

interface Parts {
  readonly dockerfile: DockerfileText;
  readonly startedAt: number;
  readonly links: Links;
  readonly session: BuildSession;
  readonly options: Options;
  readonly platforms: readonly Platform[];
  readonly names: ReturnType<typeof namesOf>;
  readonly graph: MergedGraph;
  readonly images: BuildImages;
}

/** prepare() looks at everything, solve() does it, finish() hands it over. */
export class PreparedBuild {
  private parts: Parts;
  private trees: ReadonlyMap<StepId, BuiltTree> | undefined;

  private constructor(parts: Parts) {
    this.parts = parts;
  }

  /**
   * Reads the Dockerfile, and looks at the images that it stands on.
   *
   * @param links are prepared already
   * @throws CooperError that shows the place in the Dockerfile
   */
  static async prepare(shop: Workshop, asked: BuildOptions, links: Links): Promise<PreparedBuild> {
    const startedAt = Date.now();
    const { bench } = shop;
    const options = { ...asked, contexts: withLinks(asked.contexts, links) };
    const { progress } = options;
    const platforms = platformsOf(options);
    const names = namesOf(options, platforms); // complains before the long work
    assertContexts(options.contexts);
    const agents = await openAgents(bench.host, bench.stage, options.agents);
    shop.hold(agents);
    const session = openSession(bench, options, agents.sockets);
    const title = "[internal] load build definition";
    progress.started("definition", title);
    const hidden = (options.sentSecrets ?? []).map((secret) => secret.file);
    const { dockerfile: file, tree } = await openContext(session, { ...options, hidden }).catch(
      (error: unknown) => {
        progress.failed("definition", title, messageOf(error));
        throw error;
      },
    );
    session.addContext(null, tree);
    progress.status("definition", file.name, `${Buffer.byteLength(file.text)}B done`);
    progress.done("definition");
    const dockerfile = parseDockerfile(file.name, dockerfileText(file, options));
    const images = imagesFor(bench, options, links);
    const checks = new Checks(dockerfile, tree.ignore);
    const graph = await planPlatforms(images, options, platforms, { dockerfile, checks });
    checks.tell(progress);
    progress.planned(toldSteps(graph));
    const caches = await importCaches(bench.host, options.cacheFrom ?? [], options);
    shop.hold(caches);
    session.caches = caches;
    return new PreparedBuild({
      dockerfile: file,
      startedAt,
      session,
      options,
      links,
      platforms,
      names,
      graph,
      images,
    });
  }

  /** Begins anew at another bench, without caches from elsewhere. */
  renew(bench: Workbench, why: string): void {
    const { session: before, options, links } = this.parts;
    options.progress.warned(`caches from elsewhere are not used: ${why}`);
    const session = openSession(bench, options, before.options.agents);
    session.ownHost = before.ownHost;
    session.materials.push(...before.materials);
    session.addContext(null, before.context(null));
    this.parts = { ...this.parts, session, images: imagesFor(bench, options, links) };
    this.trees = undefined;
  }

  /** Does all steps. */
  async solve(): Promise<void> {
    const { session, graph, images, options } = this.parts;
    const trees = await solve(session, graph, { contexts: options.contexts, images });
    await session.ensure(graph.results.flatMap(({ tree }) => trees.get(tree)?.layers ?? []));
    this.trees = trees;
  }

  /** Gives what was done its names, and brings it where it was wanted. Resolves to null where that is no image. */
  async finish(): Promise<Built | null> {
    const { session, options, names } = this.parts;
    const results = this.results();
    const attested: AttestedResult[] = [];
    for (const result of results) {
      const attestations = await attest(this.parts, result, names.names[0] ?? "");
      attested.push({ ...result, attestations });
    }
    for (const output of options.outputs) await writeFiles(session, attested, output);
    const given = makesImage(options) ? await this.publish(attested) : null;
    const layers = results.flatMap(({ tree }) => tree.layers);
    for (const target of options.cacheTo ?? []) await exportCache(session, layers, target, options);
    return given;
  }

  private async publish(results: readonly AttestedResult[]): Promise<Built> {
    const { session, options, platforms, names, graph, images } = this.parts;
    const { host } = session;
    const own = platforms.length === 1 ? names.names : []; // several have them together
    const isOwnCache = options.cacheTo?.some(({ kind }) => kind === "inline") ?? false;
    const how = { ...options, names: own, isOwnCache };
    const built: Image[] = [];
    options.progress.started("export", "exporting to image");
    for (const { attestations, ...result } of results) {
      const image = await publishResult(session, graph.steps, result, images, how);
      setAttestations(host.database, image.id, attestations);
      built.push(image);
    }
    const facts = options.metadataFile === null ? {} : await metadataFacts(this.parts, results);
    return give(host, built, { ...options, ...names, signal: session.signal, facts });
  }

  private results(): PlatformResult[] {
    const { platforms, graph } = this.parts;
    return platforms.map((platform, index): PlatformResult => {
      const result = graph.results[index];
      invariant(result !== undefined, "a platform has no result");
      return {
        platform: shortPlatform(platform),
        result,
        tree: this.trees?.get(result.tree) ?? { layers: [] },
      };
    });
  }

  /** For another build: the configuration, and once it is done the files too. @param asked null: this machine's */
  async image(asked: Platform | null): Promise<LinkedImage> {
    const { session, options, graph, images } = this.parts;
    const wanted = asked ?? hostPlatform();
    const results = this.results();
    const found = results.find(({ platform }) => isPlatform(platform, wanted)) ?? results[0];
    invariant(found !== undefined, "a build without a platform");
    if (!isPlatform(found.platform, wanted))
      throw new CooperError(
        "invalid-argument",
        `a target that is linked to is not built for ${formatPlatform(wanted)}`,
      );
    const { os, architecture, variant } = found.platform;
    if (this.trees === undefined)
      return {
        layers: [],
        config: {
          ...{ os, architecture, variant },
          config: found.result.config,
          rootfs: { type: "layers", diff_ids: [] },
        },
      };
    const { config } = await documentOf(session, graph.steps, found, images, {
      ...options,
      squash: "none",
    });
    return { layers: found.tree.layers, config };
  }
}

function imagesFor(bench: Workbench, options: Options, links: Links): BuildImages {
  const { fetch, pull, progress } = options;
  return new BuildImages(
    bench.host,
    { ...fetch, pull, signal: bench.signal },
    progress,
    new Map([...links].map(([name, link]) => [linkName(name), (platform) => link.image(platform)])),
  );
}

/** One graph for all platforms: what they have in common is done once. */
async function planPlatforms(
  images: BuildImages,
  options: Options,
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
