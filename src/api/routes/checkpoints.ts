/** Handlers of checkpoints: the processes of a container on the disk, under a name. */
import { CooperError } from "../../errors.ts";
import { readDocument } from "../document.ts";
import { json, noContent } from "../http/reply.ts";
import type { Handler } from "../route.ts";

/** Docker's clients may name a directory of the server's; here each container has its own. */
export function refuseDirectory(directory: string | null): void {
  if (directory)
    throw new CooperError(
      "not-supported",
      "checkpoints are kept with their container: a directory of its own cannot be chosen",
    );
}

export const create: Handler = async ({ engine, params, request }) => {
  const body = await readDocument(request.body);
  refuseDirectory(body.string("CheckpointDir"));
  await engine.containers.checkpoint(params.id ?? "", {
    name: body.string("CheckpointID"),
    leavesRunning: body.boolean("Exit") !== true,
    keeps: false,
    tcpEstablished: true, // as Docker does
    fileLocks: true,
    export: null,
  });
  return { status: 201 };
};

export const list: Handler = async ({ engine, params, request }) => {
  refuseDirectory(request.query.get("dir"));
  const names = await engine.containers.checkpoints(params.id ?? "");
  return json(names.map((Name) => ({ Name })));
};

export const remove: Handler = async ({ engine, params, request }) => {
  refuseDirectory(request.query.get("dir"));
  await engine.containers.removeCheckpoint(params.id ?? "", params.name ?? "");
  return noContent;
};
