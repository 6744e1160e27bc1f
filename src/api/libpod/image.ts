/** Images as Podman shows them. Pure. */
import type { HistoryStep } from "../../image/history.ts";
import type { ImageSummary } from "../../image/list.ts";
import type { SearchResult, TagResult } from "../../registry/search.ts";

type Json = Readonly<Record<string, unknown>>;

/** An item of `/images/json`. */
export function imageItem({ image, rows, containers, isDangling }: ImageSummary): Json {
  // those of lists that it is in too
  const names = rows
    .filter(({ tag }) => tag !== "<none>")
    .map(({ repository, tag }) => `${repository}:${tag}`);
  return {
    Id: image.id,
    ParentId: image.parentId ?? "",
    RepoTags: names.length > 0 ? names : null,
    RepoDigests: image.repoDigests,
    Created: Math.floor((image.createdAt || image.addedAt) / 1000),
    Size: image.size,
    SharedSize: 0,
    VirtualSize: image.size,
    Labels: image.config.config?.Labels ?? null,
    Containers: containers,
    ...(names.length > 0 ? { Names: names, History: names } : {}),
    ...(isDangling && { Dangling: true }),
    Digest: image.manifestDigest ?? "",
    Arch: image.config.architecture,
    Os: image.config.os,
    IsManifestList: false,
  };
}

/** An item of `/images/{name}/history`. */
export function historyItem(step: HistoryStep): Json {
  return {
    Id: step.id ?? "<missing>",
    Created: Math.floor(step.createdAt / 1000),
    CreatedBy: step.createdBy,
    Tags: step.tags.length > 0 ? step.tags : null,
    Size: step.size,
    Comment: step.comment,
  };
}

/** What was removed, and what could not be. */
export interface Removal {
  readonly untagged: readonly string[];
  readonly deleted: readonly string[];
  readonly errors: readonly { readonly kind: RemovalError; readonly message: string }[];
}

export type RemovalError = "missing" | "in-use" | "other";

/** What a client exits with. */
function exitCodeOf({ errors }: Removal): number {
  const has = (kind: RemovalError) => errors.some((error) => error.kind === kind);
  if (has("in-use")) return 2;
  if (has("other")) return 125;
  return has("missing") ? 1 : 0;
}

/** The report of a removal. */
export function removalReport(removal: Removal): Json {
  const { untagged, deleted, errors } = removal;
  return {
    ...(deleted.length > 0 && { Deleted: deleted }),
    ...(untagged.length > 0 && { Untagged: untagged }),
    ExitCode: exitCodeOf(removal),
    Errors: errors.length > 0 ? errors.map(({ message }) => message) : null,
  };
}

/** An item of `/images/search`. */
export function searchItem(result: SearchResult): Json {
  return {
    Index: result.index,
    Name: result.name,
    Description: result.description,
    Stars: result.stars,
    Official: result.isOfficial ? "[OK]" : "",
    Automated: result.isAutomated ? "[OK]" : "",
    Tag: "",
  };
}

/** Items of `/images/search?listTags=true`. */
export function tagItems({ name, tags }: TagResult): Json[] {
  return tags.map((tag) => ({
    Index: name.split("/", 1)[0],
    Name: name,
    Description: "",
    Stars: 0,
    Official: "",
    Automated: "",
    Tag: tag,
  }));
}
