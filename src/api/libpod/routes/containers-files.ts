/** Handlers that carry the files of containers, and make images of them. */
import { posix } from "node:path";
import { CooperError } from "../../../errors.ts";
import { goFileMode } from "../../docker/path-stat.ts";
import { json } from "../../http/reply.ts";
import type { Call, Handler } from "../../route.ts";
import { copyIn, copyOut, pathOf } from "../../routes/containers-files.ts";
import { Parameters } from "../parameters.ts";

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
  const parameters = new Parameters(call.request.query);
  await copyIn(call, call.params.name ?? "", {
    overwrites: !parameters.flag("noOverwriteDirNonDir"),
    chownsStream: parameters.flag("copyUIDGID", true),
    renames: renamesOf(parameters),
  });
  return { status: 200 };
};

function renamesOf(parameters: Parameters): ReadonlyMap<string, string> {
  const pairs = Object.entries(parameters.pairs("rename"));
  const wrong = pairs.find(([, to]) => !/^[^/\0]{1,255}$/.test(to) || to === "." || to === "..");
  if (wrong !== undefined)
    throw new CooperError(
      "invalid-argument",
      `the parameter rename: ${JSON.stringify(wrong[1])} is no name of a file`,
    );
  return new Map(pairs);
}

export const commit: Handler = async ({ engine, request }) => {
  const parameters = new Parameters(request.query);
  const container = parameters.text("container");
  if (container === "")
    throw new CooperError("invalid-argument", "no container was named: container=NAME");
  const repo = parameters.text("repo");
  const format = parameters.text("format") || "oci";
  if (format !== "oci" && format !== "docker")
    throw new CooperError("invalid-argument", `format: "${format}" is neither oci nor docker`);
  const image = await engine.containers.commit(container, {
    name: repo === "" ? null : parameters.text("tag") ? `${repo}:${parameters.text("tag")}` : repo,
    author: parameters.text("author"),
    message: parameters.text("comment"),
    changes: parameters.texts("changes"),
    config: {},
    pauses: parameters.flag("pause", true) ? null : false,
    squashes: parameters.flag("squash"),
    family: format,
    includesVolumes: parameters.flag("include"),
    signal: request.signal,
  });
  // clients that ask for a stream look for the id in it, as in that of a build
  return json(parameters.flag("stream") ? { stream: image.id } : { Id: image.id });
};
