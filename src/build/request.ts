/** What was asked of a build, put in order, and refused before anything is done where it cannot be. */
import { CooperError } from "../errors.ts";
import { entriesInLayout } from "../image/layout-directory.ts";
import { destinationOf } from "../image/push.ts";
import { formatPlatform, hostPlatform, type Platform, resolvePlatform } from "../oci/platform.ts";
import { formatReference, parseTarget } from "../oci/reference.ts";
import { assertAnnotations } from "./annotations.ts";
import type { BuildOptions } from "./build.ts";
import { type GiveOptions, pushNames } from "./give.ts";
import type { CacheTarget } from "./shared-cache/export.ts";

/** Each platform once, in the order in which they were named. */
export function platformsOf({ platforms }: Pick<BuildOptions, "platforms">): Platform[] {
  const all = platforms.length === 0 ? [hostPlatform()] : platforms.map(resolvePlatform);
  return [...new Map(all.map((platform) => [formatPlatform(platform), platform])).values()];
}

/** Whether an image comes out, and not only its files. */
export const makesImage = ({ outputs }: Pick<BuildOptions, "outputs">): boolean =>
  outputs.length === 0 || outputs.some(({ kind }) => kind !== "local" && kind !== "tar");

/**
 * The names that will be given.
 *
 * @throws CooperError where they are none, or something that is asked for can never come of it
 */
export function namesOf(
  options: BuildOptions,
  platforms: readonly Platform[],
): Pick<GiveOptions, "names" | "listNames"> {
  const { outputs, tags, manifest } = options;
  const more = outputs.flatMap((output) => (output.kind === "image" ? output.names : []));
  const full = (name: string) => formatReference(parseTarget(name));
  const names = {
    names: [...new Set([...tags, ...more].map(full))],
    listNames: manifest === null ? [] : [full(manifest)],
  };
  const { sbom = false, provenance = null } = options.attestations ?? {};
  const isAttested = sbom || provenance !== null;
  const isIndex = platforms.length > 1 || manifest !== null;
  assertAnnotations(options.annotations, platforms, isIndex);
  for (const target of options.cacheTo ?? []) assertTarget(target, options);
  for (const output of outputs) {
    if (output.kind === "docker" && (platforms.length > 1 || isAttested))
      throw new CooperError(
        "not-supported",
        "--output type=docker holds one image, without attestations",
        { hint: "use type=oci, or push it" },
      );
    if (output.kind !== "image" || !output.pushes) continue;
    const destinations = pushNames(output, names);
    if (destinations.length === 0)
      throw new CooperError("invalid-argument", "what is pushed needs a name", {
        hint: "name it with: --tag REGISTRY/NAME[:TAG]",
      });
    for (const name of destinations) destinationOf(name);
  }
  return names;
}

function assertTarget(target: CacheTarget, options: BuildOptions): void {
  if (target.kind === "registry") destinationOf(target.name);
  if (target.kind === "local") entriesInLayout(target.directory);
  if (target.kind !== "inline") return;
  const cannot = (why: string, hint: string) =>
    new CooperError("not-supported", `--cache-to type=inline: ${why}`, { hint });
  if (options.squash !== "none")
    throw cannot("a squashed image has no layers of its steps", "use type=registry or type=local");
  if (options.family === "docker")
    throw cannot("Docker's format has no annotations", "leave out --format docker");
}
