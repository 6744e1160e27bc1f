/** `build`: an image of what a Dockerfile says. */
import type { ContainerSpec } from "../container/spec.ts";
import type { Host } from "../host.ts";
import type { FetchOptions, PullPolicy } from "../image/for-container.ts";
import { openStage } from "../image/stage.ts";
import { sweep } from "../image/sweep.ts";
import type { PlatformChoice } from "../oci/platform.ts";
import type { BuildAnnotation } from "./annotations.ts";
import type { AttestOptions } from "./attest/attest.ts";
import type { ContextRequest } from "./context/open.ts";
import type { Epoch } from "./epoch.ts";
import type { Built } from "./give.ts";
import type { AskedContext } from "./linked.ts";
import type { BuildOutput } from "./output.ts";
import type { ImageOverrides } from "./overrides.ts";
import { noLinks, PreparedBuild } from "./prepared.ts";
import type { Progress } from "./progress.ts";
import { type BuildSecret, LostLayer } from "./session.ts";
import type { CacheTarget } from "./shared-cache/export.ts";
import type { CacheSource } from "./shared-cache/import.ts";
import type { Squash } from "./squash.ts";
import type { AgentRequest } from "./ssh/agents.ts";
import type { GraphInput } from "./stages.ts";
import { removeLeftContainers } from "./steps/left-containers.ts";
import { sweepSecrets } from "./steps/secret-files.ts";
import { Workbench } from "./workbench.ts";

/** What was asked. */
export interface BuildOptions {
  /** A directory, a tar, `-`, a git repository, or the URL of a tar or Dockerfile. */
  readonly context: string;
  readonly file: string | null;
  /** Instead of `file`, with a context that is a tar. */
  readonly dockerfile?: ContextRequest["dockerfile"];
  /** In place of any file; null: there is a file. */
  readonly dockerfileText?: string | null;
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
  readonly contexts: Readonly<Record<string, AskedContext>>;
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
  /** As iidFile, without `sha256:`. */
  readonly iidFileRaw?: string | null;
  readonly overrides?: ImageOverrides;
  /** Flags for cpp, which a Dockerfile goes through whose name ends with `.in`. */
  readonly cppFlags?: readonly string[];
  /** Whether a shell opens where a command failed; there must be a terminal. */
  readonly opensDebugShell?: boolean;
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
export async function buildImage(host: Host, options: BuildOptions): Promise<Built | null> {
  await using shop = await openWorkshop(host, options);
  const build = await PreparedBuild.prepare(shop, options, noLinks);
  await doSteps(shop, [build], () => build.solve());
  return await build.finish(); // the stage goes with us
}

/** Does the steps, and once more where a cache elsewhere has lost what it promised. */
export async function doSteps(
  shop: Workshop,
  builds: readonly PreparedBuild[],
  solve: () => Promise<void>,
): Promise<void> {
  const attempt = async () => {
    try {
      await solve();
    } finally {
      await shop.bench.keep(); // also what was done before a step failed: it need not be done again
    }
  };
  try {
    await attempt();
  } catch (error) {
    if (!(error instanceof LostLayer)) throw error;
    shop.renew();
    for (const build of builds) build.renew(shop.bench, error.message);
    await attempt();
  }
}

/** A bench, and what goes with it: the place that it stands on, and what builds take along. */
export interface Workshop extends AsyncDisposable {
  readonly bench: Workbench;
  hold(one: AsyncDisposable | Disposable): void;
  /** Another bench in the same place: what failed has ended all that went on at the one before. */
  renew(): void;
}

/** Takes away what dead builds left, and makes a place for new ones. */
export async function openWorkshop(
  given: Host,
  { progress, jobs, signal }: Pick<BuildOptions, "progress" | "jobs" | "signal">,
): Promise<Workshop> {
  const host = { ...given, warn: (message: string) => progress.note(message) };
  await removeLeftContainers(host);
  await sweep(host);
  sweepSecrets(host);
  await using undo = new AsyncDisposableStack();
  const stage = undo.use(await openStage(host));
  undo.use(await host.locks.store("shared")); // nobody sweeps the layers that it stands on
  const open = () => {
    const abort = new AbortController();
    if (signal?.aborted) abort.abort();
    signal?.addEventListener("abort", () => abort.abort(), { once: true });
    return new Workbench({ host, stage, abort, jobs });
  };
  let bench = open();
  const held = undo.move();
  return {
    get bench() {
      return bench;
    },
    hold: (one) => void held.use(one),
    renew: () => {
      bench = open();
    },
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}
