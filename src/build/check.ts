/** `build --check`, and the warnings of a build: what the rules find in a Dockerfile. */
import { CooperError } from "../errors.ts";
import type { Host } from "../host.ts";
import { openStage } from "../image/stage.ts";
import { nearest } from "../nearest.ts";
import type { ImageConfig } from "../oci/image-config.ts";
import { hostPlatform } from "../oci/platform.ts";
import { openSession } from "./begin.ts";
import type { BuildOptions } from "./build.ts";
import { openContext } from "./context/open.ts";
import type { Dockerfile } from "./dockerfile/instructions.ts";
import { parseDockerfile } from "./dockerfile/parse.ts";
import type { Range } from "./dockerfile/source.ts";
import { type IgnoreRules, isIgnored } from "./ignore.ts";
import { withoutLinks } from "./linked.ts";
import { checkDirective, describeFinding, type LintFacts, type LintRule, lint } from "./lint.ts";
import { type ListedTarget, listTargets, type Outline, outlineOf } from "./outline.ts";
import { planAll } from "./plan.ts";
import { dockerfileText } from "./preprocess.ts";
import type { Progress } from "./progress.ts";
import { platformsOf } from "./request.ts";
import { openAgents } from "./ssh/agents.ts";
import { BuildImages } from "./steps/image.ts";
import { Workbench } from "./workbench.ts";

/** Gathers what rules need while the graph is made. */
export class Checks {
  private readonly file: Dockerfile;
  private readonly ignore: IgnoreRules | null;
  private readonly found = new Map<string, LintFacts["undefinedVariables"][number]>();

  constructor(file: Dockerfile, ignore: IgnoreRules | null) {
    this.file = file;
    this.ignore = ignore;
  }

  /** A graph may be made several times until it is whole: each place counts once. */
  readonly onUndefined = (name: string, range: Range, known: readonly string[]): void => {
    const { line, column } = range.start;
    this.found.set(`${line}:${column} ${name}`, { name, range, meant: nearest(name, known) });
  };

  findings() {
    const { ignore } = this;
    return lint(this.file, {
      undefinedVariables: [...this.found.values()],
      isIgnored: (path) => ignore !== null && path !== "" && isIgnored(ignore, path),
    });
  }

  /** A line for each. @throws CooperError when the Dockerfile wants to be without (`# check=error=true`) */
  tell(progress: Progress): void {
    const findings = this.findings();
    for (const { rule, message, range } of findings)
      progress.warned(`${rule.name}: ${message} (line ${range.start.line})`);
    if (findings.length > 0 && checkDirective(this.file).isError)
      throw new CooperError(
        "invalid-argument",
        "lint violation found for rules of the Dockerfile",
        {
          hint: "it says check=error=true; see all with: cooper build --check",
        },
      );
  }
}

/** An image whose configuration cannot be had says nothing. */
const nothing: ImageConfig = { architecture: "", os: "", rootfs: { type: "layers", diff_ids: [] } };

/** A Dockerfile, and what is left out of the context, without building anything. */
async function readDockerfile(
  host: Host,
  options: BuildOptions,
): Promise<{ readonly file: Dockerfile; readonly ignore: IgnoreRules | null }> {
  using stage = await openStage(host);
  const abort = new AbortController();
  options.signal?.addEventListener("abort", () => abort.abort(), { once: true });
  const bench = new Workbench({ host, stage, abort, jobs: 1 });
  await using agents = await openAgents(host, stage, options.agents);
  const session = openSession(bench, options, agents.sockets);
  const { dockerfile, tree } = await openContext(session, options);
  await bench.keep(); // a context that had to be fetched
  const text = dockerfileText(dockerfile, options);
  return { file: parseDockerfile(dockerfile.name, text), ignore: tree.ignore };
}

/** `--call=outline` */
export async function outlineDockerfile(host: Host, options: BuildOptions): Promise<Outline> {
  const { file } = await readDockerfile(host, options);
  return outlineOf(file, options.target, options.buildArgs);
}

/** `--call=targets` */
export async function targetsOfDockerfile(
  host: Host,
  options: BuildOptions,
): Promise<ListedTarget[]> {
  return listTargets((await readDockerfile(host, options)).file);
}

/** What a rule found, and what is shown of it. */
export interface CheckFinding {
  readonly rule: LintRule;
  readonly message: string;
  readonly line: number;
  /** With the lines of the Dockerfile. */
  readonly text: string;
}

/** Looks at a Dockerfile without building anything. */
export async function checkDockerfile(host: Host, options: BuildOptions): Promise<CheckFinding[]> {
  const { file, ignore } = await readDockerfile(host, options);
  const checks = new Checks(file, ignore);
  const images = new BuildImages(host, { ...options.fetch, pull: "never" }, null);
  const lenient = {
    get: (image: Parameters<BuildImages["get"]>[0]) =>
      images.get(image).catch((error: unknown) => {
        if (error instanceof CooperError && error.code === "no-such-image")
          return { config: nothing };
        throw error;
      }),
  };
  const [targetPlatform = hostPlatform()] = platformsOf(options);
  await planAll(lenient, {
    ...options,
    contexts: withoutLinks(options.contexts),
    dockerfile: file,
    labels: {},
    buildPlatform: hostPlatform(),
    targetPlatform,
    onUndefined: checks.onUndefined,
  });
  return checks.findings().map((finding) => ({
    rule: finding.rule,
    message: finding.message,
    line: finding.range.start.line,
    text: describeFinding(file, finding),
  }));
}
