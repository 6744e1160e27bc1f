/** Handlers of volumes. */
import { CooperError } from "../../errors.ts";
import { readDocument } from "../document.ts";
import { json, refused } from "../http/reply.ts";
import { own } from "../ours.ts";
import { filtersOf, isTrue } from "../query.ts";
import type { Call, Handler } from "../route.ts";
import { pruneReply } from "./prune.ts";

/** Docker's fields of a volume; without options there is null. */
async function item({ engine, request }: Call, name: string): Promise<Record<string, unknown>> {
  const document = await engine.volumes.inspect(name);
  const { Name, Driver, Mountpoint, CreatedAt, Labels, Scope, Options } = document;
  const orNull = (pairs: unknown) =>
    Object.keys(pairs as Record<string, string>).length > 0 ? pairs : null;
  return {
    CreatedAt,
    Driver,
    Labels: orNull(Labels),
    Mountpoint,
    Name,
    Options: orNull(Options),
    Scope,
    ...own(request, () => document),
  };
}

export const list: Handler = async (call) => {
  const found = await call.engine.volumes.list(filtersOf(call.request.query));
  const Volumes = await Promise.all(found.map(({ volume }) => item(call, volume.name)));
  return json({ Volumes, Warnings: null });
};

export const inspect: Handler = async (call) => json(await item(call, call.params.name ?? ""));

export const create: Handler = async (call) => {
  const body = await readDocument(call.request.body);
  const driver = body.string("Driver") || "local";
  if (driver !== "local")
    throw new CooperError(
      "no-such-object",
      `error looking up volume plugin ${driver}: plugin "${driver}" not found`,
    );
  const name = body.string("Name");
  // one that is there already is fine
  if (name === "" || !(await call.engine.volumes.exists(name))) {
    const volume = await call.engine.volumes.create({
      name: name === "" ? null : name,
      isAnonymous: name === "",
      labels: body.pairs("Labels"),
      options: body.pairs("DriverOpts"),
    });
    return json(await item(call, volume.name), 201);
  }
  return json(await item(call, name), 201);
};

/** Docker's own words and status: only volumes of a swarm change. */
export const update: Handler = async () =>
  refused(503, "volume update only valid for cluster volumes, but swarm is unavailable");

export const remove: Handler = async ({ engine, params, request }) => {
  const name = params.name ?? "";
  const force = isTrue(request.query, "force");
  if (force && !(await engine.volumes.exists(name))) return { status: 204 };
  // Docker's force never takes a volume from a container
  await engine.volumes.remove(name, { force: false });
  return { status: 204 };
};

export const prune: Handler = async (call) => {
  const { engine, request, version } = call;
  const filters = filtersOf(request.query);
  const asksAll = filters.some((filter) => /^all=(true|1)$/.test(filter));
  const { names, reclaimedBytes } = await engine.volumes.prune({
    all: asksAll || version < 42,
    filters: filters.filter((filter) => !filter.startsWith("all=")),
    isDryRun: false,
  });
  return pruneReply(call, names, {
    VolumesDeleted: names.length > 0 ? names : null,
    SpaceReclaimed: reclaimedBytes,
  });
};
