/** The image that a container is made from: found in the store, or fetched as the spec allows. */
import type { ContainerImage } from "../container/create.ts";
import type { ContainerSpec } from "../container/spec.ts";
import { CooperError } from "../errors.ts";
import type { Host } from "../host.ts";
import { parseLocation } from "../oci/location.ts";
import {
  anyPlatform,
  formatPlatform,
  hostPlatform,
  isPlatform,
  type PlatformChoice,
  resolvePlatform,
} from "../oci/platform.ts";
import type { AccessOptions } from "../registry/access.ts";
import { helloName, isHello } from "./hello-name.ts";
import { findForPlatform } from "./platform-image.ts";
import { type FoundImage, findNamedImage } from "./resolve.ts";
import type { TransferProgress } from "./transfer-progress.ts";

export type PullPolicy = "missing" | "always" | "never" | "newer";

/** How a registry is asked, where it has to be. */
export interface FetchOptions extends AccessOptions {
  /** A file in place of the machine's policy.json. */
  readonly signaturePolicy?: string;
  /** Without progress on stderr. */
  readonly isQuiet?: boolean;
  /** Told in place of stderr. */
  readonly onProgress?: (progress: TransferProgress) => void;
}

/** How an image may be come by. */
export interface EnsureOptions extends FetchOptions {
  readonly pull: PullPolicy;
  readonly platform?: PlatformChoice;
  /** An image that is pulled takes no name from another one. */
  readonly keepsNames?: boolean;
  readonly signal?: AbortSignal;
}

/** The image by name, for a container; pulls it where the spec says so. */
export async function imageForContainer(
  host: Host,
  name: string,
  spec: Pick<ContainerSpec, "pull" | "platform">,
  fetch: FetchOptions = {},
): Promise<ContainerImage> {
  const found = await ensureImage(host, name, {
    ...fetch,
    pull: spec.pull ?? host.settings.pullPolicy,
    platform: spec.platform,
  });
  warnOfPlatform(host, found, spec.platform);
  const { image } = found;
  return {
    id: image.id,
    name: found.name,
    digest: image.manifestDigest ?? "",
    config: image.config,
    layers: image.layers,
  };
}

/**
 * Finds an image, making or pulling it where it is missing and the policy allows.
 *
 * @throws CooperError no-such-image
 */
export async function ensureImage(
  host: Host,
  name: string,
  options: EnsureOptions,
): Promise<FoundImage> {
  const { pull, platform = anyPlatform } = options;
  const located = await imageAt(host, name, options);
  if (located !== undefined) return located;
  const fitting = isAsked(platform)
    ? findForPlatform(host, name, resolvePlatform(platform))
    : undefined;
  const found = fitting ?? findNamedImage(host, name);
  const isOther = found !== undefined && pull === "never" && isForOther(found, platform);
  if (found !== undefined && !isOther && !mustPull(found, options)) return found;
  if (found === undefined) {
    if (isHello(name)) {
      const { makeHello } = await import("./hello.ts");
      return { image: await makeHello(host), name: helloName, isById: false };
    }
  }
  if (pull === "never") {
    throw new CooperError("no-such-image", `no such image: ${name}`, {
      hint: `it may not be pulled (--pull never); pull it with: cooper pull ${name}`,
    });
  }
  const { pullImage } = await import("./pull.ts");
  const { progressOnStderr } = await import("./transfer-progress.ts");
  const { pull: policy, isQuiet, onProgress, ...how } = options;
  const tell = onProgress ?? (isQuiet ? undefined : progressOnStderr());
  const pulled = await pullImage(host, name, {
    ...how,
    policy,
    platform,
    ...(tell !== undefined && { onProgress: tell }),
  });
  return { image: pulled.image, name: pulled.name, isById: false };
}

/** An image that `transport:details` names is taken in each time, as Podman does: it may have changed there. */
async function imageAt(
  host: Host,
  name: string,
  { platform = anyPlatform, signal, signaturePolicy }: EnsureOptions,
): Promise<FoundImage | undefined> {
  const location = parseLocation(name);
  if (location === undefined || location.kind === "docker") return undefined;
  const { loadLocation } = await import("./load-location.ts");
  const loaded = await loadLocation(host, location, {
    platform,
    ...(signaturePolicy !== undefined && { signaturePolicy }),
    ...(signal !== undefined && { signal }),
  });
  const [first] = loaded;
  if (first === undefined || loaded.length > 1) {
    throw new CooperError(
      "invalid-argument",
      `${name} holds ${loaded.length} images: name the one that is meant`,
    );
  }
  const { image, names } = first;
  return { image, name: names[0] ?? image.id, isById: names.length === 0 };
}

/** An id names what is here; a built-in image has no registry; another platform than was asked for is not it. */
function mustPull(found: FoundImage, { pull, platform = anyPlatform }: EnsureOptions): boolean {
  if (found.isById || found.name.startsWith("localhost/")) return false;
  if (pull === "always" || pull === "newer") return true;
  return pull === "missing" && isForOther(found, platform);
}

/** Whether another platform was asked for than the image is for. */
function isForOther(found: FoundImage, platform: PlatformChoice): boolean {
  return isAsked(platform) && !isPlatform(platformOf(found), resolvePlatform(platform));
}

const isAsked = ({ os, architecture, variant }: PlatformChoice): boolean =>
  os !== null || architecture !== null || variant !== null;

const platformOf = ({ image: { config } }: FoundImage) => ({
  os: config.os,
  architecture: config.architecture,
  variant: config.variant ?? "",
});

/** Not an error: an emulator may be registered (binfmt_misc). */
function warnOfPlatform(host: Host, found: FoundImage, platform: PlatformChoice): void {
  const own = platformOf(found);
  if (own.architecture === "" || isPlatform(own, resolvePlatform(platform))) return;
  host.warn(
    `the image ${found.name} is for ${formatPlatform(own)}, ${isAsked(platform) ? `not for ${formatPlatform(resolvePlatform(platform))}` : `and this machine is ${formatPlatform(hostPlatform())}`}`,
  );
}
