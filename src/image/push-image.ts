/** `push` by name: an image, a manifest list with all its images, or all tags of a repository. */
import { CooperError } from "../errors.ts";
import type { Host } from "../host.ts";
import { formatRepository, parseName } from "../oci/reference.ts";
import { findManifestList } from "./manifest-list.ts";
import { assertForPlatform } from "./platform-image.ts";
import { destinationOf, type PushedImage, type PushOptions } from "./push.ts";
import { pushAttested } from "./push-attested.ts";
import { pushManifestList } from "./push-list.ts";
import { resolveNamedImage } from "./resolve.ts";
import { taggedIn } from "./tagged.ts";

/** What a name stands for: a list with all its images, or an image. */
export async function pushNamed(
  host: Host,
  name: string,
  destination: string | null,
  options: PushOptions,
): Promise<PushedImage> {
  const isList = options.platform == null && findManifestList(host, name) !== undefined;
  if (!isList) return pushImage(host, name, destination, options);
  return pushManifestList(host, name, destination, {
    ...options,
    withImages: true,
    isRemoved: false,
  });
}

/** Pushes an image; without a destination, to where its name says. */
async function pushImage(
  host: Host,
  name: string,
  destination: string | null,
  options: PushOptions = {},
): Promise<PushedImage> {
  // nobody sweeps meanwhile: an image that is removed now keeps its layers until we are done
  using _lock = await host.locks.store("shared");
  const found = resolveNamedImage(host, name);
  assertForPlatform(found.image, name, options.platform ?? null);
  if (destination === null && found.isById)
    throw new CooperError("invalid-argument", `${name} is an id: a push needs to know where to`, {
      hint: `cooper push ${name} REGISTRY/NAME[:TAG]`,
    });
  const reference = destinationOf(destination ?? found.name);
  return pushAttested(host, found.image, reference, options);
}

/** Pushes every tag that images here have in a repository. */
export async function pushAllTags(
  host: Host,
  name: string,
  options: PushOptions = {},
): Promise<PushedImage[]> {
  const parsed = parseName(name);
  if (parsed.tag !== null || parsed.digest !== null)
    throw new CooperError("invalid-argument", `all tags are asked for, and "${name}" names one`);
  const repository = formatRepository(destinationOf(name));
  const tagged = taggedIn(host, repository);
  if (tagged.length === 0)
    throw new CooperError("no-such-image", `no image here has a tag in ${repository}`);
  using _lock = await host.locks.store("shared");
  const pushed: PushedImage[] = [];
  for (const one of tagged)
    pushed.push(await pushAttested(host, one.image, destinationOf(one.name), options));
  return pushed;
}
