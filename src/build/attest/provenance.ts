/** How an image came to be, as SLSA provenance: v1, or v0.2, with the fields that BuildKit fills in. Pure. */
import type { Attestation } from "../../oci/attestation.ts";
import type { MergedGraph } from "../merge.ts";
import { redactUrls, withoutSecrets } from "../source/url-text.ts";

export interface ProvenanceOptions {
  /** `min`: what went in. `max`: also the Dockerfile, arguments, names of secrets, and all steps. */
  readonly mode: "min" | "max";
  readonly version: "v1" | "v0.2";
  readonly builderId: string;
  /** Whether who builds promises equal bytes. */
  readonly isReproducible: boolean;
}

/** Something that came from elsewhere. */
export interface Material {
  /** `pkg:docker/…`, or an address without credentials. */
  readonly uri: string;
  /** By algorithm, in hex. */
  readonly digest: Readonly<Record<string, string>>;
}

export interface ProvenanceFacts {
  /** Where the context came from; null: this machine. */
  readonly source: Material | null;
  readonly dockerfile: { readonly name: string; readonly text: string };
  readonly buildArgs: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly target: string | null;
  /** Names alone; nobody is told what they are. */
  readonly secrets: readonly string[];
  readonly agents: readonly string[];
  /** Directories of this machine by the names that the build has for them. */
  readonly locals: readonly string[];
  readonly platform: string;
  readonly builderPlatform: string;
  readonly materials: readonly Material[];
  readonly steps: MergedGraph["steps"];
  readonly invocationId: string;
  /** ms */
  readonly startedAt: number;
  readonly finishedAt: number;
}

/** The shapes of `parameters` and `buildConfig` are ours alone. */
const buildType = "https://cooper.invalid/build/v1";

/** The attestation. */
export function provenance(options: ProvenanceOptions, facts: ProvenanceFacts): Attestation {
  return options.version === "v1"
    ? { predicateType: "https://slsa.dev/provenance/v1", predicate: v1(options, facts) }
    : { predicateType: "https://slsa.dev/provenance/v0.2", predicate: v02(options, facts) };
}

/** slsa.dev/spec/v1.1/provenance */
function v1(options: ProvenanceOptions, facts: ProvenanceFacts): object {
  const isMax = options.mode === "max";
  return {
    buildDefinition: {
      buildType,
      externalParameters: {
        configSource: { ...facts.source, path: facts.dockerfile.name },
        request: request(facts, isMax),
      },
      internalParameters: {
        builderPlatform: facts.builderPlatform,
        platform: facts.platform,
        ...(isMax && { buildConfig: buildConfig(facts) }),
      },
      resolvedDependencies: facts.materials,
    },
    runDetails: {
      builder: { id: options.builderId },
      metadata: {
        invocationId: facts.invocationId,
        startedOn: iso(facts.startedAt),
        finishedOn: iso(facts.finishedAt),
        buildkit_reproducible: options.isReproducible,
        buildkit_completeness: { request: isMax, resolvedDependencies: isComplete(facts) },
        ...(isMax && { buildkit_metadata: sources(facts) }),
      },
    },
  };
}

/** slsa.dev/spec/v0.2/provenance */
function v02(options: ProvenanceOptions, facts: ProvenanceFacts): object {
  const isMax = options.mode === "max";
  return {
    builder: { id: options.builderId },
    buildType,
    materials: facts.materials,
    invocation: {
      configSource: { ...facts.source, entryPoint: facts.dockerfile.name },
      parameters: request(facts, isMax),
      environment: { platform: facts.builderPlatform },
    },
    ...(isMax && { buildConfig: buildConfig(facts) }),
    metadata: {
      buildInvocationID: facts.invocationId,
      buildStartedOn: iso(facts.startedAt),
      buildFinishedOn: iso(facts.finishedAt),
      completeness: { parameters: isMax, environment: true, materials: isComplete(facts) },
      reproducible: options.isReproducible,
      ...(isMax && { "https://mobyproject.org/buildkit@v1#metadata": sources(facts) }),
    },
  };
}

/** Values of arguments and names of secrets are the business of whoever builds: only `max` tells them. */
function request(facts: ProvenanceFacts, isMax: boolean): object {
  const { target, buildArgs, labels, secrets, agents, locals } = facts;
  const prefixed = (prefix: string, of: Readonly<Record<string, string>>) =>
    Object.entries(of).map(([key, value]) => [`${prefix}:${key}`, value]);
  const args = Object.fromEntries([
    ...(target === null ? [] : [["target", target]]),
    ...prefixed("build-arg", buildArgs),
    ...prefixed("label", labels),
  ]);
  return {
    frontend: "dockerfile.v0",
    locals: locals.map((name) => ({ name })),
    ...(isMax && {
      args,
      secrets: secrets.map((id) => ({ id })),
      ssh: agents.map((id) => ({ id })),
    }),
  };
}

/** Files of this machine are no materials: then the list is not all there is. */
const isComplete = ({ locals }: ProvenanceFacts) => locals.length === 0;

/** Steps as the graph has them; numbers in `inputs` are places in this list. */
function buildConfig({ steps }: ProvenanceFacts): object {
  return {
    steps: steps.map(({ step, title }, id) => {
      // what was handed over by others stays theirs
      const { passedEnv: _, ...op } = "passedEnv" in step ? step : { ...step, passedEnv: [] };
      const told: unknown = JSON.parse(JSON.stringify(op, withoutSecrets));
      return { id: `step${id}`, name: redactUrls(title), op: told };
    }),
  };
}

function sources({ dockerfile }: ProvenanceFacts): object {
  const data = Buffer.from(dockerfile.text).toString("base64");
  return { source: { infos: [{ filename: dockerfile.name, language: "Dockerfile", data }] } };
}

const iso = (ms: number) => new Date(ms).toISOString();
