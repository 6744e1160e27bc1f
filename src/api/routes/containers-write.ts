/** Handlers that change containers. */
import { applyOption } from "../../container/options/apply.ts";
import { CooperError } from "../../errors.ts";
import { parseSignal } from "../../oci/signals.ts";
import { linksOf } from "../docker/endpoints.ts";
import { specOf, updateSpecOf } from "../docker/spec.ts";
import { readDocument } from "../document.ts";
import { json, noContent, notModified } from "../http/reply.ts";
import { filtersOf, isTrue, wholeNumber } from "../query.ts";
import type { Call, Handler } from "../route.ts";
import { refuseDirectory } from "./checkpoints.ts";
import { pruneReply } from "./prune.ts";

export const create: Handler = async ({ engine, request }) => {
  const { query } = request;
  const body = await readDocument(request.body);
  const { spec, warnings } = specOf(body, {
    name: query.get("name"),
    platform: query.get("platform"),
  });
  // a client expects that it can be connected to other networks: an ordinary user's pasta cannot
  if (
    spec.networking.mode.kind === "default" &&
    engine.host.settings.networkNamespace === "private"
  )
    applyOption(spec, "--network", "bridge", "HostConfig.NetworkMode");
  spec.pull = "never"; // clients pull themselves when they are told that it is missing
  for (const { network, target, alias } of linksOf(body))
    await engine.networks.addAlias(network, target, alias);
  const container = await engine.containers.create(
    spec,
    { createCommand: [], replaces: false, cidFile: null },
    (message) => warnings.push(message),
  );
  return json({ Id: container.id, Warnings: warnings }, 201);
};

export const start: Handler = async ({ engine, params, request: { query } }) => {
  const name = params.id ?? "";
  const checkpoint = query.get("checkpoint");
  if (!checkpoint) return (await engine.sessions.start(name)) ? notModified : noContent;
  refuseDirectory(query.get("checkpoint-dir"));
  const ways = { keeps: true, tcpEstablished: true, fileLocks: true };
  await engine.containers.restore(name, { ...ways, checkpoint });
  return noContent;
};

/** How long it may take: `t`, or its own setting; negative is for ever. */
function grace(call: Call): { graceSeconds: number | null; signal: number | null } {
  const { query } = call.request;
  const signal = query.get("signal") ?? "";
  return {
    graceSeconds: wholeNumber(query, "t"),
    signal: signal === "" ? null : parseSignal(signal),
  };
}

export const stop: Handler = async (call) => {
  const { engine, params } = call;
  const name = params.id ?? "";
  const isRunning = await engine.containers.isAlive(name);
  await engine.containers.stop(name, grace(call));
  return isRunning ? noContent : notModified;
};

export const restart: Handler = async (call) => {
  await call.engine.containers.restart(call.params.id ?? "", grace(call));
  return noContent;
};

export const kill: Handler = async ({ engine, params, request }) => {
  const signal = request.query.get("signal") ?? "";
  await engine.containers.kill(params.id ?? "", parseSignal(signal === "" ? "SIGKILL" : signal));
  return noContent;
};

export const pause: Handler = async ({ engine, params }) => {
  await engine.containers.pause(params.id ?? "");
  return noContent;
};

export const unpause: Handler = async ({ engine, params }) => {
  await engine.containers.unpause(params.id ?? "");
  return noContent;
};

export const rename: Handler = async ({ engine, params, request }) => {
  const name = (request.query.get("name") ?? "").replace(/^\//, "");
  if (name === "")
    throw new CooperError("invalid-argument", "Neither old nor new names may be empty");
  await engine.containers.rename(params.id ?? "", name);
  return noContent;
};

export const update: Handler = async ({ engine, params, request }) => {
  const body = await readDocument(request.body);
  const spec = updateSpecOf(body);
  await engine.containers.update(params.id ?? "", spec, {
    setsRestart: body.document("RestartPolicy").string("Name") !== "",
  });
  return json({ Warnings: null });
};

export const remove: Handler = async ({ engine, params, request }) => {
  const { query } = request;
  const name = params.id ?? "";
  if (isTrue(query, "link"))
    throw new CooperError("not-supported", "there are no links between containers to be removed");
  const force = isTrue(query, "force");
  if (!force && (await engine.containers.isAlive(name))) {
    const { id, name: shown } = await engine.containers.get(name);
    throw new CooperError(
      "conflict",
      `cannot remove container "/${shown}": container is running: stop the container before removing or force remove (${id.slice(0, 12)})`,
    );
  }
  await engine.containers.remove(name, {
    force,
    volumes: isTrue(query, "v"),
    graceSeconds: force ? 0 : null,
  });
  return noContent;
};

export const prune: Handler = async (call) => {
  const filters = filtersOf(call.request.query);
  const { ids, reclaimedBytes } = await call.engine.containers.prune(filters);
  return pruneReply(call, ids, {
    ContainersDeleted: ids.length > 0 ? ids : null,
    SpaceReclaimed: reclaimedBytes,
  });
};
