/** Handlers that look at images, here and at registries. */
import { CooperError } from "../../errors.ts";
import { readCredentials } from "../credentials.ts";
import { historyItem, imageDocument, imageItem } from "../docker/image.ts";
import { shownName } from "../docker/names.ts";
import { readDocument } from "../document.ts";
import { json } from "../http/reply.ts";
import { filtersOf, isTrue, wholeNumber } from "../query.ts";
import type { Handler } from "../route.ts";

export const list: Handler = async ({ engine, request, version }) => {
  const { query } = request;
  const name = query.get("filter"); // before filters there was this
  const found = await engine.images.list({
    all: isTrue(query, "all"),
    filters: [...filtersOf(query), ...(name ? [`reference=${name}`] : [])],
  });
  return json(found.map((summary) => imageItem(summary, version)));
};

export const inspect: Handler = async ({ engine, params, version }) =>
  json(imageDocument(await engine.images.inspect(params.name ?? ""), version));

export const history: Handler = async ({ engine, params }) =>
  json((await engine.images.history(params.name ?? "")).map(historyItem));

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
  return json(
    found.map(({ name, description, stars, isOfficial, isAutomated }) => ({
      star_count: stars,
      is_official: isOfficial,
      name: shownName(name),
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

export const distribution: Handler = async () => {
  throw new CooperError("not-supported", "what a registry has is not told without a pull yet");
};
