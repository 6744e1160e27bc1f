/** Images out of what Docker's API says of them: the inverse of `image.ts`. Pure. */
import type { HistoryStep } from "../../image/history.ts";
import type { ListedImage } from "../../image/list.ts";
import { namePartsOf } from "../../image/names.ts";
import { hex, type Json, names as namesOf, number, ownPart, pairs, text } from "./reading.ts";

/** What the API's own fields do not tell: sent to clients that are Coopers themselves. */
export function ownImage({ image, containers, isIntermediate }: ListedImage): Json {
  const { names, repoDigests, createdAt, addedAt, manifestDigest } = image;
  return { names, repoDigests, createdAt, addedAt, manifestDigest, containers, isIntermediate };
}

/** An item of `/images/json`. @param fullName of a name as the engine writes it */
export function readImage(item: Json, fullName: (name: string) => string): ListedImage {
  const own = ownPart(item);
  const isName = (name: string) => !name.startsWith("<none>") && !name.endsWith(":<none>");
  const shown = (value: unknown) => namesOf(value).filter(isName).map(fullName).sort();
  const createdAt = own === undefined ? number(item.Created) * 1000 : number(own.createdAt);
  const names = own === undefined ? shown(item.RepoTags) : namesOf(own.names);
  const repoDigests =
    own === undefined
      ? shown(namesOf(item.RepoDigests).filter((name) => !name.includes("<none>")))
      : namesOf(own.repoDigests);
  const labels = pairs(item.Labels);
  const image = {
    id: hex(item.Id),
    names,
    repoDigests,
    size: number(item.Size),
    createdAt,
    addedAt: own === undefined ? createdAt : number(own.addedAt),
    manifestDigest:
      own === undefined
        ? (repoDigests[0]?.split("@")[1] ?? null)
        : text(own.manifestDigest) || null,
    parentId: hex(item.ParentId) || null,
    config: { config: Object.keys(labels).length > 0 ? { Labels: labels } : {} },
  };
  return {
    image,
    rows: namePartsOf(image),
    containers: Math.max(0, number(own === undefined ? item.Containers : own.containers)),
    isDangling: names.length === 0 && repoDigests.length === 0,
    isIntermediate: own !== undefined && own.isIntermediate === true,
  };
}

/** An item of `/images/{name}/history`. */
export function readHistory(item: Json, fullName: (name: string) => string): HistoryStep {
  const own = ownPart(item);
  return {
    id: text(item.Id) === "<missing>" ? null : hex(item.Id),
    createdAt: own === undefined ? number(item.Created) * 1000 : number(own.createdAt),
    createdBy: text(item.CreatedBy),
    comment: text(item.Comment),
    size: number(item.Size),
    tags: own === undefined ? namesOf(item.Tags).map(fullName) : namesOf(own.tags),
    layerId: text(own?.layerId) || null,
  };
}

/** What the API's own fields do not tell of a step. */
export const ownStep = ({ createdAt, tags, layerId }: HistoryStep): Json => ({
  createdAt,
  tags,
  layerId,
});
