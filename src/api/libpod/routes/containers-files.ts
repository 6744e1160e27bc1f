/** Handlers that carry the files of containers, and make images of them. */
import { posix } from "node:path";
import { CooperError } from "../../../errors.ts";
import { isObject } from "../../../oci/json.ts";
import { goFileMode } from "../../docker/path-stat.ts";
import { json } from "../../http/reply.ts";
import { isTrue } from "../../query.ts";
import type { Call, Handler } from "../../route.ts";
import { copyIn, copyOut, pathOf } from "../../routes/containers-files.ts";

/** Podman's clients count on the path itself where there is no link. */
async function statHeader(call: Call): Promise<Record<string, string>> {
  const path = pathOf(call);
  const stat = await call.engine.containers.statPath(call.params.name ?? "", path);
  const document = {
    name: stat.name,
    size: stat.size,
    mode: goFileMode(stat.mode),
    mtime: new Date(stat.modifiedAtMs).toISOString(),
    isDir: (stat.mode & 0o170000) === 0o040000,
    linkTarget: stat.linkTarget || posix.join("/", path).replace(/(?<=.)\/\.?$/, ""),
  };
  const text = Buffer.from(JSON.stringify(document)).toString("base64");
  return { "X-Docker-Container-Path-Stat": text };
}

export const statArchive: Handler = async (call) => ({
  status: 200,
  headers: await statHeader(call),
});

export const getArchive: Handler = async (call) => ({
  status: 200,
  headers: { "Content-Type": "application/x-tar", ...(await statHeader(call)) },
  body: copyOut(call, call.params.name ?? ""),
});

/** `rename`: the name that what stands in the tar gets. */
export const putArchive: Handler = async (call) => {
  const { query } = call.request;
  await copyIn(call, call.params.name ?? "", {
    overwrites: !isTrue(query, "noOverwriteDirNonDir"),
    chownsStream: isTrue(query, "copyUIDGID", true),
    renames: renamesOf(query.get("rename") ?? ""),
  });
  return { status: 200 };
};

function renamesOf(text: string): ReadonlyMap<string, string> {
  if (text === "") return new Map();
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new CooperError("invalid-argument", "rename: no JSON", { cause });
  }
  const pairs = isObject(value) ? Object.entries(value) : [];
  return new Map(
    pairs.map(([from, to]) => {
      if (typeof to !== "string" || !/^[^/\0]{1,255}$/.test(to) || to === "." || to === "..")
        throw new CooperError("invalid-argument", "rename is not a map of names");
      return [from, to];
    }),
  );
}

export const commit: Handler = async ({ engine, request }) => {
  const { query } = request;
  const container = query.get("container") ?? "";
  if (container === "")
    throw new CooperError("invalid-argument", "no container was named: container=NAME");
  const repo = query.get("repo") ?? "";
  const format = query.get("format") || "oci";
  if (format !== "oci" && format !== "docker")
    throw new CooperError("invalid-argument", `format: "${format}" is neither oci nor docker`);
  const image = await engine.containers.commit(container, {
    name: repo === "" ? null : query.get("tag") ? `${repo}:${query.get("tag")}` : repo,
    author: query.get("author") ?? "",
    message: query.get("comment") ?? "",
    changes: query.getAll("changes").filter((text) => text.trim() !== ""),
    config: {},
    pauses: isTrue(query, "pause") ? null : false,
    squashes: isTrue(query, "squash"),
    family: format,
    includesVolumes: isTrue(query, "include"),
    signal: request.signal,
  });
  return json({ Id: image.id });
};
