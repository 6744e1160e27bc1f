/** Handlers that tell which files a container or an image changed. */
import type { LocalEngine } from "../../../engine.ts";
import { CooperError } from "../../../errors.ts";
import { oneOf } from "../../../option.ts";
import { changeItem } from "../../docker/change.ts";
import { json } from "../../http/reply.ts";
import type { Call, Handler } from "../../route.ts";
import { Parameters } from "../parameters.ts";

/** What its last layer changes, or how to get to it from another image. */
export const imageChanges: Handler = ({ engine, params, request }) =>
  ofImage(engine, params.name ?? "", new Parameters(request.query));

async function ofImage(engine: LocalEngine, name: string, parameters: Parameters) {
  const found = await engine.images.changes(name, parameters.text("parent") || null);
  return json(found.map(changeItem));
}

/** Clients ask here for images too. */
export const changes: Handler = async (call) => {
  const { engine, params, request } = call;
  const name = params.name ?? "";
  const parameters = new Parameters(request.query);
  if (await meansImage(call, parameters)) return ofImage(engine, name, parameters);
  if (parameters.text("parent") !== "")
    throw new CooperError("not-supported", "a container is compared with its own image alone");
  return json((await engine.containers.changes(name)).map(changeItem));
};

async function meansImage({ engine, params }: Call, parameters: Parameters): Promise<boolean> {
  const type = parameters.value("diffType", oneOf("all", "container", "image")) ?? "container";
  const name = params.name ?? "";
  if (type !== "all") return type === "image";
  return !(await engine.containers.exists(name)) && (await engine.images.exists(name));
}
