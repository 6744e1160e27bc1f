/** `load`: images out of an archive or directory that docker, podman, skopeo, buildah or umoci wrote. */
import { closeSync, existsSync, statSync } from "node:fs";
import { CooperError } from "../errors.ts";
import type { Host } from "../host.ts";
import { parseLocation } from "../oci/location.ts";
import { anyPlatform, type PlatformChoice } from "../oci/platform.ts";
import type { Image } from "../records/images.ts";
import { isTerminal } from "../system/terminal.ts";
import { type Archive, openDirectoryArchive, openTarArchive } from "./archive.ts";
import { dockerArchiveImages, dockerArchiveNames, manifestForArchive } from "./docker-archive.ts";
import { emitImage } from "./events.ts";
import type { ImagePlan } from "./load-plan.ts";
import { flatDirectoryImages, ociLayoutImages } from "./oci-layout.ts";
import { publishImage } from "./publish.ts";
import { openInput, seekable } from "./spool.ts";
import { openStage, type Stage } from "./stage.ts";
import { LayerStager } from "./stage-layers.ts";
import { sweep } from "./sweep.ts";
import { assertAccepted, loadPolicy } from "./trust/accept.ts";
import { archiveOrigin, candidateOf, type Origin } from "./trust/origin.ts";

export interface LoadOptions {
  /** A file, directory or `transport:details`; null: standard input. */
  readonly input: string | null;
  /** Which image of an index is wanted. */
  readonly platform?: PlatformChoice;
  /** A file in place of the machine's policy.json. */
  readonly signaturePolicy?: string;
  readonly signal?: AbortSignal;
}

/** What came out of an archive. */
export interface LoadedImage {
  readonly image: Image;
  /** The names that the archive gave it, fully qualified. */
  readonly names: readonly string[];
}

/** Loads all images of an archive. What fails to load leaves nothing behind. */
export async function loadImages(host: Host, options: LoadOptions): Promise<LoadedImage[]> {
  const { input } = options;
  if (input !== null && !existsSync(input)) {
    const location = parseLocation(input);
    if (location !== undefined && location.kind !== "docker")
      return (await import("./load-location.ts")).loadLocation(host, location, options);
  }
  await sweep(host);
  using stage = await openStage(host);
  using archive = await openArchive(input, stage);
  const { plans, transport } = imagesOf(archive, options.platform ?? anyPlatform);
  const origin = archiveOrigin(transport, input, archive);
  // awaited here: the stage goes when this function returns
  return await loadPlans(host, stage, { ...options, name: archive.name, plans, origin });
}

/** Images that are described and not in the store yet. */
export interface PlannedImages {
  /** Where they come from, for errors. */
  readonly name: string;
  readonly plans: readonly ImagePlan[];
  readonly origin: Origin;
  /** A file in place of the machine's. */
  readonly signaturePolicy?: string;
  readonly signal?: AbortSignal;
}

/** Takes in all that was planned, one image after the other. What fails leaves nothing behind. */
export async function loadPlans(
  host: Host,
  stage: Stage,
  { name, plans, origin, signaturePolicy, signal }: PlannedImages,
): Promise<LoadedImage[]> {
  if (plans.length === 0) throw new CooperError("invalid-argument", `${name} holds no image`);
  const policy = loadPolicy(signaturePolicy);
  for (const plan of plans) await assertAccepted(host, policy, candidateOf(origin, plan, name));
  const newStager = () => new LayerStager(host, stage, { signal });
  const stager = newStager();
  const loaded: LoadedImage[] = [];
  for (const plan of plans) {
    const image = await loadOne(host, plan, stager).catch((error: unknown) => {
      // somebody removed a layer that we counted on: once more, with everything unpacked that is missing now
      if (error instanceof CooperError && error.code === "conflict")
        return loadOne(host, plan, newStager());
      throw error;
    });
    emitImage(host, "load", image.id, plan.names[0] ?? image.id);
    loaded.push({ image, names: plan.names });
  }
  return loaded;
}

async function loadOne(host: Host, plan: ImagePlan, stager: LayerStager): Promise<Image> {
  const layers = await stager.all(plan.layers);
  const manifests = plan.manifests ?? [manifestForArchive(plan.config.text, layers)];
  const repositories = new Set(plan.names.map((name) => name.slice(0, name.lastIndexOf(":"))));
  return publishImage(host, {
    config: plan.config.config,
    configText: plan.config.text,
    manifests,
    layers,
    names: plan.names,
    repoDigests: [
      ...(plan.repoDigests ?? []),
      ...[...repositories].flatMap((repository) =>
        manifests.map((manifest) => `${repository}@${manifest.digest}`),
      ),
    ],
    parentId: null,
  });
}

/** Opens an archive or directory; what is not seekable or compressed is spooled into the stage. */
export async function openArchive(input: string | null, stage: Stage): Promise<Archive> {
  if (input !== null && statSync(input, { throwIfNoEntry: false })?.isDirectory())
    return openDirectoryArchive(input);
  const name = input ?? "the archive on standard input";
  if (input === null && isTerminal(0)) {
    throw new CooperError("invalid-argument", "an archive cannot be read from a terminal", {
      hint: "name one with --input FILE",
    });
  }
  const opened = input === null ? 0 : openInput(input);
  let descriptor = opened;
  try {
    descriptor = await seekable(opened, name, stage);
    return openTarArchive(descriptor, name);
  } catch (error) {
    if (descriptor !== 0) closeSync(descriptor);
    throw error;
  }
}

/** What an archive holds, and the format that it was read as: a policy judges it by that one. */
export interface ArchiveImages {
  readonly plans: readonly ImagePlan[];
  readonly transport: "oci" | "oci-archive" | "docker-archive" | "dir";
}

/** The images of an archive of any format. An OCI layout counts first: it keeps the manifests, whose digests registries know. */
export function imagesOf(archive: Archive, choice: PlatformChoice): ArchiveImages {
  const layout = ociLayoutImages(archive, choice, dockerArchiveNames(archive));
  if (layout !== undefined)
    return { plans: layout, transport: archive.isDirectory ? "oci" : "oci-archive" };
  const listed = dockerArchiveImages(archive);
  if (listed !== undefined) return { plans: listed, transport: "docker-archive" };
  const flat = flatDirectoryImages(archive);
  if (flat !== undefined) return { plans: flat, transport: "dir" };
  if (archive.find("repositories") !== undefined) {
    throw new CooperError(
      "not-supported",
      `${archive.name} was written by a Docker before 1.10, whose images have no digests`,
      { hint: "load and save it once with a Docker between 1.10 and 24" },
    );
  }
  throw new CooperError(
    "invalid-argument",
    `${archive.name} is no archive of images: it has neither index.json nor manifest.json`,
    {
      hint: "the file system of a machine or container is taken in with: cooper import",
    },
  );
}
