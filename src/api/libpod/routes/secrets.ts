/** Handlers of secrets. */
import { CooperError } from "../../../errors.ts";
import { oneOf } from "../../../option.ts";
import { json } from "../../http/reply.ts";
import { filtersOf } from "../../query.ts";
import type { Handler } from "../../route.ts";
import { Parameters } from "../parameters.ts";

/** Longer ones are none: the engine tells. */
const bodyLimit = 1 << 20;

export const create: Handler = async ({ engine, request }) => {
  const parameters = new Parameters(request.query);
  const name = parameters.text("name");
  const isThere = parameters.flag("ignore") && (await engine.secrets.exists(name));
  if (isThere) return json({ ID: (await engine.secrets.inspect(name, hidden)).ID });
  const { id } = await engine.secrets.create({
    name,
    bytes: await request.body.bytes(bodyLimit),
    driver: parameters.value("driver", oneOf("file", "pass", "shell")) ?? "file",
    driverOptions: parameters.pairs("driverOpts"),
    labels: parameters.pairs("labels"),
    replaces: parameters.flag("replace"),
  });
  return json({ ID: id });
};

const hidden = { showsBytes: false };

export const list: Handler = async ({ engine, request }) => {
  const found = await engine.secrets.list(filtersOf(request.query));
  return json(await Promise.all(found.map(({ id }) => engine.secrets.inspect(id, hidden))));
};

export const inspect: Handler = async ({ engine, params, request }) => {
  const showsBytes = new Parameters(request.query).flag("showSecret");
  return json(await engine.secrets.inspect(params.name ?? "", { showsBytes }));
};

export const exists: Handler = async ({ engine, params }) => {
  const name = params.name ?? "";
  if (await engine.secrets.exists(name)) return { status: 204 };
  throw new CooperError("no-such-object", `no such secret: ${name}`);
};

export const remove: Handler = async ({ engine, params }) => {
  await engine.secrets.remove(params.name ?? "");
  return { status: 204 };
};
