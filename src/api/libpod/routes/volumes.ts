/** Handlers of volumes. */
import { CooperError } from "../../../errors.ts";
import { ownerOf } from "../../../volume/driver-options.ts";
import { readDocument } from "../../document.ts";
import { pushed } from "../../http/pushed.ts";
import { json } from "../../http/reply.ts";
import { filtersOf } from "../../query.ts";
import type { Handler } from "../../route.ts";
import { Parameters } from "../parameters.ts";

export const list: Handler = async ({ engine, request }) => {
  const found = await engine.volumes.list(filtersOf(request.query));
  return json(await Promise.all(found.map(({ volume }) => engine.volumes.inspect(volume.name))));
};

export const inspect: Handler = async ({ engine, params }) =>
  json(await engine.volumes.inspect(params.name ?? ""));

export const exists: Handler = async ({ engine, params }) => {
  const name = params.name ?? "";
  if (await engine.volumes.exists(name)) return { status: 204 };
  throw new CooperError("no-such-object", `no such volume: ${name}`);
};

export const create: Handler = async ({ engine, request }) => {
  const body = await readDocument(request.body);
  const driver = body.string("Driver") || "local";
  if (driver !== "local")
    throw new CooperError(
      "no-such-object",
      `no volume plugin with name ${driver} available: required plugin missing`,
    );
  const name = body.string("Name");
  const isThere = name !== "" && (await engine.volumes.exists(name));
  if (isThere && body.boolean("IgnoreIfExists") === true)
    return json(await engine.volumes.inspect(name), 201);
  if (isThere)
    throw new CooperError(
      "name-in-use",
      `volume with name ${name} already exists: volume already exists`,
    );
  const options = body.pairs("Options");
  const [uid, gid] = [body.number("UID"), body.number("GID")];
  const volume = await engine.volumes.create({
    name: name === "" ? null : name,
    isAnonymous: name === "",
    // older clients say Label, newer ones Labels
    labels: { ...body.pairs("Label"), ...body.pairs("Labels") },
    options,
    ...ownerOf(options),
    ...(uid !== null && { uid }),
    ...(gid !== null && { gid }),
  });
  return json(await engine.volumes.inspect(volume.name), 201);
};

export const remove: Handler = async ({ engine, params, request }) => {
  const force = new Parameters(request.query).flag("force");
  await engine.volumes.remove(params.name ?? "", { force });
  return { status: 204 };
};

export const prune: Handler = async ({ engine, request }) => {
  const filters = filtersOf(request.query);
  const { names, sizes } = await engine.volumes.prune({
    all: true,
    filters: filters.filter((filter) => !filter.startsWith("all=")),
    isDryRun: false,
  });
  return json(names.map((Id, at) => ({ Id, Size: sizes[at] ?? 0 })));
};

export const exportTar: Handler = async ({ engine, params }) => {
  const name = params.name ?? "";
  await engine.volumes.inspect(name); // before anything is sent
  return {
    status: 200,
    headers: { "Content-Type": "application/x-tar" },
    body: pushed<Uint8Array>((write) => engine.volumes.export(name, write)),
  };
};

export const importTar: Handler = async ({ engine, params, request }) => {
  await engine.volumes.import(params.name ?? "", request.body);
  return { status: 204 };
};
