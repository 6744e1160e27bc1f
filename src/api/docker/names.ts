/** Names of images as Docker shows and means them. Pure. */
/** Docker's Hub is not named, and neither is what is only here. */
export function shownName(name: string): string {
  return name.replace(/^docker\.io\/library\//, "").replace(/^(docker\.io|localhost)\//, "");
}

/** An id as Docker writes it. */
export const imageId = (hex: string | null) => (hex === null || hex === "" ? "" : `sha256:${hex}`);
