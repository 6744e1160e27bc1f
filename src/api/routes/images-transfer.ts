/** Handlers that carry images: pull, import, push, load, save. */
import { CooperError } from "../../errors.ts";
import { readCredentials } from "../credentials.ts";
import { imageId, registryName, shownName } from "../docker/names.ts";
import { assertPlatform, platformOf } from "../docker/platform.ts";
import { progressLines } from "../docker/progress.ts";
import { pushed } from "../http/pushed.ts";
import { imageName } from "../image-name.ts";
import { isOurs, shownTo } from "../ours.ts";
import { lineFor, progressReply } from "../progress.ts";
import { isTrue } from "../query.ts";
import type { Call, Handler } from "../route.ts";

export const create: Handler = async (call) => {
  const { query } = call.request;
  if (query.get("fromSrc")) return importTar(call);
  const image = query.get("fromImage") ?? "";
  if (image === "")
    throw new CooperError("invalid-argument", "neither fromImage nor fromSrc was given");
  return pull(call, image, query.get("tag") ?? "");
};

const askedPlatform = (query: URLSearchParams) => {
  const platform = platformOf(query);
  return platform === null ? {} : { platform };
};

async function pull({ engine, request }: Call, image: string, tag: string) {
  const isDigest = tag.includes(":");
  const isTagged = /[:@]/.test(image.slice(image.lastIndexOf("/") + 1));
  const options = {
    ...askedPlatform(request.query),
    ...readCredentials(request.headers),
    signal: request.signal,
  };
  const typed = tag === "" || isTagged ? image : `${image}${isDigest ? "@" : ":"}${tag}`;
  // a Cooper means what it says: a short name is looked up here
  const name = isOurs(request) ? imageName(typed) : registryName(typed);
  // no tag at all is all tags, which only the oldest clients still ask for
  const shown = shownTo(request);
  return progressReply(async (tell) => {
    let hasBegun = false;
    const pulled = await engine.images.pull(name, {
      ...options,
      policy: "always",
      onProgress(progress) {
        if (isOurs(request)) return tell({ Cooper: progress });
        if (progress.kind === "begin") return; // what fails now still has a status to tell it by
        if (!hasBegun) tell({ status: `Pulling from ${repositoryOf(name)}`, id: tag || "latest" });
        hasBegun = true;
        for (const line of progressLines(progress, "pull")) tell(line);
      },
    });
    const { manifestDigest } = pulled.image;
    if (isOurs(request)) tell({ aux: { ID: imageId(pulled.image.id) } });
    if (manifestDigest !== null) tell({ status: `Digest: ${manifestDigest}` });
    tell({
      status: `Status: ${pulled.isNew ? "Downloaded newer image for" : "Image is up to date for"} ${shown(pulled.name)}`,
    });
  }, lineFor(request));
}

/** Without registry, tag and digest. */
const repositoryOf = (name: string) =>
  name
    .replace(/@.*$/, "")
    .replace(/:[^/]*$/, "")
    .replace(/^[^/]+\//, "");

async function importTar({ engine, request }: Call) {
  const { query } = request;
  const source = query.get("fromSrc") ?? "";
  const repo = query.get("repo") ?? "";
  const tag = query.get("tag") ?? "";
  const options = {
    name: repo === "" ? null : tag === "" ? repo : `${repo}:${tag}`,
    changes: query.getAll("changes"),
    message: query.get("message"),
    ...askedPlatform(query),
    signal: request.signal,
  };
  return progressReply(async (tell) => {
    const image =
      source === "-"
        ? await engine.images.withUpload(request.body, (input) =>
            engine.images.import({
              ...options,
              input,
              message: options.message || "Imported from -",
            }),
          )
        : await engine.images.import({ ...options, input: addressOf(source) });
    tell({ status: imageId(image.id) });
  }, lineFor(request));
}

/** A path would be one of this machine, which the client does not mean. */
function addressOf(source: string): string {
  if (/^https?:\/\//i.test(source)) return source;
  return `http://${source}`;
}

export const push: Handler = async ({ engine, params, request }) => {
  const { query } = request;
  const tag = query.get("tag") ?? "";
  const typed = params.name ?? "";
  const name = tag === "" ? typed : `${typed}:${tag}`;
  const destination = registryName(name);
  // clients send the whole name of what is only here
  const here = (await engine.images.exists(name)) ? name : shownName(name);
  const to = isOurs(request) ? null : destination;
  if (!(await engine.images.exists(here)))
    throw new CooperError(
      "no-such-image",
      `An image does not exist locally with the tag: ${typed}`,
    );
  assertPlatform(query, typed, await engine.images.inspect(here));
  return progressReply(async (tell) => {
    tell({ status: `The push refers to repository [${destination.replace(/:[^/]*$/, "")}]` });
    const done = await engine.images.push(here, to, {
      ...readCredentials(request.headers),
      signal: request.signal,
      onProgress(progress) {
        if (isOurs(request)) return tell({ Cooper: progress });
        for (const line of progressLines(progress, "push")) tell(line);
      },
    });
    if (isOurs(request)) return tell({ aux: { ...done } });
    const shownTag = destination.slice(destination.lastIndexOf(":") + 1);
    tell({ status: `${shownTag}: digest: ${done.digest} size: ${done.manifestBytes}` });
    tell({
      progressDetail: {},
      aux: { Tag: shownTag, Digest: done.digest, Size: done.manifestBytes },
    });
  }, lineFor(request));
};

export const load: Handler = async ({ engine, request }) => {
  const isQuiet = isTrue(request.query, "quiet");
  const shown = shownTo(request);
  return progressReply(async (tell) => {
    const loaded = await engine.images.withUpload(request.body, (input) =>
      engine.images.load({ input, ...askedPlatform(request.query), signal: request.signal }),
    );
    for (const { image, names } of loaded) {
      const told =
        names.length > 0
          ? names.map((name) => `Loaded image: ${shown(name)}`)
          : [`Loaded image ID: ${imageId(image.id)}`];
      for (const text of told) tell({ stream: `${text}\n` });
    }
    if (isQuiet) return;
  }, lineFor(request));
};

export const save: Handler = async ({ engine, params, request }) => {
  const names =
    params.name === undefined
      ? request.query.getAll("names").flatMap((text) => text.split(","))
      : [params.name];
  if (names.length === 0) throw new CooperError("invalid-argument", "no image was named");
  for (const name of names) assertPlatform(request.query, name, await engine.images.inspect(name)); // before anything is sent
  return {
    status: 200,
    headers: { "Content-Type": "application/x-tar" },
    body: pushed<Uint8Array>((output) =>
      engine.images.save(names, {
        format: "docker-archive",
        output,
        compression: "none",
        signal: request.signal,
      }),
    ),
  };
};
