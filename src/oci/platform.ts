/** Platforms: for which machines an image is (image-spec, image-index.md, "platform"). */
import { CooperError } from "../errors.ts";
import { isObject } from "./json.ts";

/** In Go's names: `linux`, `amd64`. */
export interface Platform {
  readonly os: string;
  readonly architecture: string;
  /** `v8`; empty where there is none. */
  readonly variant: string;
}

/** What the user asked for; null: the machine's own. */
export interface PlatformChoice {
  readonly os: string | null;
  readonly architecture: string | null;
  readonly variant: string | null;
}

export const anyPlatform: PlatformChoice = { os: null, architecture: null, variant: null };

const goNames: Readonly<Record<string, string>> = {
  x64: "amd64",
  ia32: "386",
  arm64: "arm64",
  arm: "arm",
  ppc64: "ppc64le",
  s390x: "s390x",
  riscv64: "riscv64",
  loong64: "loong64",
  x86_64: "amd64",
  aarch64: "arm64",
  armhf: "arm",
  i386: "386",
  "x86-64": "amd64",
};

/** The machine's own platform. */
export function hostPlatform(): Platform {
  const architecture = goNames[process.arch] ?? process.arch;
  return { os: "linux", architecture, variant: defaultVariant(architecture) };
}

/** containerd's normalization: what a missing variant means. */
function defaultVariant(architecture: string): string {
  if (architecture === "arm64") return "v8";
  return architecture === "arm" ? "v7" : "";
}

/** `linux/arm64/v8`, `linux/amd64`, or an architecture alone. */
export function parsePlatform(text: string): PlatformChoice {
  const parts = text.split("/");
  if (parts.length > 3 || parts.some((part) => !/^[A-Za-z0-9_.-]+$/.test(part))) {
    throw new CooperError(
      "invalid-argument",
      `invalid platform "${text}": must be OS/ARCH[/VARIANT]`,
    );
  }
  const [first = "", second, third] = parts;
  if (second === undefined) {
    const isOs = ["linux", "windows", "darwin", "freebsd"].includes(first);
    return isOs ? { ...anyPlatform, os: first } : { ...anyPlatform, architecture: goName(first) };
  }
  return { os: first, architecture: goName(second), variant: third ?? null };
}

const goName = (name: string): string => goNames[name] ?? name;

/** The whole platform that a choice means on this machine. */
export function resolvePlatform(choice: PlatformChoice): Platform {
  const host = hostPlatform();
  const architecture =
    choice.architecture === null ? host.architecture : goName(choice.architecture);
  return {
    os: choice.os ?? host.os,
    architecture,
    variant: choice.variant ?? defaultVariant(architecture),
  };
}

/** Decodes the platform of a descriptor. */
export function decodePlatform(value: unknown, where: string): Platform {
  const text = (part: unknown): string => {
    if (part === undefined || part === null) return "";
    if (typeof part !== "string")
      throw new CooperError("corrupt", `${where} has no valid platform`);
    return part;
  };
  if (!isObject(value)) throw new CooperError("corrupt", `${where} has no valid platform`);
  return {
    os: text(value.os),
    architecture: text(value.architecture),
    variant: text(value.variant),
  };
}

/** `linux/arm64/v8` */
export function formatPlatform({ os, architecture, variant }: Platform): string {
  return [os, architecture, variant].filter((part) => part !== "").join("/");
}

/** Without the variant that goes without saying, as containerd normalizes it: `linux/arm64`, but `linux/arm/v7`. */
export function shortPlatform(platform: Platform): Platform {
  const { architecture, variant } = platform;
  return architecture === "arm64" && variant === "v8" ? { ...platform, variant: "" } : platform;
}

/** Whether an image for `offered` is what `wanted` asks for. */
export function isPlatform(offered: Platform, wanted: Platform): boolean {
  if (offered.os !== wanted.os || goName(offered.architecture) !== wanted.architecture)
    return false;
  return (offered.variant || defaultVariant(wanted.architecture)) === wanted.variant;
}

/**
 * The first of an index's entries that fits: exactly, or else of an older variant that the machine runs
 * too (arm v7 runs v6 and v5). An index with one entry that tells no platform means that one.
 *
 * @throws CooperError no-such-image that lists what there is
 */
export function choosePlatform<T extends { readonly platform: Platform | null }>(
  entries: readonly T[],
  choice: PlatformChoice,
  name: string,
): T {
  const wanted = resolvePlatform(choice);
  // BuildKit's attestations are entries too, for "unknown/unknown"
  const real = entries.filter(({ platform }) => platform?.os !== "unknown");
  const variants = [wanted.variant, ...olderVariants(wanted, choice)];
  for (const variant of variants) {
    const found = real.find(
      ({ platform }) => platform !== null && isPlatform(platform, { ...wanted, variant }),
    );
    if (found !== undefined) return found;
  }
  const untold = real.filter(({ platform }) => platform === null || platform.architecture === "");
  const only = untold[0];
  if (only !== undefined && real.length === 1) return only;
  const offered = real.flatMap(({ platform }) =>
    platform === null ? [] : [formatPlatform(platform)],
  );
  throw new CooperError("no-such-image", `${name} has no image for ${formatPlatform(wanted)}`, {
    ...(offered.length > 0 && {
      hint: `choose one with --platform: ${[...new Set(offered)].slice(0, 20).join(", ")}`,
    }),
  });
}

function olderVariants(wanted: Platform, choice: PlatformChoice): string[] {
  if (wanted.architecture === "arm" && choice.variant === null) return ["v6", "v5"];
  if (wanted.architecture !== "amd64" || !/^v[234]$/.test(wanted.variant)) return [];
  return [""];
}
