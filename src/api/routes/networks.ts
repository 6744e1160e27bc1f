/** Handlers of networks. */

import { applyOption } from "../../container/options/apply.ts";
import { emptySpec } from "../../container/spec.ts";
import { CooperError } from "../../errors.ts";
import { endpointLinks, networkTexts } from "../docker/endpoints.ts";
import { builtinNetworks, networkItem, networkRequest, networkStatus } from "../docker/network.ts";
import { Document, readDocument } from "../document.ts";
import { json, type Reply } from "../http/reply.ts";
import { isOurs, own } from "../ours.ts";
import { filtersOf } from "../query.ts";
import type { Handler } from "../route.ts";
import { pruneReply } from "./prune.ts";

export const list: Handler = async ({ engine, request, version }) => {
  const filters = filtersOf(request.query);
  const found = await engine.networks.list(filters);
  const items = await Promise.all(
    found.map(async (summary) => ({
      ...networkItem(await engine.networks.inspect(summary.network.id), version),
      ...own(request, () => summary.network),
    })),
  );
  // a list leaves out who is in them
  const shown = items.map((item) => ({ ...item, Containers: {} }));
  return json([...shown, ...builtinNetworks().filter((item) => isWanted(item, filters))]);
};

/** The filters that clients use to find `host` and `none` by. */
function isWanted(item: Readonly<Record<string, unknown>>, filters: readonly string[]): boolean {
  const values = (key: string) =>
    filters
      .filter((filter) => filter.startsWith(`${key}=`))
      .map((filter) => filter.slice(key.length + 1));
  if (filters.some((filter) => !/^(name|id|driver|type|scope)=/.test(filter))) return false;
  const some = (key: string, test: (value: string) => boolean) =>
    values(key).length === 0 || values(key).some(test);
  return (
    some("name", (value) => String(item.Name).includes(value.replace(/^\^|\$$/g, ""))) &&
    some("id", (value) => String(item.Id).startsWith(value)) &&
    some("driver", (value) => item.Driver === value) &&
    some("type", (value) => value === "builtin") &&
    some("scope", (value) => value === "local")
  );
}

export const inspect: Handler = async ({ engine, params, request, version }) => {
  const builtin = builtinNetworks().find(({ Name }) => Name === params.id);
  if (builtin !== undefined && !isOurs(request)) return json(builtin);
  const document = await engine.networks.inspect(params.id ?? "");
  const item = { ...networkItem(document, version), ...own(request, () => document) };
  return json(version < 52 ? item : { ...item, Status: networkStatus(document) });
};

export const create: Handler = async ({ engine, request }) => {
  const asked = networkRequest(await readDocument(request.body));
  if (asked.name === "") throw new CooperError("invalid-argument", "network name is required");
  const network = await engine.networks.create(asked);
  return json({ Id: network.id, Warning: "" }, 201);
};

export const remove: Handler = async ({ engine, params }) => {
  assertOwn(params.id ?? "");
  await engine.networks.remove(params.id ?? "", { force: false });
  return { status: 204 };
};

function assertOwn(name: string): void {
  if (["host", "none", "bridge"].includes(name))
    throw new CooperError(
      "permission-denied",
      `${name} is a pre-defined network and cannot be removed`,
    );
}

export const connect: Handler = async ({ engine, params, request }): Promise<Reply> => {
  const body = await readDocument(request.body);
  const name = params.id ?? "";
  const spec = emptySpec();
  const config = new Document({ EndpointsConfig: { [name]: body.value("EndpointConfig") ?? {} } });
  for (const text of networkTexts(name, config))
    applyOption(spec, "--network", text, "EndpointConfig");
  const [asked] = spec.networking.networks;
  if (asked === undefined)
    throw new CooperError("invalid-argument", `container cannot be connected to ${name}`);
  for (const { network, target, alias } of endpointLinks(name, body.value("EndpointConfig")))
    await engine.networks.addAlias(network, target, alias);
  await engine.networks.connect(name, body.string("Container"), asked);
  return { status: 200 };
};

export const disconnect: Handler = async ({ engine, params, request }) => {
  const body = await readDocument(request.body);
  await engine.networks.disconnect(
    params.id ?? "",
    body.string("Container"),
    body.boolean("Force") ?? false,
  );
  return { status: 200 };
};

export const prune: Handler = async (call) => {
  const names = await call.engine.networks.prune(filtersOf(call.request.query));
  return pruneReply(call, names, { NetworksDeleted: names.length > 0 ? names : null });
};
