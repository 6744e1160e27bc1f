/** Images out of the places that the peers' transports name: layouts, archives, and other engines' stores. */
import { statSync } from "node:fs";
import { CooperError } from "../errors.ts";
import type { Host } from "../host.ts";
import { formatLocation, type ImageLocation } from "../oci/location.ts";
import { anyPlatform, type PlatformChoice } from "../oci/platform.ts";
import { type Archive, openDirectoryArchive } from "./archive.ts";
import { dockerArchiveImages, dockerArchiveNames } from "./docker-archive.ts";
import { type LoadedImage, loadPlans, openArchive } from "./load.ts";
import { type OpenedImages, openForeign } from "./load-foreign.ts";
import type { ImagePlan } from "./load-plan.ts";
import { flatDirectoryImages, ociLayoutImages } from "./oci-layout.ts";
import { openStage, type Stage } from "./stage.ts";
import { sweep } from "./sweep.ts";
import { archiveOrigin } from "./trust/origin.ts";

export interface LocationOptions {
  /** Which image of an index is wanted. */
  readonly platform?: PlatformChoice;
  /** A file in place of the machine's policy.json. */
  readonly signaturePolicy?: string;
  readonly signal?: AbortSignal;
}

/**
 * Takes in the image that a location names. A docker archive without a name gives all that it holds, as
 * Podman takes it; an OCI layout without one must hold just one.
 */
export async function loadLocation(
  host: Host,
  location: ImageLocation,
  options: LocationOptions = {},
): Promise<LoadedImage[]> {
  await sweep(host);
  using stage = await openStage(host);
  using source = await openLocation(host, location, stage, options);
  const { plans, origin } = source;
  // awaited here: the stage goes when this function returns
  return await loadPlans(host, stage, {
    ...options,
    name: formatLocation(location),
    plans,
    origin,
  });
}

async function openLocation(
  host: Host,
  location: ImageLocation,
  stage: Stage,
  { platform = anyPlatform, signal }: LocationOptions,
): Promise<OpenedImages> {
  if (location.kind === "containers-storage" || location.kind === "docker-daemon")
    return openForeign(host, location, stage, signal);
  const archive = await openPath(location, stage);
  try {
    const plans = plansAt(location, archive, platform);
    const origin = archiveOrigin(location.kind, location.path, archive);
    return { plans, origin, [Symbol.dispose]: () => archive[Symbol.dispose]() };
  } catch (error) {
    archive[Symbol.dispose]();
    throw error;
  }
}

type PathLocation = Extract<ImageLocation, { readonly path: string }>;

async function openPath(location: PathLocation, stage: Stage): Promise<Archive> {
  const isDirectory = location.kind === "oci" || location.kind === "dir";
  if (isDirectory && !statSync(location.path, { throwIfNoEntry: false })?.isDirectory())
    throw new CooperError("invalid-argument", `no such directory: ${location.path}`);
  return isDirectory ? openDirectoryArchive(location.path) : openArchive(location.path, stage);
}

function plansAt(location: PathLocation, archive: Archive, choice: PlatformChoice): ImagePlan[] {
  const plans = readPlans(location, archive, choice);
  if (plans === undefined) throw isNot(location);
  const isOne = plans.length <= 1 || location.kind === "docker-archive" || location.kind === "dir";
  if (isOne) return plans;
  const [first] = plans.flatMap(({ names }) => names);
  throw new CooperError(
    "invalid-argument",
    `${formatLocation(location)} holds ${plans.length} images: name the one that is meant`,
    {
      hint: `${location.kind}:${location.path}:${first ?? "@0"}, or all of them: cooper load -i ${location.path}`,
    },
  );
}

function readPlans(
  location: PathLocation,
  archive: Archive,
  choice: PlatformChoice,
): ImagePlan[] | undefined {
  switch (location.kind) {
    case "dir":
      return flatDirectoryImages(archive);
    case "docker-archive":
      return dockerArchiveImages(archive, location.selection);
    default:
      return ociLayoutImages(archive, choice, dockerArchiveNames(archive), location.selection);
  }
}

const missing = {
  dir: "it has no manifest.json and version",
  "docker-archive": "it has no manifest.json that lists images",
  oci: "it has no index.json",
  "oci-archive": "it has no index.json",
} as const;

function isNot(location: PathLocation): CooperError {
  return new CooperError(
    "invalid-argument",
    `${location.path} is no ${location.kind}: ${missing[location.kind]}`,
  );
}
