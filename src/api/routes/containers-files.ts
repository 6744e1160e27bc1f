/** Handlers that carry the files of containers, as tars. */
import type { CopyEnd } from "../../container/copy/plan.ts";
import { CooperError } from "../../errors.ts";
import { pathStatHeader } from "../docker/path-stat.ts";
import { pushed } from "../http/pushed.ts";
import { isTrue } from "../query.ts";
import type { Call, Handler } from "../route.ts";

const tarType = { "Content-Type": "application/x-tar" };

export const exportTar: Handler = async ({ engine, params }) => {
  const { id } = await engine.containers.get(params.id ?? "");
  return {
    status: 200,
    headers: { "Content-Type": "application/octet-stream" },
    body: pushed<Uint8Array>((write) => engine.containers.export(id, write)),
  };
};

function pathOf({ request }: Call): string {
  const path = request.query.get("path") ?? "";
  if (path === "")
    throw new CooperError("invalid-argument", "bad parameter: 'path' cannot be empty");
  return path;
}

async function statHeader(call: Call): Promise<Record<string, string>> {
  const stat = await call.engine.containers.statPath(call.params.id ?? "", pathOf(call));
  return { "X-Docker-Container-Path-Stat": pathStatHeader(stat) };
}

export const statArchive: Handler = async (call) => ({
  status: 200,
  headers: await statHeader(call),
});

export const getArchive: Handler = async (call) => {
  const headers = { ...tarType, ...(await statHeader(call)) };
  const from: CopyEnd = { kind: "container", container: call.params.id ?? "", path: pathOf(call) };
  return {
    status: 200,
    headers,
    body: pushed<Uint8Array>((output) =>
      call.engine.containers.copy(
        from,
        { kind: "stream" },
        {
          keepsOwners: true,
          followsLink: false,
          overwrites: true,
          input: new Blob([]).stream(),
          output,
        },
      ),
    ),
  };
};

export const putArchive: Handler = async (call) => {
  const { engine, params, request } = call;
  await engine.containers.copy(
    { kind: "stream" },
    { kind: "container", container: params.id ?? "", path: pathOf(call) },
    {
      keepsOwners: true,
      followsLink: false,
      overwrites: !isTrue(request.query, "noOverwriteDirNonDir"),
      chownsStream: isTrue(request.query, "copyUIDGID"),
      input: request.body,
      output: () => undefined,
    },
  );
  return { status: 200 };
};
