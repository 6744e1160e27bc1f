/** Names of images as clients send them. Pure. */
import { CooperError } from "../errors.ts";
import { parseLocation } from "../oci/location.ts";

/** `docker://` may be written; other places are of this machine, which a client does not mean. @throws CooperError */
export function imageName(text: string): string {
  const location = parseLocation(text);
  if (location === undefined) return text;
  if (location.kind === "docker") return location.name;
  throw new CooperError(
    "invalid-argument",
    `unsupported transport ${location.kind} in ${JSON.stringify(text)}: only docker transport is supported`,
  );
}
