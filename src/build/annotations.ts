/** `--annotation`: which parts of what comes out say it (docs.docker.com, "Annotations"). Pure. */
import { CooperError } from "../errors.ts";
import {
  formatPlatform,
  isPlatform,
  type Platform,
  parsePlatform,
  resolvePlatform,
} from "../oci/platform.ts";

const levels = ["manifest", "index", "manifest-descriptor", "index-descriptor"] as const;
export type AnnotationLevel = (typeof levels)[number];

export interface BuildAnnotation {
  readonly level: AnnotationLevel;
  /** null: all platforms. */
  readonly platform: Platform | null;
  readonly key: string;
  readonly value: string;
}

/** `KEY=VALUE`, with `LEVEL[PLATFORM],…:` before it; without that it is the manifest's. */
export function parseAnnotation(text: string): BuildAnnotation[] {
  const equals = text.indexOf("=");
  const left = equals < 0 ? text : text.slice(0, equals);
  const value = equals < 0 ? "" : text.slice(equals + 1);
  const [, before, after] =
    /^((?:[a-z-]+(?:\[[^\]]*\])?)(?:,[a-z-]+(?:\[[^\]]*\])?)*):(.*)$/s.exec(left) ?? [];
  const places = before === undefined ? undefined : placesOf(before, text);
  // a key may have a colon of its own
  const key = places === undefined ? left : (after ?? "");
  if (key === "")
    throw new CooperError("invalid-argument", `invalid annotation "${text}": it has no name`);
  return (places ?? [{ level: "manifest" as const, platform: null }]).map((place) => ({
    ...place,
    key,
    value,
  }));
}

function placesOf(
  before: string,
  text: string,
): Pick<BuildAnnotation, "level" | "platform">[] | undefined {
  const words = before.split(",").map((word) => /^([a-z-]+)(?:\[([^\]]*)\])?$/.exec(word));
  const known = words.map((word) => levels.find((level) => level === word?.[1]));
  if (known.every((level) => level === undefined)) return undefined;
  return words.map((word, index) => {
    const level = known[index];
    if (level === undefined)
      throw new CooperError(
        "invalid-argument",
        `invalid annotation "${text}": ${word?.[1]} is no level`,
        {
          hint: `there are ${levels.join(", ")}`,
        },
      );
    const platform = word?.[2];
    return {
      level,
      platform: platform === undefined ? null : resolvePlatform(parsePlatform(platform)),
    };
  });
}

/** Those of one level, for one platform. */
export function annotationsAt(
  all: readonly BuildAnnotation[],
  level: AnnotationLevel,
  platform: Platform | null,
): Record<string, string> {
  const wanted = all.filter(
    (one) =>
      one.level === level &&
      (one.platform === null || (platform !== null && isPlatform(platform, one.platform))),
  );
  return Object.fromEntries(wanted.map(({ key, value }) => [key, value]));
}

/** @throws CooperError when something would be said where there is no place for it */
export function assertAnnotations(
  all: readonly BuildAnnotation[],
  platforms: readonly Platform[],
  hasIndex: boolean,
): void {
  const ofIndex = all.find(({ level }) => level !== "manifest");
  if (ofIndex !== undefined && !hasIndex)
    throw new CooperError(
      "invalid-argument",
      `the annotation ${ofIndex.key} is for an index, and this build makes none`,
      { hint: "an index comes of several platforms, or of --manifest" },
    );
  for (const { platform, key } of all)
    if (platform !== null && !platforms.some((one) => isPlatform(one, platform)))
      throw new CooperError(
        "invalid-argument",
        `the annotation ${key} is for ${formatPlatform(platform)}, which is not built`,
      );
}
