/** Handlers that change containers. */
import { CooperError } from "../../../errors.ts";
import { parseSignal } from "../../../oci/signals.ts";
import { readDocument } from "../../document.ts";
import { json, noContent, notModified } from "../../http/reply.ts";
import { filtersOf } from "../../query.ts";
import type { Handler } from "../../route.ts";
import { Parameters } from "../parameters.ts";
import { libpodSpec } from "../spec.ts";
import { updateSpec } from "../spec-update.ts";

export const create: Handler = async ({ engine, request }) => {
  const { spec, warnings, createCommand } = libpodSpec(await readDocument(request.body));
  spec.pull = "never"; // clients pull themselves, by what their user asked for
  const container = await engine.containers.create(
    spec,
    { createCommand, replaces: false, cidFile: null },
    (message) => warnings.push(message),
  );
  return json({ Id: container.id, Warnings: warnings }, 201);
};

export const start: Handler = async ({ engine, params }) =>
  (await engine.sessions.start(params.name ?? "")) ? notModified : noContent;

export const init: Handler = async ({ engine, params }) => {
  try {
    await engine.containers.init(params.name ?? "");
    return noContent;
  } catch (error) {
    if (error instanceof CooperError && error.code === "wrong-state") return notModified;
    throw error;
  }
};

/** How long it may take: `timeout`, as Docker's clients say it `t`, or its own setting. */
const graceOf = (parameters: Parameters) => ({
  graceSeconds: parameters.number("timeout") ?? parameters.number("t") ?? null,
  signal: null,
});

export const stop: Handler = async ({ engine, params, request }) => {
  const name = params.name ?? "";
  const parameters = new Parameters(request.query);
  if (parameters.flag("ignore") && !(await engine.containers.exists(name))) return noContent;
  const wasRunning = await engine.containers.isAlive(name);
  await engine.containers.stop(name, graceOf(parameters));
  return wasRunning ? noContent : notModified;
};

export const restart: Handler = async ({ engine, params, request }) => {
  await engine.containers.restart(params.name ?? "", graceOf(new Parameters(request.query)));
  return noContent;
};

export const kill: Handler = async ({ engine, params, request }) => {
  const signal = new Parameters(request.query).text("signal") || "SIGKILL";
  await engine.containers.kill(params.name ?? "", parseSignal(signal));
  return noContent;
};

export const pause: Handler = async ({ engine, params }) => {
  await engine.containers.pause(params.name ?? "");
  return noContent;
};

export const unpause: Handler = async ({ engine, params }) => {
  await engine.containers.unpause(params.name ?? "");
  return noContent;
};

export const rename: Handler = async ({ engine, params, request }) => {
  const name = new Parameters(request.query).text("name");
  if (name === "") throw new CooperError("invalid-argument", "no new name was given");
  await engine.containers.rename(params.name ?? "", name);
  return noContent;
};

export const update: Handler = async ({ engine, params, request }) => {
  const parameters = new Parameters(request.query);
  const policy = parameters.text("restartPolicy");
  const spec = updateSpec(await readDocument(request.body), {
    policy,
    tries: parameters.number("restartRetries") ?? 0,
  });
  const id = await engine.containers.update(params.name ?? "", spec, {
    setsRestart: policy !== "",
  });
  return json(id, 201);
};

export const remove: Handler = async ({ engine, params, request }) => {
  const name = params.name ?? "";
  const parameters = new Parameters(request.query);
  if (parameters.flag("ignore") && !(await engine.containers.exists(name))) return json([]);
  const id = await engine.containers.remove(name, {
    force: parameters.flag("force"),
    volumes: parameters.flag("v") || parameters.flag("volumes"),
    graceSeconds: parameters.number("timeout") ?? null,
    depend: parameters.flag("depend"),
  });
  return json([{ Id: id, RawInput: name }]);
};

export const prune: Handler = async ({ engine, request }) => {
  const { ids, bytes } = await engine.containers.prune(filtersOf(request.query));
  return json(ids.map((id) => ({ Id: id, Size: bytes.get(id) ?? 0 })));
};

export const mount: Handler = async ({ engine, params }) =>
  json((await engine.containers.mount(params.name ?? "")).path);

export const unmount: Handler = async ({ engine, params }) => {
  await engine.containers.unmount(params.name ?? "");
  return noContent;
};
