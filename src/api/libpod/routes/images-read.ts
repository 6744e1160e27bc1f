/** Handlers that look at images, here and at registries. */
import { CooperError } from "../../../errors.ts";
import { json } from "../../http/reply.ts";
import { filtersOf } from "../../query.ts";
import type { Handler } from "../../route.ts";
import { accessOf } from "../access.ts";
import { historyItem, imageItem, searchItem, tagItems } from "../image.ts";
import { Parameters } from "../parameters.ts";

export const list: Handler = async ({ engine, request }) => {
  const found = await engine.images.list({
    all: new Parameters(request.query).flag("all"),
    filters: filtersOf(request.query),
  });
  return json(found.map(imageItem));
};

export const inspect: Handler = async ({ engine, params }) =>
  json(await engine.images.inspect(params.name ?? ""));

export const exists: Handler = async ({ engine, params }) => {
  const name = params.name ?? "";
  if (await engine.images.exists(name)) return { status: 204 };
  throw new CooperError("no-such-image", `no such image: ${name}`);
};

export const history: Handler = async ({ engine, params }) =>
  json((await engine.images.history(params.name ?? "")).map(historyItem));

export const tree: Handler = async ({ engine, params, request }) => {
  const whatRequires = new Parameters(request.query).flag("whatRequires");
  return json({ Tree: await engine.images.treeText(params.name ?? "", { whatRequires }) });
};

export const resolve: Handler = async ({ engine, params }) => {
  const name = params.name ?? "";
  const Names = await engine.registries.meanings(name);
  if (Names.length === 0)
    throw new CooperError(
      "invalid-argument",
      `short-name ${JSON.stringify(name)} did not resolve to an alias and no unqualified-search registries are defined`,
    );
  return json({ Names });
};

export const search: Handler = async ({ engine, request }) => {
  const parameters = new Parameters(request.query);
  const query = {
    ...accessOf(request, parameters),
    term: parameters.text("term"),
    limit: parameters.number("limit") || 25,
    filters: filtersOf(request.query),
  };
  if (query.term === "") throw new CooperError("invalid-argument", "no search term was given");
  if (parameters.flag("listTags"))
    return json((await engine.registries.searchTags(query)).flatMap(tagItems));
  return json((await engine.registries.search(query)).map(searchItem));
};
