/** Names of images as Docker shows and means them. Pure. */
import { atRegistry, formatReference, parseName, withDefaultTag } from "../../oci/reference.ts";

/** What Docker's clients mean by a name that goes to a registry: a short one is of Docker's Hub. */
export function registryName(name: string): string {
  const parsed = withDefaultTag(parseName(name));
  return formatReference(atRegistry(parsed, parsed.registry ?? "docker.io"));
}

/** Docker's Hub is not named, and neither is what is only here. */
export function shownName(name: string): string {
  return name.replace(/^docker\.io\/library\//, "").replace(/^(docker\.io|localhost)\//, "");
}

/** An id as Docker writes it. */
export const imageId = (hex: string | null) => (hex === null || hex === "" ? "" : `sha256:${hex}`);
