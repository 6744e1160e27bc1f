/** Images as Docker shows them. Pure. */
import type { HistoryStep } from "../../image/history.ts";
import type { ImageSummary } from "../../image/list.ts";
import { imageId, shownName } from "./names.ts";

type Json = Readonly<Record<string, unknown>>;

/**
 * An item of `/images/json`.
 *
 * @param sharedBytes what other images have too; -1: nobody asked
 */
export function imageItem(
  { image, containers }: ImageSummary,
  version: number,
  sharedBytes = -1,
): Json {
  const isNameless = version < 43 && image.names.length === 0;
  return {
    Containers: version < 51 ? -1 : containers,
    Created: Math.floor(image.createdAt / 1000),
    Id: imageId(image.id),
    Labels: image.config.config?.Labels ?? null,
    ParentId: imageId(image.parentId),
    RepoDigests:
      isNameless && image.repoDigests.length === 0
        ? ["<none>@<none>"]
        : image.repoDigests.map(shownName),
    RepoTags: isNameless ? ["<none>:<none>"] : image.names.map(shownName),
    SharedSize: sharedBytes,
    Size: image.size,
    ...(version < 44 && { VirtualSize: image.size }),
  };
}

/** `/images/{name}/json`, from what the engine's inspect says. */
export function imageDocument(document: Json, version: number): Json {
  const { Id, Parent, RepoTags, RepoDigests, Config, GraphDriver } = document;
  const names = (list: unknown) => (list as readonly string[]).map(shownName);
  return {
    Id: imageId(String(Id)),
    RepoTags: names(RepoTags),
    RepoDigests: names(RepoDigests),
    ...shownUnlessEmpty(
      {
        Parent: imageId(String(Parent)),
        Comment: document.Comment,
        DockerVersion: "",
        Author: document.Author,
      },
      version < 52,
    ),
    ...(version < 44
      ? { Created: document.Created ?? "0001-01-01T00:00:00Z" }
      : document.Created !== null && { Created: document.Created }),
    Config: configOf(Config as Json, version),
    ...(version < 45 && { Container: "", ContainerConfig: { Cmd: null, Labels: null } }),
    Architecture: document.Architecture,
    ...("Variant" in document && { Variant: document.Variant }),
    Os: document.Os,
    Size: document.Size,
    ...(version < 44 && { VirtualSize: document.Size }),
    GraphDriver,
    RootFS: document.RootFS,
    Metadata: document.Metadata,
  };
}

/** Fields that newer versions leave out when they say nothing. */
function shownUnlessEmpty(fields: Json, showsAll: boolean): Json {
  const isEmpty = (value: unknown) =>
    value === "" || value === null || (Array.isArray(value) && value.length === 0);
  return Object.fromEntries(
    Object.entries(fields).filter(([, value]) => showsAll || !isEmpty(value)),
  );
}

/** Until 1.49 with what is of containers only, and means nothing here. */
function configOf(config: Json, version: number): Json {
  const ofContainers = {
    Hostname: "",
    Domainname: "",
    AttachStdin: false,
    AttachStdout: false,
    AttachStderr: false,
    Tty: false,
    OpenStdin: false,
    StdinOnce: false,
    Image: "",
  };
  return { ...(version < 50 && ofContainers), ...shownUnlessEmpty(config, version < 52) };
}

/** An item of `/images/{name}/history`. */
export function historyItem(step: HistoryStep): Json {
  return {
    Comment: step.comment,
    Created: Math.floor(step.createdAt / 1000),
    CreatedBy: step.createdBy,
    Id: step.id === null ? "<missing>" : imageId(step.id),
    Size: step.size,
    Tags: step.tags.length > 0 ? step.tags.map(shownName) : null,
  };
}
