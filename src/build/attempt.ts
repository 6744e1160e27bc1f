/** Doing the steps of a build, and once more where a cache elsewhere has lost what it promised. */
import { keep, openSession } from "./begin.ts";
import type { BuildOptions } from "./build.ts";
import type { StepId } from "./graph.ts";
import type { MergedGraph } from "./merge.ts";
import { type BuildSession, type BuiltTree, LostLayer } from "./session.ts";
import type { RemoteCaches } from "./shared-cache/import.ts";
import { solve } from "./solve.ts";
import { BuildImages } from "./steps/image.ts";

/** All that is known before the first step. */
interface Work {
  readonly options: BuildOptions;
  readonly graph: MergedGraph;
  readonly images: BuildImages;
  readonly session: BuildSession;
  /** Ends all of it; its signal is the session's. */
  readonly abort: AbortController;
}

/** What the steps came to; the files of all results are here. */
interface DoneWork extends Pick<Work, "session" | "images"> {
  readonly trees: ReadonlyMap<StepId, BuiltTree>;
}

/** Does the steps. @throws CooperError that shows the place in the Dockerfile */
export async function doSteps(work: Work, caches: Pick<RemoteCaches, "lookUp">): Promise<DoneWork> {
  const { options, session } = work;
  session.caches = caches;
  try {
    return await attempt(work);
  } catch (error) {
    if (!(error instanceof LostLayer)) throw error;
    options.progress.warned(`caches from elsewhere are not used: ${error.message}`);
    return attempt({ ...work, ...anew(session, options) });
  }
}

/** What failed has ended all that went on with it. */
function anew(
  before: BuildSession,
  options: BuildOptions,
): Pick<Work, "session" | "images" | "abort"> {
  const { host, stage, progress } = before;
  const abort = new AbortController();
  if (options.signal?.aborted) abort.abort();
  options.signal?.addEventListener("abort", () => abort.abort(), { once: true });
  const session = openSession(host, stage, options, before.options.agents, abort.signal);
  session.ownHost = before.ownHost;
  session.materials.push(...before.materials);
  session.addContext(null, before.context(null));
  const how = { ...options.fetch, pull: options.pull, signal: abort.signal };
  return { session, abort, images: new BuildImages(host, how, progress) };
}

async function attempt({ session, options, graph, images, abort }: Work): Promise<DoneWork> {
  const { jobs, contexts } = options;
  try {
    const trees = await solve(session, graph, { jobs, contexts, images, abort });
    await session.ensure(graph.results.flatMap(({ tree }) => trees.get(tree)?.layers ?? []));
    return { session, images, trees };
  } finally {
    await keep(session); // also what was done before a step failed: it need not be done again
  }
}
