/** Handlers of networks. */

import { CooperError } from "../../../errors.ts";
import { podmanDocument } from "../../../network/list.ts";
import { readDocument } from "../../document.ts";
import { json } from "../../http/reply.ts";
import { filtersOf } from "../../query.ts";
import type { Handler } from "../../route.ts";
import { connectRequest, networkItem, networkRequest } from "../network.ts";
import { Parameters } from "../parameters.ts";

/** What clients take for done. */
const done = {
  status: 200,
  headers: { "Content-Type": "application/json" },
  body: '"OK"\n',
} as const;

export const list: Handler = async ({ engine, request }) => {
  const found = await engine.networks.list(filtersOf(request.query).map(meant));
  return json(found.map(({ network }) => networkItem(podmanDocument(network))));
};

/** Who asks for the default network by Podman's name for it means ours. */
const meant = (filter: string) => filter.replace(/^name=(\^?)podman(\$?)$/, "name=$1cooper$2");

export const inspect: Handler = async ({ engine, params }) =>
  json(networkItem(await engine.networks.inspect(params.name ?? "")));

export const exists: Handler = async ({ engine, params }) => {
  const name = params.name ?? "";
  if (await engine.networks.exists(name)) return { status: 204 };
  throw new CooperError("no-such-network", `network ${name} not found`);
};

export const create: Handler = async ({ engine, request }) => {
  const body = await readDocument(request.body);
  const asked = networkRequest(body, await engine.networks.unusedName());
  const ignoresThere = new Parameters(request.query).flag("ignoreIfExists");
  const isThere = ignoresThere && (await engine.networks.exists(asked.name));
  const { name } = isThere ? asked : await engine.networks.create(asked);
  return json(networkItem(await engine.networks.inspect(name)));
};

/** A list of one, as clients read it. */
export const remove: Handler = async ({ engine, params, request }) => {
  const force = new Parameters(request.query).flag("force");
  const Name = await engine.networks.remove(params.name ?? "", { force });
  return json([{ Name, Err: null }]);
};

export const prune: Handler = async ({ engine, request }) => {
  const names = await engine.networks.prune(filtersOf(request.query));
  return json(names.map((Name) => ({ Name, Error: null })));
};

export const connect: Handler = async ({ engine, params, request }) => {
  const name = params.name ?? "";
  const body = await readDocument(request.body);
  await engine.networks.connect(name, body.string("container"), connectRequest(name, body));
  return done;
};

export const disconnect: Handler = async ({ engine, params, request }) => {
  const body = await readDocument(request.body);
  const force = body.boolean("Force") ?? false;
  await engine.networks.disconnect(params.name ?? "", body.string("Container"), force);
  return done;
};

export const update: Handler = async ({ engine, params, request }) => {
  const body = await readDocument(request.body);
  await engine.networks.update(params.name ?? "", {
    add: body.strings("adddnsservers"),
    drop: body.strings("removednsservers"),
  });
  return { status: 204 };
};
