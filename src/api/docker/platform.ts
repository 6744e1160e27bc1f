/** `platform` of a request: one word (`linux/arm64`), and in newer versions the JSON of an OCI platform. Pure. */
import { CooperError } from "../../errors.ts";
import { isObject } from "../../oci/json.ts";
import {
  formatPlatform,
  isPlatform,
  type PlatformChoice,
  parsePlatform,
  resolvePlatform,
} from "../../oci/platform.ts";

/** Null where none is asked for. @throws CooperError invalid-argument */
export function platformOf(query: URLSearchParams): PlatformChoice | null {
  const texts = query.getAll("platform").filter((text) => text !== "");
  const [text, ...more] = texts;
  if (text === undefined) return null;
  if (more.length > 0)
    throw new CooperError("not-supported", "an image here is of one platform: name one");
  if (!text.startsWith("{")) return parsePlatform(text);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new CooperError("invalid-argument", "invalid platform: no JSON", { cause });
  }
  const field = (name: string) => {
    const found = isObject(value) ? (value[name] ?? "") : null;
    if (typeof found !== "string")
      throw new CooperError("invalid-argument", `invalid platform: ${name} is no text`);
    return found;
  };
  const words = [field("os"), field("architecture"), field("variant")];
  if (words[0] === "" || words[1] === "")
    throw new CooperError("invalid-argument", "invalid platform: it needs os and architecture");
  return parsePlatform(words.filter((word) => word !== "").join("/"));
}

/** @throws CooperError no-such-image when the image is of another platform than the one asked for */
export function assertPlatform(
  query: URLSearchParams,
  name: string,
  { Os, Architecture, Variant }: Readonly<Record<string, unknown>>,
): void {
  const asked = platformOf(query);
  if (asked === null) return;
  const wanted = resolvePlatform(asked);
  const offered = {
    os: String(Os),
    architecture: String(Architecture),
    variant: String(Variant ?? ""),
  };
  if (isPlatform(offered, wanted)) return;
  throw new CooperError(
    "no-such-image",
    `image with reference ${name} was found but does not provide the specified platform (${formatPlatform(wanted)})`,
  );
}
