/** Handlers that look at images, here and at registries. */
import type { LocalEngine } from "../../engine.ts";
import { CooperError } from "../../errors.ts";
import { readCredentials } from "../credentials.ts";
import { historyItem, imageDocument, imageItem } from "../docker/image.ts";
import { registryName } from "../docker/names.ts";
import { assertPlatform } from "../docker/platform.ts";
import { ownImage, ownStep } from "../docker/read-image.ts";
import { readDocument } from "../document.ts";
import { json, refused } from "../http/reply.ts";
import { own, shownTo } from "../ours.ts";
import { filtersOf, isTrue, wholeNumber } from "../query.ts";
import type { Handler } from "../route.ts";

export const list: Handler = async ({ engine, request, version }) => {
  const { query } = request;
  const name = query.get("filter"); // before filters there was this
  const found = await engine.images.list({
    all: isTrue(query, "all"),
    filters: [...filtersOf(query), ...(name ? [`reference=${name}`] : [])],
  });
  const shared = isTrue(query, "shared-size") && version >= 42 ? await sharedSizes(engine) : null;
  return json(
    found.map((summary) => ({
      ...imageItem(summary, version, shared?.get(summary.image.id) ?? -1),
      ...own(request, () => ownImage(summary)),
    })),
  );
};

async function sharedSizes(engine: LocalEngine): Promise<Map<string, number>> {
  const { items } = await engine.system.imageUsage();
  return new Map(items.map(({ summary, sharedBytes }) => [summary.image.id, sharedBytes]));
}

export const inspect: Handler = async ({ engine, params, request, version }) => {
  const name = params.name ?? "";
  if (request.query.has("platform") && isTrue(request.query, "manifests"))
    throw new CooperError(
      "invalid-argument",
      "conflicting options: manifests and platform options are mutually exclusive",
    );
  const document = await engine.images.inspect(name);
  if (version >= 49) assertPlatform(request.query, name, document);
  return json({ ...imageDocument(document, version), ...own(request, () => document) });
};

export const history: Handler = async ({ engine, params, request, version }) => {
  const name = params.name ?? "";
  if (version >= 48 && request.query.has("platform"))
    assertPlatform(request.query, name, await engine.images.inspect(name));
  return json(
    (await engine.images.history(name)).map((step) => ({
      ...historyItem(step),
      ...own(request, () => ownStep(step)),
    })),
  );
};

/** Statements about how an image came to be are not fetched with it. */
export const attestations: Handler = async ({ engine, params }) => {
  await engine.images.inspect(params.name ?? "");
  return refused(
    501,
    "attestations are not kept here: an image is pulled with its own platform's manifest alone",
  );
};

export const search: Handler = async ({ engine, request }) => {
  const { query } = request;
  const term = query.get("term") ?? "";
  if (term === "") throw new CooperError("invalid-argument", "no search term was given");
  const found = await engine.registries.search({
    term,
    limit: wholeNumber(query, "limit") ?? 25,
    filters: filtersOf(query),
    ...readCredentials(request.headers),
  });
  const shown = shownTo(request);
  return json(
    found.map(({ name, description, stars, isOfficial, isAutomated }) => ({
      star_count: stars,
      is_official: isOfficial,
      name: shown(name),
      is_automated: isAutomated,
      description,
    })),
  );
};

/** Only tries them: the client keeps what it was given. */
export const auth: Handler = async ({ engine, request }) => {
  const body = await readDocument(request.body);
  const server = body.string("serveraddress") || "docker.io";
  const identityToken = body.string("identitytoken");
  const isAccepted = await engine.registries.isAccepted(
    { server: server.replace(/^https?:\/\//, "").replace(/\/v[12]\/?$/, "") },
    {
      username: body.string("username"),
      password: body.string("password"),
      ...(identityToken !== "" && { identityToken }),
    },
  );
  if (!isAccepted)
    return json({ message: `${server}: unauthorized: incorrect username or password` }, 401);
  return json({ Status: "Login Succeeded", IdentityToken: "" });
};

/** What a registry has under a name, without a pull. */
export const distribution: Handler = async ({ engine, params, request }) => {
  const name = registryName(params.name ?? "");
  const { descriptor, platforms } = await engine.manifests.describe(name, {
    ...readCredentials(request.headers),
    signal: request.signal,
  });
  return json({
    Descriptor: {
      mediaType: descriptor.mediaType,
      digest: descriptor.digest,
      size: descriptor.bytes,
    },
    Platforms: platforms.map(({ os, architecture, variant }) => ({
      architecture,
      os,
      ...(variant !== undefined && variant !== "" && { variant }),
    })),
  });
};
