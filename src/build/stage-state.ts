/** A stage while its instructions are read: its files so far, its configuration, its variables, its history. */
import type { ImageConfig } from "../oci/image-config.ts";
import type { Platform } from "../oci/platform.ts";
import type { Stage, StageInstruction } from "./dockerfile/instructions.ts";
import { type GlobalScope, StageScope } from "./dockerfile/scope.ts";
import type { GraphResult, HealthConfig, HistoryLine, StepId } from "./graph.ts";

/** Where programs are looked for in an image that does not say (every peer writes this one). */
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

export interface MutableConfig {
  User: string;
  ExposedPorts: Record<string, object>;
  Entrypoint: readonly string[] | null;
  Cmd: readonly string[] | null;
  Volumes: Record<string, object>;
  WorkingDir: string;
  Labels: Record<string, string>;
  StopSignal: string;
  Shell: readonly string[] | null;
  OnBuild: string[];
  Healthcheck: HealthConfig | null;
}

/** How many steps a stage is told to have: FROM, and what makes layers. */
export const stepCount = (instructions: readonly StageInstruction[]) =>
  1 + instructions.filter(({ kind }) => ["run", "copy", "add", "workdir"].includes(kind)).length;

interface About {
  readonly stage: Stage;
  readonly names: readonly string[];
  readonly globals: GlobalScope;
}

/** Besides that, what a stage begins with that stands on no other one. */
interface Start extends About {
  /** What its files are for, where its image does not tell. */
  readonly platform: Platform;
}

/** Changes as instructions are read, from top to bottom. */
export class StageState {
  readonly stage: Stage;
  /** Its number and name. */
  readonly names: readonly string[];
  readonly config: MutableConfig;
  readonly scope: StageScope;
  readonly history: HistoryLine[];
  readonly base: StepId | null;
  /** What the programs among its files are for. */
  readonly platform: Platform;
  tree: StepId;
  author = "";
  /** CMD of this very stage; an inherited one goes when ENTRYPOINT is set. */
  hasOwnCmd = false;
  private stepCount = 1;
  private stepsTold = 1;

  private constructor(
    about: About,
    parts: Pick<StageState, "config" | "scope" | "history" | "base" | "platform" | "tree">,
  ) {
    this.stage = about.stage;
    this.names = about.names;
    this.config = parts.config;
    this.scope = parts.scope;
    this.history = parts.history;
    this.base = parts.base;
    this.platform = parts.platform;
    this.tree = parts.tree;
  }

  static empty(tree: StepId, about: Start): StageState {
    return StageState.from(tree, null, {}, about);
  }

  static onImage(tree: StepId, image: ImageConfig, about: Start): StageState {
    const { os, architecture, variant = "" } = image;
    const platform = architecture === "" ? about.platform : { os, architecture, variant };
    return StageState.from(tree, tree, image.config ?? {}, { ...about, platform });
  }

  private static from(
    tree: StepId,
    base: StepId | null,
    config: NonNullable<ImageConfig["config"]>,
    about: Start,
  ): StageState {
    const env = config.Env ?? [];
    const hasPath = env.some((entry) => entry.startsWith("PATH="));
    const objects = (of: Readonly<Record<string, unknown>> | null | undefined) =>
      Object.fromEntries(Object.keys(of ?? {}).map((key) => [key, {}]));
    return new StageState(about, {
      tree,
      base,
      platform: about.platform,
      history: [],
      scope: new StageScope(about.globals, hasPath ? env : [...env, `PATH=${defaultPath}`], null),
      config: {
        User: config.User ?? "",
        ExposedPorts: objects(config.ExposedPorts),
        Entrypoint: config.Entrypoint ?? null,
        Cmd: config.Cmd ?? null,
        Volumes: objects(config.Volumes),
        WorkingDir: config.WorkingDir || "/",
        Labels: { ...config.Labels },
        StopSignal: config.StopSignal ?? "",
        Shell: config.Shell ?? null,
        OnBuild: [...(config.OnBuild ?? [])],
        Healthcheck: (config.Healthcheck as HealthConfig | null | undefined) ?? null,
      },
    });
  }

  /** A stage that goes on where another ended. */
  static after(before: StageState, about: About): StageState {
    const { config } = before;
    const state = new StageState(about, {
      tree: before.tree,
      base: before.base,
      platform: before.platform,
      history: [...before.history],
      scope: new StageScope(about.globals, before.scope.envList(), before.scope),
      config: {
        ...config,
        ExposedPorts: { ...config.ExposedPorts },
        Volumes: { ...config.Volumes },
        Labels: { ...config.Labels },
        OnBuild: [...config.OnBuild],
      },
    });
    state.author = before.author;
    return state;
  }

  /** ONBUILD of the base, which are done once, here. */
  takeTriggers(): string[] {
    return this.config.OnBuild.splice(0);
  }

  countSteps(instructions: readonly StageInstruction[]): void {
    this.stepCount = stepCount(instructions);
  }

  /** `[build 2/5] RUN make`; each call is the next step. */
  nextTitle(text: string): string {
    this.stepsTold++;
    const name = this.stage.from.stageName ?? `stage-${this.stage.index}`;
    return `[${name} ${this.stepsTold}/${this.stepCount}] ${text}`;
  }

  note(createdBy: string, isEmptyLayer = true): void {
    this.history.push({ createdBy, isEmptyLayer });
  }

  result(): GraphResult {
    const { tree, base, config, history, author } = this;
    return { tree, base, config: { ...config, Env: this.scope.envList() }, history, author };
  }
}
