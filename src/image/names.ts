/** Names of stored images, taken apart for tables. */
import type { Image } from "../records/images.ts";

/** A name in two parts; `<none>` where there is none, as both peers print it. */
export interface NameParts {
  readonly repository: string;
  readonly tag: string;
}

export const none = "<none>";

/** `registry/repository:tag` → its parts. */
export function splitName(name: string): NameParts {
  const colon = name.lastIndexOf(":");
  return { repository: name.slice(0, colon), tag: name.slice(colon + 1) };
}

/** A row for each name. An image pulled by digest has a repository and no tag. */
export function namePartsOf(image: Pick<Image, "names" | "repoDigests">): NameParts[] {
  if (image.names.length > 0) return image.names.map(splitName);
  const repositories = new Set(image.repoDigests.map((name) => name.slice(0, name.indexOf("@"))));
  if (repositories.size === 0) return [{ repository: none, tag: none }];
  return [...repositories].map((repository) => ({ repository, tag: none }));
}
