/** Runs a graph: each step once, as soon as what it needs is there, several at a time. */
import { CooperError, messageOf } from "../errors.ts";
import { cachedLayer } from "../records/build-cache.ts";
import { stepKey, templateKey, treeKey } from "./cache.ts";
import { digestOfPicked } from "./context/digest.ts";
import { openNamed } from "./context/open.ts";
import { pick, type SourceTree } from "./context/tree.ts";
import { excerpt } from "./dockerfile/source.ts";
import {
  type CopyStep,
  type GitStep,
  type Graph,
  inputsOf,
  type PlannedStep,
  type RunStep,
  type StepId,
} from "./graph.ts";
import { type BuildSession, type BuiltTree, LostLayer } from "./session.ts";
import type { RemoteStep } from "./shared-cache/import.ts";
import type { NamedContext } from "./stages.ts";
import { type CopySource, CopyWork } from "./steps/copy.ts";
import type { BuildImages } from "./steps/image.ts";
import { runCommand } from "./steps/run.ts";
import type { StepTrees } from "./steps/run-mounts.ts";
import { makeWorkdir } from "./steps/workdir.ts";

export interface SolveOptions {
  readonly images: BuildImages;
  /** Further contexts by name. */
  readonly contexts: Readonly<Record<string, NamedContext>>;
}

/** Resolves to the tree of each step. When one fails the others are ended and waited for. */
export async function solve(
  session: BuildSession,
  graph: Pick<Graph, "steps">,
  options: SolveOptions,
): Promise<ReadonlyMap<StepId, BuiltTree>> {
  const solver = new Solver(session, graph, options);
  const results = await Promise.allSettled(graph.steps.map((_, id) => solver.step(id)));
  const failures = results.flatMap((result) =>
    result.status === "rejected" ? [result.reason] : [],
  );
  // the first that failed made the others end
  const [first] = failures.filter((reason) => !(reason instanceof Ended));
  if (first !== undefined) throw first;
  if (failures.length > 0) throw new CooperError("cancelled", "the build was cancelled");
  return new Map(
    results.flatMap((result, id) => (result.status === "fulfilled" ? [[id, result.value]] : [])),
  );
}

/** What a step came to before, here or elsewhere. */
type Known =
  | (NonNullable<ReturnType<typeof cachedLayer>> & { readonly remote?: undefined })
  | RemoteStep;

/** A step that was not done, because another one failed. */
class Ended extends Error {}

const noFiles: BuiltTree = { layers: [] };

class Solver implements StepTrees {
  private readonly session: BuildSession;
  private readonly graph: Pick<Graph, "steps">;
  private readonly options: SolveOptions;
  private readonly begun = new Map<StepId, Promise<BuiltTree>>();
  private readonly done = new Map<StepId, BuiltTree>();
  private readonly failed = new Set<StepId>();

  constructor(session: BuildSession, graph: Pick<Graph, "steps">, options: SolveOptions) {
    this.session = session;
    this.graph = graph;
    this.options = options;
  }

  step(id: StepId): Promise<BuiltTree> {
    const begun = this.begun.get(id) ?? this.work(id);
    this.begun.set(id, begun);
    return begun;
  }

  built(id: StepId): BuiltTree {
    const tree = this.done.get(id);
    if (tree === undefined)
      throw new CooperError("internal", `bug in Cooper: step ${id} is not done`);
    return tree;
  }

  isContext(id: StepId): boolean {
    return this.planned(id).step.kind === "context";
  }

  context(id: StepId): SourceTree {
    const { step } = this.planned(id);
    return this.session.context(step.kind === "context" ? step.name : null);
  }

  private planned(id: StepId): PlannedStep {
    const planned = this.graph.steps[id];
    if (planned === undefined) throw new CooperError("internal", `bug in Cooper: no step ${id}`);
    return planned;
  }

  private async work(id: StepId): Promise<BuiltTree> {
    const planned = this.planned(id);
    try {
      await Promise.all(inputsOf(planned.step).map((input) => this.step(input)));
    } catch {
      throw new Ended(); // who failed says so himself
    }
    using _slot = await this.session.bench.slots.take();
    if (this.session.signal.aborted) throw new Ended();
    try {
      const tree = await this.perform(id, planned);
      this.done.set(id, tree);
      return tree;
    } catch (error) {
      if (this.failed.has(id)) throw located(error, planned);
      if (this.session.signal.aborted || error instanceof Ended) {
        this.session.progress.cancelled(id);
        throw new Ended();
      }
      this.session.bench.abort.abort();
      if (error instanceof LostLayer) this.session.progress.cancelled(id);
      else this.session.progress.failed(id, planned.title, messageOf(error));
      throw located(error, planned);
    }
  }

  /** Before a shell opens: from here on the terminal is the shell's. */
  private tellFailed(id: StepId, planned: PlannedStep, error: CooperError): void {
    const { bench, progress } = this.session;
    this.failed.add(id);
    bench.abort.abort();
    progress.failed(id, planned.title, messageOf(error));
    progress.end();
    progress.note("a shell opens where it failed; what is changed in it goes with it");
  }

  private async perform(id: StepId, planned: PlannedStep): Promise<BuiltTree> {
    const { step } = planned;
    switch (step.kind) {
      case "scratch":
        return noFiles;
      case "context":
        return this.open(id, planned, step.name);
      case "git":
        return this.git(id, planned, step);
      case "image":
        return this.image(id, planned);
      case "workdir": {
        const base = this.built(step.base);
        const key = stepKey(step, base, [], this.session.options.epoch);
        return this.cachedOr(id, planned, base, key, async () => {
          await this.session.ensure(base.layers);
          return makeWorkdir(this.session, step, base);
        });
      }
      case "copy":
        return this.copy(id, planned, step);
      case "run":
        return this.run(id, planned, step);
    }
  }

  private async image(id: StepId, planned: PlannedStep): Promise<BuiltTree> {
    const { step } = planned;
    if (step.kind !== "image") return noFiles;
    this.session.progress.started(id, planned.title);
    const { layers } = await this.options.images.get(step);
    for (const layer of layers) this.session.bench.addStored(layer);
    this.session.progress.done(id);
    return { layers };
  }

  /** A further context, which may be anywhere. The first is open before there is a graph. */
  private async open(id: StepId, planned: PlannedStep, name: string | null): Promise<BuiltTree> {
    const named = name === null ? undefined : this.options.contexts[name];
    if (name === null || named === undefined) return noFiles;
    await this.told(id, planned, named.kind !== "directory", async (line) =>
      this.session.addContext(name, await openNamed(this.session, name, named, line)),
    );
    return noFiles;
  }

  private async git(id: StepId, planned: PlannedStep, step: GitStep): Promise<BuiltTree> {
    const { fetchRepository } = await import("./source/repository.ts");
    const wanted = { ...step, isOwn: false };
    return this.told(id, planned, true, (line) => fetchRepository(this.session, wanted, line));
  }

  /** With its beginning and end, if it is slow enough for anybody to wonder. */
  private async told<T>(
    id: StepId,
    { title }: PlannedStep,
    isSlow: boolean,
    work: (line: (text: string) => void) => Promise<T>,
  ): Promise<T> {
    const { progress } = this.session;
    if (!isSlow) return work(() => undefined);
    progress.started(id, title);
    const result = await work((text) => progress.output(id, Buffer.from(`${text}\n`)));
    progress.done(id);
    return result;
  }

  private async copy(id: StepId, planned: PlannedStep, step: CopyStep): Promise<BuiltTree> {
    const { session } = this;
    const base = this.built(step.base);
    if (step.tree === null || this.isContext(step.tree)) {
      const sources: CopySource[] =
        step.tree === null
          ? []
          : [{ tree: this.context(step.tree), paths: step.paths, unpacks: step.unpacks.paths }];
      const urls = step.urls.length === 0 ? [] : await this.download(id, planned, step);
      using views = new DisposableStack();
      const trees = step.repositories.map((repository) => ({
        tree: this.treeOf(repository, views),
        paths: ["/"],
        unpacks: false,
      }));
      using work = new CopyWork(session, step, base, [...sources, ...urls, ...trees]);
      return await this.cachedOr(id, planned, base, work.key, () => this.copyNow(work, step, base));
    }
    // what a stage has is known by its layers; only when they are others its files are looked at
    const from = this.built(step.tree);
    const facts = [treeKey(from), step.paths.join("\0"), step.excludes.join("\0")];
    const key = stepKey(step, base, ["tree", ...facts], session.options.epoch);
    const known = this.lookUp(planned, key);
    if (known !== undefined) return this.reuse(id, planned, base, key, known);
    await session.ensure(from.layers);
    using views = new DisposableStack();
    const tree = this.treeOf(step.tree, views);
    using work = new CopyWork(session, step, base, [{ tree, paths: step.paths, unpacks: false }]);
    const built = await this.cachedOr(id, planned, base, work.key, () =>
      this.copyNow(work, step, base),
    );
    const layerId = built.layers.at(-1) ?? "";
    this.remember({ key, layerId, title: planned.title });
    return built;
  }

  /** What a step came to, to be copied from. @param views is what it lives as long as */
  private treeOf(id: StepId, views: DisposableStack): SourceTree {
    const view = views.use(this.session.view(this.built(id)));
    const shown = `the files of ${this.planned(id).title.replace(/^\[[^\]]*\] /, "")}`;
    return { root: `/proc/self/fd/${view.descriptor}`, shown, ignore: null, isContext: false };
  }

  private async copyNow(work: CopyWork, { isLinked }: CopyStep, base: BuiltTree): Promise<string> {
    if (!isLinked) await this.session.ensure(base.layers);
    return work.run();
  }

  private async download(id: StepId, planned: PlannedStep, step: CopyStep): Promise<CopySource[]> {
    const { downloadAll } = await import("./steps/download.ts");
    this.session.progress.started(id, planned.title);
    return downloadAll(this.session, step);
  }

  private async run(id: StepId, planned: PlannedStep, step: RunStep): Promise<BuiltTree> {
    const base = this.built(step.base);
    const inputs = step.mounts.map((mount) => {
      if (mount.kind !== "bind") return "";
      return this.isContext(mount.tree)
        ? this.contextKey(this.context(mount.tree), mount.source)
        : treeKey(this.built(mount.tree));
    });
    const { epoch, template } = this.session.options;
    const key = stepKey(step, base, [...inputs, ...templateKey(template)], epoch);
    return this.cachedOr(id, planned, base, key, async () => {
      const mounted = inputsOf(step).flatMap((input) => this.built(input).layers);
      await this.session.ensure(mounted);
      return runCommand(this.session, step, base, this, {
        output: (bytes) => this.session.progress.output(id, bytes),
        failed: (error) => this.tellFailed(id, planned, error),
      });
    });
  }

  private contextKey(tree: SourceTree, path: string): string {
    const picked = pick(tree, path);
    try {
      return digestOfPicked(tree, picked, null, this.session.memory);
    } finally {
      for (const one of picked) one[Symbol.dispose]();
    }
  }

  private lookUp(planned: PlannedStep, key: string): Known | undefined {
    if (!this.session.options.usesCache(planned)) return undefined;
    const { oldestCached } = this.session.options;
    const isFresh = (known: Known | undefined) =>
      known !== undefined && (oldestCached === null || known.createdAt >= oldestCached);
    const here = cachedLayer(this.session.host.database, key);
    if (isFresh(here)) return here;
    const remote = this.session.caches.lookUp(key);
    return isFresh(remote) ? remote : undefined;
  }

  private reuse(
    id: StepId,
    planned: PlannedStep,
    base: BuiltTree,
    key: string,
    known: Known,
  ): BuiltTree {
    const { layerId, createdAt } = known;
    const { title } = planned;
    if (known.remote === undefined) {
      this.session.bench.addStored(layerId);
      this.session.bench.reuse(key, layerId, createdAt);
    } else this.session.reuseRemote({ key, title }, known);
    this.session.noteDone({ key, layerId, title });
    this.session.progress.cached(id, title);
    return { layers: [...base.layers, layerId] };
  }

  private remember(step: Parameters<BuildSession["noteDone"]>[0]): void {
    this.session.remember(step);
    this.session.noteDone(step);
  }

  /** @param make resolves to the id of the layer */
  private async cachedOr(
    id: StepId,
    planned: PlannedStep,
    base: BuiltTree,
    key: string,
    make: () => Promise<string>,
  ): Promise<BuiltTree> {
    const { bench, progress } = this.session;
    const known = this.lookUp(planned, key);
    if (known !== undefined) return this.reuse(id, planned, base, key, known);
    const madeHere = bench.madeHere(key);
    if (madeHere !== undefined) {
      // another target of the same bake makes the same
      progress.started(id, planned.title);
      const layerId = await madeHere.catch(() => {
        throw new Ended();
      });
      this.remember({ key, layerId, title: planned.title });
      progress.cached(id, planned.title);
      return { layers: [...base.layers, layerId] };
    }
    progress.started(id, planned.title);
    const layerId = await bench.make(key, make);
    this.remember({ key, layerId, title: planned.title });
    progress.done(id);
    return { layers: [...base.layers, layerId] };
  }
}

/** With the lines of the Dockerfile that it is about. */
function located(error: unknown, { place }: PlannedStep): unknown {
  if (place === null || !(error instanceof CooperError)) return error;
  const { source, range } = place;
  const where = `${source.name}:${range.start.line}`;
  return new CooperError(error.code, `${where}: ${error.message}\n${excerpt(source, range)}`, {
    ...(error.hint !== undefined && { hint: error.hint }),
    cause: error,
  });
}
