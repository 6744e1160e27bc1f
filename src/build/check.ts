/** `build --check`, and the warnings of a build: what the rules find in a Dockerfile. */
import { CooperError } from "../errors.ts";
import type { Host } from "../host.ts";
import { openStage } from "../image/stage.ts";
import { nearest } from "../nearest.ts";
import type { ImageConfig } from "../oci/image-config.ts";
import { hostPlatform } from "../oci/platform.ts";
import { keep, openSession } from "./begin.ts";
import type { BuildOptions } from "./build.ts";
import { openContext } from "./context/open.ts";
import type { Dockerfile } from "./dockerfile/instructions.ts";
import { parseDockerfile } from "./dockerfile/parse.ts";
import type { Range } from "./dockerfile/source.ts";
import { type IgnoreRules, isIgnored } from "./ignore.ts";
import { checkDirective, describeFinding, type LintFacts, lint } from "./lint.ts";
import { planAll } from "./plan.ts";
import type { Progress } from "./progress.ts";
import { platformsOf } from "./request.ts";
import { openAgents } from "./ssh/agents.ts";
import { BuildImages } from "./steps/image.ts";

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

/** Looks at a Dockerfile without building anything. Resolves to a text for each finding. */
export async function checkDockerfile(host: Host, options: BuildOptions): Promise<string[]> {
  using stage = await openStage(host);
  const signal = options.signal ?? new AbortController().signal;
  await using agents = await openAgents(host, stage, options.agents);
  const session = openSession(host, stage, options, agents.sockets, signal);
  const { dockerfile, tree } = await openContext(session, options);
  await keep(session); // a context that had to be fetched
  const file = parseDockerfile(dockerfile.name, dockerfile.text);
  const checks = new Checks(file, tree.ignore);
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
    dockerfile: file,
    labels: {},
    buildPlatform: hostPlatform(),
    targetPlatform,
    onUndefined: checks.onUndefined,
  });
  return checks.findings().map((finding) => describeFinding(file, finding));
}
