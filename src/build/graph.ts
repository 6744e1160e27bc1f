/**
 * What is to be done to build a target: steps, each yielding a file tree, and what each needs before it.
 * Pure and printable. Who makes it: stages.ts; who runs it: solve.ts.
 */
import type { Range, Source } from "./dockerfile/source.ts";
import type { GitAddress } from "./source/git-address.ts";

/** A step by its place in the graph: what it needs has smaller numbers. */
export type StepId = number;

/** An image's files: what FROM and COPY --from begin with. */
export interface ImageStep {
  readonly kind: "image";
  /** As it was written, with variables put in. */
  readonly name: string;
  /** `linux/amd64`; null: this machine's. */
  readonly platform: string | null;
}

/** No files. */
export interface ScratchStep {
  readonly kind: "scratch";
}

/** The files of a git repository that ADD names. */
export interface GitStep {
  readonly kind: "git";
  readonly address: GitAddress;
  readonly keepsGitDir: boolean;
}

/** The directory that the user hands to the build, or a further one by name (--build-context). */
export interface ContextStep {
  readonly kind: "context";
  readonly name: string | null;
}

/** What a command sees while it runs; nothing of it stays. */
export type StepMount =
  | {
      readonly kind: "bind";
      readonly tree: StepId;
      readonly source: string;
      readonly target: string;
      readonly isWritable: boolean;
    }
  | {
      readonly kind: "cache";
      readonly id: string;
      /** Where a new one gets its first contents from; null: it begins empty. */
      readonly tree: StepId | null;
      readonly source: string;
      readonly target: string;
      readonly isReadOnly: boolean;
      readonly sharing: "shared" | "private" | "locked";
      readonly mode: number;
      readonly uid: number;
      readonly gid: number;
    }
  | {
      readonly kind: "tmpfs";
      readonly target: string;
      readonly sizeBytes: number | null;
      readonly mode: number | null;
    }
  | {
      readonly kind: "secret" | "ssh";
      readonly id: string;
      readonly target: string | null;
      readonly env: string | null;
      readonly isRequired: boolean;
      readonly mode: number;
      readonly uid: number;
      readonly gid: number;
    };

/** A device by its name in the Container Device Interface. */
export interface StepDevice {
  readonly name: string;
  /** Whether the command cannot do without. */
  readonly isRequired: boolean;
}

/** A command in a container whose files are the base's. */
export interface RunStep {
  readonly kind: "run";
  readonly base: StepId;
  readonly argv: readonly string[];
  /** A script of a heredoc that says itself what reads it; it is there at /dev/pipes/NAME meanwhile. */
  readonly script: { readonly name: string; readonly content: string } | null;
  readonly env: readonly string[];
  /** Proxies: the command gets them, but another one is no reason to run it again. */
  readonly passedEnv: readonly string[];
  readonly cwd: string;
  readonly user: string;
  readonly mounts: readonly StepMount[];
  readonly network: "default" | "none" | "host";
  /** Without the sandbox, as a privileged container. */
  readonly isInsecure: boolean;
  readonly devices: readonly StepDevice[];
  /** What its programs are for, where that is not this machine; its base says that already. */
  readonly platform: string | null;
}

/** Files put on top of the base's. */
export interface CopyStep {
  readonly kind: "copy";
  readonly base: StepId;
  /** Where paths are looked up; null: there are only files written in the Dockerfile, or URLs. */
  readonly tree: StepId | null;
  readonly paths: readonly string[];
  readonly files: readonly { readonly name: string; readonly content: string }[];
  readonly urls: readonly string[];
  /** Trees of repositories: all that is in them is copied. */
  readonly repositories: readonly StepId[];
  /** Absolute; a slash at its end is kept. */
  readonly destination: string;
  readonly chown: string | null;
  readonly chmod: string | null;
  readonly excludes: readonly string[];
  readonly keepsParents: boolean;
  /** Independent of what is below: symbolic links of the base are not followed. */
  readonly isLinked: boolean;
  /** Whether tar archives are unpacked (ADD). */
  readonly unpacks: { readonly paths: boolean; readonly urls: boolean };
  readonly checksum: string | null;
}

/** A directory that is there afterwards. */
export interface WorkdirStep {
  readonly kind: "workdir";
  readonly base: StepId;
  readonly path: string;
  readonly user: string;
}

export type Step =
  | ImageStep
  | ScratchStep
  | ContextStep
  | GitStep
  | RunStep
  | CopyStep
  | WorkdirStep;

/** A step, and how it is told to people. Only `step` makes it what it is. */
export interface PlannedStep {
  readonly step: Step;
  /** `[build 2/5] RUN make` */
  readonly title: string;
  /** Stages that it is a part of: their numbers and names. */
  readonly stages: readonly string[];
  readonly place: { readonly source: Source; readonly range: Range } | null;
}

/** What an image's configuration says, as far as instructions can tell. All lists are whole. */
export interface ResultConfig {
  readonly User: string;
  readonly ExposedPorts: Readonly<Record<string, object>>;
  readonly Env: readonly string[];
  readonly Entrypoint: readonly string[] | null;
  readonly Cmd: readonly string[] | null;
  readonly Volumes: Readonly<Record<string, object>>;
  readonly WorkingDir: string;
  readonly Labels: Readonly<Record<string, string>>;
  readonly StopSignal: string;
  readonly Shell: readonly string[] | null;
  readonly OnBuild: readonly string[];
  readonly Healthcheck: HealthConfig | null;
}

/** Nanoseconds; fields that are not given are left out. */
export interface HealthConfig {
  readonly Test: readonly string[];
  readonly Interval?: number;
  readonly Timeout?: number;
  readonly StartPeriod?: number;
  readonly StartInterval?: number;
  readonly Retries?: number;
}

/** A line of the history that is added to the base image's. */
export interface HistoryLine {
  readonly createdBy: string;
  readonly isEmptyLayer: boolean;
}

/** What comes out. */
export interface GraphResult {
  readonly tree: StepId;
  /** The image step that it all stands on; null: scratch. */
  readonly base: StepId | null;
  readonly config: ResultConfig;
  readonly history: readonly HistoryLine[];
  readonly author: string;
}

export interface Graph {
  readonly steps: readonly PlannedStep[];
  readonly result: GraphResult;
}

/** The steps that a step cannot do without. */
export function inputsOf(step: Step): readonly StepId[] {
  switch (step.kind) {
    case "image":
    case "scratch":
    case "context":
    case "git":
      return [];
    case "workdir":
      return [step.base];
    case "copy":
      return [step.base, ...(step.tree === null ? [] : [step.tree]), ...step.repositories];
    case "run":
      return [
        step.base,
        ...step.mounts.flatMap((mount) =>
          "tree" in mount && mount.tree !== null ? [mount.tree] : [],
        ),
      ];
  }
}

/** Collects steps: an equal one is the same one. */
export class GraphBuilder {
  private readonly steps: (Omit<PlannedStep, "stages"> & { readonly stages: Set<string> })[] = [];
  private readonly byText = new Map<string, StepId>();

  add(step: Step, told: Omit<PlannedStep, "step">): StepId {
    const text = JSON.stringify(step);
    const known = this.byText.get(text);
    if (known !== undefined) {
      for (const stage of told.stages) this.steps[known]?.stages.add(stage);
      return known;
    }
    const id = this.steps.length;
    this.byText.set(text, id);
    this.steps.push({ ...told, step, stages: new Set(told.stages) });
    return id;
  }

  all(): PlannedStep[] {
    return this.steps.map((planned) => ({ ...planned, stages: [...planned.stages] }));
  }
}

/** A line a step, and what comes out: for people and tests. */
export function describeGraph({ steps, result }: Graph): string {
  const lines = steps.map(({ step }, id) => {
    const { kind, ...facts } = step;
    const told = Object.entries(facts)
      .filter(([, value]) => !isNothing(value))
      .map(([key, value]) => `${key}=${JSON.stringify(value)}`);
    return [`${id}`, kind, ...told].join(" ");
  });
  const config = Object.entries(result.config)
    .filter(([, value]) => !isNothing(value))
    .map(([key, value]) => `  ${key}: ${JSON.stringify(value)}`);
  const history = result.history.map(
    ({ createdBy, isEmptyLayer }) => `  ${isEmptyLayer ? "-" : "+"} ${createdBy}`,
  );
  return [...lines, `result ${result.tree}`, ...config, ...history]
    .map((line) => `${line}\n`)
    .join("");
}

const isNothing = (value: unknown) =>
  value === null ||
  value === false ||
  value === "" ||
  (typeof value === "object" && value !== null && Object.keys(value).length === 0);
