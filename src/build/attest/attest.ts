/** What is attested of a result: how it came to be, and what software it holds. */
import { spdxDocument } from "../../image/sbom/documents.ts";
import { findPackages } from "../../image/sbom/find.ts";
import { type Attestation, imagePurl } from "../../oci/attestation.ts";
import { digestOf } from "../../oci/digest.ts";
import {
  anyPlatform,
  formatPlatform,
  hostPlatform,
  parsePlatform,
  resolvePlatform,
  shortPlatform,
} from "../../oci/platform.ts";
import { randomHex } from "../../system/random.ts";
import { version } from "../../version.ts";
import type { BuildOptions } from "../build.ts";
import { creationTime } from "../epoch.ts";
import type { MergedGraph } from "../merge.ts";
import type { PlatformResult } from "../result.ts";
import type { BuildSession } from "../session.ts";
import { isGitAddress } from "../source/git-address.ts";
import type { BuildImages } from "../steps/image.ts";
import { type Material, type ProvenanceOptions, provenance } from "./provenance.ts";

export interface AttestOptions {
  /** Whether the packages in the result are listed. */
  readonly sbom: boolean;
  /** null: nothing is said of how it came to be. */
  readonly provenance: ProvenanceOptions | null;
}

/** What is known of a build when its steps are done. */
export interface DoneBuild {
  readonly session: BuildSession;
  readonly options: BuildOptions;
  readonly graph: MergedGraph;
  readonly images: BuildImages;
  readonly dockerfile: { readonly name: string; readonly text: string };
  /** ms */
  readonly startedAt: number;
}

/** All that was asked for. @param name what the result is called */
export async function attest(
  build: DoneBuild,
  result: PlatformResult,
  name: string,
): Promise<Attestation[]> {
  const { sbom, provenance: how } = build.options.attestations ?? { sbom: false, provenance: null };
  return [
    ...(how === null ? [] : [await provenanceOf(build, result, how)]),
    ...(sbom ? [sbomOf(build, result, name)] : []),
  ];
}

const isRemote = (context: string) =>
  isGitAddress(context) || /^(?:https?:\/\/|github\.com\/)/i.test(context);

/** How a result came to be. */
async function provenanceOf(
  build: DoneBuild,
  { platform }: PlatformResult,
  how: ProvenanceOptions,
): Promise<Attestation> {
  const { options, session, graph, dockerfile, startedAt } = build;
  const isElsewhere = isRemote(options.context);
  const named = Object.entries(options.contexts).filter(([, { kind }]) => kind === "directory");
  const fetched = new Map(session.materials.map((material) => [material.uri, material]));
  return provenance(how, {
    source: isElsewhere ? (session.materials[0] ?? null) : null,
    dockerfile,
    buildArgs: options.buildArgs,
    labels: options.labels,
    target: options.target,
    secrets: options.secrets.map(({ id }) => id),
    agents: [...session.options.agents.keys()],
    locals: [...(isElsewhere ? [] : ["context", "dockerfile"]), ...named.map(([key]) => key)],
    platform: formatPlatform(platform),
    builderPlatform: formatPlatform(shortPlatform(hostPlatform())),
    materials: [...(await imageMaterials(build)), ...fetched.values()],
    steps: graph.steps,
    invocationId: randomHex(12),
    startedAt,
    finishedAt: Date.now(),
  });
}

/** What buildx writes of it into the file of `--metadata-file`, unless BUILDX_METADATA_PROVENANCE says otherwise. */
export async function metadataFacts(
  build: DoneBuild,
  results: readonly PlatformResult[],
): Promise<Record<string, object>> {
  const asked = process.env.BUILDX_METADATA_PROVENANCE || "min";
  if (asked === "disabled" || asked === "false") return {};
  const mode = asked === "max" ? "max" : "min";
  const how = { version: "v1", builderId: "", isReproducible: false, mode } as const;
  const facts: Record<string, object> = {};
  for (const result of results) {
    const suffix = results.length === 1 ? "" : `/${formatPlatform(result.platform)}`;
    const { predicate } = await provenanceOf(build, result, how);
    facts[`buildx.build.provenance${suffix}`] = predicate;
  }
  return facts;
}

async function imageMaterials({ graph, images }: DoneBuild): Promise<Material[]> {
  const materials = new Map<string, Material>();
  for (const { step } of graph.steps) {
    if (step.kind !== "image") continue;
    const { manifestDigest, id } = await images.get(step);
    if (manifestDigest === null && id === null) continue; // another target of the same bake
    const choice = step.platform === null ? anyPlatform : parsePlatform(step.platform);
    const platform = formatPlatform(shortPlatform(resolvePlatform(choice)));
    const uri = imagePurl(step.name, platform);
    const sha256 = (manifestDigest ?? `sha256:${id}`).slice("sha256:".length);
    materials.set(uri, { uri, digest: { sha256 } });
  }
  return [...materials.values()];
}

function sbomOf(
  { session, options }: DoneBuild,
  { tree }: PlatformResult,
  name: string,
): Attestation {
  using view = session.view(tree);
  const newest = Math.max(0, ...tree.layers.map((id) => session.bench.timeOf(id) ?? 0));
  const predicate = spdxDocument(findPackages(view), {
    name,
    digest: digestOf(tree.layers.join(" ")),
    createdAt: options.epoch === null ? newest : creationTime(options.epoch),
    toolVersion: version,
  });
  return { predicateType: "https://spdx.dev/Document", predicate };
}
