/** Handlers that carry the files of containers, as tars. */
import type { CopyOptions } from "../../container/copy/copy.ts";
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

/** Of the container. @throws CooperError invalid-argument */
export function pathOf({ request }: Call): string {
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

export const getArchive: Handler = async (call) => ({
  status: 200,
  headers: { ...tarType, ...(await statHeader(call)) },
  body: copyOut(call, call.params.id ?? ""),
});

/** The tar of what is at the path. */
export function copyOut(call: Call, container: string): AsyncIterable<Uint8Array> {
  const from: CopyEnd = { kind: "container", container, path: pathOf(call) };
  return pushed<Uint8Array>((output) =>
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
  );
}

export const putArchive: Handler = async (call) => {
  const { query } = call.request;
  await copyIn(call, call.params.id ?? "", {
    overwrites: !isTrue(query, "noOverwriteDirNonDir"),
    chownsStream: isTrue(query, "copyUIDGID"),
  });
  return { status: 200 };
};

/** Writes the body, a tar, into the directory at the path. */
export async function copyIn(
  call: Call,
  container: string,
  options: Pick<CopyOptions, "overwrites" | "chownsStream" | "renames">,
): Promise<void> {
  await call.engine.containers.copy(
    { kind: "stream" },
    { kind: "container", container, path: pathOf(call) },
    {
      ...options,
      keepsOwners: true,
      followsLink: false,
      input: call.request.body,
      output: () => undefined,
    },
  );
}
