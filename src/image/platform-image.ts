/** Which of the images that a name stands for is for a platform. */
import { CooperError } from "../errors.ts";
import type { Host } from "../host.ts";
import { mediaType } from "../oci/media-type.ts";
import {
  formatPlatform,
  isPlatform,
  type Platform,
  type PlatformChoice,
  resolvePlatform,
} from "../oci/platform.ts";
import { type Image, imagesByManifest, manifestsOf } from "../records/images.ts";
import { type FoundImage, findList, findNamedImage, imagesOfList } from "./resolve.ts";

/**
 * The image of a name for a platform: the one that has the name, one of the manifest list of that name,
 * or one that came by the same index as the one that has the name. Undefined when none of them is for it.
 */
export function findForPlatform(
  host: Host,
  name: string,
  platform: Platform,
): FoundImage | undefined {
  const found = findNamedImage(host, name);
  if (found !== undefined && (found.isById || isFor(found.image, platform))) return found;
  const all = [
    ...imagesOfList(host, findList(host, name)),
    ...(found === undefined ? [] : besides(host, found.image)),
  ];
  const image = all.find((one) => isFor(one, platform));
  return image && { image, name: found?.name ?? name, isById: false };
}

/** Whether an image is for a platform. */
export function isFor({ config }: Image, platform: Platform): boolean {
  const { os, architecture, variant = "" } = config;
  return isPlatform({ os, architecture, variant }, platform);
}

/** @throws CooperError no-such-image where one was chosen, and the image is for another */
export function assertForPlatform(image: Image, name: string, choice: PlatformChoice | null): void {
  if (choice === null) return;
  const wanted = resolvePlatform(choice);
  if (isFor(image, wanted)) return;
  const { os, architecture, variant = "" } = image.config;
  throw new CooperError(
    "no-such-image",
    `the image ${name} is here for ${formatPlatform({ os, architecture, variant })}, not for ${formatPlatform(wanted)}`,
    { hint: `fetch the other one with: cooper pull --platform ${formatPlatform(wanted)} ${name}` },
  );
}

function besides(host: Host, image: Image): Image[] {
  const indexes: readonly string[] = [mediaType.ociIndex, mediaType.dockerList];
  return manifestsOf(host.database, image.id)
    .filter(({ mediaType: type }) => indexes.includes(type))
    .flatMap(({ digest }) => imagesByManifest(host.database, digest));
}
