/** Handlers that change images. */
import { CooperError } from "../../errors.ts";
import type { ProcessConfig } from "../../oci/image-config.ts";
import { imageId } from "../docker/names.ts";
import { readDocument } from "../document.ts";
import { json } from "../http/reply.ts";
import { shownTo } from "../ours.ts";
import { filtersOf, isTrue } from "../query.ts";
import type { Handler } from "../route.ts";
import { pruneReply } from "./prune.ts";

export const tag: Handler = async ({ engine, params, request }) => {
  const { query } = request;
  const repo = query.get("repo") ?? "";
  if (repo === "")
    throw new CooperError("invalid-argument", "invalid reference format: no repo was named");
  const name = query.get("tag");
  await engine.images.tag(params.name ?? "", [name ? `${repo}:${name}` : repo]);
  return { status: 201 };
};

export const remove: Handler = async ({ engine, params, request }) => {
  const { untagged, deleted } = await engine.images.remove(params.name ?? "", {
    force: isTrue(request.query, "force"),
    keepsParents: isTrue(request.query, "noprune"),
  });
  const shown = shownTo(request);
  return json([
    ...untagged.map((name) => ({ Untagged: shown(name) })),
    ...deleted.map((id) => ({ Deleted: imageId(id) })),
  ]);
};

export const prune: Handler = async (call) => {
  const { engine, request } = call;
  const filters = filtersOf(request.query);
  const isAll = filters.some((filter) => /^dangling=(false|0)$/.test(filter));
  const { deleted, untagged, reclaimedBytes } = await engine.images.prune({
    all: isAll,
    filters: filters.filter((filter) => !filter.startsWith("dangling=")),
  });
  const shown = shownTo(request);
  const gone = [
    ...untagged.map((name) => ({ Untagged: shown(name) })),
    ...deleted.map((id) => ({ Deleted: imageId(id) })),
  ];
  return pruneReply(call, deleted.map(imageId), {
    ImagesDeleted: gone.length > 0 ? gone : null,
    SpaceReclaimed: reclaimedBytes,
  });
};

export const commit: Handler = async ({ engine, request }) => {
  const { query } = request;
  const container = query.get("container") ?? "";
  const repo = query.get("repo") ?? "";
  const name = query.get("tag") ? `${repo}:${query.get("tag")}` : repo;
  const body = await readDocument(request.body);
  const image = await engine.containers.commit(container, {
    name: repo === "" ? null : name,
    author: query.get("author") ?? "",
    message: query.get("comment") ?? "",
    changes: query
      .getAll("changes")
      .flatMap((text) => text.split("\n"))
      .filter((text) => text.trim() !== ""),
    config: asked(body),
    pauses: isTrue(query, "pause", true) ? null : false,
    squashes: false,
    family: "docker",
    includesVolumes: false,
    signal: request.signal,
  });
  return json({ Id: imageId(image.id) }, 201);
};

/** Of a container's Config what an image keeps; what is not given stays as it is. */
function asked(body: Awaited<ReturnType<typeof readDocument>>): ProcessConfig {
  const [command, entrypoint, env] = [
    body.words("Cmd"),
    body.words("Entrypoint"),
    body.strings("Env"),
  ];
  const labels = body.pairs("Labels");
  return {
    ...(command !== null && command.length > 0 && { Cmd: command }),
    ...(entrypoint !== null && entrypoint.length > 0 && { Entrypoint: entrypoint }),
    ...(env.length > 0 && { Env: env }),
    ...(body.string("User") !== "" && { User: body.string("User") }),
    ...(body.string("WorkingDir") !== "" && { WorkingDir: body.string("WorkingDir") }),
    ...(Object.keys(labels).length > 0 && { Labels: labels }),
  };
}
