/**
 * Instructions → graph. Pure: of images it needs only their configurations, and says which ones it has not
 * been given yet. Stages are read when something needs them, so what the target does not need is never there.
 */

import { type CooperError, messageOf } from "../errors.ts";
import type { ImageConfig } from "../oci/image-config.ts";
import {
  formatPlatform,
  isPlatform,
  type Platform,
  parsePlatform,
  resolvePlatform,
  shortPlatform,
} from "../oci/platform.ts";
import { expandWord } from "./dockerfile/expand.ts";
import type { Dockerfile, Stage, Word } from "./dockerfile/instructions.ts";
import { parseTrigger } from "./dockerfile/parse-instruction.ts";
import { GlobalScope, platformArgs } from "./dockerfile/scope.ts";
import { errorAt, type Range } from "./dockerfile/source.ts";
import { type Graph, GraphBuilder, type StepId } from "./graph.ts";
import { applyInstruction } from "./instruct.ts";
import { addContextFiles } from "./instruct-files.ts";
import { baseConfig, type ImageOverrides, noOverrides, resultEnv } from "./overrides.ts";
import { StageState, stepCount } from "./stage-state.ts";
import { targetStage } from "./target-stage.ts";

/** What a graph is made from. */
export interface GraphInput {
  readonly dockerfile: Dockerfile;
  /** A stage's name or number; null: the last one. */
  readonly target: string | null;
  /** --build-arg */
  readonly buildArgs: Readonly<Record<string, string>>;
  /** --label; they go over those of the Dockerfile. */
  readonly labels: Readonly<Record<string, string>>;
  readonly buildPlatform: Platform;
  readonly targetPlatform: Platform;
  /** --network, for those RUN that do not say. */
  readonly network: "default" | "none" | "host";
  /** --allow: what RUN may ask for beyond the sandbox: `network.host`, `security.insecure`, `device[=NAME]`. */
  readonly allowed: readonly string[];
  /** --build-context by name; they go before stages and images of that name. */
  readonly contexts: Readonly<Record<string, NamedContext>>;
  readonly overrides?: ImageOverrides | undefined;
  /** Configurations by imageKey(). */
  readonly images: ReadonlyMap<string, ImageConfig>;
  /** Told of variables that are used and never set. */
  onUndefined?(name: string, range: Range, known: readonly string[]): void;
}

/** What a name stands for instead of a stage or an image of that name. */
export type NamedContext =
  /** Or a tar of one. */
  | { readonly kind: "directory"; readonly path: string }
  | { readonly kind: "image"; readonly name: string }
  /** A repository, or a tar or file on the web. */
  | { readonly kind: "git"; readonly address: string }
  | { readonly kind: "web"; readonly address: string };

/** An image whose configuration has to be known first. */
export interface NeededImage {
  readonly name: string;
  /** null: this machine's. */
  readonly platform: string | null;
}

/** What a configuration is found by. */
export const imageKey = ({ name, platform }: NeededImage) => `${platform ?? ""} ${name}`;

/**
 * The graph of the target, or the images that have to be looked at first; called again with them. Each
 * round gets further, since a base image's ONBUILD may name others.
 *
 * @throws CooperError invalid-argument that shows the place
 */
export function planGraph(
  input: GraphInput,
):
  | { readonly kind: "graph"; readonly graph: Graph }
  | { readonly kind: "needs"; readonly images: NeededImage[] } {
  const planner = new Planner(input);
  try {
    return { kind: "graph", graph: planner.graph() };
  } catch (error) {
    if (error instanceof Unknown) return { kind: "needs", images: [error.image] };
    throw error;
  }
}

/** Ends a round: without this configuration nothing further can be said. */
class Unknown extends Error {
  readonly image: NeededImage;

  constructor(image: NeededImage) {
    super(image.name);
    this.image = image;
  }
}

/** Reads stages; instructions act on it through what it offers. */
export class Planner {
  readonly input: GraphInput;
  readonly overrides: ImageOverrides;
  readonly builder = new GraphBuilder();
  private readonly globals: GlobalScope;
  private readonly done = new Map<number, StageState>();

  constructor(input: GraphInput) {
    this.input = input;
    this.overrides = input.overrides ?? noOverrides;
    const { buildPlatform, targetPlatform, target } = input;
    this.globals = new GlobalScope({
      given: input.buildArgs,
      predefined: platformArgs(
        shortPlatform(buildPlatform),
        shortPlatform(targetPlatform),
        target ?? "default",
      ),
    });
    for (const { pairs } of input.dockerfile.globals)
      for (const { name, value, range } of pairs)
        this.globals.declare(
          name,
          value === null ? undefined : this.expandGlobal({ text: value, range }),
        );
  }

  graph(): Graph {
    const state = this.stage(targetStage(this.input.dockerfile, this.input.target));
    for (const [name, value] of Object.entries(this.input.labels))
      state.config.Labels[name] = value;
    const result = state.result();
    const Env = resultEnv(result.config.Env, this.overrides);
    return { steps: this.builder.all(), result: { ...result, config: { ...result.config, Env } } };
  }

  /** What a stage comes to; read once. */
  private stage(stage: Stage): StageState {
    const known = this.done.get(stage.index);
    if (known !== undefined) return known;
    const state = this.begin(stage);
    const { source } = this.input.dockerfile;
    const triggers = state
      .takeTriggers()
      .map((text) => parseTrigger(source, stage.from.range, text));
    const instructions = [...triggers, ...stage.instructions];
    state.countSteps(instructions);
    for (const instruction of instructions) applyInstruction(this, state, instruction);
    this.done.set(stage.index, state);
    return state;
  }

  /** FROM: another stage, a context by name, nothing, or an image. */
  private begin(stage: Stage): StageState {
    const { from, index } = stage;
    const { from: base } = this.overrides;
    const typed = index === 0 && base !== null ? base : this.expandGlobal(from.image);
    const named = this.named(typed);
    const name = named?.kind === "image" ? named.name : typed;
    if (name === "")
      throw this.error(from.image.range, `base name (${from.image.text}) should not be blank`);
    const platform = this.platformOf(from);
    const names = [`${index}`, ...(from.stageName === null ? [] : [from.stageName])];
    const about = {
      stage,
      names,
      globals: this.globals,
      platform: platform === null ? this.input.targetPlatform : parsed(platform),
    };
    const before = named === undefined ? this.earlierStage(name, index) : undefined;
    if (before !== undefined) return StageState.after(this.stage(before), about);
    const count = stepCount(stage.instructions);
    const title = `[${from.stageName ?? `stage-${index}`} 1/${count}] FROM ${name}`;
    const isFiles = named !== undefined && named.kind !== "image";
    if (isFiles || name === "scratch") {
      const tree = this.builder.add({ kind: "scratch" }, { title, stages: names, place: null });
      const state = StageState.empty(tree, about);
      if (isFiles) addContextFiles(this, state, typed, { title, range: from.range });
      return state;
    }
    const found = platform ?? this.foreign(this.input.targetPlatform);
    return StageState.onImage(
      this.image(name, found, title, from.image.range, names),
      this.config(name, found),
      about,
    );
  }

  private platformOf({ platform: word, image }: Stage["from"]): string | null {
    if (word === null) return null;
    const platform = this.expandGlobal(word);
    if (platform === "") throw this.error(word.range, "--platform is empty");
    try {
      parsed(platform);
    } catch (cause) {
      throw this.error(image.range, messageOf(cause));
    }
    return platform;
  }

  /** As text, where it is not this machine's own; else null. */
  foreign(platform: Platform): string | null {
    const { buildPlatform } = this.input;
    return isPlatform(platform, buildPlatform) ? null : formatPlatform(shortPlatform(platform));
  }

  private config(name: string, platform: string | null): ImageConfig {
    const config = this.input.images.get(imageKey({ name, platform }));
    if (config === undefined) throw new Unknown({ name, platform });
    return baseConfig(config, this.overrides);
  }

  private image(
    name: string,
    platform: string | null,
    title: string,
    range: Range,
    stages: readonly string[],
  ): StepId {
    const place = { source: this.input.dockerfile.source, range };
    return this.builder.add({ kind: "image", name, platform }, { title, stages, place });
  }

  /** A stage that stands before the one with this number; the last one of that name. */
  private earlierStage(name: string, before: number): Stage | undefined {
    return this.input.dockerfile.stages
      .slice(0, before)
      .findLast(({ from }) => from.stageName === name.toLowerCase());
  }

  private named(name: string): NamedContext | undefined {
    return Object.hasOwn(this.input.contexts, name) ? this.input.contexts[name] : undefined;
  }

  /** What `from` of COPY and RUN --mount names: a context, a stage, or an image. */
  treeOf(from: Word, current: Stage, stages: readonly string[]): StepId {
    const { text, range } = from;
    if (text.includes("$"))
      throw this.error(range, "variable expansion is not supported for --from", {
        hint: "define a new stage with FROM using the variable, and name that stage",
      });
    const named = this.named(text);
    if (named !== undefined && named.kind !== "image") return this.context(text);
    const platform = this.foreign(this.input.targetPlatform);
    if (named !== undefined)
      return this.image(named.name, platform, `FROM ${named.name}`, range, stages);
    const byNumber = /^\d+$/.test(text) ? this.input.dockerfile.stages[Number(text)] : undefined;
    if (/^\d+$/.test(text) && (byNumber === undefined || byNumber.index >= current.index)) {
      throw this.error(
        range,
        byNumber === undefined
          ? `there is no stage ${text}: they count from 0`
          : `stage ${text} does not stand before this one`,
      );
    }
    const stage = byNumber ?? this.earlierStage(text, current.index);
    if (stage !== undefined) return this.stage(stage).tree;
    if (text.toLowerCase() === current.from.stageName)
      throw this.error(range, `circular dependency: stage ${text} copies from itself`);
    if (text === "scratch")
      return this.builder.add({ kind: "scratch" }, { title: "scratch", stages, place: null });
    return this.image(text, platform, `FROM ${text}`, range, stages);
  }

  context(name: string | null): StepId {
    const title = name === null ? "[internal] load build context" : `[context ${name}]`;
    return this.builder.add({ kind: "context", name }, { title, stages: [], place: null });
  }

  private expandGlobal({ text, range }: Word): string {
    return this.expand(text, range, (name) => this.globals.lookUp(name), [
      ...this.globals.declared.keys(),
    ]);
  }

  /** Puts variables in. @throws CooperError that shows the place */
  expand(
    text: string,
    range: Range,
    lookUp: (name: string) => string | undefined,
    known: readonly string[],
    isHeredoc = false,
  ): string {
    try {
      return expandWord(text, {
        escapeChar: isHeredoc ? "\\" : this.input.dockerfile.directives.escapeChar,
        ignoresQuotes: isHeredoc,
        lookUp,
        onUnset: (name) => this.input.onUndefined?.(name, range, known),
      });
    } catch (cause) {
      throw this.error(
        range,
        `failed to process ${JSON.stringify(text.slice(0, 80))}: ${messageOf(cause)}`,
      );
    }
  }

  error(range: Range, message: string, extra: { hint?: string } = {}): CooperError {
    return errorAt(this.input.dockerfile.source, range, message, extra);
  }
}

const parsed = (platform: string): Platform => resolvePlatform(parsePlatform(platform));
